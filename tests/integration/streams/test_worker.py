"""The worker on real Kafka: exactly once in the read model, whatever happens."""

import os
import random
import signal
import subprocess
import threading
import time

import pytest
from confluent_kafka import Consumer, TopicPartition

from connectors.log_reader import read_all
from connectors.readmodel.reader import NotReady
from schemas.entity import Field
from tests.integration.streams.flow import Flow, until
from tests.unit.streams.events import FIELDS, Writer, entity, row


@pytest.fixture
def flow(broker, tmp_path):
    return Flow(broker.links(tmp_path))


@pytest.fixture
def workers():
    """Starts workers and ends them all."""
    running: list[subprocess.Popen] = []

    def start(flow, entities=None):
        running.append(flow.worker(entities))
        return running[-1]

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_aborted_then_repeated(flow, workers):
    """Rows of an aborted transaction never show, those of its repetition show once, and offsets pass both."""
    flow.make_topic()
    flow.publish([flow.create(row(f"A{i}", 1)) for i in range(500)], commit=False)
    flow.publish([flow.create(row(f"A{i}", 2)) for i in range(500)])
    flow.publish([flow.create(row(f"B{i}", 3)) for i in range(10)], commit=False)
    process = workers(flow)
    flow.wait()
    assert flow.rows() == {f"A{i}": 2 for i in range(500)} == flow.truth()
    assert flow.reader.status()["events"] == 500
    process.terminate()
    assert process.wait(15) == 0


def test_gaps_do_not_stall_commits(flow, workers):
    """Many small transactions leave gaps at every marker; the group's commit still reaches what is stored."""
    flow.make_topic()
    for n in range(60):
        flow.publish([flow.create(row(f"A{n % 7}", n))], commit=n % 3 != 0)
    process = workers(flow)
    flow.wait()
    assert flow.rows() == flow.truth()
    asked = Consumer(flow.links.kafka.librdkafka() | {"group.id": flow.projection.app_id(flow.links.prefix)})
    stored = {int(p): n for p, n in flow.reader.status()["offsets"].items() if n}

    def committed():
        found = asked.committed([TopicPartition(flow.topic, p) for p in stored], timeout=10)
        return {tp.partition: tp.offset for tp in found} == stored

    until(committed, 30)
    asked.close()
    process.terminate()
    assert process.wait(15) == 0


def test_killed_at_random_moments(flow, workers):
    """SIGKILL at random moments under load: rows equal the log, and each event was counted once."""
    flow.make_topic()
    chance = random.Random(20)
    rounds = int(os.environ.get("BANYAN_KILL_ROUNDS", "4"))
    stop = threading.Event()
    flow.publish([flow.create(row("first", 0))])

    def load():
        n = 0
        while not stop.is_set():
            records = []
            for _ in range(400):
                image = row(f"K{chance.randrange(300)}", n := n + 1)
                records += flow.delete(image) if chance.random() < 0.2 else [flow.create(image, "u")]
            flow.publish(records, commit=chance.random() < 0.8)

    loading = threading.Thread(target=load)
    loading.start()
    try:
        for _ in range(rounds):
            process = workers(flow)
            before = _events(flow)
            until(lambda before=before: _events(flow) > before, 60)
            time.sleep(chance.random() * 0.5)
            process.send_signal(signal.SIGKILL)
            process.wait()
    finally:
        stop.set()
        loading.join()
    process = workers(flow)
    flow.wait()
    assert flow.rows() == flow.truth()
    assert flow.reader.status()["events"] == sum(1 for _ in read_all(flow.links.kafka, flow.topic))
    process.terminate()
    assert process.wait(15) == 0


def test_poison_parks_its_key_only(flow, workers):
    """An undecodable event goes to the dead-letter topic with its bytes and place; other keys flow on."""
    flow.make_topic()
    key, good = flow.create(row("A", 2))
    bad = good[:8]
    flow.publish([flow.create(row("A", 1)), (key, bad), (key, good), flow.create(row("B", 1))])
    workers(flow)
    flow.wait()
    assert flow.rows() == {"A": 1, "B": 1}
    letters = list(read_all(flow.links.kafka, flow.links.topics.dlq("esa").name))
    assert [letter.value for letter in letters] == [bad]
    assert dict(letters[0].headers)["banyan.source"].decode().startswith(f"{flow.topic}:")
    assert flow.reader.status()["parked"] == 2


