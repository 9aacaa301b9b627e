"""What a read model counts about the events that it has taken; partitions can be added."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from connectors.readmodel.freshness import BUCKETS, histogram
from connectors.readmodel.store import Change

#: Counts that add up, and times of which the newest counts.
SUMS = ("events", "deletes", "parked_events", "skipped_events")
LATEST = ("last_commit_ms", "last_event_ts_ms", "last_append_ms")
_HISTOGRAMS = ("arrival_to_visible", "append_to_visible")

Statistics = dict[str, Any]


def fresh(stored: Mapping[str, Any] = {}) -> Statistics:
    """Return the statistics of nothing, overlaid by what is stored."""
    return dict.fromkeys((*SUMS, *LATEST), 0) | {name: [0] * BUCKETS for name in _HISTOGRAMS} | dict(stored)


def counted(stats: Statistics, change: Change) -> Statistics:
    """Return `stats` with one change added."""
    now = time.time()
    result = dict(stats)
    for name, amount in (
        ("events", change.events),
        ("deletes", len(change.deletes)),
        ("parked_events", len(change.parked)),
        ("skipped_events", change.skipped),
    ):
        result[name] = int(result[name]) + amount
    result["last_commit_ms"] = int(now * 1000)
    result["last_event_ts_ms"] = max(int(result["last_event_ts_ms"]), change.ts_ms)
    result["last_append_ms"] = max(int(result["last_append_ms"]), change.append_ms)
    for name, origin in zip(_HISTOGRAMS, (change.arrival_ms, change.appended_ms), strict=True):
        if len(origin):
            counts = histogram(now - np.asarray(origin, dtype=np.float64) / 1000.0)
            result[name] = (np.asarray(result[name], dtype=np.int64) + counts).tolist()
    return result


def added(parts: Iterable[str]) -> Statistics:
    """Return the sum of statistics that were stored as JSON, one a partition."""
    total = fresh()
    for text in parts:
        one = fresh(json.loads(text))
        for name in SUMS:
            total[name] += one[name]
        for name in LATEST:
            total[name] = max(total[name], one[name])
        for name in _HISTOGRAMS:
            total[name] = (np.asarray(total[name]) + np.asarray(one[name])).tolist()
    return total
