"""SIGKILL the publishing process at random moments: every event once, no false delete (G1)."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

import pytest

from adapters.marks import EndMark
from adapters.runner import run
from adapters.state import read_states
from adapters.testing import JsonRowsSpec
from connectors.kafka import KafkaSettings
from connectors.links import Links
from connectors.log_reader import read_all
from connectors.registry import Registry

pytestmark = pytest.mark.integration

_PROGRAM = """
import sys
from pathlib import Path
from adapters.runner import run
from adapters.testing import JsonRowsSpec
from connectors.kafka import KafkaSettings
from connectors.links import Links

prefix, bootstrap, registry, state, folder = sys.argv[1:]
links = Links(prefix, KafkaSettings(bootstrap=bootstrap), registry, Path(state))
spec = JsonRowsSpec(name="src", system="core", every_seconds=0.05, guard={"max_delete_share": 0.5})
report = run([(spec, Path(folder))], links, once=True, transaction_events=60)
sys.exit(0 if report.ok else 1)
"""
#: With transactions of 60 events they take seconds, so that kills fall between the first and the last.
ROWS = 30_000
ROUNDS = 12


@pytest.mark.parametrize("seed", [1])
def test_sigkill_loses_and_repeats_nothing(links, tmp_path, seed):
    """However often the process is killed, a read_committed reader finds each event exactly once."""
    rng = random.Random(seed)
    folder = tmp_path / "estate"
    inbox = folder / "inbox"
    inbox.mkdir(parents=True)
    (inbox / "day1.json").write_text(json.dumps({"rows": [_row(i, 0) for i in range(ROWS)]}))
    day2 = [_row(i, i % 3 == 0) for i in range(500, ROWS + 500)]
    (inbox / "day2.json").write_text(json.dumps({"rows": day2}))

    half_published = 0
    for round_ in range(ROUNDS):
        process = subprocess.Popen([sys.executable, "-c", _PROGRAM, *_arguments(links, folder)])
        if round_ % 3 == 1:
            _until(process, lambda: any((links.state / "adapters" / "src" / "spool").glob("*/manifest.json")))
        elif round_ % 3 == 2:  # between the first and the last transaction, however slow the machine is
            _until(process, lambda: _half_published(links))
        try:
            process.wait(rng.uniform(0.0, 0.3 if round_ % 3 == 2 else 1.2))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        process.wait()
        half_published += _half_published(links)
    for _ in range(5):
        last_run = subprocess.run([sys.executable, "-c", _PROGRAM, *_arguments(links, folder)])
        if last_run.returncode == 0 and not list(inbox.glob("*.json")):
            break
    assert not list(inbox.glob("*.json"))
    assert half_published

    ops, last = _events(links)
    expected = Counter()
    for i in range(ROWS):
        expected["r", f"k{i}"] = 1
    for i in range(500, ROWS):
        if i % 3 == 0:
            expected["u", f"k{i}"] = 1
    for i in range(500):
        expected["d", f"k{i}"] = 1
        expected["c", f"k{ROWS + i}"] = 1
    assert ops == expected

    marks = [json.loads(r.value) for r in read_all(links.kafka, links.topics.transaction.name)]
    assert [m["status"] for m in marks] == ["BEGIN", "END", "BEGIN", "END"]
    end = EndMark.model_validate(marks[-1])
    assert end.offsets[f"{links.prefix}.core.account"] == last


@pytest.mark.parametrize("seed", [2])
def test_sigkill_of_kafka_loses_and_repeats_nothing(private_broker, tmp_path, seed):
    """When Kafka dies inside an extract and comes back, the running adapter finishes it exactly once."""
    rng = random.Random(seed)
    links = Links(
        "killed",
        KafkaSettings(bootstrap=private_broker.bootstrap),
        private_broker.registry_url,
        tmp_path / ".banyan",
    )
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "day1.json").write_text(json.dumps({"rows": [_row(i, 0) for i in range(ROWS)]}))
    spec = JsonRowsSpec(name="src", system="core", every_seconds=0.1)
    stop, live = threading.Event(), {}
    spools = links.state / "adapters" / "src" / "spool"
    thread = threading.Thread(
        target=run,
        args=([(spec, tmp_path)], links),
        kwargs={"stop": stop, "transaction_events": 500, "statuses": live},
    )
    thread.start()
    try:
        while "src" not in live:
            time.sleep(0.01)
        for _ in range(2):
            while not (any(spools.glob("*/manifest.json")) or live["src"].committed):
                time.sleep(0.01)
            time.sleep(rng.uniform(0.1, 0.8))
            os.kill(private_broker.pids["kafka"], signal.SIGKILL)
            while not private_broker.revive():
                time.sleep(0.1)
        while not live["src"].committed:
            time.sleep(0.1)
    finally:
        stop.set()
        thread.join()
    ops, _ = _events(links)
    assert ops == Counter({("r", f"k{i}"): 1 for i in range(ROWS)})


def _until(process, condition):
    """Wait until `condition` holds or the process has ended by itself."""
    while process.poll() is None and not condition():
        time.sleep(0.01)


def _half_published(links):
    state = read_states(links).get("src")
    return state is not None and not state.done


def _row(i, amount):
    return {"id": f"k{i}", "amount": int(amount), "note": f"row number {i}"}


def _arguments(links, folder):
    return [links.prefix, links.kafka.bootstrap, links.registry_url, str(links.state), str(folder)]


def _events(links):
    import io

    import fastavro

    registry = Registry(links.registry_url)
    ops, last, tombstones = Counter(), {}, 0
    for record in read_all(links.kafka, f"{links.prefix}.core.account"):
        last[str(record.partition)] = max(record.offset, last.get(str(record.partition), -1))
        if record.value is None:
            tombstones += 1
            continue
        schema = registry.by_id(int.from_bytes(record.value[1:5], "big"))
        event = fastavro.schemaless_reader(io.BytesIO(record.value[5:]), schema)
        ops[event["op"], (event["after"] or event["before"])["id"]] += 1
    assert tombstones == sum(n for (op, _), n in ops.items() if op == "d")
    return ops, last
