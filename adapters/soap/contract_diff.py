"""Tell a compatible change of a contract from a breaking one, by direction.

Banyan calls the service (or stands in for it) with the old contract in hand. A request made by the old
contract must be valid in the new one: what narrows a request breaks. An answer by the new contract must be
readable with the old one: what widens a response breaks. What neither widens nor narrows breaks both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from adapters.soap.contract import Contract
from adapters.soap.schema_diff import Effect, SchemaDiff
from adapters.soap.wsdl import Operation
from adapters.soap.xsd_types import Element, local_name

Direction = Literal["operation", "request", "response"]
#: Rule of an operation → (whether it breaks, its words), for the documentation.
OPERATION_RULES: dict[str, tuple[bool, str]] = {
    "operation-added": (False, "an operation is new"),
    "operation-removed": (True, "an operation is gone, or can no longer be imported"),
    "action": (True, "another SOAPAction"),
    "addressing-action": (True, "another WS-Addressing action"),
    "soap-version": (True, "another version of SOAP"),
    "style": (True, "another style or use: document, rpc, literal, encoded"),
    "one-way": (True, "an operation answers, or no longer"),
    "body": (True, "another element stands in the body"),
    "endpoint": (False, "another address"),
    "policy-added": (True, "WS-Policy demands more"),
    "policy-removed": (False, "WS-Policy demands less"),
    "header-added": (True, "another header in the request (in a response it is compatible)"),
    "header-removed": (False, "a header is gone"),
    "fault-added": (False, "another fault: it is read as a fault, its detail kept as XML"),
    "fault-removed": (False, "a fault is gone"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One change between two contracts.

    Attributes:
        path: local names from the body's element, empty for the operation as a whole.
        rule: what kind of change; docs/soap.md has the table.
    """

    operation: str
    direction: Direction
    path: str
    rule: str
    breaking: bool
    what: str

    def as_dict(self) -> dict[str, Any]:
        """Return the change for JSON."""
        return asdict(self)


def compare(old: Contract, new: Contract) -> list[Change]:
    """Return every change from the old to the new contract, breaking ones first."""
    changes: list[Change] = []
    for name in old.operations:
        if name in new.operations:
            changes += _operation(old, new, name)
        else:
            reason = f": {new.refused[name]}" if name in new.refused else ""
            changes.append(_whole(name, "operation-removed", f"is gone{reason}"))
    changes += [
        _whole(name, "operation-added", "is new") for name in new.operations if name not in old.operations
    ]
    return sorted(changes, key=lambda change: not change.breaking)


def _operation(old: Contract, new: Contract, name: str) -> Iterator[Change]:
    before, after = old.operations[name], new.operations[name]
    yield from _plain(before, after)
    yield from _demands(before, after)
    for direction, one, other in (
        ("request", before.request, after.request),
        ("response", before.response, after.response),
    ):
        yield from _body(old, new, name, "request" if direction == "request" else "response", one, other)


def _plain(old: Operation, new: Operation) -> Iterator[Change]:
    for rule, before, after in (
        ("action", old.action, new.action),
        ("soap-version", old.version, new.version),
        ("style", f"{old.style}/{old.use}", f"{new.style}/{new.use}"),
        ("one-way", str(old.one_way), str(new.one_way)),
        ("endpoint", old.endpoint, new.endpoint),
    ):
        if before != after:
            yield _whole(old.name, rule, f"{rule.replace('-', ' ')} {after!r}, not {before!r}")
    actions = (old.request_action, old.response_action), (new.request_action, new.response_action)
    if actions[0] != actions[1]:
        yield _whole(old.name, "addressing-action", f"actions {actions[1]}, not {actions[0]}")


def _demands(old: Operation, new: Operation) -> Iterator[Change]:
    for rule, before, after in (
        ("policy", set(old.policies), set(new.policies)),
        ("fault", {f.name for f in old.faults}, {f.name for f in new.faults}),
    ):
        for name in sorted(after - before):
            yield _whole(old.name, f"{rule}-added", f"{rule} {local_name(name)} is new")
        for name in sorted(before - after):
            yield _whole(old.name, f"{rule}-removed", f"{rule} {local_name(name)} is gone")
    for direction, headers, later in (
        ("request", old.request_headers, new.request_headers),
        ("response", old.response_headers, new.response_headers),
    ):
        side: Direction = "request" if direction == "request" else "response"
        before, after = {h.name for h in headers}, {h.name for h in later}
        for name in sorted(after - before):
            what = f"the header {local_name(name)} is new"
            yield Change(old.name, side, "", "header-added", side == "request", what)
        for name in sorted(before - after):
            yield Change(
                old.name, side, "", "header-removed", False, f"the header {local_name(name)} is gone"
            )


def _body(
    old: Contract, new: Contract, name: str, direction: Direction, one: Element | None, other: Element | None
) -> Iterator[Change]:
    if one is None or other is None or one.name != other.name:
        if one is not other:
            told = [element.name if element is not None else "nothing" for element in (one, other)]
            yield Change(name, direction, "", "body", True, f"the body holds {told[1]}, not {told[0]}")
        return
    for found in SchemaDiff(old.schema, new.schema).elements(one, other, one.local):
        breaking = _breaks(found.effect, direction)
        yield Change(name, direction, found.path, found.rule, breaking, found.what)


def _breaks(effect: Effect, direction: Direction) -> bool:
    return effect == "differs" or effect == ("narrows" if direction == "request" else "widens")


def _whole(operation: str, rule: str, what: str) -> Change:
    return Change(operation, "operation", "", rule, OPERATION_RULES[rule][0], what)
