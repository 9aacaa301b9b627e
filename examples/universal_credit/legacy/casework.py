"""The demo's legacy case management system: SOAP 1.1, document/literal, written by hand as such systems are.

    python examples/universal_credit/legacy/casework.py --port 8610 --state cases.json [--seed 7 --cases 40]

The state is one JSON file, replaced atomically at each change, so a killed service comes back as it was.
Everything in it is synthetic; the NINOs start with QQ, which is never issued. Beside the SOAP endpoint
stand plain JSON controls under `/_demo/` with which the demo and the tests change cases and make calls fail.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from aiohttp import web
from lxml import etree

NS = "urn:example:casework:2009"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
STATUSES = ("OPEN", "SUSPENDED", "CLOSED")
#: JSON name → XML name, in the order of the WSDL's sequence.
FIELDS = {
    "case_id": "caseId",
    "nino": "nino",
    "status": "status",
    "opened_on": "openedOn",
    "weekly_award": "weeklyAward",
    "last_contact": "lastContact",
    "caseworker": "caseworker",
    "note": "note",
}
WSDL = Path(__file__).with_name("casework.wsdl")
FAILURES = ("fault", "http500", "hang", "cut", "html", "malformed")
Case = dict[str, Any]


class FaultError(Exception):
    """A SOAP fault: `code` is Client or Server, `detail` the XML inside `<detail>`."""

    def __init__(self, code: str, text: str, detail: str = "") -> None:
        super().__init__(text)
        self.code, self.text, self.detail = code, text, detail


class Cases:
    """The cases by id, kept in one JSON file that is replaced atomically."""

    def __init__(self, path: Path, seed: int, count: int) -> None:
        self.path = path
        if path.exists():
            self.by_id: dict[str, Case] = {
                c["case_id"]: c for c in json.loads(path.read_text(encoding="utf-8"))
            }
        else:
            self.by_id = {case["case_id"]: case for case in synthetic(seed, count)}
            self.save()

    def ordered(self) -> list[Case]:
        """Return the cases by case id."""
        return [self.by_id[key] for key in sorted(self.by_id)]

    def save(self) -> None:
        """Replace the state file in one step."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(f".{os.getpid()}.tmp")
        with fresh.open("w", encoding="utf-8") as out:
            json.dump(self.ordered(), out, indent=1)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(self.path)

    def get(self, case_id: str) -> Case:
        """Return a case or raise the fault that callers know."""
        if case_id not in self.by_id:
            detail = f'<u:UnknownCase xmlns:u="{NS}"><u:caseId>{escape(case_id)}</u:caseId></u:UnknownCase>'
            raise FaultError("Client", f"there is no case {case_id}", detail)
        return self.by_id[case_id]

    def open(self, values: Case) -> Case:
        """Add a case; what is not given is made up."""
        given = [int(match[1]) for key in self.by_id if (match := re.fullmatch(r"C(\d+)", key))]
        case = checked(new_case(max(given, default=0), random.Random()) | values)
        if case["case_id"] in self.by_id:
            raise FaultError("Client", "this case is open already")
        self.by_id[case["case_id"]] = case
        self.save()
        return case

    def change(self, case_id: str, values: Case) -> Case:
        """Change the given fields; a note of None takes the note away."""
        case = self.get(case_id) | values
        self.by_id[case_id] = checked(case)
        self.save()
        return self.by_id[case_id]

    def delete(self, case_id: str) -> None:
        """Take the case away."""
        self.get(case_id)
        del self.by_id[case_id]
        self.save()


def nino(person: int) -> str:
    """Return the NINO of synthetic person `person` (from 0); the paymaster extract uses the same rule."""
    return f"QQ{100001 + person:06d}{'ABCD'[person % 4]}"


def new_case(person: int, rng: random.Random) -> Case:
    opened = date(2019, 4, 8) + timedelta(days=rng.randrange(2400))
    contact = datetime(2026, 1, 5, 8, tzinfo=UTC) + timedelta(minutes=rng.randrange(400_000))
    case: Case = {
        "case_id": f"C{person + 1:05d}",
        "nino": nino(person),
        "status": rng.choices(STATUSES, (7, 1, 2))[0],
        "opened_on": opened.isoformat(),
        "weekly_award": str(Decimal(rng.randrange(2_500, 48_000)) / 100),
        "last_contact": contact.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "caseworker": rng.choice((None, "CW-101", "CW-117", "CW-204")),
    }
    if rng.random() < 0.4:
        case["note"] = rng.choice(
            ("", "Prefers letters", "Gwell ganddi Gymraeg — ffoniwch", "Review <due> & pending")
        )
    return checked(case)


def synthetic(seed: int, count: int) -> list[Case]:
    rng = random.Random(seed)
    return [new_case(person, rng) for person in range(count)]


