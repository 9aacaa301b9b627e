"""What a person says about a held extract: approve or reject, recorded on the lifecycle topic (G6)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from adapters.lifecycle import ExtractState, LifecycleEvent, history
from adapters.orders import record
from adapters.state import Held, read_states
from connectors.links import Links
from schemas.errors import Terminal


@dataclass(frozen=True, slots=True)
class HeldExtract:
    """An extract that waits, with what it would do and why it waits."""

    adapter: str
    extract: str
    at_ms: int
    file: str | None
    reasons: tuple[str, ...]
    counts: dict[str, int]
    #: Pseudonyms of some keys, by entity and kind of change.
    samples: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)


def held(links: Links) -> list[HeldExtract]:
    """Return every extract that waits for a decision.

    Raises:
        Transient: Kafka does not answer.
    """
    waiting = {a: s.held for a, s in read_states(links).items() if s.held}
    if not waiting:
        return []
    start = {0: min(one.told_from for one in waiting.values())}
    told = {(e.adapter, e.extract): e for e in history(links, start=start) if e.state == "held"}
    return [_held(adapter, one, told.get((adapter, one.extract))) for adapter, one in sorted(waiting.items())]


def approve(links: Links, adapter: str, extract: str, *, by: str, reason: str) -> None:
    """Let a held extract be published as it was prepared; the running adapter does it at its next look.

    Raises:
        Terminal: it is not held: unknown, decided, or superseded by a newer full extract (10.3).
        Transient: Kafka does not answer.
    """
    _decide(links, adapter, extract, "approved", by, reason)


def reject(links: Links, adapter: str, extract: str, *, by: str, reason: str) -> None:
    """Throw a held extract away: nothing of it is published, the previous picture stays.

    Raises:
        Terminal: it is not held.
        Transient: Kafka does not answer.
    """
    _decide(links, adapter, extract, "rejected", by, reason)


def decision(links: Links, adapter: str, waiting: Held) -> ExtractState | None:
    """Return `approved` or `rejected` once somebody has decided about `waiting`."""
    answers: list[ExtractState] = [
        e.state
        for e in history(links, adapter, start={0: waiting.told_from})
        # By place on the topic, not by time: the person's clock is another one than the adapter's.
        if e.extract == waiting.extract and e.state in ("approved", "rejected")
    ]
    return answers[0] if answers else None


def _decide(links: Links, adapter: str, extract: str, answer: ExtractState, by: str, reason: str) -> None:
    state = read_states(links).get(adapter)
    if state is None or state.held is None or state.held.extract != extract:
        waits = f"waiting there: {state.held.extract}" if state and state.held else "nothing waits there"
        raise Terminal(
            f"the extract {extract} is not held, so it cannot be {answer} ({waits})",
            where=adapter,
            fix="see `banyan adapter list`; a newer full extract supersedes a held one",
        )
    if earlier := decision(links, adapter, state.held):
        raise Terminal(
            f"the extract {extract} was {earlier} already", where=adapter, fix="wait for the adapter"
        )
    event = LifecycleEvent(
        adapter=adapter, extract=extract, state=answer, at_ms=_now_ms(), by=by, reason=reason
    )
    record(links, event)


def _held(adapter: str, waiting: Held, told: LifecycleEvent | None) -> HeldExtract:
    return HeldExtract(
        adapter,
        waiting.extract,
        waiting.at_ms,
        told.file if told else waiting.file,
        told.problems if told else (),
        told.counts if told else {},
        told.samples if told else {},
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
