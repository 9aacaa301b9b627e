"""Whose turn it is: what to do with an extract that a look has shown (DESIGN 10.3). Pure."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from adapters.extract import Extract
from adapters.spool import Manifest
from adapters.state import AdapterState, Blocked, Held


@dataclass(frozen=True, slots=True)
class Turn:
    """The decision.

    Attributes:
        kind: `take` it; `known`: it needs no more work; `rest`: it failed or is held and waits for others;
            `wait`: its turn has not come; `refuse`: it must not come at all; `pass`: it is out of date.
        reason: why, where it is not taken.
        doubts: why a person must look at it before it is published.
    """

    kind: Literal["take", "known", "rest", "wait", "refuse", "pass"]
    reason: str = ""
    doubts: tuple[str, ...] = ()


def turn(
    extract: Extract,
    state: AdapterState,
    *,
    failed: Container[str] = (),
    stuck: str = "",
    older: Literal["hold", "pass"] = "hold",
) -> Turn:
    """Return what becomes of an extract.

    Args:
        extract: what a look has shown.
        state: where the adapter stands.
        failed: ids of extracts that failed in this process.
        stuck: why a part of the sequence before this one cannot be taken now ('' = none).
        older: what a full extract is whose time is before that of the one committed last.
    """
    again = extract.id in state.again
    known = extract.origin.file is not None and extract.id in state.known and not again
    if (fault := fault_of(extract)) and not known:
        return Turn("refuse", fault)
    if known:
        return Turn("known")
    if extract.id in failed or (state.held is not None and state.held.extract == extract.id):
        return Turn("rest")
    if extract.partial:
        return _part(extract, state, stuck, again=again)
    return _whole(extract, state, older, again=again)


def superseded(manifest: Manifest, state: AdapterState, failed: Mapping[str, Extract]) -> list[str]:
    """Return the ids of failed and held extracts that a prepared one takes the place of.

    Args:
        manifest: the prepared extract.
        state: where the adapter stands.
        failed: extracts that failed in this process, by id.
    """
    held = state.held
    if manifest.partial:
        # A part takes the place of nothing but itself: a mended file of the same name or number. One that was
        # rejected is known: it has come to its end already.
        parts = [p for p in (held, state.blocked) if p is not None]
        ids = [p.extract for p in parts if _same_part(p, manifest) and p.extract not in state.known]
    else:
        # By business time a failed one may be newer than this, which came late: then it stays.
        ids = [e.id for e in failed.values() if not e.partial and not _newer(e, manifest)]
        ids += [held.extract] if held and not held.partial else []
    return [e for e in dict.fromkeys(ids) if e != manifest.extract]


def number_of(extract: Extract) -> int | None:
    """Return an extract's number in its sequence, if it has one."""
    number: int | None = getattr(extract, "sequence", None)
    return number


def fault_of(extract: Extract) -> str:
    """Return why an extract is not even read; empty where it is."""
    return str(getattr(extract, "fault", ""))


def _part(extract: Extract, state: AdapterState, stuck: str, *, again: bool) -> Turn:
    """Parts of a sequence: none overtakes one that failed, is held or is missing, unless a person says so."""
    if stuck:
        return Turn("wait", stuck)
    number = number_of(extract)
    held = state.held if state.held is not None and state.held.partial else None
    for one, what in ((held, "is held"), (state.blocked, "failed or was rejected")):
        if one is None or one.extract == extract.id:
            continue
        mends = extract.origin.file is not None and extract.origin.file == one.file
        if not mends and not (number is not None and number == one.sequence):
            return Turn("wait", f"{one.file or one.extract} before it in the sequence {what}")
    if number is None or state.sequence is None or again:
        return Turn("take")
    if number <= state.sequence:
        return Turn("refuse", f"number {number} was taken already; {state.sequence} was the last one")
    if number > state.sequence + 1:
        first, last = state.sequence + 1, number - 1
        missing = f"file {first} is" if first == last else f"files {first} to {last} are"
        return Turn("wait", f"{missing} missing")
    return Turn("take")


def _whole(extract: Extract, state: AdapterState, older: str, *, again: bool) -> Turn:
    """Full extracts: a newer one takes the place of all before it; an older one is a person's matter."""
    origin, number = extract.origin, number_of(extract)
    business = origin.ts_ms if origin.ts_kind == "business" else 0
    if business and state.held is not None and not state.held.partial and business < state.held.ts_ms:
        return Turn("wait", f"{state.held.file or state.held.extract}, which is newer, is held")
    doubts = []
    if business and business < state.ts_ms:
        doubts.append(
            f"its business date {_day(business)} is before {_day(state.ts_ms)}, the one committed last"
        )
    if number is not None and state.sequence is not None and number < state.sequence:
        doubts.append(f"its number {number} is before {state.sequence}, the one committed last")
    if doubts and older == "pass" and not again:
        return Turn("pass", doubts[0])
    return Turn("take", doubts=tuple(doubts))


def _day(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d}"


def _same_part(one: Blocked | Held, manifest: Manifest) -> bool:
    named = manifest.file is not None and one.file == manifest.file
    return named or (manifest.sequence is not None and one.sequence == manifest.sequence)


def _newer(extract: Extract, manifest: Manifest) -> bool:
    origin = extract.origin
    return origin.ts_kind == "business" and origin.ts_ms > manifest.business_ms > 0
