import random
import sqlite3
import uuid
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.readmodel.postgres_connection import refusal, unavailable
from connectors.readmodel.sqlite import SqliteReadModel
from connectors.readmodel.store import Fenced, StoreUnavailable
from connectors.readmodel.stores import Stores
from schemas.entity import Field
from schemas.errors import SettingsError, Terminal
from streams.aside import WAITS
from streams.checkpoint import Checkpoint, Gap, Poisoned
from streams.projection import row_projection
from tests.unit.streams.events import FIELDS, TOPIC, Book, Writer, batch, entity, row

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


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request):
    """Where the read model is; every test of this file holds for both stores."""
    return "" if request.param == "sqlite" else request.getfixturevalue("postgres").url


@pytest.fixture
def rig(tmp_path, url):
    made = Rig(tmp_path, url)
    yield made
    made.close()


def test_values(rig):
    """A row keeps decimals at scale, dates and times as ISO text, and its event's place."""
    image = row("QQ1", 7, "-0.50")
    rig.apply(batch([(rig.writer.key(image), rig.writer.event("r", None, image))], first=5, start=0))
    reader = rig.reader
    found = reader.row(["QQ1"])
    assert found.values == {"nino": "QQ1", "amount": "-0.50", "start": "2019-04-01", "n": 7, "seen": None}
    assert (found.topic, found.partition, found.offset, found.ts_ms) == (TOPIC, 0, 5, 1_700_000_000_000)


def test_the_file_is_in_a_folder_of_its_owner(tmp_path):
    """Rows hold personal data, so nobody else on the machine may look into the folder."""
    store = SqliteReadModel(tmp_path / "readmodel" / "claim.v1.sqlite", topic=TOPIC)
    store.close()
    assert (tmp_path / "readmodel").stat().st_mode & 0o077 == 0


def test_newest_of_a_key_wins(rig):
    """Of several events of a key in one batch the one with the highest offset decides."""
    rig.apply(batch([rig.create("A", 1), rig.create("B", 1), rig.create("A", 2), rig.delete("B")]))
    assert rig.rows() == {"A": 2}


def test_delete_then_tombstone_then_create(rig):
    """A tombstone deletes by message key, and what comes after it stands."""
    rig.apply(batch([rig.create("A", 1), rig.create("B", 1)]))
    rig.apply(batch([rig.tombstone("A"), rig.delete("B"), rig.tombstone("B"), rig.create("B", 9)], first=2))
    assert rig.rows() == {"B": 9}


def test_duplicates_are_left_out(rig):
    """A batch that overlaps what is stored applies only the rest."""
    events = [rig.create("A", 1), rig.create("A", 2), rig.create("A", 3)]
    rig.apply(batch(events[:2]))
    rig.apply(batch(events))
    rig.apply(batch(events))
    assert rig.rows() == {"A": 3}
    assert rig.checkpoint.stored[TOPIC, 0] == 3
    reader = rig.reader
    assert reader.status()["events"] == 3


def test_offset_gaps(rig):
    """Control and aborted records leave gaps; the stored offset passes them with the fetch position."""
    rig.apply(batch([rig.create("A"), rig.create("B")], gap=10, end=25))
    rig.apply(batch([rig.create("C")], first=40, start=25))
    assert set(rig.rows()) == {"A", "B", "C"}


def test_lost_batch(rig):
    """A batch that does not begin where the last one ended is refused, so nothing can be skipped."""
    rig.apply(batch([rig.create("A")]))
    with pytest.raises(Gap):
        rig.checkpoint.prepare(batch([rig.create("B")], first=7))


def test_fence(rig):
    """A zombie that expects an old offset writes nothing: no row, no offset."""
    stale = rig.checkpoint.prepare(batch([rig.create("ZOMBIE")]))
    rig.crash()
    rig.apply(batch([rig.create("A"), rig.create("B")]))
    with pytest.raises(Fenced):
        rig.checkpoint.commit(stale)
    assert set(rig.rows()) == {"A", "B"}
    rig.crash()
    assert rig.offsets == {(TOPIC, 0): 2}


def test_poison_parks_its_key_only(rig):
    """An undecodable event is dead-lettered; it and later events of its key wait, others flow on."""
    key, good = rig.create("A", 2)
    bad = good[:9]
    rig.apply(batch([rig.create("A", 1), (key, bad), (key, good), rig.create("B", 1)]))
    assert rig.rows() == {"A": 1, "B": 1}
    assert [(p.offset, p.value) for p in rig.letters] == [(1, bad)]
    rig.crash()
    rig.apply(batch([rig.create("A", 3), rig.create("C", 1)], first=4))
    assert rig.rows() == {"A": 1, "B": 1, "C": 1}
    parked = rig.parked()
    assert [p.offset for p in parked] == [1, 2, 4]
    assert parked[0].value == bad
    assert parked[1].reason == WAITS
    assert len(rig.letters) == 1


