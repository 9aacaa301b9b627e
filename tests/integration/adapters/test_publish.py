"""The shared half of every adapter against real Kafka and the real registry."""

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
from adapters.state import AdapterState, read, read_states
from adapters.testing import JsonRows, JsonRowsSpec
from connectors.kafka import TransactionalProducer
from connectors.log_reader import read_all
from connectors.registry import Registry
from schemas.errors import Terminal, Transient

pytestmark = pytest.mark.integration


class Estate:
    """A folder with one JSON source, and what it has published."""

    def __init__(self, links, folder):
        self.links, self.folder = links, folder
        self.inbox = folder / "inbox"
        self.inbox.mkdir(parents=True)
        self.day = 0

    def drop(self, rows=(), name=None, **more):
        self.day += 1
        path = self.inbox / (name or f"day{self.day:02}.json")
        path.write_text(json.dumps({"rows": [row(*r) for r in rows], "day": self.day, **more}))
        return path

    def run(self, **spec):
        events = spec.pop("transaction_events", 50_000)
        settings = JsonRowsSpec(name="src", system="core", every_seconds=0.05, **spec)
        return run([(settings, self.folder)], self.links, once=True, transaction_events=events)

    def status(self, **spec):
        return self.run(**spec).adapters["src"]

    @property
    def topic(self):
        return f"{self.links.prefix}.core.account"

    def records(self):
        return list(read_all(self.links.kafka, self.topic))

    def events(self):
        """(op, before, after) of every committed event, by partition order."""
        return [decode(self.links, r.value) for r in self.records() if r.value is not None]

    def lifecycle(self):
        return [e.state for e in history(self.links, "src")]

    def marks(self):
        return [json.loads(r.value) for r in read_all(self.links.kafka, self.links.topics.transaction.name)]


def row(key, amount, note=None):
    return {"id": key, "amount": amount, "note": note}


def decode(links, value):
    import io

    import fastavro

    schema = Registry(links.registry_url).by_id(int.from_bytes(value[1:5], "big"))
    return fastavro.schemaless_reader(io.BytesIO(value[5:]), schema)


def summary(event):
    image = event["after"] or event["before"]
    return event["op"], image["id"], image["amount"]


@pytest.fixture
def estate(links, tmp_path):
    return Estate(links, tmp_path / "estate")


def many(n, start=0):
    return [(f"k{i:05}", i) for i in range(start, n)]


def test_create_update_delete_read(estate):
    """The first extract gives r, the next exactly its c, u and d, with both images and a tombstone."""
    estate.drop([("a", 1), ("b", 2), ("c", 3)])
    assert estate.run().ok
    assert sorted(summary(e) for e in estate.events()) == [("r", "a", 1), ("r", "b", 2), ("r", "c", 3)]
    markers = sorted(str(e["source"]["snapshot"]) for e in estate.events())
    assert markers == ["first", "last", "true"]

    estate.drop([("a", 1), ("b", 20), ("d", 4)])
    assert estate.run().ok
    new = {summary(e): e for e in estate.events()[0:] if e["op"] != "r"}
    assert set(new) == {("c", "d", 4), ("u", "b", 20), ("d", "c", 3)}
    assert new["u", "b", 20]["before"]["amount"] == 2
    assert new["d", "c", 3]["after"] is None
    source = new["c", "d", 4]["source"]
    assert (source["file"], source["record"], source["offset"]) == ("day02.json", 3, 200)
    assert (source["db"], source["table"], source["adapter"]) == ("core", "account", "src")
    [tombstone] = [r for r in estate.records() if r.value is None]
    [delete] = [r for r in estate.records() if r.value and decode(estate.links, r.value)["op"] == "d"]
    assert (tombstone.key, tombstone.partition) == (delete.key, delete.partition)
    assert tombstone.offset == delete.offset + 1

    begin1, end1, begin2, end2 = estate.marks()
    assert [m["status"] for m in (begin1, end1, begin2, end2)] == ["BEGIN", "END"] * 2
    assert (end1["event_count"], end2["event_count"]) == (3, 3)
    assert end2["data_collections"] == [{"data_collection": "core.account", "event_count": 3}]
    last = {}
    for record in estate.records():
        last[str(record.partition)] = max(record.offset, last.get(str(record.partition), -1))
    assert {**end1["offsets"][estate.topic], **end2["offsets"][estate.topic]} == last