def checked(case: Case) -> Case:
    """Return the case as the schema wants it; raise a fault for what it cannot hold."""
    if unknown := set(case) - set(FIELDS):
        raise FaultError("Client", f"a case has no {sorted(unknown)[0]}")
    try:
        amount = Decimal(str(case["weekly_award"])).quantize(Decimal("0.01"), ROUND_HALF_UP)
        date.fromisoformat(case["opened_on"])
        datetime.fromisoformat(case["last_contact"])
    except (InvalidOperation, ValueError) as error:
        raise FaultError("Client", "an amount or a date is not valid") from error
    if case["status"] not in STATUSES or len(case["nino"]) != 9 or abs(amount) >= 10_000_000:
        raise FaultError("Client", "a value is outside the schema")
    if case.get("note", "") is None:
        del case["note"]  # taken away: absent in XML, which is not the same as an empty note
    return case | {"weekly_award": str(amount)}


def case_xml(case: Case) -> str:
    parts = []
    for name, tag in FIELDS.items():
        if name not in case:
            continue
        value = case[name]
        if value is None:
            parts.append(f'<c:{tag} xsi:nil="true"/>')
        else:
            parts.append(f"<c:{tag}>{escape(str(value))}</c:{tag}>")
    return "".join(parts)


def case_values(element: Any) -> Case:
    """Return a case from its XML; an absent note stays absent."""
    names = {f"{{{NS}}}{tag}": name for name, tag in FIELDS.items()}
    case: Case = {}
    for child in element:
        nil = child.get(f"{{{XSI}}}nil") in ("true", "1")
        case[names[child.tag]] = None if nil else (child.text or "")
    if missing := set(FIELDS) - set(case) - {"note"}:
        raise FaultError("Client", f"a case needs {sorted(missing)[0]}")
    return case


@dataclass
class Service:
    """The SOAP endpoint and its controls."""

    cases: Cases
    failures: list[dict[str, Any]] = field(default_factory=list)

    def app(self) -> web.Application:
        """Return the routes: SOAP, WSDL and the demo's controls."""
        app = web.Application(client_max_size=4 << 20)
        app.router.add_post("/casework", self.soap)
        app.router.add_get("/casework", self.describe)
        app.router.add_get("/", self.describe)
        app.router.add_post("/_demo/{action}", self.control)
        app.router.add_get("/_demo/cases", self.listing)
        return app

    async def describe(self, request: web.Request) -> web.Response:
        """Answer ?wsdl with the address under which the caller found it."""
        if "wsdl" not in {key.lower() for key in request.query}:
            return web.Response(text="Casework SOAP service; the contract is at /casework?wsdl\n")
        here = f"{request.scheme}://{request.host}/casework"
        text = WSDL.read_text(encoding="utf-8").replace("http://127.0.0.1:8610/casework", here)
        return web.Response(text=text, content_type="text/xml")

    async def soap(self, request: web.Request) -> web.StreamResponse:
        """Answer one SOAP call, or fail as planned."""
        body = await request.read()
        operation = ""
        try:
            payload = soap_payload(body)
            operation = etree.QName(payload).localname
            if failure := self.next_failure(operation):
                return await fail(request, failure, lambda: self.answer(operation, payload))
            return reply(self.answer(operation, payload))
        except FaultError as fault:
            return reply(fault_xml(fault), status=500)

    def answer(self, operation: str, payload: Any) -> str:
        """Return the response element of one call, as XML."""
        text = {etree.QName(child).localname: (child.text or "").strip() for child in payload}
        match operation:
            case "ListCases":
                inner = self.page(whole(text, "page"), whole(text, "pageSize"))
            case "GetCase":
                inner = f"<c:case>{case_xml(self.cases.get(text.get('caseId', '')))}</c:case>"
            case "OpenCase":
                opened = self.cases.open(case_values(payload[0]))
                inner = f"<c:caseId>{escape(opened['case_id'])}</c:caseId>"
            case "ChangeCase":
                values = case_values(payload[0])
                changed = self.cases.change(values["case_id"], {"note": None} | values)
                inner = f"<c:case>{case_xml(changed)}</c:case>"
            case "DeleteCase":
                self.cases.delete(text.get("caseId", ""))
                inner = f"<c:caseId>{escape(text['caseId'])}</c:caseId>"
            case _:
                raise FaultError("Client", "there is no such operation")
        return f'<c:{operation}Response xmlns:c="{NS}" xmlns:xsi="{XSI}">{inner}</c:{operation}Response>'

    def page(self, number: int, size: int) -> str:
        """Return one page of the list, ordered by case id."""
        if number < 1 or not 1 <= size <= 1000:
            raise FaultError("Client", "page starts at 1, pageSize is 1 to 1000")
        cases = self.cases.ordered()
        part = cases[(number - 1) * size : number * size]
        rows = "".join(f"<c:case>{case_xml(case)}</c:case>" for case in part)
        more = "true" if number * size < len(cases) else "false"
        return f"<c:cases>{rows}</c:cases><c:total>{len(cases)}</c:total><c:more>{more}</c:more>"

    def next_failure(self, operation: str) -> dict[str, Any] | None:
        """Return the failure that hits this call; `after` calls of its operation pass before it."""
        for failure in self.failures:
            if failure["operation"] in (None, operation):
                if failure["after"] > 0:
                    failure["after"] -= 1
                    continue
                failure["calls"] -= 1
                if failure["calls"] <= 0:
                    self.failures.remove(failure)
                return failure
        return None

    async def control(self, request: web.Request) -> web.Response:
        """Open, change, delete or plan a failure, by JSON."""
        values = json.loads(await request.text() or "{}")
        try:
            match request.match_info["action"]:
                case "open":
                    return web.json_response(self.cases.open(values))
                case "change":
                    return web.json_response(self.cases.change(values.pop("case_id"), values))
                case "delete":
                    self.cases.delete(values["case_id"])
                    return web.json_response({"deleted": values["case_id"]})
                case "fail":
                    return web.json_response(self.plan_failure(values))
        except FaultError as fault:
            return web.json_response({"error": fault.text}, status=409)
        except KeyError as error:
            return web.json_response({"error": f"missing {error}"}, status=400)
        return web.json_response({"error": "open, change, delete or fail"}, status=404)

    def plan_failure(self, values: dict[str, Any]) -> dict[str, Any]:
        """Make the next calls fail; mode `none` clears the plan."""
        mode = values.get("mode", "fault")
        if mode == "none":
            self.failures.clear()
        elif mode not in FAILURES:
            raise FaultError("Client", f"mode is none or one of {', '.join(FAILURES)}")
        else:
            defaults = {"calls": 1, "after": 0, "operation": None, "seconds": 30.0}
            self.failures.append(defaults | values | {"mode": mode})
        return {"failures": self.failures}

    async def listing(self, _: web.Request) -> web.Response:
        """Return all cases as JSON, for checks."""
        return web.json_response({"cases": self.cases.ordered()})


