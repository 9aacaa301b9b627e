"""Hold an extract that would destroy too much, or whose silence cannot be trusted (G6, DESIGN 10.1). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adapters.spec import GuardSpec


@dataclass(frozen=True, slots=True)
class Tally:
    """The figures of one entity in one extract.

    `known` counts rows before, `rows` good distinct rows in the extract (of a delta file its good records,
    deletes too), `unexpected` the records of a delta file that did not fit what was known; the rest are
    events and rejects.
    """

    known: int = 0
    rows: int = 0
    r: int = 0
    c: int = 0
    u: int = 0
    d: int = 0
    rejected: int = 0
    unchanged: int = 0
    unexpected: int = 0


def reasons_to_hold(
    tallies: Mapping[str, Tally],
    spec: GuardSpec,
    *,
    partial: bool,
    unreadable_keys: int,
    problems: Sequence[str],
    doubts: Sequence[str] = (),
) -> list[str]:
    """Return why a person must look before this extract is published; empty = publish.

    Args:
        tallies: figures by entity name.
        spec: the adapter's thresholds.
        partial: True if absence means nothing by design; then shrinking says nothing.
        unreadable_keys: records whose key could not be read.
        problems: why the extract is not complete, in the adapter's words.
        doubts: why it should be looked at whatever it holds (it is older than the one before).
    """
    reasons = [*doubts, *(f"the extract is not complete: {problem}" for problem in problems)]
    if unreadable_keys:
        reasons.append(
            f"the key of {_count(unreadable_keys, 'record')} cannot be read, so no absence can be trusted"
        )
    for entity, tally in sorted(tallies.items()):
        reasons += _bad(entity, tally, spec)
        if not partial:
            reasons += _shrinking(entity, tally, spec) or _growing(entity, tally, spec)
    return reasons


def _bad(entity: str, tally: Tally, spec: GuardSpec) -> list[str]:
    if spec.max_rejects is not None and tally.rejected > spec.max_rejects:
        return [f"{entity}: {tally.rejected} records are bad; the limit is {spec.max_rejects}"]
    records = tally.rows + tally.rejected
    if records < max(1, spec.min_known) or tally.rejected <= spec.max_reject_share * records:
        return []
    limit = f"the limit is {spec.max_reject_share:.1%}"
    share = tally.rejected / records
    return [f"{entity}: {tally.rejected} of {records} records are bad ({share:.1%}; {limit})"]


def _growing(entity: str, tally: Tally, spec: GuardSpec) -> list[str]:
    if spec.max_growth_share is None or tally.known < max(1, spec.min_known):
        return []
    growth = tally.rows / tally.known - 1
    if growth <= spec.max_growth_share:
        return []
    limit = f"the limit is {spec.max_growth_share:.1%}"
    return [f"{entity}: readable rows grew from {tally.known} to {tally.rows} (by {growth:.1%}; {limit})"]


def _shrinking(entity: str, tally: Tally, spec: GuardSpec) -> list[str]:
    if not tally.known:
        return []
    if not tally.rows and (tally.d or not tally.rejected):
        known = f"{_count(tally.known, 'row')} {'was' if tally.known == 1 else 'were'} known"
        return [f"{entity}: the extract has no readable row, {known}"]
    if tally.known < spec.min_known:
        return []
    limit = f"the limit is {spec.max_delete_share:.1%}"
    if tally.d > spec.max_delete_share * tally.known:
        share = tally.d / tally.known
        return [f"{entity}: {tally.d} of {tally.known} known rows would be deleted ({share:.1%}; {limit})"]
    if tally.rows < (1 - spec.max_delete_share) * tally.known:
        drop = 1 - tally.rows / tally.known
        return [f"{entity}: readable rows fell from {tally.known} to {tally.rows} (by {drop:.1%}; {limit})"]
    return []


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
