"""What happened to each extract, told on the lifecycle topic."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from connectors.links import Links
from connectors.log_reader import read_all

ExtractState = Literal[
    # Of a window of expected files, before there is an extract.
    "scheduled", "arrived", "late", "missing",
    # Of the source's own description (a WSDL) beside the one that was imported.
    "drifted", "agreed",
    # Of an extract, in the order of its life.
    "invalid", "waiting", "started", "reading", "completed", "held", "committed", "archived",
    # Other ends and turns.
    "failed", "retrying", "superseded", "skipped",
    # What people say: `by` and `reason` tell who and why.
    "approved", "rejected", "reprocess",
]  # fmt: skip

#: States that speak of expected files, not of an extract.
WINDOW_STATES = frozenset({"scheduled", "arrived", "late", "missing"})
#: States that speak of a source's description, not of an extract; `problems` of `drifted` say how it differs.
CONTRACT_STATES = frozenset({"drifted", "agreed"})
#: From state to the states that may follow it for one file; "" is where it begins. A process that dies lets
#: its successor begin again at "started". (A poll has only ends: committed, failed, held and what follows.)
FOLLOWS: dict[str, frozenset[str]] = {
    "": frozenset({"started", "invalid", "waiting", "skipped", "superseded"}),
    "invalid": frozenset({"started", "invalid", "skipped", "superseded", "waiting"}),
    "waiting": frozenset(
        {"started", "completed", "failed", "waiting", "invalid", "skipped", "superseded", "reprocess"}
    ),
    "started": frozenset({"reading"}),
    "reading": frozenset({"completed", "failed", "invalid", "waiting", "started", "superseded", "skipped"}),
    "completed": frozenset({"held", "committed", "started"}),
    "held": frozenset({"approved", "rejected", "superseded", "skipped", "started"}),
    "approved": frozenset({"committed", "superseded"}),
    "rejected": frozenset({"archived", "retrying", "reprocess", "skipped"}),
    "failed": frozenset({"started", "superseded", "skipped", "reprocess", "waiting"}),
    "committed": frozenset({"archived", "retrying", "reprocess", "skipped"}),
    "superseded": frozenset({"archived", "retrying", "reprocess", "skipped"}),
    "skipped": frozenset({"archived", "retrying", "reprocess", "skipped", "started"}),
    "retrying": frozenset({"archived", "retrying", "skipped", "reprocess"}),
    "archived": frozenset({"reprocess", "skipped"}),
    "reprocess": frozenset({"started", "reprocess", "waiting"}),
}


class LifecycleEvent(BaseModel):
    """One step of one extract. `extract` is empty where a source could not even be looked at."""

    model_config = ConfigDict(frozen=True)

    adapter: str
    extract: str
    state: ExtractState
    at_ms: int
    file: str | None = None
    counts: dict[str, int] = Field(default_factory=dict, description="r, c, u, d, rejected, unchanged")
    nulled: dict[str, int] = Field(
        default_factory=dict, description="Bad values that became null because settings say so, by field."
    )
    problems: tuple[str, ...] = ()
    #: Who decided, for approved, rejected and reprocess, and for skipped where a person did.
    by: str = ""
    reason: str = ""
    #: When a file is due (epoch milliseconds), for scheduled, arrived, late and missing.
    due_ms: int = 0
    #: Number in a sequence: of the extract, or of what a person skips.
    sequence: int | None = None
    #: Pseudonyms of some keys of a held extract, by entity and kind of change.
    samples: dict[str, dict[str, tuple[str, ...]]] = Field(default_factory=dict)

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