@pytest.mark.parametrize(
    "value", [b"", b"\x01\x00\x00\x00\x01x", b"\x00\x00\x00\x63\x01x", b"\x00\x00\x00\x00\x01"]
)
def test_unreadable_values(rig, value):
    """No magic byte, an unknown schema id, or no body: each parks its event with a reason."""
    rig.apply(batch([(b"k", value), rig.create("B")]))
    assert rig.rows() == {"B": 1}
    assert rig.letters[0].reason


def test_unknown_operation(rig):
    """An event whose operation is none of c, u, r, d is parked, not guessed at."""
    image = row("A")
    rig.apply(batch([(rig.writer.key(image), rig.writer.event("x", None, image)), rig.create("B")]))
    assert rig.rows() == {"B": 1}
    assert rig.letters[0].reason == "unknown operation"


def test_image_missing(rig):
    """An update without an after-image is parked."""
    image = row("A")
    rig.apply(batch([(rig.writer.key(image), rig.writer.event("u", image, None)), rig.create("B")]))
    assert set(rig.rows()) == {"B"}
    assert "without its image" in rig.letters[0].reason


def test_schema_evolution(rig):
    """Events of several schema versions mix in a batch; the table grows and old events leave null."""
    old = rig.create("A", 1)
    wider = Writer(rig.book, entity((*FIELDS, Field("NOTE", "string"))))
    image = row("B", 2) | {"NOTE": "new"}
    again = row("A", 3) | {"NOTE": "later"}
    rig.apply(batch([old]))
    rig.apply(
        batch(
            [
                (wider.key(image), wider.event("c", None, image)),
                (wider.key(again), wider.event("u", None, again)),
                rig.create("C", 4),
                rig.create("A", 5),
            ],
            first=1,
        )
    )
    reader = rig.reader
    notes = {r.values["nino"]: (r.values["n"], r.values["note"]) for r in reader.rows({})}
    assert notes == {"A": (5, None), "B": (2, "new"), "C": (4, None)}


def test_one_writer(tmp_path):
    """A second worker on the same file is refused, with a pointer to PostgreSQL."""
    first = SqliteReadModel(tmp_path / "a.sqlite", topic=TOPIC)
    with pytest.raises(SettingsError, match="PostgreSQL"):
        SqliteReadModel(tmp_path / "a.sqlite", topic=TOPIC)
    first.close()


def test_another_topic(rig):
    """A file built from one topic is not written from another."""
    rig.store.close()
    with pytest.raises(Exception, match="new version"):
        rig.stores.writer("claim", 1, topic="uc.esa.other")
    rig.open()


OPERATIONS = st.lists(st.tuples(st.sampled_from("cdt"), st.sampled_from("ABC")), min_size=1, max_size=20)
#: How far a batch goes back over what is stored, how far on, and whether the worker lives to store it.
CUTS = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 8), st.booleans()), max_size=6)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OPERATIONS, CUTS)
def test_any_batching_any_crash_is_the_truth(tmp_path_factory, url, operations, cuts):
    """However a log is cut into batches, repeated and interrupted, the rows are those of the log."""
    rig = Rig(tmp_path_factory.mktemp("model"), url)
    log, truth = [], {}
    for n, (op, nino) in enumerate(operations):
        if op == "c":
            log.append(rig.create(nino, n))
            truth[nino] = n
        else:
            log.append(rig.delete(nino) if op == "d" else rig.tombstone(nino))
            truth.pop(nino, None)
    for back, on, lives in [*cuts, (0, len(log), True)]:
        at = rig.checkpoint.stored[TOPIC, 0]
        begin = max(at - back, 0)
        if begin == len(log):
            break
        prepared = rig.checkpoint.prepare(batch(log[begin : at + on], first=begin))
        if not lives:
            rig.crash()
        elif prepared is not None:
            rig.checkpoint.commit(prepared)
    assert rig.checkpoint.stored[TOPIC, 0] == len(log)
    assert rig.rows() == truth
    rig.close()


