"""What happened to each extract, told on the lifecycle topic."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from connectors.links import Links
from connectors.log_reader import read_all

ExtractState = Literal[
    "started", "held", "approved", "rejected", "superseded", "skipped", "failed", "retrying", "committed"
]


class LifecycleEvent(BaseModel):
    """One step of one extract. `extract` is empty where a source could not even be looked at."""

    model_config = ConfigDict(frozen=True)

    adapter: str
    extract: str
    state: ExtractState
    at_ms: int
    file: str | None = None
    counts: dict[str, int] = Field(default_factory=dict, description="r, c, u, d, rejected, unchanged")
    problems: tuple[str, ...] = ()
    #: Who decided, for approved and rejected.
    by: str = ""
    reason: str = ""

    @classmethod
    def now(cls, adapter: str, extract: str, state: ExtractState, **more: object) -> LifecycleEvent:
        """Return an event of this moment."""
        at_ms = time.time_ns() // 1_000_000
        return cls.model_validate(
            {"adapter": adapter, "extract": extract, "state": state, "at_ms": at_ms, **more}
        )

    def encode(self) -> bytes:
        """Return the record's value: UTF-8 JSON."""
        return self.model_dump_json().encode()


def history(
    links: Links, adapter: str | None = None, *, start: Mapping[int, int] | None = None
) -> Iterator[LifecycleEvent]:
    """Yield what has been told so far, oldest first, of one adapter or of all.

    Args:
        links: the hub.
        adapter: only this one.
        start: first offset by partition.

    Raises:
        Transient: Kafka does not answer.
    """
    for record in read_all(links.kafka, links.topics.lifecycle.name, start=start):
        if record.value is not None and (adapter is None or record.key == adapter.encode()):
            yield LifecycleEvent.model_validate_json(record.value)
