"""SIGKILL of the adapter while it publishes a file: each event once, in order, no false delete (G1)."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

import fastavro
import numpy as np
import pytest

from adapters.marks import EndMark
from adapters.state import read_states
from connectors.kafka import TransactionalProducer
from connectors.log_reader import read_all
from connectors.registry import Registry
from tests.evidence import ROOT, keep
from tests.integration.adapters.publishing_process import COPYBOOK, POINTS

pytestmark = pytest.mark.integration

SEED = int(os.environ.get("BANYAN_SEED", "20261124"))
_ROW = np.dtype([("id", ">i4"), ("amount", ">i4"), ("note", "S20")])
#: Of so many claims one is gone, and another one new, on each day after the first.
_MOVED = 200
#: One claim in so many has another amount than the day before.
_CHANGED = 4


def test_killed_at_every_point(links, tmp_path):
    """A process killed at each point of its work, one after the other, leaves a log without gap or repeat."""
    estate = Estate(links, tmp_path / "estate", claims=4_000, events=500)
    estate.drop()
    for point in POINTS:
        estate.work_until_killed(point)
        if estate.idle():
            estate.drop()
    estate.finish()
    facts = estate.check()
    assert facts["lost"] == facts["twice"] == facts["false_deletes"] == facts["out_of_order"] == 0
    assert facts["half_published"]


@pytest.mark.soak
@pytest.mark.timeout(1_200)
def test_soak_publish(links, tmp_path):
    """Fifty kills at random moments leave the events of all files exact."""
    moments = random.Random(SEED)
    estate = Estate(links, tmp_path / "estate", claims=200_000, events=1_000)
    kills = Counter()
    while kills.total() < 50:
        if estate.idle():
            estate.drop()
        kind = moments.choice(["publishing"] * 4 + ["any moment", "archiving"])
        if estate.work_and_kill(kind, moments):
            kills[kind] += 1
    estate.finish()
    facts = estate.check()
    keep("publish", {"seed": SEED, "rounds": kills.total(), "killed": dict(kills), **facts})
    assert facts["lost"] == facts["twice"] == facts["false_deletes"] == facts["out_of_order"] == 0


class Estate:
    """A folder of daily extracts, the processes that publish it, and what must be on Kafka in the end."""

    def __init__(self, links, folder: Path, *, claims: int, events: int) -> None:
        self.links, self.folder, self.claims, self.events = links, folder, claims, events
        self.inbox = folder / "inbox"
        self.inbox.mkdir(parents=True)
        (folder / "claims.cpy").write_text(COPYBOOK)
        self.days: list[dict[int, int]] = []
        self.half_published = 0

    def drop(self) -> None:
        """Write the next day's file whole."""
        day = len(self.days)
        first = day * (self.claims // _MOVED)
        ids = np.arange(first, first + self.claims)
        # A claim's amount is the last day on which it was its turn to change.
        amounts = day - (day - ids) % _CHANGED
        rows = np.zeros(len(ids), _ROW)
        rows["id"], rows["amount"] = ids + 1, np.maximum(amounts, 0)
        rows["note"] = "the same every day".ljust(20).encode("cp037")
        self.days.append(dict(zip((ids + 1).tolist(), rows["amount"].tolist(), strict=True)))
        path = self.folder / "claims.part"
        path.write_bytes(rows.tobytes())
        path.rename(self.inbox / f"day{day:03}.dat")

    def idle(self) -> bool:
        """Whether no file waits."""
        return not list(self.inbox.glob("*.dat"))

    def work_until_killed(self, point: str) -> None:
        """Run a process that kills itself at a point; a second time with another file if it never came by."""
        # The first transaction tells that the file was started; at the fourth call events are on their way.
        nth = 4 if POINTS[point][0] is TransactionalProducer else 1
        for _ in range(2):
            process = self._start(point, str(nth))
            process.communicate()
            self._look()
            if process.returncode == -9:
                return
            assert process.returncode == 0
            self.drop()
        pytest.fail(f"no process came {nth} times to: {point}")

    def work_and_kill(self, kind: str, moments: random.Random) -> bool:
        """Run a process and kill it at a moment; return whether it had not ended before."""
        process = self._start()
        told = {"publishing": b"publish", "archiving": b"done"}.get(kind)
        assert process.stdout is not None
        while told and (line := process.stdout.readline()) and line.strip() != told:
            pass
        longest = {"publishing": 1.0, "archiving": 0.002}.get(kind, 2.0)
        time.sleep(moments.uniform(0.0, longest))
        process.kill()
        process.communicate()
        self._look()
        return process.returncode == -9

    def finish(self) -> None:
        """Let it work undisturbed until nothing waits."""
        for _ in range(10):
            process = self._start()
            process.communicate()
            if process.returncode == 0 and self.idle():
                return
        pytest.fail("the last process does not come to an end")

    def check(self) -> dict[str, int]:
        """Compare the log, read committed, with what the files say; return the counts."""
        found, tombstones, last = self._log()
        lost = twice = false_deletes = out_of_order = 0
        expected = self._expected()
        for key in expected.keys() | found.keys():
            want, got = Counter(expected[key]), Counter(found[key])
            lost += (want - got).total()
            twice += (got - want).total()
            false_deletes += sum(n for (op, _), n in (got - want).items() if op == "d")
            out_of_order += want == got and expected[key] != found[key]
        ends = [
            EndMark.model_validate_json(r.value)
            for r in read_all(self.links.kafka, self.links.topics.transaction.name)
            if b'"END"' in r.value
        ]
        deletes = sum(op == "d" for events in expected.values() for op, _ in events)
        assert tombstones == deletes
        assert len(ends) == len(self.days)
        assert ends[-1].offsets[self.topic] == last
        return {
            "files": len(self.days),
            "events": sum(map(len, found.values())),
            "lost": lost,
            "twice": twice,
            "out_of_order": out_of_order,
            "deletes": deletes,
            "false_deletes": false_deletes,
            "half_published": self.half_published,
        }

    @property
    def topic(self) -> str:
        return f"{self.links.prefix}.legacy.claim"

    def _start(self, *more: str) -> subprocess.Popen[bytes]:
        links = self.links
        where = [links.prefix, links.kafka.bootstrap, links.registry_url, str(links.state), str(self.folder)]
        command = [sys.executable, "-m", "tests.integration.adapters.publishing_process"]
        return subprocess.Popen([*command, *where, str(self.events), *more], cwd=ROOT, stdout=subprocess.PIPE)

    def _look(self) -> None:
        state = read_states(self.links).get("claims")
        self.half_published += state is not None and not state.done

    def _expected(self) -> dict[int, list[tuple[str, int | None]]]:
        events: dict[int, list[tuple[str, int | None]]] = defaultdict(list)
        before: dict[int, int] = {}
        for number, day in enumerate(self.days):
            for key, amount in day.items():
                if before.get(key) != amount:
                    events[key].append(("r" if not number else "u" if key in before else "c", amount))
            for key in before.keys() - day.keys():
                events[key].append(("d", None))
            before = day
        return events

    def _log(self) -> tuple[dict[int, list[tuple[str, int | None]]], int, dict[str, int]]:
        """Each key's events in log order, the number of tombstones, and each partition's last offset."""
        registry, schemas = Registry(self.links.registry_url), {}
        events: dict[int, list[tuple[str, int | None]]] = defaultdict(list)
        tombstones, last = 0, {}
        for record in read_all(self.links.kafka, self.topic):
            last[str(record.partition)] = max(record.offset, last.get(str(record.partition), -1))
            if record.value is None:
                tombstones += 1
                continue
            number = int.from_bytes(record.value[1:5], "big")
            if number not in schemas:
                schemas[number] = fastavro.parse_schema(registry.by_id(number))
            event = fastavro.schemaless_reader(io.BytesIO(record.value[5:]), schemas[number])
            image = event["after"] or event["before"]
            amount = event["after"] and event["after"]["AMOUNT"]
            events[image["CLAIM_ID"]].append((event["op"], amount))
        return events, tombstones, last
