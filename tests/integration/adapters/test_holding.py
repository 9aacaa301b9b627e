"""What is rejected, held, failed, superseded or skipped, against real Kafka and the real registry."""

from __future__ import annotations

import json
import threading
import time
from types import SimpleNamespace

import pytest

from adapters.approval import approve, held, reject
from adapters.dead_letter import list_dead_letters
from adapters.extract import Origin
from adapters.lifecycle import history
from adapters.runner import run
from adapters.testing import JsonRows, JsonRowsSpec
from schemas.errors import Terminal
from tests.integration.adapters.estate import many, row, summary

pytestmark = pytest.mark.integration


def test_reject_keeps_its_row(estate):
    """A record that cannot be decoded is a dead letter and changes nothing for its key."""
    estate.drop([("a", 1), ("b", 2)])
    estate.run()
    estate.drop([("b", 3)], rejects=[{"raw": "a xx", "reason": "not a number", "key_text": "a"}])
    assert estate.run().ok
    assert [summary(e) for e in estate.events() if e["op"] != "r"] == [("u", "b", 3)]
    [letter] = list_dead_letters(estate.links, "core")
    assert (letter.raw, letter.reason, letter.field, letter.record) == (b"a xx", "not a number", "amount", 2)
    assert letter.file == "day02.json" and letter.key not in ("", "a")
    estate.drop([("b", 3)])
    estate.run(guard={"max_delete_share": 1.0})
    assert [summary(e) for e in estate.events() if e["op"] == "d"] == [("d", "a", 1)]


@pytest.mark.parametrize(
    "fault",
    [
        {"problems": ["trailer says 9 records, 1 read"]},
        {"rejects": [{"raw": "?", "reason": "no key", "key_text": None}]},
    ],
)
def test_incomplete_extract_deletes_nothing(estate, fault):
    """A failed trailer or an unreadable key holds the extract; even when approved it deletes nothing."""
    estate.drop([("a", 1), ("b", 2)])
    estate.run()
    estate.drop([("b", 3)], **fault)
    assert len(estate.status().held) == 1
    assert [e["op"] for e in estate.events()] == ["r", "r"]
    [waiting] = held(estate.links)
    approve(estate.links, "src", waiting.extract, by="kim", reason="checked with the sender")
    assert estate.run().ok
    assert [summary(e) for e in estate.events() if e["op"] != "r"] == [("u", "b", 3)]
    assert held(estate.links) == []
    estate.drop([("a", 1), ("b", 3)])
    estate.run()
    assert "d" not in [e["op"] for e in estate.events()]


def test_mass_delete_waits_for_approval(estate):
    """More deletes than allowed are held until a person approves; then they are published as prepared."""
    estate.drop(many(100))
    estate.run()
    estate.drop(many(50))
    assert len(estate.status().held) == 1
    estate.run()
    assert estate.lifecycle().count("held") == 1
    [waiting] = held(estate.links)
    assert waiting.counts["d"] == 50 and "50 of 100" in waiting.reasons[0]
    approve(estate.links, "src", waiting.extract, by="kim", reason="migration")
    with pytest.raises(Terminal, match="was approved already"):
        reject(estate.links, "src", waiting.extract, by="lee", reason="no")
    assert estate.run().ok
    assert sum(e["op"] == "d" for e in estate.events()) == 50
    assert estate.lifecycle()[-3:] == ["held", "approved", "committed"]
    assert list((estate.inbox).glob("*.json")) == []


def test_rejected_extract_changes_nothing(estate):
    """A rejected extract publishes nothing and its file is not looked at again."""
    estate.drop(many(100))
    estate.run()
    estate.drop([])
    estate.run()
    [waiting] = held(estate.links)
    reject(estate.links, "src", waiting.extract, by="kim", reason="empty by mistake")
    assert estate.run().ok
    assert len(estate.records()) == 100
    assert held(estate.links) == [] and list(estate.inbox.glob("*.json")) == []
    with pytest.raises(Terminal, match="is not held"):
        approve(estate.links, "src", waiting.extract, by="kim", reason="changed my mind")


def bad(raw, key="a"):
    return {"raw": raw, "reason": "why", "key_text": key}


def letters(estate):
    return [letter.raw for letter in list_dead_letters(estate.links, "core")]


