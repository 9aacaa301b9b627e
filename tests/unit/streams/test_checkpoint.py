import uuid
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.readmodel.sqlite import SqliteReadModel
from connectors.readmodel.store import Fenced
from connectors.readmodel.stores import Stores
from schemas.entity import Field
from schemas.errors import SettingsError, Terminal
from streams.aside import WAITS
from streams.checkpoint import Checkpoint, Gap, Poisoned
from streams.projection import row_projection
from tests.unit.streams.events import FIELDS, TOPIC, Book, Writer, batch, entity, row
from tests.unit.streams.rig import CLAIM, Rig


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
