"""Tests of rows and batches that a store does not take."""

import random
import sqlite3
from dataclasses import replace

import psycopg
import pytest

from connectors.readmodel.postgres_connection import refusal, unavailable
from connectors.readmodel.sqlite import SqliteReadModel
from connectors.readmodel.store import StoreUnavailable
from streams.checkpoint import Poisoned
from tests.unit.streams.events import TOPIC, batch
from tests.unit.streams.rig import CLAIM, Rig, ask


def refusing(rig, monkeypatch):
    """Return a text that the store refuses: one that no index page of PostgreSQL holds."""
    if isinstance(rig.store, SqliteReadModel):
        write = rig.store._upsert

        def limited(table, rows):
            if any(len(row[0]) > 20_000 for row in rows):
                raise sqlite3.DataError("string or blob too big")
            write(table, rows)

        monkeypatch.setattr(rig.store, "_upsert", limited)
    return "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=30_000))


def test_a_row_that_the_store_refuses(rig, monkeypatch):
    """A row that the store can never hold parks its key; the others of the batch and the next one flow."""
    long = refusing(rig, monkeypatch)
    first = rig.checkpoint.prepare(
        batch([rig.create("A", 1), rig.create(long, 1), rig.create("B", 1), rig.create("A", 2)])
    )
    # The engine prepares a batch while the one before it is stored.
    second = rig.checkpoint.prepare(batch([rig.create(long, 2), rig.create("C", 1)], first=4))
    rig.checkpoint.commit(first)
    rig.checkpoint.commit(second)
    assert rig.rows() == {"A": 2, "B": 1, "C": 1}
    assert [p.offset for p in rig.parked()] == [1, 4]
    assert "cannot hold the row" in rig.parked()[0].reason and long not in rig.parked()[0].reason
    assert [p.offset for p in rig.letters] == [1]
    assert rig.checkpoint.stored[TOPIC, 0] == 6
    assert "2 still wait" in ask(rig, "retry", 1)
    rig.apply(batch([rig.create(long, 3), rig.create("D", 1)], first=6))
    assert set(rig.rows()) == {"A", "B", "C", "D"}


@pytest.mark.parametrize("policy", ["skip", "stop"])
def test_a_refused_row_under_the_other_policies(tmp_path, url, policy, monkeypatch):
    """`skip` leaves a refused row out, `stop` applies what comes before it and nothing after."""
    rig = Rig(tmp_path, url, projection=replace(CLAIM, on_poison=policy))
    events = [rig.create("A", 1), rig.create(refusing(rig, monkeypatch), 1), rig.create("B", 1)]
    stored = rig.checkpoint.commit(rig.checkpoint.prepare(batch(events)))
    assert isinstance(stored.stop, Poisoned) == (policy == "stop")
    assert set(rig.rows()) == ({"A"} if policy == "stop" else {"A", "B"})
    assert rig.checkpoint.stored[TOPIC, 0] == (1 if policy == "stop" else 3)
    assert rig.parked() == []
    rig.close()


def test_a_full_disk(tmp_path):
    """A batch that finds no room is rolled back whole, and stored once there is room again."""
    rig = Rig(tmp_path)
    rig.apply(batch([rig.create("A", 1)]))
    pages = rig.store._db.execute("PRAGMA page_count").fetchone()[0]
    rig.store._db.execute(f"PRAGMA max_page_count={pages}")
    events = [rig.create(f"K{n}" + "x" * 500, n) for n in range(500)]
    prepared = rig.checkpoint.prepare(batch(events, first=1))
    for _ in range(3):
        with pytest.raises(StoreUnavailable, match="full"):
            rig.checkpoint.commit(prepared)
        assert set(rig.rows()) == {"A"} and rig.checkpoint.stored[TOPIC, 0] == 1
    rig.store._db.execute("PRAGMA max_page_count=1000000")
    rig.checkpoint.commit(prepared)
    assert len(rig.rows()) == 501 and rig.reader.status()["events"] == 501
    rig.close()


def test_a_full_disk_of_postgresql_is_waited_for():
    """SQLSTATE 53100 (disk full) and 57P03 (starting up) are tried again; no row is to blame for them."""
    for kind in (psycopg.errors.DiskFull, psycopg.errors.CannotConnectNow, psycopg.errors.LockNotAvailable):
        assert refusal(kind("no"), "db") is None
        assert isinstance(unavailable(kind("no"), "db"), StoreUnavailable)