def test_rejected_extract_leaves_its_dead_letters(estate):
    """The bad records of an extract that a person rejects are dead letters at that moment, each once."""
    estate.drop(many(100))
    estate.run()
    estate.drop(many(10), rejects=[bad("one"), bad("two", None)])
    estate.run()
    assert letters(estate) == []
    [waiting] = held(estate.links)
    reject(estate.links, "src", waiting.extract, by="kim", reason="cut off")
    assert estate.run().ok
    estate.run()
    assert letters(estate) == [b"one", b"two"]
    assert len(estate.records()) == 100


def test_superseded_extract_leaves_its_dead_letters(estate):
    """The bad records of a held extract are dead letters when a held or a published one replaces it."""
    estate.drop(many(100))
    estate.run()
    for number in (1, 2):
        estate.drop(many(10), rejects=[bad(f"held {number}")])
        estate.run()
        assert letters(estate) == [b"held 1"][: number - 1]
    estate.drop(many(100), rejects=[bad("published")])
    assert estate.run().ok
    assert letters(estate) == [b"held 1", b"held 2", b"published"]


def test_dead_letters_of_a_held_extract_come_in_many_transactions(estate):
    """However many bad records a rejected extract has, each is one dead letter."""
    estate.drop(many(100))
    estate.run()
    estate.drop(many(10), rejects=[bad(f"{n}") for n in range(250)])
    estate.run()
    [waiting] = held(estate.links)
    reject(estate.links, "src", waiting.extract, by="kim", reason="no")
    assert estate.run(transaction_events=60).ok
    assert sorted(letters(estate)) == sorted(f"{n}".encode() for n in range(250))


def test_lost_spool_does_not_keep_a_decision_out(estate):
    """A held extract whose spool is gone can still be rejected."""
    estate.drop(many(100))
    estate.run()
    estate.drop(many(10), rejects=[bad("lost")])
    estate.run()
    for path in (estate.links.state / "adapters" / "src" / "spool").glob("*/manifest.json"):
        path.unlink()
    [waiting] = held(estate.links)
    reject(estate.links, "src", waiting.extract, by="kim", reason="no")
    assert estate.run().ok
    assert held(estate.links) == []


def test_unexpected_error_fails_its_file_only(estate):
    """A file that the program stumbles over is failed after three attempts, and the next one is published."""
    estate.drop([("a", 1)])
    estate.drop([("a", "no number")])
    estate.drop([("a", 3)])
    status = estate.status()
    assert (len(status.failed), len(status.committed)) == (1, 2)
    [failed] = [e for e in history(estate.links, "src") if e.state == "failed"]
    assert failed.file == "day02.json" and "internal error, 3 times" in failed.problems[0]
    assert "no number" not in failed.problems[0]
    assert [summary(e)[2] for e in estate.events()] == [1, 3]
    assert "superseded" in estate.lifecycle()


def test_unexpected_error_stops_its_sequence(estate):
    """A partial extract behind a failed one waits, for it counts on what stands in the one before it."""
    estate.drop([("a", 1)])
    estate.run()
    estate.drop([("a", "no number")], partial=True)
    estate.drop([("a", 3)], partial=True)
    status = estate.status()
    assert (len(status.failed), status.committed) == (1, [])
    assert len(list(estate.inbox.glob("*.json"))) == 2


def test_content_that_comes_again_is_skipped_on_record(estate):
    """A content that comes again under its name after another one is skipped, and the record says why."""
    first = estate.drop([("a", 1)], name="fixed.json").read_text()
    estate.run()
    estate.drop([("a", 2)], name="fixed.json")
    estate.run()
    (estate.inbox / "fixed.json").write_text(first)
    assert estate.status().skipped == 1
    [*_, told, archived] = history(estate.links, "src")
    assert (told.state, told.file, archived.state) == ("skipped", "fixed.json", "archived")
    assert "taken before" in told.reason
    assert [summary(e)[2] for e in estate.events()] == [1, 2]


def test_file_that_stays_is_not_told_again(estate):
    """In a read-only folder what was read stays: only content that came back is on record, and once."""
    stays = StaysSpec(name="src", system="core", every_seconds=0.05, read_only=True)
    live, stop = {}, threading.Event()
    first = estate.drop([("a", 1)], name="fixed.json").read_text()
    thread = threading.Thread(
        target=run, args=([(stays, estate.folder)], estate.links), kwargs={"stop": stop, "statuses": live}
    )
    thread.start()
    try:
        until(lambda: live and len(live["src"].committed) == 1 and live["src"].skipped > 1)
        estate.drop([("a", 2)], name="new.tmp").replace(estate.inbox / "fixed.json")
        until(lambda: len(live["src"].committed) == 2)
        (estate.inbox / "new.tmp").write_text(first)
        (estate.inbox / "new.tmp").replace(estate.inbox / "fixed.json")
        skipped = live["src"].skipped
        until(lambda: live["src"].skipped > skipped + 2)
    finally:
        stop.set()
        thread.join()
    assert estate.lifecycle() == ["started", "committed", "started", "committed", "skipped"]


