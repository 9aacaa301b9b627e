"""One poll: pages, details, and the reasons not to trust an absence. The wire is a list of answers."""

# ruff: noqa: E501  (XML is clearer unbroken)

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.soap.adapter import SoapAdapter
from adapters.soap.contract import Contract
from adapters.soap.envelope import SoapFault
from adapters.soap.errors import CallRefused, ServiceUnavailable
from adapters.soap.pace import Pace
from adapters.soap.reading import Reading
from adapters.soap.spec import SoapSpec
from connectors.settings import load
from schemas.errors import SettingsError, Terminal, Transient

EXAMPLES = Path(__file__).parents[4] / "examples/universal_credit"
SETTINGS = {
    "kind": "soap",
    "name": "cases",
    "system": "casework",
    "wsdl": "casework.wsdl",
    "operation": "ListCases",
    "item": "cases/case",
    "total": "total",
    "entity": "case",
    "key": ["caseId"],
    "paging": {"page": "page", "size": "pageSize", "rows": 3, "more": "more"},
}
SIZED = {"page": "page", "size": "pageSize", "rows": 3}
DETAIL = {"operation": "GetCase", "item": "case", "parameters": {"caseId": "caseId"}}


def case(key: str, **changes) -> dict:
    return {
        "caseId": key,
        "nino": "QQ100001A",
        "status": "OPEN",
        "openedOn": date(2020, 1, 2),
        "weeklyAward": Decimal("12.50"),
        "lastContact": datetime(2026, 1, 2, tzinfo=UTC),
        "caseworker": None,
    } | changes


class Service:
    """A casework service in memory; `before_page` changes it between calls."""

    def __init__(self, casework, keys: str) -> None:
        self.contract = casework
        self.cases = {k: case(k) for k in keys.split()}
        self.before_page: dict[int, Callable[[], None]] = {}
        self.calls: list[tuple] = []
        self.total: int | None = None

    @contextmanager
    def call(self, operation: str, values: dict) -> Iterator[Iterator[bytes]]:
        self.calls.append((operation, *values.values()))
        if (action := self.before_page.get(len(self.calls))) is not None:
            outcome = action()
            if isinstance(outcome, bytes):
                yield iter([outcome])
                return
        yield iter([self.answer(operation, values)])

    def answer(self, operation: str, values: dict) -> bytes:
        if operation == "GetCase":
            return self.contract.encode_response("GetCase", {"case": self.cases[values["caseId"]]})
        keys, size = sorted(self.cases), values["pageSize"]
        part = keys[(values["page"] - 1) * size : values["page"] * size]
        total = len(keys) if self.total is None else self.total
        rows = {"case": [self.cases[k] for k in part]}
        return self.contract.encode_response(
            "ListCases", {"cases": rows, "total": total, "more": values["page"] * size < len(keys)}
        )

    def fail(self, error: Exception):
        raise error


def adapter_of(service: Service, **settings) -> SoapAdapter:
    spec = SoapSpec.model_validate(SETTINGS | settings)
    pace = Pace(1000, sleep=lambda _: None)
    return SoapAdapter(
        Reading(spec, service.contract, service, pace, "http://x/casework"), now_ms=lambda: 1_767_225_600_123
    )


def poll(adapter: SoapAdapter):
    (extract,) = adapter.poll()
    chunks = list(extract.chunks())
    keys = [k for c in chunks for r in c.rows for k in r.batch.column("caseId").to_pylist()]
    return extract, keys, [r for c in chunks for r in c.rejects]


def test_a_list_over_several_pages(casework):
    """All pages make one extract, in order, with record numbers, an identity and its provenance."""
    service = Service(casework, "A B C D E F G")
    adapter = adapter_of(service)
    (extract,) = adapter.poll()
    chunks = list(extract.chunks())
    assert [c.rows[0].record.tolist() for c in chunks] == [[1, 2, 3], [4, 5, 6], [7]]
    assert chunks[0].rows[0].batch.schema.equals(adapter.entities["case"].arrow_schema())
    assert not extract.problems()
    assert not extract.partial
    assert extract.id == "cases-20260101T000000123Z"
    assert (extract.origin.operation, extract.origin.ts_kind) == ("ListCases", "arrival")


