"""Two workers, one partitioned log, one store, any order of events: the rows are always those of the log."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from connectors.readmodel.store import Fenced
from connectors.readmodel.stores import Stores
from streams.checkpoint import Checkpoint, Gap
from streams.projection import row_projection
from tests.unit.streams.events import TOPIC, Book, Writer, batch, row

CLAIM = row_projection("claim", source="esa.claim", collection="claims")
PARTITIONS = 2
WORKERS = st.integers(0, 1)
PLACES = st.integers(0, PARTITIONS - 1)


class Crash(Exception):
    """The worker dies at this moment."""


class Machine(RuleBasedStateMachine):
    """A checkpoint a worker; a rebalance is a claim, and the other worker does not hear of it: a zombie."""

    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.book = Book()
        self.writer = Writer(self.book)
        self.folder = tempfile.TemporaryDirectory()
        self.stores = Stores(Path(self.folder.name), f"t{uuid.uuid4().hex[:8]}", self.url)
        self.log: list[list[Any]] = [[] for _ in range(PARTITIONS)]
        #: What each event means: key, value or None for a delete; "bad" for one that cannot be decoded.
        self.meaning: list[list[Any]] = [[] for _ in range(PARTITIONS)]
        self.letters: list[Any] = []
        self.dying = False
        # SQLite takes one open writer: there the zombie shares the file's store, not its memory.
        self.store: Any = None
        self.workers: list[Any] = [None, None]
        self.prepared: list[list[Any]] = [[], []]
        for number in (0, 1):
            self.start(number)
        self.reader = self.stores.reader("claim", 1)

    def teardown(self) -> None:
        self.reader.close()
        for store in {id(w[1]): w[1] for w in self.workers}.values():
            store.close()
        self.folder.cleanup()

    def start(self, number: int) -> None:
        if self.url or self.store is None:
            self.store = self.stores.writer("claim", 1, topic=TOPIC)
        checkpoint = Checkpoint(CLAIM, TOPIC, self.store, self.book, self.send)
        checkpoint.ensure_table()
        self.workers[number] = (checkpoint, self.store)
        self.prepared[number] = []

    def send(self, letters: Any) -> None:
        if self.dying:
            raise Crash
        self.letters += letters

    @rule(place=PLACES, nino=st.sampled_from("AB"), kind=st.sampled_from(["set", "delete", "bad"]))
    def publish(self, place: int, nino: str, kind: str) -> None:
        nino = f"{nino}{place}"
        image = row(nino, len(self.log[place]))
        key = self.writer.key(image)
        value = {
            "set": self.writer.event("u", None, image),
            "delete": self.writer.event("d", image, None),
            "bad": b"\0\0\0",
        }[kind]
        self.log[place].append((key, value))
        self.meaning[place].append((nino, kind, image["N"]))

    @rule(worker=WORKERS)
    def rebalance(self, worker: int) -> None:
        """The worker takes all partitions over; the other one is not told."""
        self.prepared[worker] = []
        self.workers[worker][0].claim([(TOPIC, p) for p in range(PARTITIONS)])

    @rule(worker=WORKERS, place=PLACES, back=st.integers(0, 3), size=st.integers(1, 4))
    def fetch(self, worker: int, place: int, back: int, size: int) -> None:
        """A batch comes, perhaps one that overlaps what was handed out before."""
        checkpoint = self.workers[worker][0]
        at = checkpoint._next.get((TOPIC, place))
        if at is None:
            return
        first = max(0, at - back)
        records = self.log[place][first : at + size]
        if records:
            prepared = checkpoint.prepare(batch(records, first=first, partition=place))
            if prepared is not None:
                self.prepared[worker].append(prepared)

    @rule(worker=WORKERS, dies=st.booleans())
    def commit(self, worker: int, dies: bool) -> None:
        """The oldest batch is stored, or refused, or the worker dies between dead letter and store."""
        if not self.prepared[worker]:
            return
        prepared = self.prepared[worker].pop(0)
        self.dying = dies
        try:
            self.workers[worker][0].commit(prepared)
        except Crash:
            self.start(worker)
        except Fenced:
            place = prepared.change.place
            self.prepared[worker] = [p for p in self.prepared[worker] if p.change.place != place]
            self.workers[worker][0].give_up(place)
        finally:
            self.dying = False

    @rule(worker=WORKERS)
    def crash(self, worker: int) -> None:
        """The worker is killed with everything that it has prepared."""
        if self.url:
            self.workers[worker][1].close()
        self.start(worker)

    @rule(worker=WORKERS, place=PLACES)
    def lost_batch(self, worker: int, place: int) -> None:
        """A batch that does not begin where the last one ended is refused."""
        at = self.workers[worker][0]._next.get((TOPIC, place))
        if at is not None:
            with pytest.raises(Gap):
                far = batch([self.log[0][0] if self.log[0] else (b"k", b"")], first=at + 5, partition=place)
                self.workers[worker][0].prepare(far)

    @rule(worker=WORKERS)
    @precondition(lambda self: any(self.meaning))
    def drop_parked(self, worker: int) -> None:
        """Somebody drops the first event that waits; the worker that owns its partition answers, if any."""
        desk = self.stores.parked("claim", 1)
        waiting = [p for p in desk.all() if p.value == b"\0\0\0"]
        if not waiting or self.prepared[worker]:
            return
        checkpoint = self.workers[worker][0]
        event = waiting[0]
        desk.ask(event, "drop", who="ann", why="a test")
        try:
            checkpoint.answer()
        except Fenced:
            checkpoint.give_up((event.topic, event.partition))

    @invariant()
    def rows_are_those_of_the_log(self) -> None:
        stored = {int(p): n for p, n in self.reader.status()["offsets"].items()}
        truth: dict[str, int] = {}
        dropped = {
            (d.source.split(":")[1], d.source.split(":")[2])
            for d in self.stores.parked("claim", 1).history()
            if d.outcome and d.outcome.startswith("dropped")
        }
        for place, events in enumerate(self.meaning):
            waits: set[str] = set()
            for offset, (nino, kind, n) in enumerate(events[: stored.get(place, 0)]):
                if (str(place), str(offset)) in dropped:
                    continue
                if kind == "bad":
                    waits.add(nino)
                elif nino not in waits and kind == "set":
                    truth[nino] = n
                elif nino not in waits and kind == "delete":
                    truth.pop(nino, None)
        assert {r.values["nino"]: r.values["n"] for r in self.reader.rows({})} == truth
        assert self.reader.status()["events"] == sum(stored.values())


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_two_workers_any_order(store: str, request: pytest.FixtureRequest) -> None:
    """Whatever crashes, overlaps, moves or wakes up: rows are those of the log up to the offset."""
    url = "" if store == "sqlite" else request.getfixturevalue("postgres").new_database()
    machine = type("Run", (Machine,), {"url": url})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=15 if store == "sqlite" else 6,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