class StaysSpec(JsonRowsSpec):
    read_only: bool = False

    def open(self, folder):
        return Stays(self, folder / self.folder)


class Stays(JsonRows):
    """The JSON source in a folder that must not be touched."""

    def done(self, extract):
        pass


def until(condition):
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come to be within a minute")


def test_newer_extract_supersedes_held_and_failed(estate):
    """A newer full extract replaces a held and a failed one; the held one can no longer be approved."""
    estate.drop(many(100))
    estate.run()
    estate.drop(many(10))
    estate.run()
    [waiting] = held(estate.links)
    (estate.inbox / "day03.json").write_text("{broken")
    estate.drop([*many(99), ("new", 1)], name="day04.json")
    status = estate.status()
    assert len(status.failed) == 1 and len(status.committed) == 1
    assert estate.lifecycle().count("superseded") == 2
    assert [summary(e)[0] for e in estate.events() if e["op"] != "r"] in (["c", "d"], ["d", "c"])
    with pytest.raises(Terminal, match="is not held"):
        approve(estate.links, "src", waiting.extract, by="kim", reason="too late")
    assert estate.run().ok
    assert list(estate.inbox.glob("*.json")) == []


DAY = 86_400_000


def test_an_older_business_date_is_held(estate):
    """A full extract older than the committed one does not bring the past back, unless a person says so."""
    estate.drop([("a", 2)], business_ms=2 * DAY)
    estate.run()
    estate.drop([("a", 1)], business_ms=DAY)
    assert len(estate.status().held) == 1
    [waiting] = held(estate.links)
    assert waiting.reasons == ("its business date 1970-01-02 is before 1970-01-03, the one committed last",)
    assert [summary(e) for e in estate.events()] == [("r", "a", 2)]
    approve(estate.links, "src", waiting.extract, by="kim", reason="the newer one was a test file")
    assert estate.run().ok
    assert [summary(e) for e in estate.events()] == [("r", "a", 2), ("u", "a", 1)]


def test_an_older_extract_that_is_held_gives_way_to_a_newer_one(estate):
    """The next day's picture supersedes an old one that waits."""
    estate.drop([("a", 2)], business_ms=2 * DAY)
    estate.run()
    estate.drop([("a", 1)], business_ms=DAY)
    estate.run()
    estate.drop([("a", 3)], business_ms=3 * DAY)
    assert estate.run().ok and held(estate.links) == []
    assert [summary(e)[2] for e in estate.events()] == [2, 3]
    assert estate.run().ok and list(estate.inbox.glob("*.json")) == []


def test_an_older_business_date_is_passed_over_where_that_is_declared(estate):
    """With `older = "pass"` the old picture is superseded on record and archived."""
    estate.drop([("a", 2)], business_ms=2 * DAY)
    estate.run()
    estate.drop([("a", 1)], business_ms=DAY)
    assert estate.status(guard={"older": "pass"}).skipped == 1
    assert [summary(e) for e in estate.events()] == [("r", "a", 2)]
    assert estate.lifecycle()[-1] == "superseded" and list(estate.inbox.glob("*.json")) == []


def test_late_older_extract_waits_behind_a_held_newer_one(estate):
    """An older picture that comes late neither replaces a newer one that is held nor overtakes it."""
    estate.drop(many(100), business_ms=1_000)
    estate.run()
    estate.drop(many(10), business_ms=3_000)
    estate.run()
    [waiting] = held(estate.links)
    estate.drop(many(98), business_ms=2_000)
    assert estate.status().committed == []
    assert [h.extract for h in held(estate.links)] == [waiting.extract]
    approve(estate.links, "src", waiting.extract, by="kim", reason="closed office")
    assert estate.run().ok
    assert [e["op"] for e in estate.events()].count("d") == 90
    [older] = held(estate.links)
    assert "business date" in older.reasons[0]