def test_an_empty_list_is_complete(casework):
    """No rows and no error is an answer."""
    extract, keys, _ = poll(adapter_of(Service(casework, "")))
    assert (keys, extract.problems()) == ([], ())


def test_the_first_page_decides(casework):
    """An error or fault on the first page is raised: nothing is known, nothing is published."""
    for outcome, expected in [
        (ServiceUnavailable("down"), Transient),
        (casework.encode_response("ListCases", SoapFault("Server.Db", "QQ123456C")), Transient),
        (casework.encode_response("ListCases", SoapFault("Client", "QQ123456C")), Terminal),
        (b"<html/>", Transient),
    ]:
        service = Service(casework, "A B C D")
        service.before_page[1] = lambda o=outcome: o if isinstance(o, bytes) else service.fail(o)  # noqa: B023
        with pytest.raises(expected) as caught:
            poll(adapter_of(service))
        assert "QQ123456C" not in str(caught.value)


@pytest.mark.parametrize("page", [2, 3])
def test_a_later_page_that_fails_makes_the_poll_incomplete(casework, page):
    """An error or fault after the first page is a problem of the extract, so nothing may be deleted."""
    for outcome in (
        ServiceUnavailable("down"),
        CallRefused("HTTP 403"),
        casework.encode_response("ListCases", SoapFault("Server", "x")),
        casework.encode_response("ListCases", {"cases": {"case": []}, "total": 7, "more": False})[:-20],
    ):
        service = Service(casework, "A B C D E F G")
        service.before_page[page] = lambda o=outcome: o if isinstance(o, bytes) else service.fail(o)  # noqa: B023
        extract, keys, _ = poll(adapter_of(service))
        assert keys == list("ABCDEFG"[: 3 * (page - 1)])
        assert extract.problems()[0].startswith(f"page {page}: ")


def test_totals_must_agree(casework):
    """A total that differs from the rows received, or between pages, makes the poll incomplete."""
    service = Service(casework, "A B C D")
    service.total = 5
    assert "counts 5 row(s), 4 came" in poll(adapter_of(service))[0].problems()[0]
    service = Service(casework, "A B C D")
    service.before_page[2] = lambda: service.cases.update(E=case("E"))
    assert "total differs" in poll(adapter_of(service))[0].problems()[0]


def test_a_total_that_is_expected_must_come(tmp_path):
    """Where the settings name a total, a list without it is not known to be complete."""
    text = (EXAMPLES / "legacy/casework.wsdl").read_text()
    path = tmp_path / "casework.wsdl"
    path.write_text(text.replace('name="total" type="xs:int"', 'name="total" type="xs:int" minOccurs="0"'))
    service = Service(Contract.from_wsdl(path), "A B")
    told = service.contract.encode_response("ListCases", {"cases": {"case": [case("A")]}, "more": False})
    service.before_page = {1: lambda: told}
    extract, keys, _ = poll(adapter_of(service))
    assert keys == ["A"]
    assert "does not say how many rows" in extract.problems()[0]


def test_a_row_that_comes_twice(casework):
    """A key that comes on two pages shows that the list changed while it was read."""
    service = Service(casework, "B C D E")

    def shift() -> None:
        service.cases["A"] = service.cases.pop("E") | {"caseId": "A"}

    service.before_page[2] = shift
    assert any("came twice" in p for p in poll(adapter_of(service))[0].problems())


def test_a_row_pushed_across_a_page_border_is_no_delete(casework):
    """One row closed and one opened between two pages hide a third, with every total right: a second reading tells."""
    service = Service(casework, "A B C D E F")
    adapter = adapter_of(service)
    first, _, _ = poll(adapter)
    adapter.done(first)

    def shift() -> None:
        del service.cases["A"]
        service.cases["G"] = case("G")

    service.before_page[len(service.calls) + 2] = shift
    extract, keys, _ = poll(adapter)
    assert keys == ["A", "B", "C", "E", "F", "G"]  # D was there all the time
    assert extract.problems() == ("the list changed while it was read: a second reading gave another list",)
    extract, keys, _ = poll(adapter)
    assert (keys, extract.problems()) == (["B", "C", "D", "E", "F", "G"], ())


