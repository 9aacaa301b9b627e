"""What people order beside approving and rejecting: to skip an extract, or to process one again."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from adapters.lifecycle import LifecycleEvent, history
from adapters.state import AdapterState, read_states
from connectors.admin import Admin
from connectors.kafka import TransactionalProducer
from connectors.links import Links
from connectors.log_reader import read_all
from schemas.errors import Terminal


def record(links: Links, event: LifecycleEvent) -> None:
    """Put what a person says on the lifecycle topic; the running adapter reads it at its next look.

    Raises:
        Transient: Kafka does not answer.
    """
    producer = TransactionalProducer(links.kafka, f"{links.prefix}.approval.{event.adapter}")
    try:
        producer.begin()
        producer.send(links.topics.lifecycle.name, 0, event.adapter.encode(), event.encode())
        producer.commit()
    finally:
        producer.close()


def skip(
    links: Links,
    adapter: str,
    *,
    by: str,
    reason: str,
    extract: str | None = None,
    file: str | None = None,
    number: int | None = None,
) -> LifecycleEvent:
    """Let the sequence go on without an extract that failed, is held or is missing.

    Args:
        links: the hub.
        adapter: the adapter's name.
        by: who says so.
        reason: why.
        extract: which one; without any, the one that the sequence waits for.
        file: or its file's name.
        number: or, where it never came, its number.

    Raises:
        Terminal: nothing waits, or there is no such extract.
        Transient: Kafka does not answer.
    """
    state = _state(links, adapter)
    if number is not None:
        if state.sequence is not None and number <= state.sequence:
            raise Terminal(
                f"number {number} was taken already",
                where=adapter,
                fix=f"the last one was {state.sequence}; see `banyan adapter list`",
            )
        return _said(links, adapter, "skipped", "", None, by, reason, number)
    if extract is None and file is None:
        waits = state.blocked or state.held
        if waits is None:
            raise Terminal(
                "nothing failed or is held, so there is nothing to skip",
                where=adapter,
                fix="name a missing file by --number; `banyan adapter files` shows what waits",
            )
        return _said(links, adapter, "skipped", waits.extract, waits.file, by, reason, waits.sequence)
    found = _find(links, adapter, extract, file)
    if found.extract in state.known:
        raise Terminal(f"{found.file or found.extract} needs no more work", where=adapter)
    return _said(links, adapter, "skipped", found.extract, found.file, by, reason, found.sequence)


def reprocess(
    links: Links, adapter: str, *, by: str, reason: str, extract: str | None = None, file: str | None = None
) -> LifecycleEvent:
    """Have an extract processed again that was before; its file comes back from the archive if it is there.

    Raises:
        Terminal: there is no such extract.
        Transient: Kafka does not answer.
    """
    _state(links, adapter)
    found = _find(links, adapter, extract, file)
    return _said(links, adapter, "reprocess", found.extract, found.file, by, reason, found.sequence)


@dataclass(slots=True)
class Orders:
    """Reads what was ordered since the last time; quick where nothing was told at all."""

    links: Links
    adapter: str
    _admin: Admin | None = field(default=None, repr=False)

    def new(self, start: int) -> tuple[list[LifecycleEvent], int]:
        """Return the orders from offset `start` on, and where to start next time.

        Raises:
            Transient: Kafka does not answer.
        """
        topic = self.links.topics.lifecycle.name
        self._admin = self._admin or Admin(self.links.kafka)
        end = self._admin.last_stable_offsets(topic).get(0, 0)
        if end <= start:
            return [], start
        found, key = [], self.adapter.encode()
        for one in read_all(self.links.kafka, topic, start={0: start}):
            end = max(end, one.offset + 1)
            if one.key == key and one.value is not None:
                event = LifecycleEvent.model_validate_json(one.value)
                if event.by and event.state in ("skipped", "reprocess"):
                    found.append(event)
        return found, end


def _state(links: Links, adapter: str) -> AdapterState:
    state = read_states(links).get(adapter)
    if state is None:
        raise Terminal(
            "the adapter has never run, so there is nothing to order",
            where=adapter,
            fix="start it: banyan adapter run",
        )
    return state


def _find(links: Links, adapter: str, extract: str | None, file: str | None) -> LifecycleEvent:
    """Return the newest record of an extract, by its id or its file's name."""
    found = None
    for event in history(links, adapter):
        if event.extract and (event.extract == extract if extract else event.file == file):
            found = event
    if found is None:
        raise Terminal(
            f"no extract {extract or file!r} is on record", where=adapter, fix="see `banyan adapter files`"
        )
    return found


def _said(
    links: Links,
    adapter: str,
    state: str,
    extract: str,
    file: str | None,
    by: str,
    reason: str,
    number: int | None,
) -> LifecycleEvent:
    event = LifecycleEvent.model_validate(
        {
            "adapter": adapter, "extract": extract, "state": state, "file": file, "by": by, "reason": reason,
            "sequence": number, "at_ms": time.time_ns() // 1_000_000,
        }
    )  # fmt: skip
    record(links, event)
    return event
