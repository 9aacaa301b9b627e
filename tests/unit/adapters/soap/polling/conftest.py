"""An adapter over the made-up register, and the committed state that Kafka would keep for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.delta import UPSERT
from adapters.diff import DELETE
from adapters.soap.adapter import SoapAdapter
from adapters.soap.pace import Pace
from adapters.soap.polling.queue import Queue
from adapters.soap.polling.since import Since
from adapters.soap.reading import Reading
from adapters.soap.spec import SoapSpec
from tests.register import START, Register, contract

BASE = {
    "kind": "soap",
    "name": "persons",
    "system": "register",
    "wsdl": "register.wsdl",
    "entity": "person",
    "key": ["id"],
    "limits": {"concurrency": 4, "requests_per_second": 1e6},
}
LIST = {
    "operation": "ListPersons",
    "item": "persons/person",
    "total": "total",
    "paging": {"page": "page", "size": "size", "rows": 3, "more": "more"},
}


class Run:
    """One adapter, polled as the hub would: each extract is read whole, then committed, then done."""

    def __init__(self, register: Register, home: Path, **settings: Any) -> None:
        self.register, self.home = register, home
        self.spec = SoapSpec.model_validate(BASE | settings)
        self.memory = ""
        self.first = True
        self.rows: dict[int, str | None] = {}
        self.events: list[tuple[str, int, str | None]] = []
        self.now_ms = int(START.timestamp() * 1000)
        self.start()

    def start(self) -> None:
        """Make the adapter anew, as another process would."""
        change, pace = self.spec.change, Pace(1e9)
        common = (contract(), self.register, pace, "http://x/register")
        if change.mode == "since":
            self.adapter = SoapAdapter(Since(self.spec, change, *common, now_ms=self.clock))
        elif change.mode == "queue":
            self.adapter = SoapAdapter(Queue(self.spec, change, *common, now_ms=self.clock))
        else:
            self.adapter = SoapAdapter(Reading(self.spec, *common), now_ms=self.clock)

    def clock(self) -> int:
        self.now_ms += 1
        return self.now_ms

    def look(self, *, commit: Callable[[Any], bool] = lambda _: True) -> list[Any]:
        """Look once; return the extracts. An extract that is not committed is forgotten."""
        self.adapter.resume(self.memory, self.home, first=self.first)
        seen = []
        for extract in self.adapter.poll():
            chunks = list(extract.chunks())
            seen.append(extract)
            if commit(extract) and not extract.problems():
                self._commit(extract, chunks)
                self.adapter.done(extract)
        return seen

    def take(self) -> list[tuple[str, int, str | None]]:
        """The events since the last call: what the shared half would publish."""
        events, self.events = self.events, []
        return events

    def _commit(self, extract: Any, chunks: Any) -> None:
        if (memory := getattr(extract, "memory", None)) is not None:
            self.memory = memory
        self.first = False
        seen = set()
        for chunk in chunks:
            for part in chunk.rows:
                actions = part.action.tolist() if part.action is not None else [UPSERT] * part.batch.num_rows
                for row, action in zip(part.batch.to_pylist(), actions, strict=True):
                    seen.add(row["id"])
                    self._apply(row["id"], row["name"], action)
        if not extract.partial:
            for number in sorted(self.rows.keys() - seen):
                self._apply(number, None, DELETE)

    def _apply(self, number: int, name: str | None, action: int) -> None:
        if action == DELETE:
            if number in self.rows:
                del self.rows[number]
                self.events.append(("d", number, None))
        elif number not in self.rows or self.rows[number] != name:
            self.events.append(("u" if number in self.rows else "c", number, name))
            self.rows[number] = name


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Run]:
    """Make a run over a register."""
    return lambda register, **settings: Run(register, tmp_path / "home", **settings)
