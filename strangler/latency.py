"""How long the newest calls took, for the operations page; the histogram for Prometheus is beside it."""

from __future__ import annotations

from collections import deque
from typing import Final

#: At 100 calls/s the page then speaks of the last 20 s.
REMEMBERED: Final = 2_000


class Latency:
    """A window over the newest durations."""

    def __init__(self) -> None:
        self._seconds: deque[float] = deque(maxlen=REMEMBERED)

    def add(self, seconds: float) -> None:
        """Take one more."""
        self._seconds.append(seconds)

    def to_json(self) -> dict[str, float | int | None]:
        """Return {p50, p99} in milliseconds and n, the size of the window."""
        ordered = sorted(self._seconds)
        if not ordered:
            return {"p50": None, "p99": None, "n": 0}
        last = len(ordered) - 1
        p50, p99 = ordered[round(last * 0.5)], ordered[round(last * 0.99)]
        return {"p50": round(p50 * 1000, 3), "p99": round(p99 * 1000, 3), "n": len(ordered)}