def test_real_deletes_are_confirmed_once(casework):
    """A missing known key costs one more reading; without one, and with one page, there is none."""
    service = Service(casework, "A B C D E F")
    adapter = adapter_of(service)
    extract, *_ = poll(adapter)
    adapter.done(extract)
    assert len(service.calls) == 4  # a new process knows nothing and confirms
    extract, *_ = poll(adapter)
    assert len(service.calls) == 6
    del service.cases["B"]
    extract, keys, _ = poll(adapter)
    assert (keys, extract.problems(), len(service.calls)) == (list("ACDEF"), (), 10)
    single = Service(casework, "A B")
    poll(adapter_of(single))
    assert len(single.calls) == 1


def test_an_absence_that_cannot_be_confirmed(casework):
    """If the second reading fails, the absence stays doubtful."""
    service = Service(casework, "A B C D")
    service.before_page[3] = lambda: service.fail(ServiceUnavailable("down"))
    assert poll(adapter_of(service))[0].problems() == ("an absence could not be confirmed: down",)


def test_rejects_keep_their_raw_xml(casework):
    """A row outside the schema is a reject with raw XML, path, reason and key; its neighbours come."""
    service = Service(casework, "A B C")
    wire = service.answer("ListCases", {"page": 1, "pageSize": 3})
    service.before_page[1] = lambda: wire.replace(b"OPEN", b"LOST", 1).replace(
        b"C</ns:caseId>", b"</ns:caseId>"
    )
    extract, keys, rejects = poll(adapter_of(service))
    assert keys == ["B"]
    assert [(r.record, r.key_text, r.field_path) for r in rejects] == [
        (1, "A", "status"),
        (3, None, "caseId"),
    ]
    assert b"LOST" in rejects[0].raw
    assert "LOST" not in rejects[0].reason
    assert not extract.problems()


def test_a_list_without_end_stops(casework):
    """A service that always says `more` ends in a problem, not in a loop."""
    service = Service(casework, "A B C D E F")
    pages = [service.answer("ListCases", {"page": n, "pageSize": 3}) for n in (1, 2)]
    endless = [page.replace(b"more>false", b"more>true") for page in pages]
    service.before_page = {n: lambda n=n: endless[n % 2] for n in range(1, 99)}
    extract, *_ = poll(adapter_of(service, paging=SETTINGS["paging"] | {"max_pages": 5}))
    assert len(service.calls) == 5
    assert "did not end after 5 pages" in extract.problems()[0]
    service = Service(casework, "A B C")
    service.before_page = dict.fromkeys(range(1, 99), lambda: endless[0])
    extract, *_ = poll(adapter_of(service))
    assert len(service.calls) == 2
    assert "page 2 is the page before it again" in extract.problems()[0]


def test_a_page_without_rows_that_says_more_is_not_the_end(casework):
    """An empty page with `more` contradicts itself: the list is not complete, so nothing is deleted."""
    service = Service(casework, "A B C D E F")
    empty = {"cases": {"case": []}, "total": 3, "more": True}
    told = casework.encode_response("ListCases", empty)
    service.total = 3
    service.before_page = {2: lambda: told}
    extract, keys, _ = poll(adapter_of(service))
    assert keys == ["A", "B", "C"]
    assert extract.problems() == ("page 2: a page without rows says that more follow",)


def test_pages_without_a_more_flag(casework):
    """Without a flag the total ends the list; without that an empty page does."""
    for total, calls in (("total", 2), ("", 3)):
        service = Service(casework, "A B C D E F")
        adapter = adapter_of(service, total=total, paging=SIZED)
        extract, keys, _ = poll(adapter)
        assert (keys, extract.problems()) == (list("ABCDEF"), ())
        adapter.done(extract)
        before = len(service.calls)
        poll(adapter)
        assert len(service.calls) == before + calls


def test_detail_calls(casework):
    """Each row of the list is fetched by its own call; order stays that of the list."""
    service = Service(casework, "A B C D")
    extract, keys, _ = poll(adapter_of(service, detail=DETAIL))
    assert (keys, extract.problems()) == (list("ABCD"), ())
    assert sum(call[0] == "GetCase" for call in service.calls) == 4