def test_rerun_publishes_nothing(estate):
    """An extract that is dropped again, and the same rows under another name, give no event."""
    content = estate.drop(many(50)).read_text()
    estate.run()
    (estate.inbox / "day01.json").write_text(content)
    assert estate.status().skipped == 1
    estate.drop(many(50))
    assert estate.run().ok
    assert len(estate.records()) == 50
    assert estate.marks()[-1]["event_count"] == 0
    assert estate.lifecycle() == ["started", "committed", "started", "committed"]


def test_many_transactions_carry_one_extract(estate):
    """An extract of many transactions has one BEGIN, one END with the last offsets, and each row once."""
    estate.drop(many(1000))
    estate.run(transaction_events=130)
    assert sorted(e["after"]["amount"] for e in estate.events()) == list(range(1000))
    orders = sorted(e["transaction"]["total_order"] for e in estate.events())
    assert orders == list(range(1, 1001))
    begin, end = estate.marks()
    last = {}
    for record in estate.records():
        last[str(record.partition)] = record.offset
    assert (begin["status"], end["status"], end["offsets"]) == ("BEGIN", "END", {estate.topic: last})


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


def test_older_business_time_is_passed_over(estate):
    """A full extract older than the committed one does not bring the past back."""
    estate.drop([("a", 2)], business_ms=2_000)
    estate.run()
    estate.drop([("a", 1)], business_ms=1_000)
    assert estate.status().skipped == 1
    assert [summary(e) for e in estate.events()] == [("r", "a", 2)]
    assert estate.lifecycle()[-1] == "superseded"


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
    assert estate.lifecycle()[-1] == "superseded" and list(estate.inbox.glob("*.json")) == []


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


def test_partial_extract_deletes_nothing(estate):
    """What a partial extract does not mention stays."""
    estate.drop([("a", 1), ("b", 2)])
    estate.run()
    estate.drop([("b", 3)], partial=True)
    assert estate.run().ok
    assert [summary(e) for e in estate.events() if e["op"] != "r"] == [("u", "b", 3)]


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


def test_new_field_is_no_change(estate):
    """A nullable field that is added re-encodes the snapshot and gives no event until it has a value."""
    estate.drop([("a", 1), ("b", 2)])
    estate.run()
    estate.drop([("a", 1), ("b", 2)])
    assert estate.run(extra_fields=("colour",)).ok
    assert len(estate.records()) == 2
    (estate.inbox / "day03.json").write_text(
        json.dumps({"rows": [row("a", 1), {**row("b", 2), "colour": "red"}]})
    )
    estate.run(extra_fields=("colour",))
    [update] = [e for e in estate.events() if e["op"] == "u"]
    assert (update["before"]["colour"], update["after"]["colour"]) == (None, "red")


def test_contradicting_records_are_dead_letters(estate):
    """Two records with one key and different content become dead letters and change nothing."""
    estate.drop([("a", 1)])
    estate.run()
    estate.drop([("a", 2), ("a", 3), ("b", 1), ("b", 1)])
    estate.run()
    assert [summary(e) for e in estate.events() if e["op"] != "r"] == [("c", "b", 1)]
    assert [letter.record for letter in list_dead_letters(estate.links, "core")] == [1, 2]


def test_pseudonymous_keys(estate):
    """With key_privacy = pseudonym no Kafka key holds the business key, and a key stays the same."""
    estate.drop([("secretkey", 1), ("b", 1)])
    estate.run(key_privacy="pseudonym")
    estate.drop([("secretkey", 2)])
    estate.run(key_privacy="pseudonym", guard={"min_known": 0, "max_delete_share": 1.0})
    records = estate.records()
    assert all(b"secretkey" not in r.key for r in records)
    assert len({(r.key, r.partition) for r in records}) == 2
    secret = estate.links.state / "secrets" / "key_hmac"
    assert secret.stat().st_mode & 0o777 == 0o600


def test_lost_key_secret_stops_before_keys_change(estate):
    """With another secret every record would get a second key; the old secret brings the flow back."""
    secret = estate.links.state / "secrets" / "key_hmac"
    estate.drop([("a", 1)])
    assert estate.run(key_privacy="pseudonym").ok
    kept = secret.read_bytes()
    secret.unlink()
    estate.drop([("a", 2)])
    assert "key secret" in estate.status(key_privacy="pseudonym").error
    secret.write_bytes(kept)
    assert estate.run(key_privacy="pseudonym").ok
    first, second = estate.records()
    assert (first.key, first.partition) == (second.key, second.partition)


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


