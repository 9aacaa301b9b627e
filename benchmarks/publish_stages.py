"""Where the batch adapter's time goes: its functions, timed one inside the other."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import Any

from adapters import channel, loop, prepare, publish
from adapters.batch import source
from adapters.channel import Channel
from adapters.snapshot import Snapshots
from adapters.spool import SpoolWriter
from connectors.admin import Admin
from connectors.kafka import TransactionalProducer
from schemas.envelope import EnvelopeEncoder

#: Stage, owner, attribute. A stage's time is without that of the stages inside it.
STAGES: list[tuple[str, Any, str]] = [
    ("topics", Admin, "ensure"),
    ("producer", TransactionalProducer, "__init__"),
    ("state", publish.adapter_state, "read"),
    ("schemas", loop, "open_channels"),
    ("decode", source, "decode"),
    ("key_text", Channel, "key_text"),
    ("value", Channel, "encode"),
    ("compare", prepare, "compare"),
    ("partition", channel, "partitions"),
    ("key", Channel, "_key_batch"),
    ("envelope", EnvelopeEncoder, "encode"),
    ("spool_rest", SpoolWriter, "add"),
    ("snapshot", Snapshots, "write"),
    ("prepare_rest", loop, "prepare"),
    ("produce", TransactionalProducer, "send_column"),
    ("acknowledge", TransactionalProducer, "flush"),
    ("commit", TransactionalProducer, "commit"),
    ("publish_rest", publish.Publisher, "publish"),
    ("rest", loop.AdapterLoop, "run"),
]


class Stages:
    """While it is entered, the functions above are timed; each thread has its own nesting."""

    def __init__(self) -> None:
        self._times: dict[str, list[float]] = {}
        self._inside = threading.local()
        self._kept: list[tuple[Any, str, Any]] = []
        self._processor = 0.0

    def __enter__(self) -> Stages:
        for stage, owner, attribute in STAGES:
            function = getattr(owner, attribute)
            self._kept.append((owner, attribute, function))
            setattr(owner, attribute, self._timed(stage, function))
        return self

    def __exit__(self, *_: object) -> None:
        for owner, attribute, function in self._kept:
            setattr(owner, attribute, function)

    def clear(self) -> None:
        """Forget what was measured."""
        self._times.clear()
        self._processor = time.process_time()

    def rows(self, records: int) -> list[tuple[str, float, float]]:
        """Return (stage, nanoseconds a record, of these in its own thread's processor time)."""
        rows = [(s, *self._times[s]) for s, _, _ in STAGES if s in self._times]
        both = [("all", sum(r[1] for r in rows), time.process_time() - self._processor)]
        return [(s, wall / records * 1e9, cpu / records * 1e9) for s, wall, cpu in rows + both]

    def _timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def timed(*args: Any, **more: Any) -> Any:
            stack = self._inside.__dict__.setdefault("stack", [])
            stack.append([0.0, 0.0])
            wall, cpu = time.perf_counter(), time.thread_time()
            try:
                return function(*args, **more)
            finally:
                wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
                inner_wall, inner_cpu = stack.pop()
                total = self._times.setdefault(stage, [0.0, 0.0])
                total[0] += wall - inner_wall
                total[1] += cpu - inner_cpu
                if stack:
                    stack[-1][0] += wall
                    stack[-1][1] += cpu

        return timed
