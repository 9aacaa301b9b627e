"""A checkpoint over a real store, for tests."""

from __future__ import annotations

import uuid
from pathlib import Path

from connectors.readmodel.stores import Stores
from streams.checkpoint import Checkpoint
from streams.projection import row_projection
from tests.unit.streams.events import TOPIC, Book, Writer, row

CLAIM = row_projection("claim", source="esa.claim", collection="claims", indexes=["n"])


class Rig:
    """A checkpoint over a real store: a SQLite file, or a PostgreSQL schema of its own."""

    def __init__(self, folder: Path, url: str = "", partitions=(0,), projection=CLAIM) -> None:
        self.stores = Stores(folder, f"t{uuid.uuid4().hex[:8]}", url)
        self.projection = projection
        self.book = Book()
        self.writer = Writer(self.book)
        self.file = folder / "claim.v1.sqlite"
        self.reader = self.stores.reader("claim", 1)
        self.letters = []
        self.partitions = partitions
        self.open()

    def open(self) -> None:
        self.store = self.stores.writer("claim", 1, topic=TOPIC)
        self.checkpoint = Checkpoint(self.projection, TOPIC, self.store, self.book, self.letters.extend)
        assert self.checkpoint.ensure_table()
        self.offsets = self.checkpoint.claim([(TOPIC, p) for p in self.partitions])

    def crash(self) -> None:
        self.store.close()
        self.open()

    def close(self) -> None:
        self.store.close()
        self.reader.close()

    def apply(self, given_batch) -> None:
        prepared = self.checkpoint.prepare(given_batch)
        if prepared is not None:
            self.checkpoint.commit(prepared)

    def rows(self) -> dict:
        return {r.values["nino"]: r.values["n"] for r in self.reader.rows({})}

    def parked(self) -> list:
        return self.stores.parked("claim", 1).all()

    def create(self, nino: str, n: int = 1):
        image = row(nino, n)
        return self.writer.key(image), self.writer.event("c", None, image)

    def delete(self, nino: str):
        image = row(nino)
        return self.writer.key(image), self.writer.event("d", image, None)

    def tombstone(self, nino: str):
        return self.writer.key(row(nino)), None


def ask(rig, action, offset, value=None):
    """Decide about a parked event as the command does, and let the worker answer."""
    desk = rig.stores.parked("claim", 1)
    desk.ask(desk.one(0, offset), action, who="ann", why="a test", value=value)
    rig.checkpoint.answer()
    return desk.history()[-1].outcome