def whole(text: dict[str, str], name: str) -> int:
    try:
        return int(text[name])
    except (KeyError, ValueError):
        raise FaultError("Client", f"{name} must be a whole number") from None


def soap_payload(body: bytes) -> Any:
    """Return the first element of the SOAP body; no DTD, no entity, no network."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True
    )
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError:
        raise FaultError("Client", "the request is not well-formed XML") from None
    if root.getroottree().docinfo.doctype:
        raise FaultError("Client", "a document type declaration is not accepted")
    if root.tag != f"{{{SOAP}}}Envelope":
        raise FaultError("VersionMismatch", "SOAP 1.1 only")
    content = root.find(f"{{{SOAP}}}Body")
    if content is None or not len(content) or etree.QName(content[0]).namespace != NS:
        raise FaultError("Client", f"the body must hold one element of {NS}")
    return content[0]


def fault_xml(fault: FaultError) -> str:
    detail = f"<detail>{fault.detail}</detail>" if fault.detail else ""
    return (
        f"<soap:Fault><faultcode>soap:{fault.code}</faultcode>"
        f"<faultstring>{escape(fault.text)}</faultstring>{detail}</soap:Fault>"
    )


def envelope(inner: str) -> bytes:
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return f'{head}<soap:Envelope xmlns:soap="{SOAP}"><soap:Body>{inner}</soap:Body></soap:Envelope>'.encode()


def reply(inner: str, status: int = 200) -> web.Response:
    return web.Response(body=envelope(inner), status=status, content_type="text/xml", charset="utf-8")


async def fail(
    request: web.Request, failure: dict[str, Any], answer: Callable[[], str]
) -> web.StreamResponse:
    """Answer as a sick legacy system does; `cut` promises more bytes than it sends."""
    match failure["mode"]:
        case "fault":
            raise FaultError("Server", "the case store is not available")
        case "http500":
            return web.Response(status=500, text="Internal Server Error")
        case "hang":
            await asyncio.sleep(float(failure["seconds"]))
            raise FaultError("Server", "too late")
        case "html":
            return web.Response(
                text="<html><body><h1>Planned maintenance</body></html>", content_type="text/html"
            )
        case "malformed":
            body = envelope(answer())
            return web.Response(body=body[: len(body) // 2], content_type="text/xml", charset="utf-8")
    body = envelope(answer())
    response = web.StreamResponse(
        headers={"Content-Type": "text/xml; charset=utf-8", "Content-Length": str(len(body))}
    )
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.abort()
    return response


async def serve(port: int, cases: Cases, started: Callable[[int], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    runner = web.AppRunner(Service(cases).app(), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    started(runner.addresses[0][1])
    await stop.wait()
    await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=8610, help="0 takes a free one and prints it")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--cases", type=int, default=40, help="how many to make when the state file is new")
    options = parser.parse_args()
    cases = Cases(options.state, options.seed, options.cases)
    try:
        asyncio.run(
            serve(
                options.port,
                cases,
                lambda port: print(f"casework: http://127.0.0.1:{port}/casework?wsdl", flush=True),
            )
        )
    except OSError as error:
        raise SystemExit(
            f"casework: port {options.port}: {error.strerror}\n  → choose another with --port"
        ) from None


if __name__ == "__main__":
    main()