def test_a_detail_call_that_fails(casework):
    """A failed detail call makes the poll incomplete and leaves its row out; a bad record is a reject."""
    service = Service(casework, "A B")
    fault = casework.encode_response("GetCase", SoapFault("Client", "gone"))
    service.before_page[3] = lambda: fault
    adapter = adapter_of(service, detail=DETAIL, limits={"concurrency": 1, "requests_per_second": 9})
    extract, keys, rejects = poll(adapter)
    assert (keys, rejects) == (["A"], [])
    assert extract.problems() == (
        "a detail call failed: a SOAP fault Client (its text is withheld: it can hold personal data)",
    )
    service.before_page[6] = lambda: service.answer("GetCase", {"caseId": "B"}).replace(b"OPEN", b"LOST")
    extract, keys, rejects = poll(adapter)
    assert (keys, [(r.key_text, r.field_path) for r in rejects]) == (["A"], [("B", "case/status")])
    assert not extract.problems()


def test_a_detail_answer_for_another_key(casework):
    """One call, one key: the record of another one is a failed call, never a row and never a delete."""
    service = Service(casework, "A B C")
    service.before_page[3] = lambda: service.answer("GetCase", {"caseId": "C"})
    adapter = adapter_of(service, detail=DETAIL, limits={"concurrency": 1, "requests_per_second": 9})
    extract, keys, rejects = poll(adapter)
    assert (keys, rejects) == (["A", "C"], [])
    assert extract.problems() == ("a detail came that was not asked for",)


@pytest.mark.parametrize("matches", [{}, {"caseId": "caseId"}, {"nino": "nino"}, {"caseId": "nino"}])
def test_what_a_detail_answer_is_known_by(casework, matches):
    """The settings may name the elements by which a record is known as the answer; else the parameters do."""
    detail = DETAIL | {"matches": matches}
    extract, keys, _ = poll(adapter_of(Service(casework, "A B"), detail=detail))
    fits = matches != {"caseId": "nino"}
    assert (keys, bool(extract.problems())) == ((["A", "B"], False) if fits else ([], True))


def test_pace_spaces_calls():
    """Calls start no closer than the rate allows, and an idle time is not saved up."""
    now, slept = [0.0], []

    def sleep(seconds: float) -> None:
        slept.append(round(seconds, 3))
        now[0] += seconds

    pace = Pace(4, clock=lambda: now[0], sleep=sleep)
    pace.wait()
    pace.wait()
    pace.wait()
    now[0] += 10
    pace.wait()
    pace.wait()
    assert slept == [0.25, 0.25, 0.25]


def test_the_estate_adapter(monkeypatch):
    """The demo's adapter.toml opens against its WSDL, which is the legacy service's own."""
    monkeypatch.delenv("BANYAN_CASEWORK_PORT", raising=False)
    folder = EXAMPLES / "adapters/cases"
    adapter = load(folder / "adapter.toml", SoapSpec).open(folder)
    entity = adapter.entities["case"]
    assert (entity.system, entity.key, entity["status"].classification) == ("casework", ("caseId",), "public")
    assert (folder / "casework.wsdl").read_bytes() == (EXAMPLES / "legacy/casework.wsdl").read_bytes()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"operation": "ListCase"}, "no operation 'ListCase'"),
        ({"item": "cases/cse"}, "no 'cse'"),
        ({"key": ["id"]}, "'id' is not in <case>"),
        ({"total": "sum"}, "no 'sum'"),
        ({"paging": {"page": "pg"}}, "request takes: page, pageSize"),
        ({"detail": DETAIL | {"parameters": {"caseId": "id"}}}, "no 'id'"),
        ({"detail": DETAIL | {"matches": {"caseId": "id"}}}, "no 'id'"),
        ({"endpoint": "ftp://x"}, "not HTTP"),
        ({"timezone": "Mars/Olympus"}, "not a time zone"),
    ],
)
def test_settings_are_checked_when_opened(change, reason):
    """A name that the WSDL does not know is found before the first call, with the names that exist."""
    spec = SoapSpec.model_validate(SETTINGS | change)
    with pytest.raises(Terminal) as caught:
        spec.open(EXAMPLES / "adapters/cases")
    assert reason in str(caught.value)
    assert isinstance(caught.value, SettingsError) or "time zone" in reason
