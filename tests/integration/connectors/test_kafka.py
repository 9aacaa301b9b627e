"""The producer, the topics and the log reader against a real Kafka."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from connectors import kafka
from connectors.admin import Admin
from connectors.kafka import BrokerUnavailable, Fenced, KafkaSettings, TooLarge, TransactionalProducer
from connectors.links import Links
from connectors.log_reader import read_all, read_state
from schemas.errors import SettingsError, Terminal
from schemas.topics import HISTORY, STATE, Topic


@pytest.fixture(params=["columns", "records"])
def client(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to librdkafka: called directly, and through confluent-kafka where that cannot be."""
    if request.param == "records":
        monkeypatch.setattr(kafka, "library", lambda: None)
    return str(request.param)


@pytest.fixture
def topic(links: Links) -> str:
    name = f"{links.prefix}.kafka.records"
    Admin(links.kafka).ensure([Topic(name, 3, HISTORY)])
    return name


@pytest.mark.usefixtures("client")
def test_a_committed_transaction_is_read_and_an_aborted_one_is_not(links: Links, topic: str) -> None:
    """Only committed records are read, and flush names the last offset of each partition."""
    producer = TransactionalProducer(links.kafka, f"{links.prefix}.one")
    producer.begin()
    producer.send(topic, 0, b"gone", b"gone")
    producer.flush()
    producer.abort()
    producer.begin()
    partitions = np.array([0, 1, 1, 2, 1, 0], dtype=np.int32)
    producer.send_column(topic, partitions, [b"k"] * 6, [str(i).encode() for i in range(6)])
    last = producer.flush()
    producer.commit()
    producer.close()
    records = list(read_all(links.kafka, topic))
    assert Counter(r.value for r in records) == Counter(str(i).encode() for i in range(6))
    assert last == {(topic, p): max(r.offset for r in records if r.partition == p) for p in range(3)}
    assert Counter(r.value for r in read_all(links.kafka, topic, read_committed=False))[b"gone"] == 1


@pytest.mark.usefixtures("client")
def test_a_newer_producer_fences_the_older(links: Links, topic: str) -> None:
    """The older of two producers with one id can no longer commit, and says why."""
    older = TransactionalProducer(links.kafka, f"{links.prefix}.fence")
    older.begin()
    older.send(topic, 0, b"k", b"zombie")
    newer = TransactionalProducer(links.kafka, f"{links.prefix}.fence")
    with pytest.raises(Fenced):
        older.flush()
        older.commit()
    newer.begin()
    newer.send(topic, 0, b"k", b"alive")
    newer.commit()
    assert [r.value for r in read_all(links.kafka, topic)] == [b"alive"]
    older.close()
    newer.close()


@pytest.mark.usefixtures("client")
def test_a_fenced_producer_learns_it_from_the_broker(links: Links, topic: str) -> None:
    """Records sent after the take-over are refused by the broker, and each later call says fenced."""
    older = TransactionalProducer(links.kafka, f"{links.prefix}.late")
    older.begin()
    newer = TransactionalProducer(links.kafka, f"{links.prefix}.late")
    for value in (b"1", b"2", b"3"):
        older.send(topic, 0, b"k", value)
    for call in (older.flush, older.commit, older.abort):
        with pytest.raises(Fenced):
            call()
    older.close()
    newer.close()
    assert list(read_all(links.kafka, topic)) == []


@pytest.mark.usefixtures("client")
def test_a_fenced_producer_may_learn_it_while_it_sends(links: Links, topic: str) -> None:
    """Sending serves callbacks too: the first call that hears of the take-over says fenced."""
    older = TransactionalProducer(links.kafka, f"{links.prefix}.sending")
    older.begin()
    newer = TransactionalProducer(links.kafka, f"{links.prefix}.sending")
    zeros = np.zeros(2, dtype=np.int32)
    with pytest.raises(Fenced):
        for _ in range(1_000):
            older.send(topic, 0, b"k", b"zombie")
            older.send_column(topic, zeros, [b"k"] * 2, [b"zombie"] * 2)
            time.sleep(0.01)
    older.close()
    newer.close()


@pytest.mark.usefixtures("client")
def test_columns_arrive_as_they_are(links: Links, topic: str) -> None:
    """Nulls stay null, empty stays empty, slices give their own rows, and each partition keeps its order."""
    keys = pa.array([b"no", b"k1", None, b"", b"k4", b"k5"], pa.large_binary()).slice(1)
    values = pa.array([b"no", b"v1", b"", None, b"v" * 70_000, b"v5"], pa.large_binary()).slice(1)
    producer = TransactionalProducer(links.kafka, f"{links.prefix}.columns")
    producer.begin()
    producer.send_column(topic, np.array([2, 0, 0, 1, 0], np.int32), keys, values)
    producer.send_column(topic, np.array([0], np.int32), [b"k6"], [b"v6"])
    producer.send(topic, 1, None, b"letter", [("banyan.reason", b"why"), ("empty", b"")])
    producer.send(topic, 1, b"", None)
    producer.commit()
    producer.close()
    found: dict[int, list[object]] = {0: [], 1: [], 2: []}
    for r in read_all(links.kafka, topic):
        found[r.partition].append((r.key, r.value, [tuple(h) for h in r.headers]))
    assert found == {
        0: [(None, b"", []), (b"", None, []), (b"k5", b"v5", []), (b"k6", b"v6", [])],
        1: [
            (b"k4", b"v" * 70_000, []),
            (None, b"letter", [("banyan.reason", b"why"), ("empty", b"")]),
            (b"", None, []),
        ],
        2: [(b"k1", b"v1", [])],
    }


