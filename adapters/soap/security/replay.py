"""What was seen within a time, so that a message cannot be played again."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict


class ReplayCache:
    """Remembers values until they are too old to be accepted anyway; holds `size` of them at most."""

    def __init__(self, size: int = 100_000) -> None:
        self._size = size
        self._until: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()

    def first(self, value: bytes, now: float, seconds: float) -> bool:
        """Return whether `value` is seen for the first time, and remember it for `seconds`.

        A full cache refuses: to forget a value that is still good would let it be played again.
        """
        mark = hashlib.sha256(value).digest()
        with self._lock:
            while self._until and next(iter(self._until.values())) <= now:
                self._until.popitem(last=False)
            if self._until.get(mark, now) > now or len(self._until) >= self._size:
                return False
            self._until[mark] = now + seconds
            self._until.move_to_end(mark)
            return True