def test_topic_made_anew_is_not_read_from_the_old_offset(flow, workers, capfd):
    """The stored offset of a deleted topic means nothing in the one that follows it: no event is left out."""
    flow.make_topic()
    flow.publish([flow.create(row("A", n)) for n in range(5)])
    first = workers(flow)
    flow.wait()
    first.terminate()
    first.wait(15)
    before = flow.reader.status()["offsets"]
    flow.admin.delete([flow.topic])
    until(lambda: flow.topic not in flow.admin.topics())
    flow.make_topic()
    flow.publish([flow.create(row("A", n)) for n in range(10, 30)])
    workers(flow)
    until(lambda: "made anew" in capfd.readouterr().err)
    assert flow.rows() == {"A": 4} and flow.reader.status()["offsets"] == before


def test_topic_and_schema_come_later(flow, workers):
    """A worker that starts first makes the topic and hears of the first event; the schema comes with it."""
    process = workers(flow)
    until(lambda: flow.admin.partitions(flow.topic) == 4, 30)
    flow.publish([flow.create(row("A", 1))])
    until(lambda: _events(flow) == 1, 60)
    assert flow.rows() == {"A": 1}
    process.terminate()
    assert process.wait(15) == 0


def test_schema_versions(flow, workers):
    """Events of two schema versions fold into one table with the fields of both."""
    flow.make_topic()
    flow.publish([flow.create(row("A", 1))])
    process = workers(flow)
    flow.wait()
    wider = Writer(flow.registry, entity((*FIELDS, Field("NOTE", "string"))), flow.topic)
    image = row("B", 2) | {"NOTE": "new"}
    flow.publish([(wider.key(image), wider.event("c", None, image)), flow.create(row("C", 3))])
    flow.wait()
    found = {r.values["nino"]: r.values["note"] for r in flow.reader.rows({})}
    assert found == {"A": None, "B": "new", "C": None}
    process.terminate()
    assert process.wait(15) == 0


def test_rebalance_loses_nothing(flow, workers):
    """Another member takes partitions and gives them back under load: no event is lost or applied twice."""
    flow.make_topic()
    flow.publish([flow.create(row("first", 0))])
    process = workers(flow)
    flow.wait()
    for turn in range(2):
        other = Consumer(
            flow.links.kafka.librdkafka()
            | {
                "group.id": flow.projection.app_id(flow.links.prefix),
                "partition.assignment.strategy": "roundrobin",
                "enable.auto.commit": False,
            }
        )
        other.subscribe([flow.topic])
        end = time.monotonic() + 30
        while not other.assignment() and time.monotonic() < end:
            other.poll(0.1)
            flow.publish([flow.create(row(f"K{i}", turn)) for i in range(50)])
        assert other.assignment()
        other.close()
        flow.publish([flow.create(row(f"L{i}", turn)) for i in range(50)])
    flow.wait()
    assert flow.rows() == flow.truth()
    assert flow.reader.status()["events"] == sum(1 for _ in read_all(flow.links.kafka, flow.topic))
    process.terminate()
    assert process.wait(15) == 0


def test_fourteen_projections_in_one_process(broker, tmp_path, workers):
    """One worker hosts many apps, each with its own group, and ends them all at SIGTERM."""
    links = broker.links(tmp_path)
    names = [f"e{i}" for i in range(14)]
    flows = [Flow(links, name=name) for name in names]
    process = workers(flows[0], ",".join(names))
    until(lambda: all(f.admin.partitions(f.topic) for f in flows), 60)
    producer = flows[0]
    for flow in flows:
        flow._producer = producer._producer
        flow.publish([flow.create(row(flow.projection.name, 1))])
        producer._producer = flow._producer
    until(lambda: all(_events(f) == 1 for f in flows), 60)
    assert [f.rows() for f in flows] == [{name: 1} for name in names]
    process.terminate()
    assert process.wait(30) == 0


def _events(flow) -> int:
    try:
        return flow.reader.status()["events"]
    except NotReady:
        return 0