@pytest.mark.usefixtures("client")
def test_a_full_local_queue_is_waited_for(links: Links, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A column longer than the local queue is sent whole, in order."""
    monkeypatch.setattr(kafka, "QUEUE_RECORDS", 1_000)
    producer = TransactionalProducer(links.kafka, f"{links.prefix}.full")
    producer.begin()
    values = [str(i).encode() for i in range(20_000)]
    producer.send_column(topic, np.zeros(len(values), np.int32), [b"k"] * len(values), values)
    producer.send(topic, 0, b"k", b"last")
    assert producer.flush() == {(topic, 0): len(values)}
    producer.commit()
    producer.close()
    assert [r.value for r in read_all(links.kafka, topic)] == [*values, b"last"]


@pytest.mark.usefixtures("client")
def test_a_record_that_cannot_be_sent_fails_its_transaction(links: Links, topic: str) -> None:
    """No record of a column with one that is too large, or for a partition that is not there, is seen."""
    producer = TransactionalProducer(links.kafka, f"{links.prefix}.large")
    for partitions, values, expected in (
        ([0, 0, 0], [b"1", bytes(9_000_000), b"3"], TooLarge),
        ([0, 9, 0], [b"1", b"2", b"3"], BrokerUnavailable),
    ):
        producer.begin()
        with pytest.raises(expected):
            producer.send_column(topic, np.array(partitions, np.int32), [b"k"] * 3, values)
            producer.flush()
            producer.commit()
        producer.abort()
    producer.begin()
    producer.send(topic, 0, b"k", b"good")
    producer.commit()
    producer.close()
    assert [r.value for r in read_all(links.kafka, topic)] == [b"good"]


@pytest.mark.usefixtures("client")
def test_a_producer_without_a_broker_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making a producer where no broker answers is Transient, and frees what was begun."""
    monkeypatch.setattr(kafka, "ANSWER_SECONDS", 0.5)
    with pytest.raises(BrokerUnavailable):
        TransactionalProducer(KafkaSettings(bootstrap="127.0.0.1:1"), "nobody")


@pytest.mark.usefixtures("client")
def test_settings_that_make_no_client_are_named() -> None:
    """A certificate that cannot be read is an error of the settings, which says which of them."""
    settings = KafkaSettings(
        bootstrap="127.0.0.1:1", security_protocol="SSL", ssl_ca_location="/no/such/ca.pem"
    )
    with pytest.raises(SettingsError, match=r"ssl\.ca\.location"):
        TransactionalProducer(settings, "nobody")


def test_state_is_the_newest_value_of_each_key(links: Links) -> None:
    """A tombstone takes its key out of the state."""
    name = f"{links.prefix}.kafka.state"
    Admin(links.kafka).ensure([Topic(name, 1, STATE)])
    producer = TransactionalProducer(links.kafka, f"{links.prefix}.state")
    producer.begin()
    for key, value in ((b"a", b"1"), (b"b", b"1"), (b"a", b"2"), (b"b", None)):
        producer.send(name, 0, key, value)
    producer.commit()
    producer.close()
    assert read_state(links.kafka, name) == {b"a": b"2"}
    assert read_state(links.kafka, f"{links.prefix}.no.such.topic") == {}


def test_a_topic_with_an_error_is_no_empty_topic(links: Links) -> None:
    """Only "no such topic" reads as nothing: any other answer is an error, so that no state is lost."""
    with pytest.raises(BrokerUnavailable, match="cannot read"):
        read_state(links.kafka, "no legal name!")


def test_a_topic_keeps_its_partition_count(links: Links, topic: str) -> None:
    """Another partition count is refused with the reason; the same one is fine."""
    admin = Admin(links.kafka)
    admin.ensure([Topic(topic, 3, HISTORY)])
    with pytest.raises(Terminal, match="has 3 partitions"):
        admin.ensure([Topic(topic, 4, HISTORY)])
    assert admin.partitions(topic) == 3
    assert admin.last_stable_offsets(topic) == {0: 0, 1: 0, 2: 0}


def test_the_last_stable_offset_stands_before_an_open_transaction(links: Links, topic: str) -> None:
    """An unfinished transaction does not move the end that readers can reach."""
    producer = TransactionalProducer(links.kafka, f"{links.prefix}.lso")
    producer.begin()
    producer.send(topic, 1, b"k", b"v")
    producer.flush()
    assert Admin(links.kafka).last_stable_offsets(topic)[1] == 0
    producer.commit()
    producer.close()
    # One record and its commit marker.
    assert Admin(links.kafka).last_stable_offsets(topic)[1] == 2


def test_a_dead_broker_is_transient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker that does not answer is a Transient error that says what to do."""
    monkeypatch.setattr("connectors.admin.ANSWER_SECONDS", 0.5)
    with pytest.raises(BrokerUnavailable, match="does not answer"):
        Admin(KafkaSettings(bootstrap="127.0.0.1:1")).topics()