def test_late_older_extract_does_not_supersede_a_failed_newer_one(estate):
    """What failed stays to be tried again by the next process when only an older extract was published."""
    estate.drop([("a", 1)], business_ms=1_000)
    estate.run()
    bad = estate.drop([(None, 3)], name="day1.json", business_ms=3_000)
    estate.drop([("a", 2)], name="day2.json", business_ms=2_000)
    status = estate.status()
    assert len(status.failed) == 1 and len(status.committed) == 1
    assert "superseded" not in estate.lifecycle()
    bad.write_text(bad.read_text().replace('"id": null', '"id": "a"'))
    assert estate.run().ok
    assert [summary(e)[2] for e in estate.events()] == [1, 2, 3]


class Polls(JsonRows):
    """The JSON source as a service that shows the same list at every look."""

    def poll(self):
        for extract in super().poll():
            origin = Origin(1_700_000_000_000, "arrival", 1_700_000_000_000)
            yield SimpleNamespace(
                id=f"poll-{time.time_ns()}",
                origin=origin,
                partial=False,
                chunks=extract.chunks,
                problems=extract.problems,
            )

    def done(self, extract):
        pass


class PollSpec(JsonRowsSpec):
    def open(self, folder):
        return Polls(self, folder / self.folder)


def test_record_that_stays_bad_is_one_dead_letter(estate):
    """A bad record is in every poll of a service; it is told once, and again only when it changed."""
    spec = PollSpec(name="src", system="core", every_seconds=0.05)

    def poll(raw, *rows):
        reject = {"raw": raw, "reason": "why", "key_text": "a"}
        estate.drop(rows, name="list.json", rejects=[reject])
        assert run([(spec, estate.folder)], estate.links, once=True, heartbeat_seconds=3600).ok

    poll("bad", ("b", 1))
    poll("bad", ("b", 1))
    poll("bad", ("b", 1), ("c", 1))
    assert [letter.raw for letter in list_dead_letters(estate.links, "core")] == [b"bad"]
    poll("worse", ("b", 1), ("c", 1))
    assert [letter.raw for letter in list_dead_letters(estate.links, "core")] == [b"bad", b"worse"]
    assert sorted(e["op"] for e in estate.events()) == ["c", "r"]


def test_contradicting_records_are_dead_letters(estate):
    """Two records with one key and different content become dead letters and change nothing."""
    estate.drop([("a", 1)])
    estate.run()
    estate.drop([("a", 2), ("a", 3), ("b", 1), ("b", 1)])
    estate.run()
    assert [summary(e) for e in estate.events() if e["op"] != "r"] == [("c", "b", 1)]
    assert [letter.record for letter in list_dead_letters(estate.links, "core")] == [1, 2]


def test_approval_counts_whatever_the_clock_says(estate, monkeypatch):
    """The person who approves may sit at a machine whose clock is behind."""
    estate.drop(many(100))
    estate.run()
    estate.drop(many(10))
    estate.run()
    [waiting] = held(estate.links)
    monkeypatch.setattr("adapters.approval._now_ms", lambda: waiting.at_ms - 3_600_000)
    approve(estate.links, "src", waiting.extract, by="kim", reason="yes")
    monkeypatch.undo()
    assert estate.run().ok
    assert [e["op"] for e in estate.events()].count("d") == 90


def test_incompatible_schema_fails_the_extract_only(estate, tmp_path):
    """A schema that does not fit fails the extract with its reason; another adapter goes on."""
    estate.drop([("a", 1)])
    estate.run()
    estate.drop([])
    (estate.inbox / "day02.json").write_text(json.dumps({"rows": [{"id": "a", "amount": "x", "note": None}]}))
    other = tmp_path / "other"
    (other / "inbox").mkdir(parents=True)
    (other / "inbox" / "x.json").write_text(json.dumps({"rows": [row("z", 9)]}))
    bad = JsonRowsSpec(name="src", system="core", amount_type="string")
    good = JsonRowsSpec(name="src2", system="other")
    report = run([(bad, estate.folder), (good, other)], estate.links, once=True)
    assert len(report.adapters["src"].failed) == 1 and not report.ok
    assert len(report.adapters["src2"].committed) == 1
    [*_, failed] = history(estate.links, "src")
    assert failed.state == "failed" and "core.account-value" in failed.problems[0]
    assert len(estate.records()) == 1
    assert estate.run().ok is False or estate.lifecycle()[-1] in ("failed", "held")
