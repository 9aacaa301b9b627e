"""No more requests a second than the legacy system can bear."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """Spaces calls evenly over all threads; `wait` returns when the next one may start."""

    def __init__(
        self,
        per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap, self._clock, self._sleep = 1.0 / per_second, clock, sleep
        self._next = float("-inf")
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Sleep until this call's turn."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + self._gap
        if turn > now:
            self._sleep(turn - now)