def test_missing_snapshot_stops_with_a_remedy(estate):
    """Without the snapshot that Kafka names nothing is published; the message says what to do."""
    estate.drop(many(5))
    estate.run()
    for path in (estate.links.state / "adapters" / "src" / "snapshot").iterdir():
        path.unlink()
    estate.drop(many(6))
    status = estate.status()
    assert "backup" in status.error
    assert len(estate.records()) == 5


def test_other_producer_open_transaction_does_not_hide_our_state(estate):
    """The state is read past another adapter's open transaction, never an older one."""
    estate.drop(many(3))
    estate.run()
    topic = estate.links.topics.adapter_state.name
    other = TransactionalProducer(estate.links.kafka, f"{estate.links.prefix}.other")
    other.begin()
    other.send(topic, 0, b"other", b"{}")
    other.flush()
    ours = TransactionalProducer(estate.links.kafka, f"{estate.links.prefix}.src")
    ours.begin()
    ours.send(topic, 0, b"src", AdapterState(extract="newest").model_dump_json().encode())
    ours.commit()
    threading.Timer(1.0, other.abort).start()
    assert read(estate.links, "src").extract == "newest"
    ours.close()


def test_local_copies_are_the_owners_alone(estate):
    """Spools and snapshots hold personal data, so nobody else on the machine may look into their folder."""
    estate.drop([("a", 1)])
    estate.run()
    assert (estate.links.state / "adapters" / "src").stat().st_mode & 0o077 == 0


def test_unseen_state_topic_is_no_new_start(links):
    """Where the state topic cannot be seen there is no state to go by, not an empty one."""
    with pytest.raises(Transient, match="cannot be seen"):
        read(links, "src")


def test_second_process_is_refused(estate):
    """Two runners for one adapter do not share a spool folder."""
    from adapters.folder_lock import FolderLock

    estate.drop(many(3))
    with FolderLock(estate.links.state / "adapters" / "src" / "lock"):
        status = estate.status()
    assert "another process" in status.error
    assert read_states(estate.links) == {}


def test_dead_source_is_told_once(estate):
    """A source that does not answer is retried, and told on the lifecycle topic once."""
    estate.inbox.rmdir()
    status = estate.status()
    assert "folder is not there" in status.error
    assert estate.lifecycle() == ["retrying"]
    estate.inbox.mkdir()
    estate.drop(many(3))
    assert estate.run().ok


def test_fenced_adapter_ends(estate):
    """When a newer producer takes over, the older adapter ends and says so, publishing nothing twice."""
    stop = threading.Event()
    live = {}
    spec = JsonRowsSpec(name="src", system="core", every_seconds=0.1)
    estate.drop(many(3))
    thread = threading.Thread(
        target=run, args=([(spec, estate.folder)], estate.links), kwargs={"stop": stop, "statuses": live}
    )
    thread.start()
    try:
        while not (live and live["src"].committed):
            stop.wait(0.05)
        TransactionalProducer(estate.links.kafka, f"{estate.links.prefix}.src").close()
        estate.drop(many(4))
        thread.join(20)
        assert not thread.is_alive()
    finally:
        stop.set()
        thread.join()
    assert "took over" in live["src"].error
    assert len(estate.records()) == 3


def test_stop_between_transactions_resumes(estate):
    """Told to stop, an adapter ends after its transaction; the next start finishes the extract once."""
    estate.drop(many(2000))
    stop, live = threading.Event(), {}
    spec = JsonRowsSpec(name="src", system="core", every_seconds=0.1)
    spools = estate.links.state / "adapters" / "src" / "spool"
    thread = threading.Thread(
        target=run,
        args=([(spec, estate.folder)], estate.links),
        kwargs={"stop": stop, "statuses": live, "transaction_events": 20},
    )
    thread.start()
    while not any(spools.glob("*/manifest.json")) and thread.is_alive():
        time.sleep(0.01)
    stop.set()
    thread.join()
    assert not live["src"].error
    assert not read_states(estate.links)["src"].done
    assert estate.run().ok
    assert sorted(e["after"]["amount"] for e in estate.events()) == list(range(2000))
