"""The console's figures for Prometheus: how sources stand, which expected files are late or missing. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from adapters.lifecycle import CONTRACT_STATES, WINDOW_STATES
from hub.console.overview import Overview

_ADAPTER = ("adapter",)
_STATE = ("adapter", "state")


def metrics(overview: Overview) -> bytes:
    """Return the figures in Prometheus's text format; names of adapters and systems are their only labels.

    What is told once on the lifecycle topic is counted from its beginning, so a console that starts again
    goes on counting where it was.
    """
    registry = CollectorRegistry()
    registry.register(_Figures(overview))
    return bytes(generate_latest(registry))


class _Figures(Collector):
    def __init__(self, overview: Overview) -> None:
        self._overview = overview

    def collect(self) -> Iterator[Metric]:
        """Yield the figures of every source."""
        expected = CounterMetricFamily(
            "banyan_expected_files", "Windows of expected files, by what became of them.", labels=_STATE
        )
        overdue = GaugeMetricFamily(
            "banyan_expected_file_overdue", "1 = the file told last is late or missing.", labels=_ADAPTER
        )
        due = GaugeMetricFamily(
            "banyan_expected_file_due_timestamp_seconds",
            "When the file was or is due that was told last.",
            labels=_ADAPTER,
        )
        told = CounterMetricFamily("banyan_extracts", "Extracts, by what was told of them.", labels=_STATE)
        open_ = GaugeMetricFamily(
            "banyan_extracts_open", "Extracts that are held, failed, invalid or wait.", labels=_STATE
        )
        complete = GaugeMetricFamily(
            "banyan_adapter_complete_timestamp_seconds",
            "When the source was last known to hold nothing that is not published.",
            labels=_ADAPTER,
        )
        drift = GaugeMetricFamily(
            "banyan_contract_differences",
            "Differences between a source's live description and the imported one.",
            labels=_ADAPTER,
        )
        for source in self._overview.sources:
            name = source.adapter
            for state, count in sorted(source.counts.items()):
                if state not in CONTRACT_STATES:
                    (expected if state in WINDOW_STATES else told).add_metric((name, state), count)
            drift.add_metric((name,), len(source.drift))
            for state in ("held", "failed", "invalid", "waiting"):
                open_.add_metric((name, state), sum(e.state == state for e in source.open))
            overdue.add_metric((name,), int(source.overdue))
            if source.due_ms:
                due.add_metric((name,), source.due_ms / 1000)
            if source.last_mark_ms is not None:
                complete.add_metric((name,), source.last_mark_ms / 1000)
        letters = CounterMetricFamily("banyan_dead_letters", "Rejected records.", labels=("system",))
        # Nothing was told of a source while Kafka was never read: 0 would look like a fall, then a rise.
        read = {s.system: s.dead_letters for s in self._overview.sources if s.counts}
        for system, count in read.items():
            letters.add_metric((system,), count)
        outages = GaugeMetricFamily(
            "banyan_outages", "Parts that do not answer the console; its figures may be old then."
        )
        outages.add_metric((), len(self._overview.outages))
        yield from (expected, overdue, due, told, open_, complete, drift, letters, outages)
