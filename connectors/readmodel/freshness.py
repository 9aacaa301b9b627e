"""Freshness: how long events took, as histograms that can be added and kept in a store."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: Upper bounds in seconds, five a decade from 1 ms to 10,000 s: a quantile read from them is at most
#: a factor 1.6 off, and 36 integers describe any flow.
BOUNDS: npt.NDArray[np.float64] = np.round(10.0 ** (np.arange(-15, 21) / 5.0), 6)
#: Anything slower than the last bound is counted in one more bucket.
BUCKETS = len(BOUNDS) + 1

Counts = npt.NDArray[np.int64]


def histogram(seconds: npt.NDArray[np.float64]) -> Counts:
    """Count n durations into `BUCKETS` buckets; negative ones (clocks differ) count as zero."""
    place = np.searchsorted(BOUNDS, np.maximum(seconds, 0.0), side="left")
    return np.bincount(place, minlength=BUCKETS).astype(np.int64)


def quantile(counts: Counts, q: float) -> float | None:
    """Return the upper bound, in seconds, of the bucket that holds quantile `q`; None without events."""
    total = int(counts.sum())
    if total == 0:
        return None
    bucket = int(np.searchsorted(np.cumsum(counts), q * total, side="left"))
    return float(BOUNDS[min(bucket, len(BOUNDS) - 1)])
