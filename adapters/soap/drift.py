"""The live WSDL beside the imported one: what has changed, looked at from time to time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import structlog

from adapters.soap.contract import Contract
from adapters.soap.wsdl import Operation
from adapters.soap.xsd_types import Element, Schema, SimpleType
from adapters.watching import Drift
from schemas.errors import BanyanError

#: Differences that are told; a service that was replaced by another one has thousands.
_TOLD = 20
#: Deeper than this a message is not compared: recursive types have no end.
_DEEP = 12

log = structlog.get_logger("banyan.adapter")


def drift(ours: Contract, live: Contract) -> Drift:
    """Return how a live contract differs from ours: operations, and elements of their messages by path.

    Addresses, comments, prefixes and the cut into documents do not count.
    """
    found = [f"{name}: the operation is gone" for name in ours.operations.keys() - live.operations.keys()]
    found += [f"{name}: a new operation" for name in live.operations.keys() - ours.operations.keys()]
    for name in ours.operations.keys() & live.operations.keys():
        found += _operation(ours.schema, ours.operations[name], live.schema, live.operations[name])
    found.sort()
    more = len(found) - _TOLD
    return Drift((*found[:_TOLD], f"and {more} more") if more > 0 else tuple(found))


class DriftWatch:
    """Fetches the live contract every so often, beside the adapter's own work.

    A service that does not answer, or has no WSDL to give, says nothing about its contract: that is logged.

    Args:
        name: the adapter's.
        ours: the contract that it was made for.
        fetch: reads the live one.
        seconds: between two comparisons.
    """

    def __init__(self, name: str, ours: Contract, fetch: Callable[[], Contract], seconds: float) -> None:
        self._name, self._ours, self._fetch, self._seconds = name, ours, fetch, seconds
        self._latest: Drift | None = None
        self._next = float("-inf")
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"<DriftWatch {self._name}>"

    def latest(self) -> Drift | None:
        """Return what the last comparison gave, None before the first; begin the next one if it is due."""
        if time.monotonic() >= self._next and (self._thread is None or not self._thread.is_alive()):
            self._next = time.monotonic() + self._seconds
            self._thread = threading.Thread(target=self.look, name=f"drift-{self._name}", daemon=True)
            self._thread.start()
        return self._latest

    def look(self) -> None:
        """Compare now."""
        try:
            self._latest = drift(self._ours, self._fetch())
        except BanyanError as error:
            log.warning("the live WSDL cannot be read", adapter=self._name, error=str(error))


def _operation(ours: Schema, mine: Operation, live: Schema, theirs: Operation) -> Iterator[str]:
    for what in ("action", "style", "use", "one_way"):
        before, after = getattr(mine, what), getattr(theirs, what)
        if before != after:
            yield f"{mine.name}: {what} was {before!r}, is {after!r}"
    for side in ("request", "response"):
        before = _paths(ours, getattr(mine, side))
        after = _paths(live, getattr(theirs, side))
        for path in sorted(before.keys() | after.keys()):
            place = f"{mine.name}: {side} {path}"
            if path not in after:
                yield f"{place}: is gone"
            elif path not in before:
                yield f"{place}: is new ({after[path]})"
            elif before[path] != after[path]:
                yield f"{place}: was {before[path]}, is {after[path]}"
    known = {f.name for f in mine.faults} ^ {f.name for f in theirs.faults}
    yield from (f"{mine.name}: the fault {name} is declared on one side only" for name in sorted(known))


def _paths(schema: Schema, element: Element | None) -> dict[str, str]:
    """Return every element and attribute of a message by its path, each with its type in words."""
    found: dict[str, str] = {}

    def walk(here: Element, path: str, above: tuple[str, ...]) -> None:
        found[path] = _words(here)
        kind = schema.complex(here)
        if kind is None or len(above) > _DEEP or (kind.name and kind.name in above):
            return
        for attribute in kind.attributes:
            need = "required" if attribute.required else "optional"
            found[f"{path}/@{attribute.name}"] = f"{_simple(attribute.type)}, {need}"
        for child in kind.elements:
            walk(child, f"{path}/{child.local}", (*above, kind.name))

    if element is not None:
        walk(element, element.name, ())
    return found


def _words(element: Element) -> str:
    kind = _simple(element.type) if isinstance(element.type, SimpleType) else "complex"
    most = "many" if element.max_occurs is None else str(element.max_occurs)
    nil = ", nillable" if element.nillable else ""
    return f"{kind}, {element.min_occurs} to {most}{nil}"


def _simple(kind: SimpleType) -> str:
    facets = [
        f"{name} {value}"
        for name, value in (
            ("length", kind.min_length if kind.min_length == kind.max_length else None),
            ("at least", kind.min_length if kind.min_length != kind.max_length else None),
            ("at most", kind.max_length if kind.min_length != kind.max_length else None),
            ("digits", kind.total_digits),
            ("decimals", kind.fraction_digits),
            ("from", kind.minimum),
            ("to", kind.maximum),
        )
        if value is not None
    ]
    if kind.enumeration:
        facets.append(f"one of {len(kind.enumeration)}: {', '.join(kind.enumeration[:8])}")
    if kind.patterns or kind.pattern:
        facets.append("of a pattern")
    return " ".join([kind.base if kind.variety == "atomic" else kind.variety, *facets])
