"""Where an adapter stands, as Kafka knows it: the only commit point (DESIGN 10.2).

The record goes into the same transaction as the events that it speaks of. Everything local (spools,
snapshots) is found from it.
"""

from __future__ import annotations

import time
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from connectors.admin import Admin
from connectors.links import Links
from connectors.log_reader import read_all, read_state
from schemas.errors import Transient

#: So many finished extract ids are remembered; a file dropped again after more than this many others
#: is compared afresh, which publishes only what really differs.
KNOWN = 1_000
#: A dead producer's transaction is aborted by the broker within its time-out of 60 s; twice that is a fault.
_SETTLED_SECONDS = 120.0

Offsets = dict[str, dict[str, int]]


class Held(BaseModel):
    """An extract that waits for a person."""

    model_config = ConfigDict(frozen=True)

    extract: str
    spool: str
    snapshot: str
    partial: bool
    at_ms: int
    #: Business time of a full extract; 0 without one.
    ts_ms: int = 0
    #: Offset on the lifecycle topic at or before which it was told: answers are looked for from there.
    told_from: int = 0
    #: So many of its dead letters are published, because the extract itself will not be.
    letters: int = 0
    #: The file, and its number in its sequence, where it has one.
    file: str | None = None
    sequence: int | None = None


class Blocked(BaseModel):
    """A part of a sequence that failed: the parts behind it wait until it is mended or skipped on record."""

    model_config = ConfigDict(frozen=True)

    extract: str
    file: str | None = None
    sequence: int | None = None


class Awaited(BaseModel):
    """The window of expected files that is told next."""

    model_config = ConfigDict(frozen=True)

    #: When a file of it is due; 0 before the first look.
    due_ms: int = 0
    told: Literal["", "scheduled", "late"] = ""


class AdapterState(BaseModel):
    """The value of one key of the adapter_state topic.

    `extract`, `spool`, `position`, `offsets` and `done` speak of the extract published last, or half
    published; `snapshot` is the last committed one.
    """

    model_config = ConfigDict(frozen=True)

    extract: str = ""
    spool: str = ""
    position: int = 0
    done: bool = True
    snapshot: str = ""
    offsets: Offsets = Field(default_factory=dict)
    #: What the half published extract replaces.
    superseded: tuple[str, ...] = ()
    #: Topic → key schema id, value schema id.
    schemas: dict[str, tuple[int, int]] = Field(default_factory=dict)
    #: The last extracts that need no more work, oldest first.
    known: tuple[str, ...] = ()
    held: Held | None = None
    #: Business time of the newest full extract committed; 0 without one.
    ts_ms: int = 0
    #: Snapshot id of the picture that was rejected last.
    refused: str = ""
    #: Digest of the records that the poll committed last rejected; empty for files and without rejects.
    letters: str = ""
    #: Fingerprint of the secret behind the pseudonymous keys on Kafka; empty for plain keys.
    secret: str = ""
    #: The part of the sequence that failed, where later parts wait for it.
    blocked: Blocked | None = None
    #: Number of the last part of the sequence that was taken or skipped.
    sequence: int | None = None
    #: Extracts that a person wants processed although they were before.
    again: tuple[str, ...] = ()
    #: Settled extracts whose files still lay in their place.
    unarchived: tuple[str, ...] = ()
    #: Extract → why it is not taken, as it was told: of those that lie in their place and wait.
    waits: dict[str, str] = Field(default_factory=dict)
    #: Offset on the lifecycle topic up to which people's orders are carried out.
    orders_from: int = 0
    awaited: Awaited = Field(default_factory=Awaited)
    #: Digest of the drift of the source's description that was told last; empty where it agrees.
    drift: str = ""
    #: What the adapter itself must not forget: how far it has read, which messages it has taken.
    memory: str = ""

    def remember(self, *extracts: str) -> tuple[str, ...]:
        """Return `known` with these ids at its end."""
        older = tuple(e for e in self.known if e not in extracts)
        return (*older, *dict.fromkeys(extracts))[-KNOWN:]

    def lie(self, *extracts: str) -> tuple[str, ...]:
        """Return `unarchived` with these ids in it."""
        return tuple(dict.fromkeys((*self.unarchived, *extracts)))[-KNOWN:]


def read(links: Links, adapter: str) -> AdapterState:
    """Return the adapter's last committed state. Call it after `init_transactions`.

    Several adapters share the topic, and a `read_committed` reader stops before the first open
    transaction of *any* of them. So this waits until the topic is settled past our own last record:
    an older state would publish a whole transaction again.

    Raises:
        Transient: another producer's transaction stays open, or the topic, which was made, cannot be seen:
            taken for an empty one, everything would be published again.
    """
    topic, key = links.topics.adapter_state.name, adapter.encode()
    admin = Admin(links.kafka)
    if not admin.partitions(topic):
        raise Transient("the topic cannot be seen", where=topic, fix="see that the broker runs")
    ours = [r.offset for r in read_all(links.kafka, topic, read_committed=False) if r.key == key]
    deadline = time.monotonic() + _SETTLED_SECONDS
    while ours and admin.last_stable_offsets(topic).get(0, 0) <= ours[-1]:
        if time.monotonic() > deadline:
            raise Transient("another producer's transaction stays open", where=topic, fix="see what runs")
        time.sleep(0.1)
    value = read_state(links.kafka, topic).get(key)
    return AdapterState() if value is None else AdapterState.model_validate_json(value)


def read_states(links: Links) -> dict[str, AdapterState]:
    """Return the committed state of every adapter by name, for people to look at."""
    states = read_state(links.kafka, links.topics.adapter_state.name)
    return {key.decode(): AdapterState.model_validate_json(value) for key, value in states.items()}
