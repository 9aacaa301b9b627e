"""Workers, store and broker in trouble under load, seeded; afterwards every row is compared with the log."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pytest

from connectors.kafka import KafkaSettings
from connectors.links import Links
from connectors.log_reader import read_all
from hub.embedded.services import Services
from tests.evidence import keep
from tests.integration.streams.flow import Flow, until
from tests.integration.streams.test_several_workers import Load, events
from tests.postgres import Postgres, running_postgres
from tests.unit.streams.events import row

SEED = int(os.environ.get("BANYAN_SEED", "20261124"))
ROUNDS = int(os.environ.get("BANYAN_ROUNDS", "100"))


@pytest.mark.timeout(280)
def test_short_form(tmp_path: Path, private_broker: Services) -> None:
    """One of each trouble leaves rows and counts exact."""
    with running_postgres() as postgres:
        run_rounds(tmp_path, private_broker, postgres, seed=SEED, rounds=len(Chaos.TROUBLES))


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_soak_streams(tmp_path: Path, private_broker: Services) -> None:
    """A hundred troubles at random (`BANYAN_ROUNDS` for fewer) leave rows and counts exact."""
    with running_postgres() as postgres:
        keep("streams", run_rounds(tmp_path, private_broker, postgres, seed=SEED, rounds=ROUNDS))


def run_rounds(
    folder: Path, services: Services, postgres: Postgres, *, seed: int, rounds: int
) -> dict[str, Any]:
    """Make trouble for two workers while events flow; compare every row with the log; return the counts."""
    links = Links("chaos", KafkaSettings(bootstrap=services.bootstrap), services.registry_url, folder)
    flow = Flow(replace(links, read_model_url=postgres.url))
    flow.make_topic()
    flow.publish([flow.create(row("first", 0))])
    chaos = Chaos(flow, services, postgres, seed)
    made: Counter[str] = Counter()
    try:
        for number in range(rounds):
            # Each once before chance decides, so that also the short form has seen all.
            names = sorted(Chaos.TROUBLES)
            name = names[number] if number < len(names) else chaos.chance.choice(names)
            # The load pauses while the broker is down: it is the workers that are tested.
            with Load(flow, seed + number):
                time.sleep(chaos.chance.uniform(0.2, 1.5))
                if name != "broker_killed":
                    Chaos.TROUBLES[name](chaos)
            if name == "broker_killed":
                Chaos.TROUBLES[name](chaos)
            before = events(flow)
            flow.publish([flow.create(row(f"after{number}", number))])
            until(lambda before=before: events(flow) > before, 90)
            made[name] += 1
        flow.wait(120)
        truth, found = flow.truth(), flow.rows()
        published = sum(1 for _ in read_all(flow.links.kafka, flow.topic))
        applied = events(flow)
    finally:
        chaos.end()
    assert found == truth
    assert applied == published
    return {
        "seed": seed,
        "rounds": rounds,
        "troubles": dict(made),
        "events": published,
        "rows": len(truth),
        "rows_that_differ": sum(truth.get(k) != found.get(k) for k in truth.keys() | found.keys()),
        "lost_or_twice": applied - published,
    }


class Chaos:
    """Two workers and everything that can be done to them."""

    def __init__(self, flow: Flow, services: Services, postgres: Postgres, seed: int) -> None:
        self.flow, self.services, self.postgres = flow, services, postgres
        self.chance = random.Random(seed)
        self.workers: list[subprocess.Popen[bytes]] = [flow.worker(), flow.worker()]
        until(lambda: events(flow) > 0)

    def end(self) -> None:
        for worker in self.workers:
            worker.send_signal(signal.SIGCONT)
            worker.kill()
            worker.wait()

    def worker_killed(self) -> None:
        victim = self.workers.pop(self.chance.randrange(2))
        victim.kill()
        victim.wait()
        self.workers.append(self.flow.worker())

    def worker_stopped_past_its_session(self) -> None:
        victim = self.chance.choice(self.workers)
        victim.send_signal(signal.SIGSTOP)
        time.sleep(14)  # the session is 10 s
        victim.send_signal(signal.SIGCONT)

    def worker_stopped_for_a_moment(self) -> None:
        victim = self.chance.choice(self.workers)
        victim.send_signal(signal.SIGSTOP)
        time.sleep(self.chance.uniform(0.5, 4))
        victim.send_signal(signal.SIGCONT)

    def rolling_restart(self) -> None:
        old = self.workers.pop(0)
        self.workers.append(self.flow.worker())
        time.sleep(self.chance.uniform(0.5, 5))
        old.send_signal(signal.SIGTERM)
        old.wait(30)

    def store_locked(self) -> None:
        with psycopg.connect(self.postgres.url) as other:
            other.execute(b'LOCK TABLE "chaos.claim.v1".rows IN ACCESS EXCLUSIVE MODE')
            time.sleep(self.chance.uniform(1, 8))

    def store_killed(self) -> None:
        self.postgres.stop(signal.SIGQUIT)  # no checkpoint: it recovers from its log
        time.sleep(self.chance.uniform(0, 3))
        self.postgres.start()

    def broker_killed(self) -> None:
        os.kill(self.services.pids["kafka"], signal.SIGKILL)
        until(lambda: "kafka" in self.services.dead)
        time.sleep(self.chance.uniform(0, 3))
        self.services.revive()
        until(self._publishes, 60)

    def _publishes(self) -> bool:
        """A producer whose transaction the broker's death cut off is made anew."""
        self.flow._producer = None
        try:
            self.flow.publish([self.flow.create(row("revived", 1))])
        except Exception:
            return False
        return True

    TROUBLES: ClassVar[dict[str, Callable[[Chaos], None]]] = {
        f.__name__: f
        for f in (
            worker_killed,
            worker_stopped_past_its_session,
            worker_stopped_for_a_moment,
            rolling_restart,
            store_locked,
            store_killed,
            broker_killed,
        )
    }
