"""The live contract beside the imported one: differences by path, told once, and again when they are gone."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.soap.contract import Contract
from adapters.soap.drift import DriftWatch, drift
from adapters.soap.errors import ServiceUnavailable
from adapters.state import AdapterState
from adapters.status import AdapterStatus
from adapters.watching import Drift, tell_drift
from tests.register import WSDL, contract


def live(tmp_path: Any, *changes: tuple[str, str]) -> Contract:
    """The register's contract with texts replaced, as its service would give it today."""
    for name in ("register.wsdl", "register.xsd"):
        text = WSDL.with_name(name).read_text()
        for before, after in changes:
            text = text.replace(before, after)
        (tmp_path / name).write_text(text)
    return Contract.from_wsdl(tmp_path / "register.wsdl")


def test_the_same_contract_has_no_drift(tmp_path):
    """Another address, another layout and other comments are no drift."""
    same = live(
        tmp_path, ("127.0.0.1:9/register", "live.example/x"), ("<!--", "<!-- today: "), (" <xs:", "   <xs:")
    )
    assert drift(contract(), same) == Drift()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('<xs:element name="name" type="xs:string" minOccurs="0"/>', ""), "person/name (request) is gone"),
        (
            ('name="name" type="xs:string" minOccurs="0"', 'name="name" type="xs:string"'),
            "name (response) stands 1 to 1 times, not 0 to 1",
        ),
        (
            ('<xs:enumeration value="GONE"/>', ""),
            "breaks: Notify/Notify/person/status (request) 0 values new, 1 gone",
        ),
        (
            ('name="changed" type="xs:dateTime"', 'name="changed" type="xs:date"'),
            "is xs:date, not xs:dateTime",
        ),
        (('soapAction="urn:register/ListIds"', 'soapAction="urn:new"'), "breaks: ListIds action"),
        (
            ('<xs:element name="status" type="t:Status"/>\n', '<xs:element name="status" type="t:Status"/>'
             '<xs:element name="born" type="xs:date" minOccurs="0"/>\n'),
            "born (response) is new and may be left out",
        ),
        (('name="ListIds"', 'name="ListKeys"'), "breaks: ListIds is gone"),
    ],
)  # fmt: skip
def test_what_has_changed(tmp_path, change, told):
    """An operation, element, type or facet that is gone, new or another is told by its path."""
    found = drift(contract(), live(tmp_path, change))
    assert any(told in difference for difference in found.differences), found
    assert found.digest


def test_many_differences_are_summed(tmp_path):
    """Of a service that was replaced some differences are told, and how many more there are."""
    found = drift(contract(), live(tmp_path, ("urn:register", "urn:other")))
    assert len(found.differences) == 21
    assert found.differences[-1].endswith("more")


def test_a_watch_looks_beside_the_work(tmp_path):
    """A watch answers at once; a service without a WSDL says nothing, and is asked again when it is due."""
    answers: list[Any] = [ServiceUnavailable("down"), live(tmp_path, ("xs:dateTime", "xs:date"))]

    def fetch() -> Contract:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    watch = DriftWatch("persons", contract(), fetch, 0.0)
    assert watch.latest() is None
    deadline = time.monotonic() + 10
    while (found := watch.latest()) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert found is not None and found.differences
    hourly = DriftWatch("persons", contract(), fetch, 3600)
    answers[:] = [ServiceUnavailable("down")]
    hourly.look()
    assert hourly._latest is None


class Publisher:
    """Keeps what is told."""

    def __init__(self) -> None:
        self.state = AdapterState()
        self.told: list[Any] = []

    def tell(self, *events: Any, state: AdapterState) -> None:
        self.told += events
        self.state = state


def test_drift_is_told_once():
    """A drift is one event however often it is seen, in another process too; so is its end."""
    found = Drift(("GetCase: the operation is gone",))
    adapter: Any = SimpleNamespace(drift=lambda: found)
    publisher: Any = Publisher()
    for _ in range(3):
        status = AdapterStatus("cases")
        tell_drift(adapter, publisher, status)
        assert status.drift == found.differences
    found = Drift(())
    for _ in range(2):
        tell_drift(adapter, publisher, AdapterStatus("cases"))
    assert [(e.state, e.problems) for e in publisher.told] == [
        ("drifted", ("GetCase: the operation is gone",)),
        ("agreed", ()),
    ]


def test_an_adapter_that_does_not_watch():
    """An adapter without a description of its source, and one that has not looked yet, tell nothing."""
    publisher: Any = Publisher()
    tell_drift(SimpleNamespace(), publisher, AdapterStatus("x"))  # type: ignore[arg-type]
    tell_drift(SimpleNamespace(drift=lambda: None), publisher, AdapterStatus("x"))  # type: ignore[arg-type]
    assert publisher.told == []
