"""HTTP bindings: parts in the URL or a form, plain XML back, read like any other answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from adapters.soap.contract import Contract
from adapters.soap.errors import AnswerMismatch, BadValue, BrokenAnswer, CallRefused, ServiceUnavailable
from adapters.soap.http_form import enveloped
from adapters.soap.serve.endpoint import SoapEndpoint
from adapters.soap.wire.client import WireClient
from adapters.soap.wire.spec import WireSpec
from schemas.errors import BanyanError, SettingsError

BINDINGS = {
    "get": ("GET", "/Rate", "<h:urlEncoded/>"),
    "path": ("GET", "/rate/(day)/of/(currency)/(all)", "<h:urlReplacement/>"),
    "post": ("POST", "/Rate", '<m:content type="application/x-www-form-urlencoded"/>'),
}


def wsdl(
    verb: str = "GET",
    location: str = "/Rate",
    given: str = "<h:urlEncoded/>",
    answer: str = '<m:mimeXml part="Body"/>',
) -> bytes:
    return f"""<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" targetNamespace="urn:r"
    xmlns:t="urn:r"
    xmlns:h="http://schemas.xmlsoap.org/wsdl/http/" xmlns:m="http://schemas.xmlsoap.org/wsdl/mime/"
    xmlns:x="http://www.w3.org/2001/XMLSchema"><w:types><x:schema targetNamespace="urn:r"
    elementFormDefault="qualified"><x:simpleType name="Many"><x:list itemType="x:string"/></x:simpleType>
    <x:element name="Rates"><x:complexType><x:sequence><x:element name="rate" type="x:decimal"
    maxOccurs="unbounded"/></x:sequence></x:complexType></x:element></x:schema></w:types>
    <w:message name="In"><w:part name="day" type="x:date"/><w:part name="currency" type="x:string"/>
    <w:part name="all" type="x:boolean"/></w:message>
    <w:message name="Out"><w:part name="Body" element="t:Rates"/></w:message>
    <w:portType name="P"><w:operation name="Rate"><w:input message="t:In"/><w:output message="t:Out"/>
    </w:operation></w:portType><w:binding name="B" type="t:P"><h:binding verb="{verb}"/>
    <w:operation name="Rate"><h:operation location="{location}"/><w:input>{given}</w:input>
    <w:output>{answer}</w:output></w:operation></w:binding><w:service name="S"><w:port name="HttpGet"
    binding="t:B"><h:address location="http://127.0.0.1/"/></w:port></w:service></w:definitions>""".encode()


@pytest.fixture
def read(tmp_path: Path) -> Any:
    def contract(*binding: str, **more: str) -> Contract:
        (tmp_path / "r.wsdl").write_bytes(wsdl(*binding, **more))
        return Contract.from_wsdl(tmp_path / "r.wsdl")

    return contract


ASKED = {"day": "2026-01-02", "currency": "€ &/?=é", "all": True}
ANSWER = (
    b'<?xml version="1.0" encoding="utf-8"?>\n<Rates xmlns="urn:r"><rate>1.50</rate><rate>2</rate></Rates>'
)


async def exchanged(
    contract: Contract, answers: list[tuple[bytes, int]], values: Any = ASKED, **wire: Any
) -> tuple[Any, list[tuple[str, str, str]]]:
    seen: list[tuple[str, str, str]] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append((request.method, request.raw_path, (await request.read()).decode()))
        body, status = answers[min(len(seen), len(answers)) - 1]
        return web.Response(body=body, status=status, content_type="text/xml" if body else "text/plain")

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    spec = WireSpec.model_validate({"retry": {"first_seconds": 0.001, "attempts": 3}} | wire)
    try:
        async with WireClient(contract, address, spec, seconds=5) as client:
            return (await client.call("Rate", contract_values(contract, values))).value, seen
    except BanyanError as error:
        return error, seen
    finally:
        await runner.cleanup()


def contract_values(contract: Contract, values: Any) -> Any:
    from adapters.soap.json_values import from_json

    request = contract.operation("Rate").request
    assert request is not None
    return from_json(contract.codec, request, values)


GOOD = (ANSWER, 200)
FORM = "day=2026-01-02&currency=%E2%82%AC%20%26%2F%3F%3D%C3%A9&all=true"


@pytest.mark.parametrize(
    ("kind", "line", "body"),
    [
        ("get", f"/Rate?{FORM}", ""),
        ("path", "/rate/2026-01-02/of/%E2%82%AC%20%26%2F%3F%3D%C3%A9/true", ""),
        ("post", "/Rate", FORM),
    ],
)
async def test_a_call(read: Any, kind: str, line: str, body: str) -> None:
    """Each part stands where the binding says, encoded once; the XML that comes back is the typed answer."""
    contract = read(*BINDINGS[kind])
    value, seen = await exchanged(contract, [GOOD])
    assert [str(rate) for rate in value["rate"]] == ["1.50", "2"]
    assert seen == [(BINDINGS[kind][0], line, body)]


@pytest.mark.parametrize(("kind", "calls"), [("get", 2), ("post", 1)])
async def test_what_is_sent_again(read: Any, kind: str, calls: int) -> None:
    """A GET only reads, so it is sent again after a failure; a POST is not."""
    value, seen = await exchanged(read(*BINDINGS[kind]), [(b"", 503), GOOD])
    assert len(seen) == calls
    assert isinstance(value, dict) is (kind == "get")


@pytest.mark.parametrize(
    ("status", "kind"), [(500, ServiceUnavailable), (400, CallRefused), (404, CallRefused)]
)
async def test_an_error_with_xml_is_no_answer(read: Any, status: int, kind: type[BanyanError]) -> None:
    """There are no faults here: what an error page has in XML is not taken for an (empty) answer."""
    value, _ = await exchanged(read(), [(b'<Rates xmlns="urn:r"/>', status)])
    assert isinstance(value, kind)


@pytest.mark.parametrize("value", [".", "..", ""])
async def test_values_that_lead_elsewhere(read: Any, value: str) -> None:
    """A value cannot climb to another address of the service: nothing is sent."""
    error, seen = await exchanged(read(*BINDINGS["path"]), [GOOD], ASKED | {"currency": value})
    assert isinstance(error, BadValue)
    assert seen == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", BrokenAnswer),
        (ANSWER[:-4], BrokenAnswer),
        (ANSWER.decode().replace("utf-8", "utf-16").encode("utf-16"), BrokenAnswer),
        (b"<!DOCTYPE a [<!ENTITY e 'x'>]><Rates xmlns='urn:r'><rate>1</rate></Rates>", BrokenAnswer),
        (b"<?xml version='1.0'" + b" " * 600, BrokenAnswer),
        (b"<Other/>", AnswerMismatch),
        (ANSWER.replace(b"1.50", b"much"), AnswerMismatch),
        (ANSWER + b"<Rates/>", BanyanError),
        (b"</e:Body><e:Body>", AnswerMismatch),
        (b"1.5", BanyanError),
    ],
)
async def test_answers_that_are_broken(read: Any, body: bytes, kind: type[BanyanError]) -> None:
    """An answer that is not the one element of the contract is refused: cut, hostile, another, not XML."""
    value, _ = await exchanged(read(), [(body, 200)])
    assert isinstance(value, kind)


@pytest.mark.parametrize("wire", [{"security": {}}, {"addressing": {}}])
async def test_no_header_to_put_it_in(read: Any, wire: dict[str, Any]) -> None:
    """WS-Security and WS-Addressing have no place in such a request; a setting that asks is wrong."""
    value, seen = await exchanged(read(), [GOOD], **wire)
    assert isinstance(value, SettingsError)
    assert seen == []


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"verb": "PUT"}, "'PUT'"),
        ({"location": "http://elsewhere/"}, "not relative"),
        ({"location": "/r/(day)", "given": "<h:urlReplacement/>"}, "every part"),
        ({"answer": '<m:content type="text/html"/>'}, "'text/html'"),
        ({"answer": '<soap:body xmlns:soap="urn:s"/>'}, "'body'"),
        ({"verb": "POST", "given": '<m:content type="multipart/form-data"/>'}, "multipart/form-data"),
    ],
)
def test_what_is_refused(read: Any, more: dict[str, str], reason: str) -> None:
    """Another verb, place or kind of content is refused with the reason."""
    assert reason in read(**more).refused["Rate"]


def test_it_is_not_served(read: Any) -> None:
    """Such an operation is not served as SOAP."""
    with pytest.raises(SettingsError, match="HTTP binding"):
        SoapEndpoint(read(), None, only=("Rate",))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_an_envelope_for_any_pieces(size: int) -> None:
    """However the answer is cut, it is the one element of a body, under its own declaration."""

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(ANSWER), size):
            yield ANSWER[at : at + size]

    async def whole() -> bytes:
        return b"".join([part async for part in enveloped(pieces(), "w")])

    made = asyncio.run(whole())
    assert made.startswith(b'<?xml version="1.0" encoding="utf-8"?><e:Envelope')
    assert made.endswith(b"</Rates></e:Body></e:Envelope>")
