"""A made-up register of persons behind SOAP: it shows change in every way, and fails when it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from adapters.soap.contract import Contract
from adapters.soap.envelope import SoapFault

WSDL = Path(__file__).with_suffix(".wsdl")
#: The register's clock starts here; each change takes a second.
START = datetime(2026, 1, 1, tzinfo=UTC)


@cache
def contract() -> Contract:
    """The register's contract."""
    return Contract.from_wsdl(WSDL)


class Register:
    """The persons by id. `before` maps an operation to what happens before it is answered, call by call."""

    def __init__(self, ids: range = range(0)) -> None:
        self.now = START
        self.persons: dict[int, dict[str, Any]] = {}
        self.queue: dict[int, dict[str, Any]] = {}
        self.calls: list[tuple[str, Any]] = []
        self.before: dict[str, Callable[[int], Any]] = {}
        self.size = 3
        self.sent = 0
        self._lock = threading.RLock()
        for number in ids:
            self.change(number)

    def change(self, number: int, name: str | None = "x", status: str = "ACTIVE") -> dict[str, Any]:
        """Make a person so, one second later."""
        with self._lock:
            self.now += timedelta(seconds=1)
            person: dict[str, Any] = {"id": number, "status": status}
            if name is not None:
                person["name"] = name
            self.persons[number] = person | {"changed": self.now}
            return self.persons[number]

    def send(self, kind: str, number: int, **more: Any) -> int:
        """Put a message about a person into the queue."""
        with self._lock:
            person = self.change(number, **more)
            self.sent += 1
            self.queue[self.sent] = {"number": self.sent, "kind": kind, "person": person}
            return self.sent

    def count(self, operation: str) -> int:
        """How often an operation was called."""
        return sum(name == operation for name, _ in self.calls)

    def answer(self, operation: str, values: Any) -> Any:
        """Return the values of a response, or a fault."""
        with self._lock:
            self.calls.append((operation, values))
            before = self.before.get(operation, lambda _: None)
            if (told := before(self.count(operation))) is not None:
                return told
            return getattr(self, _snake(operation))(values)

    @contextmanager
    def call(self, operation: str, values: Mapping[str, Any]) -> Iterator[Iterator[bytes]]:
        """Be the wire, too: for tests without a network."""
        told = self.answer(operation, contract().decode_request(operation, _request(operation, values)))
        yield iter([told if isinstance(told, bytes) else contract().encode_response(operation, told)])

    def _list_persons(self, values: Any) -> Any:
        ids = sorted(self.persons)
        first = (values["page"] - 1) * values["size"]
        page = ids[first : first + values["size"]]
        persons = {"person": [self.persons[n] for n in page]}
        return {"persons": persons, "total": len(ids), "more": first + values["size"] < len(ids)}

    def _list_ids(self, values: Any) -> Any:
        return {"entry": [{"id": n, "status": p["status"]} for n, p in sorted(self.persons.items())]}

    def _get_persons(self, values: Any) -> Any:
        return {"person": [self.persons[n] for n in reversed(values["ids"]["id"]) if n in self.persons]}

    def _get_changes(self, values: Any) -> Any:
        since, until = values.get("since", START), values.get("until")
        found = sorted(self.persons.values(), key=lambda p: p["changed"])
        found = [p for p in found if p["changed"] >= since and (until is None or p["changed"] < until)]
        first = (values["page"] - 1) * self.size
        return {"person": found[first : first + self.size], "more": first + self.size < len(found)}

    def _get_feed(self, values: Any) -> Any:
        first = int(values.get("token", "0"))
        found = sorted(self.persons.values(), key=lambda p: p["changed"])[first : first + self.size]
        return {"person": found, "next": str(first + len(found))}

    def _fetch_messages(self, values: Any) -> Any:
        return {"message": [self.queue[n] for n in sorted(self.queue)][: values["most"]]}

    def _acknowledge(self, values: Any) -> Any:
        if self.queue.pop(values["number"], None) is None:
            return SoapFault("Client", "unknown message")
        return {}

    def _acknowledge_all(self, values: Any) -> Any:
        for number in values["number"]:
            self.queue.pop(number, None)
        return {}


def _snake(operation: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in operation)


def _request(operation: str, values: Mapping[str, Any]) -> bytes:
    return contract().encode_request(operation, dict(values))
