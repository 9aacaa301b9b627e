"""SIGKILL of adapter, worker and Kafka at random moments: nothing lost, nothing twice, no false delete."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from connectors.kafka import KafkaSettings
from connectors.links import Links
from hub.embedded.services import Services
from tests.e2e.chaos.checker import (
    applied_events,
    ends,
    expected_changes,
    projected_rows,
    published_changes,
)
from tests.e2e.chaos.ledger import Ledger, write_estate
from tests.e2e.chaos.processes import Parts
from tests.evidence import keep

#: A round's extract is published and projected within seconds; this is the time for a dead machine.
PATIENCE_SECONDS = 120
SEED = int(os.environ.get("BANYAN_SEED", "20261123"))


@pytest.mark.timeout(600)
def test_short_form(tmp_path: Path, private_broker: Services) -> None:
    """Five days with five kills leave the log and the read model exact."""
    run_rounds(tmp_path, private_broker, seed=SEED, rounds=5, entries=3_000)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_soak_kill(tmp_path: Path, private_broker: Services) -> None:
    """Twenty days with twenty kills leave the log and the read model exact."""
    keep("kill", run_rounds(tmp_path, private_broker, seed=SEED, rounds=20, entries=20_000))


def run_rounds(tmp_path: Path, services: Services, *, seed: int, rounds: int, entries: int) -> dict[str, Any]:
    """Run `rounds` days, kill one part in each at a random moment, check everything; return the counts."""
    estate, prefix = tmp_path / "estate", "chaos"
    inbox = write_estate(estate, bootstrap=services.bootstrap, registry=services.registry_url, prefix=prefix)
    links = Links(
        prefix, KafkaSettings(bootstrap=services.bootstrap), services.registry_url, estate / ".banyan"
    )
    moments = random.Random(seed)
    ledger = Ledger(seed)
    ledger.grow(entries)
    killed: Counter[str] = Counter()
    parts = Parts(estate, services)
    try:
        for number in range(rounds):
            if number:
                ledger.work()
            ledger.extract(inbox)
            time.sleep(moments.uniform(0.2, 4.0))
            # Each part is killed once before chance decides, so that also the short form has seen all.
            name = Parts.NAMES[number] if number < len(Parts.NAMES) else moments.choice(Parts.NAMES)
            parts.kill(name)
            killed[name] += 1
        topic = links.topics.change("books", "entry").name
        wait_until_projected(parts, links, topic, ledger)
    finally:
        parts.stop()
    published, tombstones = published_changes(links, topic)
    expected = expected_changes(ledger.days)
    assert published == expected
    deletes = sum(n for day in expected for (_, op, _, _), n in day.items() if op == "d")
    assert tombstones == deletes
    assert [end["event_count"] for end in ends(links)] == [day.total() for day in expected]
    assert projected_rows(read_model(links)) == ledger.rows
    # The worker counts what it applies (tombstones too) in the transaction of the rows: each once.
    applied = applied_events(read_model(links))
    assert applied == sum(day.total() for day in expected) + tombstones
    return {
        "seed": seed,
        "rounds": rounds,
        "killed": dict(killed),
        "events": sum(day.total() for day in published),
        "lost": sum((e - p).total() for e, p in zip(expected, published, strict=True)),
        "twice_or_false": sum((p - e).total() for e, p in zip(expected, published, strict=True)),
        "deletes": deletes,
        "false_deletes": tombstones - deletes,
        "rows": len(ledger.rows),
        "applied_more_than_once": applied - sum(day.total() for day in published) - tombstones,
    }


def wait_until_projected(parts: Parts, links: Links, topic: str, ledger: Ledger) -> None:
    """Wait until every day is published and the rows are those of the last day."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        assert parts.ended() == [], "\n".join(f"{name} ended:\n{parts.log(name)}" for name in parts.ended())
        published = len(ends(links)) == len(ledger.days)
        if published and read_model(links).exists() and projected_rows(read_model(links)) == ledger.rows:
            return
        time.sleep(0.5)
    logs = "\n".join(f"--- {name}\n{parts.log(name)}" for name in ("adapter", "worker"))
    pytest.fail(
        f"{len(ends(links))} of {len(ledger.days)} days are published after {PATIENCE_SECONDS} s\n{logs}"
    )


def read_model(links: Links) -> Path:
    """The SQLite file of the projection."""
    return links.state / "readmodel" / "entry.v1.sqlite"
