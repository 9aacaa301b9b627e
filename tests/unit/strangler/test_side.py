"""The legacy side reads and writes its contract; what it cannot be sure of it does not vouch for."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.soap.serve.faults import fault
from schemas.errors import SettingsError
from strangler.operation import NotFound, load_operations
from strangler.side import LegacySide, ModernSide, ParameterRefused
from strangler.upstream import Answer, RawHeaders, SideFailed

EXAMPLE = Path(__file__).parents[3] / "examples" / "universal_credit" / "operations"
RECORD: dict[str, Any] = {
    "case_id": "C0001",
    "nino": "QQ100001A",
    "status": "OPEN",
    "opened_on": date(2020, 1, 1),
    "weekly_award": Decimal("12.50"),
    "last_contact": datetime(2026, 7, 1, 12, tzinfo=UTC),
    "caseworker": None,
}


@pytest.fixture
def legacy() -> LegacySide:
    (operation,) = load_operations(EXAMPLE)
    return LegacySide(operation)


@pytest.mark.parametrize("more", [{}, {"note": ""}, {"note": "x"}, {"caseworker": ""}, {"caseworker": "Ann"}])
def test_a_record_survives_the_soap_contract(legacy: LegacySide, more: dict[str, Any]) -> None:
    """A record written as a SOAP reply is read back the same: absent, nil and empty too."""
    raw = legacy.write(RECORD | more)
    assert legacy.read(raw).record == RECORD | more
    assert legacy.faithful(raw)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b">OPEN<", b" lang='en'>OPEN<"),
        (b"</ns:case>", b"<ns:secret>1</ns:secret></ns:case>"),
        (b"</ns:case>", b"and more</ns:case>"),
    ],
)
def test_a_reply_that_does_not_encode_back_is_not_vouched_for(
    legacy: LegacySide, old: bytes, new: bytes
) -> None:
    """A reply whose bytes say more than its decoding is unfaithful, so no verdict rests on it."""
    raw = legacy.write(RECORD)
    assert old in raw
    assert not legacy.faithful(raw.replace(old, new))


def test_only_the_declared_fault_means_no_such_thing(legacy: LegacySide) -> None:
    """The declared fault is an answer; every other fault, and what is no SOAP, is a failed side."""
    unknown = fault("1.1", "Client", "x", "{urn:example:casework:2009}UnknownCase", {"caseId": "C1"})
    assert legacy.read(unknown).record is None
    for raw in (fault("1.1", "Server", "database"), b"<html/>", b"", unknown[:-20]):
        with pytest.raises(SideFailed):
            legacy.read(raw)


def test_without_a_declared_fault_no_fault_means_no_such_thing(legacy: LegacySide) -> None:
    """Where the operation names no fault, one without a detail is a failed side, not a missing record."""
    (operation,) = load_operations(EXAMPLE)
    spec = operation.legacy.model_copy(update={"not_found": NotFound.model_validate({})})
    side = LegacySide(operation.model_copy(update={"legacy": spec}))
    with pytest.raises(SideFailed):
        side.read(fault("1.1", "Server", "the database is away"))


@pytest.mark.parametrize(
    ("means", "headers", "missing"),
    [
        ("marked", ((b"Banyan-Not-Found", b"row"),), True),
        ("marked", (), False),
        ("marked", ((b"Banyan-Not-Found", b"page"),), False),
        ("status", (), True),
    ],
)
async def test_a_404_is_an_answer_only_where_it_is_about_a_row(
    means: str, headers: RawHeaders, missing: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain 404 may be a wrong URL: it is a failed side, unless the operation says that any 404 counts."""
    (operation,) = load_operations(EXAMPLE)
    modern = operation.modern.model_copy(update={"not_found": means})
    side = ModernSide(operation.model_copy(update={"modern": modern}))

    async def send(*_: object) -> Answer:
        return Answer(404, headers, b"{}")

    monkeypatch.setattr(side._upstream, "send", send)
    if missing:
        assert (await side.fetch({"case_id": "C0001"})).record is None
    else:
        with pytest.raises(SideFailed, match=r"\[modern\] url") as caught:
            await side.fetch({"case_id": "C0001"})
        assert (caught.value.side, caught.value.status) == ("modern", 502)


async def test_a_parameter_outside_the_contract_is_refused_unsent(legacy: LegacySide) -> None:
    """A key that the WSDL's type does not allow is the caller's mistake, told without its value."""
    with pytest.raises(ParameterRefused) as caught:
        await legacy.fetch({"case_id": "not of the form of a case"})
    assert "not of the form of a case" not in str(caught.value)


def test_parameters_come_back_from_the_request(legacy: LegacySide) -> None:
    """A SOAP request made from parameters gives the same parameters back."""
    values = legacy.request_values({"case_id": "C0001"})
    assert values == {"caseId": "C0001"}
    assert legacy.parameters(legacy.contract.encode_request("GetCase", values)) == {"case_id": "C0001"}


def test_an_operation_that_the_wsdl_does_not_have_is_a_settings_error() -> None:
    """An operation name that is not in the WSDL is refused with the names that are."""
    (operation,) = load_operations(EXAMPLE)
    wrong = operation.legacy.model_copy(update={"operation": "FetchCase"})
    with pytest.raises(SettingsError, match="FetchCase") as caught:
        LegacySide(operation.model_copy(update={"legacy": wrong}))
    assert "GetCase" in caught.value.fix
