"""Tests of what people decide about parked events, on both stores."""

import pytest

from schemas.errors import SettingsError
from tests.unit.streams.events import Writer, batch, entity, row
from tests.unit.streams.rig import ask


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
