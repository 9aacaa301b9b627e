"""What every adapter publishes and keeps, against real Kafka and the real registry."""

from __future__ import annotations

import json
import threading
import time

import pytest

from adapters.runner import run
from adapters.state import AdapterState, read, read_states
from adapters.testing import JsonRowsSpec
from connectors.kafka import TransactionalProducer
from schemas.errors import Transient
from tests.integration.adapters.estate import decode, many, row, summary

pytestmark = pytest.mark.integration


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
    assert estate.lifecycle() == ["started", "committed", "skipped", "started", "committed"]


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


def test_partial_extract_deletes_nothing(estate):
    """What a partial extract does not mention stays."""
    estate.drop([("a", 1), ("b", 2)])
    estate.run()
    estate.drop([("b", 3)], partial=True)
    assert estate.run().ok
    assert [summary(e) for e in estate.events() if e["op"] != "r"] == [("u", "b", 3)]


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
