"""Messages that callers have sent and wait for, between the server's thread and the adapter's."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from adapters.soap.errors import ServiceUnavailable


@dataclass(eq=False)
class Received:
    """One message; `settled` is done when its event is on Kafka.

    Attributes:
        id: of the message, as its sender gives it.
        request: decoded values.
        records: what it says about entities: record and action code.
        at_ms: when it came (epoch milliseconds).
    """

    id: str
    request: Any
    records: list[tuple[Any, int]]
    at_ms: int
    settled: concurrent.futures.Future[None] = field(default_factory=concurrent.futures.Future)


class Inbox:
    """Holds messages until they are committed. They are nowhere else: whoever waits longest gives up first.

    Args:
        most: messages that may wait.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: deque[Received] = deque()
        self._lock = threading.Lock()
        self._arrived = threading.Event()

    def __repr__(self) -> str:
        return f"<Inbox {len(self._waiting)} of {self._most}>"

    async def deliver(self, message: Received, seconds: float) -> None:
        """Put a message in and wait until it is committed.

        Raises:
            ServiceUnavailable: it is not within `seconds`, or too many wait. The caller has to send it again;
                it may have been committed nevertheless.
        """
        with self._lock:
            if len(self._waiting) >= self._most:
                raise ServiceUnavailable(
                    "too many messages wait", where=message.id, fix="send it again later"
                )
            self._waiting.append(message)
        self._arrived.set()
        try:
            async with asyncio.timeout(seconds):
                await asyncio.wrap_future(message.settled)
        except TimeoutError:
            raise ServiceUnavailable(
                f"the message was not taken within {seconds:g} s", where=message.id, fix="send it again later"
            ) from None
        finally:
            self.forget(message)

    def look(self, most: int) -> list[Received]:
        """Return the messages that wait, oldest first; they stay until they are settled or given up."""
        with self._lock:
            self._arrived.clear()
            return list(self._waiting)[:most]

    def settle(self, message: Received) -> None:
        """Say that a message is committed."""
        self.forget(message)
        if not message.settled.done():
            message.settled.set_result(None)

    def forget(self, message: Received) -> None:
        """Take a message out."""
        with self._lock:
            if message in self._waiting:
                self._waiting.remove(message)

    def rest(self, stop: threading.Event, seconds: float) -> None:
        """Wait until a message comes, for so long at most, or until told to stop."""
        slept = 0.0
        while slept < seconds and not stop.is_set() and not self._arrived.wait(min(0.2, seconds - slept)):
            slept += 0.2
