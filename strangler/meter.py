"""The façade's figures for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

#: Half a millisecond (what the façade itself adds) to the ten seconds of a hanging side.
BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Meter:
    """Counts calls; reads the rest from the operations page when it is asked for."""

    def __init__(self, page: Callable[[], dict[str, Any]]) -> None:
        self._registry = CollectorRegistry()
        self._calls = Counter(
            "banyan_facade_requests",
            "Calls answered.",
            ("operation", "form", "stage", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "banyan_facade_seconds",
            "Time until the answer was ready.",
            ("operation", "form"),
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._registry.register(_PageCollector(page))
        # `labels()` hashes and locks: on the hot path its results are looked up in a plain dict
        self._bound: dict[tuple[str, str, str, int], Any] = {}
        self._timers: dict[tuple[str, str], Any] = {}

    def call(self, operation: str, form: str, stage: str, status: int, seconds: float) -> None:
        """Count one answered call."""
        key = (operation, form, stage, status)
        if (counter := self._bound.get(key)) is None:
            counter = self._bound[key] = self._calls.labels(operation, form, stage, str(status))
            self._timers[operation, form] = self._seconds.labels(operation, form)
        counter.inc()
        self._timers[operation, form].observe(seconds)

    def text(self) -> bytes:
        """Return all figures in Prometheus's text format."""
        return bytes(generate_latest(self._registry))


class _PageCollector(Collector):
    def __init__(self, page: Callable[[], dict[str, Any]]) -> None:
        self._page = page

    def collect(self) -> Iterator[Any]:
        """Yield verdicts, shadow counts and stages."""
        page = self._page()
        verdicts = CounterMetricFamily("banyan_verdicts", "Compared pairs.", labels=("operation", "verdict"))
        shadow = GaugeMetricFamily("banyan_shadow_calls", "Shadow calls.", labels=("operation", "state"))
        stage = GaugeMetricFamily("banyan_operation_stage", "1 = in force.", labels=("operation", "stage"))
        killed = GaugeMetricFamily("banyan_operation_killed", "1 = kill switch.", labels=("operation",))
        for row in page["operations"]:
            name = row["name"]
            for verdict, count in row["verdicts"].items():
                verdicts.add_metric((name, verdict), count)
            for state in ("offered", "compared", "dropped", "waiting", "rechecking"):
                shadow.add_metric((name, state), row["shadow"][state])
            stage.add_metric((name, row["effective_stage"]), 1)
            killed.add_metric((name,), int(row["killed"] is not None))
        yield from (verdicts, shadow, stage, killed)