def test_old_events_lack_fields_that_are_selected_now(tmp_path, url):
    """A projection may select, rename and index a field that the oldest events do not have yet."""
    book = Book()
    before, now = Writer(book, entity(FIELDS[:3])), Writer(book, entity(FIELDS))
    asked = row_projection(
        "claim",
        source="esa.claim",
        collection="claims",
        select=["N"],
        rename={"N": "count"},
        indexes=["count"],
    )
    stores = Stores(tmp_path, f"t{uuid.uuid4().hex[:8]}", url)
    store = stores.writer("claim", 1, topic=TOPIC)
    checkpoint = Checkpoint(asked, TOPIC, store, book, list)
    assert checkpoint.ensure_table()
    checkpoint.claim([(TOPIC, 0)])
    old = {name: value for name, value in row("A").items() if name in ("NINO", "AMOUNT", "START")}
    new = row("B", 7)
    events = [(before.key(old), before.event("c", None, old)), (now.key(new), now.event("c", None, new))]
    prepared = checkpoint.prepare(batch(events))
    assert prepared is not None
    checkpoint.commit(prepared)
    reader = stores.reader("claim", 1)
    assert {r.values["nino"]: r.values["count"] for r in reader.rows({})} == {"A": None, "B": 7}
    store.close()
    reader.close()


def test_topic_made_anew_is_refused(tmp_path, url):
    """A topic deleted and made anew under its name has other events at the stored offsets."""
    stores = Stores(tmp_path, f"t{uuid.uuid4().hex[:8]}", url)
    stores.writer("claim", 1, topic=TOPIC, topic_id="one").close()
    stores.writer("claim", 1, topic=TOPIC, topic_id="one").close()
    with pytest.raises(Terminal, match="made anew"):
        stores.writer("claim", 1, topic=TOPIC, topic_id="two")


def ask(rig, action, offset, value=None):
    """Decide about a parked event as the command does, and let the worker answer."""
    desk = rig.stores.parked("claim", 1)
    desk.ask(desk.one(0, offset), action, who="ann", why="a test", value=value)
    rig.checkpoint.answer()
    return desk.history()[-1].outcome


@pytest.fixture
def poisoned(rig):
    """A: row, undecodable event, two good ones behind it. B goes on."""
    key, good = rig.create("A", 2)
    later = rig.create("A", 3)
    rig.apply(batch([rig.create("A", 1), (key, good[:9]), (key, good), later, rig.create("B", 1)]))
    assert rig.rows() == {"A": 1, "B": 1}
    return rig


def test_retry_of_what_is_still_bad(poisoned):
    """Trying again without a change applies nothing and keeps everything that waits."""
    assert "3 still wait" in ask(poisoned, "retry", 1)
    assert [p.offset for p in poisoned.parked()] == [1, 2, 3]
    assert poisoned.rows() == {"A": 1, "B": 1}


def test_drop_lets_the_key_flow(poisoned):
    """Dropping the bad event applies what waited behind it, in order, and later events flow again."""
    assert ask(poisoned, "drop", 1) == "dropped, 2 applied"
    assert poisoned.rows() == {"A": 3, "B": 1}
    assert poisoned.parked() == []
    poisoned.apply(batch([poisoned.create("A", 4)], first=5))
    assert poisoned.rows() == {"A": 4, "B": 1}
    assert poisoned.reader.status()["events"] == 6


def test_edit_mends_the_event(poisoned):
    """New bytes in the place of the bad ones are applied, and then what waited behind them."""
    _, mended = poisoned.create("A", 9)
    assert ask(poisoned, "edit", 1, mended) == "3 applied"
    assert poisoned.rows() == {"A": 3, "B": 1}


def test_an_edit_that_is_bad_too(poisoned):
    """Bytes that are no event either wait in the place of the old ones; the trail has both."""
    assert "3 still wait" in ask(poisoned, "edit", 1, b"nonsense")
    assert poisoned.parked()[0].value == b"nonsense"


def test_events_before_the_next_bad_one_are_applied(rig):
    """A retry goes as far as it can: what follows the next bad event waits on."""
    key, good = rig.create("A", 2)
    rig.apply(batch([(key, b"bad"), (key, good), (key, b"worse"), rig.create("A", 7)]))
    assert ask(rig, "drop", 0).startswith("dropped, 1 applied, 2 still wait")
    assert rig.rows() == {"A": 2}
    assert [p.offset for p in rig.parked()] == [2, 3]


def test_a_decision_twice(poisoned):
    """A second decision about the same event finds nothing that waits, and says so."""
    desk = poisoned.stores.parked("claim", 1)
    event = desk.one(0, 1)
    for who in ("ann", "bob"):
        desk.ask(event, "drop", who=who, why="a test")
    poisoned.checkpoint.answer()
    assert [(d.who, d.action, d.outcome) for d in desk.history()] == [
        ("ann", "drop", "dropped, 2 applied"),
        ("bob", "drop", "it does not wait any more"),
    ]
    assert poisoned.rows() == {"A": 3, "B": 1}


def test_a_crash_before_the_answer(poisoned):
    """A worker that dies between a decision and its answer leaves it to the next one, which does it once."""
    desk = poisoned.stores.parked("claim", 1)
    desk.ask(desk.one(0, 1), "drop", who="ann", why="a test")
    poisoned.crash()
    assert poisoned.checkpoint.asked()
    poisoned.checkpoint.answer()
    poisoned.crash()
    assert not poisoned.checkpoint.asked()
    assert poisoned.rows() == {"A": 3, "B": 1}


