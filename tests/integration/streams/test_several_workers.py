"""Several workers on one PostgreSQL read model: partitions move, zombies wake, nothing is lost or doubled."""

from __future__ import annotations

import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors.log_reader import read_all
from connectors.readmodel.reader import NotReady
from tests.integration.streams.flow import PARTITIONS, Flow, until
from tests.unit.streams.events import row


@pytest.fixture
def flow(broker: Any, postgres: Any, tmp_path: Any) -> Flow:
    return Flow(replace(broker.links(tmp_path), read_model_url=postgres.url))


@pytest.fixture
def workers(flow: Flow) -> Iterator[Any]:
    running: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        running.append(flow.worker())
        return running[-1]

    yield start
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


class Load:
    """Publishes small transactions until it is left."""

    def __init__(self, flow: Flow, seed: int) -> None:
        self._flow, self._chance, self._stop = flow, random.Random(seed), threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        n = 0
        while not self._stop.is_set():
            records: list[Any] = []
            for _ in range(200):
                image = row(f"K{self._chance.randrange(300)}", n := n + 1)
                gone = self._chance.random() < 0.2
                records += self._flow.delete(image) if gone else [self._flow.create(image, "u")]
            self._flow.publish(records, commit=self._chance.random() < 0.8)
            time.sleep(0.01)


def events(flow: Flow) -> int:
    try:
        return int(flow.reader.status()["events"])
    except NotReady:
        return 0


def check(flow: Flow) -> None:
    flow.wait()
    assert flow.rows() == flow.truth()
    assert events(flow) == sum(1 for _ in read_all(flow.links.kafka, flow.topic))


def test_a_zombie_cannot_write(flow: Flow, workers: Any) -> None:
    """A worker that is stopped, loses its partitions and wakes up changes nothing, and both serve on."""
    flow.make_topic()
    flow.publish([flow.create(row("first", 0))])
    with Load(flow, seed=7):
        first = workers()
        until(lambda: events(flow) > 1)
        workers()
        time.sleep(5)
        first.send_signal(signal.SIGSTOP)
        stopped = flow.reader.status()["offsets"]
        # Every partition moves on without it once its session has timed out.
        until(
            lambda: (
                all(n > stopped.get(p, 0) for p, n in flow.reader.status()["offsets"].items())
                and len(flow.reader.status()["offsets"]) == PARTITIONS
            ),
            60,
        )
        first.send_signal(signal.SIGCONT)
        woken = flow.reader.status()["offsets"]
        until(lambda: all(n > woken[p] for p, n in flow.reader.status()["offsets"].items()), 60)
        time.sleep(3)
    check(flow)
    assert first.poll() is None


def test_the_new_worker_joins_before_the_old_one_leaves(
    flow: Flow, workers: Any, record_property: Any
) -> None:
    """In a rolling restart every partition is served on; the longest time without a commit is recorded."""
    flow.make_topic()
    flow.publish([flow.create(row(f"K{i}", 0)) for i in range(50)])
    moved: dict[str, float] = {}
    longest: dict[str, float] = {}
    last: dict[str, int] = {}
    watching, stop = threading.Event(), threading.Event()
    other = flow.links.read_models.reader("claim", 1)

    def watch() -> None:
        while not stop.is_set():
            now = time.monotonic()
            for partition, offset in other.status()["offsets"].items():
                if last.get(partition) != offset:
                    if watching.is_set() and partition in moved:
                        gap = now - moved[partition]
                        longest[partition] = max(longest.get(partition, 0.0), gap)
                    last[partition], moved[partition] = offset, now
            time.sleep(0.02)

    with Load(flow, seed=8):
        old = workers()
        until(lambda: events(flow) > 500)
        watcher = threading.Thread(target=watch)
        watcher.start()
        time.sleep(2)
        watching.set()
        workers()
        time.sleep(8)
        old.send_signal(signal.SIGTERM)
        assert old.wait(20) == 0
        time.sleep(5)
        stop.set()
        watcher.join()
    other.close()
    record_property("unserved_seconds", {p: round(s, 2) for p, s in longest.items()})
    print("longest time without a commit by partition:", {p: round(s, 2) for p, s in longest.items()})
    check(flow)


def test_the_store_goes_away_and_comes_back(flow: Flow, workers: Any, postgres: Any) -> None:
    """While PostgreSQL is down workers wait; afterwards they go on by themselves, exactly."""
    flow.make_topic()
    flow.publish([flow.create(row("first", 0))])
    with Load(flow, seed=9):
        workers()
        until(lambda: events(flow) > 1)
        postgres.stop(signal.SIGQUIT)
        time.sleep(2)
        postgres.start()
        before = events(flow)
        until(lambda: events(flow) > before)
    check(flow)
