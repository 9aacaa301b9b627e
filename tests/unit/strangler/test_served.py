"""Old callers of a modern implementation: the old contract, faults and all."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from adapters.soap.envelope import read_fault, unwrap
from adapters.soap.serve.demand import DemandSpec
from strangler.canary import Serving
from strangler.operation import Operation, load_operations
from strangler.record import MappingError
from strangler.served import Served
from strangler.side import LegacySide, Reply
from strangler.stage import Stage
from strangler.upstream import SideFailed
from tests.unit.strangler.test_side import RECORD

EXAMPLE = Path(__file__).parents[3] / "examples" / "universal_credit" / "operations"
(OPERATION,) = load_operations(EXAMPLE)
MEDIA = (b"content-type", b"text/xml; charset=utf-8")


class Modern:
    """A modern side that says what it is told."""

    def __init__(self, outcome: Any) -> None:
        self.outcome = outcome

    async def fetch(self, _: Any) -> Reply:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return Reply(self.outcome, b"", 0)


def ask(
    outcome: Any, body: bytes | None = None, *headers: tuple[bytes, bytes], operation: Operation = OPERATION
) -> Any:
    async def run() -> Any:
        legacy = LegacySide(operation)
        modern: Any = Modern(outcome)
        served = Served(operation, lambda: Serving(Stage.MODERN), legacy, modern, None)  # type: ignore[arg-type]
        message = body or legacy.contract.encode_request("GetCase", {"caseId": "C0001"})
        try:
            return (await served.soap([MEDIA, *headers], message))[1]
        finally:
            await legacy.close()

    return asyncio.run(run())


def fault_of(response: Any) -> Any:
    return read_fault(unwrap(etree.fromstring(response.body), "test"))


def test_the_modern_record_in_the_old_contract() -> None:
    """A SOAP caller gets the modern record as the old response, marked with who served it."""
    response = ask(RECORD)
    assert response.status == 200
    assert (b"banyan-served-by", b"modern") in response.headers
    assert b"C0001" in response.body


def test_no_such_thing_is_the_declared_fault() -> None:
    """What modern does not have is the fault that the old contract declares for it, with its detail."""
    response = ask(None)
    fault = fault_of(response)
    assert (response.status, fault.code) == (500, "Client")
    assert fault.detail_name.endswith("}UnknownCase")
    assert b"C0001" in fault.detail


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (SideFailed("modern", "status", "503"), "Server"),
        (MappingError("nino", "is missing"), "Server"),
        (RuntimeError("QQ123456C"), "Server"),
    ],
)
def test_a_modern_side_that_fails(outcome: Exception, code: str) -> None:
    """A modern side that fails, or whose answer does not fit, is a Server fault without its text."""
    fault = fault_of(ask(outcome))
    assert fault.code == code
    assert "QQ123456C" not in fault.text


def test_a_request_of_another_operation() -> None:
    """A message that is not this operation is a Client fault, whatever the contract else offers."""
    legacy = LegacySide(OPERATION)
    other = legacy.contract.encode_request("ListCases", {"page": 1, "pageSize": 5})
    assert fault_of(ask(RECORD, other)).code == "Client"
    wrong = (b"soapaction", b'"urn:example:casework:2009/DeleteCase"')
    assert fault_of(ask(RECORD, None, wrong)).code == "Client"


def test_what_the_modern_side_demands_of_callers() -> None:
    """With [legacy.security] a call without proof is refused before the modern side is asked."""
    demand = DemandSpec.model_validate({"username": {"accounts": {"clerk": "s3cret"}}})
    spec = OPERATION.legacy.model_copy(update={"security": demand})
    operation = OPERATION.model_copy(update={"legacy": spec})
    fault = fault_of(ask(RECORD, operation=operation))
    assert fault.subcode.endswith("}InvalidSecurity")


def test_the_old_contract_is_described() -> None:
    """The façade gives out the old WSDL with its own address."""
    legacy = LegacySide(OPERATION)
    served = Served(OPERATION, lambda: Serving(Stage.MODERN), legacy, None, None)  # type: ignore[arg-type]
    assert b'location="https://facade/soap/get_case"' in (
        served.describe(0, "https://facade/soap/get_case") or b""
    )
    assert served.describe(7, "") is None


class Offers:
    """A shadow that only counts."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def offer(self, call: Any) -> None:
        self.calls.append(call)


def canary(
    outcome: Any, share: int, *, rest: bool, key: str = "C0001", operation: Operation = OPERATION
) -> Any:
    async def run() -> Any:
        legacy, offers = LegacySide(operation), Offers()
        modern: Any = Modern(outcome)
        serving = Serving(Stage.CANARY, share)
        served = Served(operation, lambda: serving, legacy, modern, offers)  # type: ignore[arg-type]
        try:
            if rest:
                return await served.rest({"case_id": key}), offers.calls
            message = legacy.contract.encode_request("GetCase", {"caseId": key})
            return await served.soap([MEDIA], message), offers.calls
        finally:
            await legacy.close()

    return asyncio.run(run())


@pytest.mark.parametrize("rest", [True, False])
@pytest.mark.parametrize(
    "outcome", [RECORD, None, SideFailed("modern", "status", "503"), MappingError("nino", "is missing")]
)
def test_whatever_modern_does_in_a_canary_is_compared(outcome: Any, rest: bool) -> None:
    """A call that modern answers wrongly, or not at all, goes to the shadow as one that it answers well."""
    (_, response), calls = canary(outcome, 9_999, rest=rest)
    assert (b"banyan-served-by", b"modern") in response.headers
    assert [call.raw for call in calls] == [None]


def numbers() -> Operation:
    """The operation with a number for a key in its record, while the WSDL says that it is a string."""
    fields = OPERATION.record.fields | {"case_id": "long"}
    record = type(OPERATION.record)(name="case", fields=fields)
    return OPERATION.model_copy(update={"record": record})


@pytest.mark.parametrize("share", range(500, 10_000, 1_500))
def test_one_key_has_one_side_however_it_is_written(share: int) -> None:
    """7, 07 and 007 are one number, so they are answered by one side."""
    sides = set()
    for key in ("7", "07", "007"):
        (_, response), _ = canary(None, share, rest=False, key=key, operation=numbers())
        sides.add(dict(response.headers)[b"banyan-served-by"])
    assert len(sides) == 1