def test_an_unknown_place(rig):
    """A decision about an event that does not wait is refused at once."""
    with pytest.raises(SettingsError, match="no parked event"):
        rig.stores.parked("claim", 1).one(0, 77)


def test_skip(tmp_path, url):
    """With `skip` the bad event is dead-lettered and left out; its key flows on."""
    rig = Rig(tmp_path, url, projection=replace(CLAIM, on_poison="skip"))
    key, good = rig.create("A", 2)
    rig.apply(batch([rig.create("A", 1), (key, b"bad"), (key, good), rig.create("B", 1)]))
    assert rig.rows() == {"A": 2, "B": 1}
    assert [p.offset for p in rig.letters] == [1]
    assert rig.parked() == []
    assert rig.reader.status()["skipped_events"] == 1
    rig.close()


def test_stop(tmp_path, url):
    """With `stop` everything before the bad event is applied, and nothing after it, also after a restart."""
    rig = Rig(tmp_path, url, projection=replace(CLAIM, on_poison="stop"))
    key, good = rig.create("A", 2)
    events = [rig.create("A", 1), (key, b"bad"), (key, good), rig.create("B", 1)]
    prepared = rig.checkpoint.prepare(batch(events))
    rig.checkpoint.commit(prepared)
    assert isinstance(prepared.stop, Poisoned) and f"{TOPIC}:0:1" in str(prepared.stop)
    rig.crash()
    again = rig.checkpoint.prepare(batch(events))
    rig.checkpoint.commit(again)
    assert again.stop is not None
    assert rig.rows() == {"A": 1}
    assert rig.checkpoint.stored[TOPIC, 0] == 1
    assert (rig.parked(), rig.letters) == ([], [])
    rig.close()


def test_a_failed_cast_parks_its_key_and_a_filter_removes_a_row(tmp_path, url):
    """In either store: a cast that fails makes its key alone wait; a row that stops matching is removed."""
    projection = row_projection(
        "claim", source="esa.claim", collection="claims", cast={"N": "decimal(3,1)"}, where=[("N", "!=", 7)]
    )
    made = Rig(tmp_path, url, projection=projection)
    try:
        made.apply(
            batch([made.create("A", 1), made.create("B", 7), made.create("C", 2), made.create("D", 3)])
        )
        assert made.rows() == {"A": "1.0", "C": "2.0", "D": "3.0"}
        made.apply(
            batch(
                [made.create("A", 5000), made.create("A", 2), made.create("C", 7), made.create("D", 4)],
                first=4,
            )
        )
        assert made.rows() == {"A": "1.0", "D": "4.0"}
        assert [p.reason for p in made.parked()] == ["N cannot be cast to decimal(3,1)", WAITS]
    finally:
        made.close()


def test_an_edit_to_another_key(poisoned):
    """Bytes of another key are not applied late over that key's newer row: the event waits and says why."""
    _, stranger = poisoned.create("B", 77)
    outcome = ask(poisoned, "edit", 1, stranger)
    assert "3 still wait" in outcome and "another key" in outcome
    assert poisoned.rows() == {"A": 1, "B": 1}
    poisoned.apply(batch([poisoned.delete("B")], first=5))
    assert "still wait" in ask(poisoned, "retry", 1)
    assert poisoned.rows() == {"A": 1}


def test_a_late_delete_of_another_key(poisoned):
    """An edit that makes a delete of another key deletes nothing."""
    _, stranger = poisoned.delete("B")
    assert "another key" in ask(poisoned, "edit", 1, stranger)
    assert poisoned.rows() == {"A": 1, "B": 1}


def test_a_newer_row_stays(rig):
    """Where a row is newer than the event that is applied late (two bytes for one key), it stays."""
    key, good = rig.create("A", 2)
    wider = Writer(rig.book, entity())  # the same key record under another id, written with a longer varint
    rig.apply(batch([(key, b"bad")]))
    rig.checkpoint._parked.clear()  # as if the later event's key bytes were not those of the parked one
    later = row("A", 9)
    rig.apply(batch([(wider.key(later), wider.event("u", None, later))], first=1))
    assert "1 behind a newer row" in ask(rig, "edit", 0, good)
    assert rig.rows() == {"A": 9}
    assert rig.parked() == []


def test_a_key_that_cannot_be_read(rig):
    """An event whose message key is unreadable is not applied late: nobody knows what came after it."""
    _, good = rig.create("A", 2)
    rig.apply(batch([(b"?", b"bad"), rig.create("A", 3)]))
    assert "message key cannot be read" in ask(rig, "edit", 0, good)
    assert rig.rows() == {"A": 3}


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
