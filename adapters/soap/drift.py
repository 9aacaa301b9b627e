"""The live WSDL beside the imported one: what has changed, looked at from time to time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from adapters.soap.contract import Contract
from adapters.soap.contract_diff import Change, compare
from adapters.watching import Drift
from schemas.errors import BanyanError

#: Differences that are told; a service that was replaced by another one has thousands.
_TOLD = 20

log = structlog.get_logger("banyan.adapter")


def drift(ours: Contract, live: Contract) -> Drift:
    """Return how a live contract differs from ours, what breaks first, as `banyan wsdl diff` tells it.

    Another address is no drift: the adapter's settings say where it calls.
    """
    found = [_words(change) for change in compare(ours, live) if change.rule != "endpoint"]
    more = len(found) - _TOLD
    return Drift((*found[:_TOLD], f"and {more} more") if more > 0 else tuple(found))


class DriftWatch:
    """Fetches the live contract every so often, beside the adapter's own work.

    A service that does not answer, or has no WSDL to give, says nothing about its contract: that is logged.

    Args:
        name: the adapter's.
        ours: the contract that it was made for.
        fetch: reads the live one.
        seconds: between two comparisons.
    """

    def __init__(self, name: str, ours: Contract, fetch: Callable[[], Contract], seconds: float) -> None:
        self._name, self._ours, self._fetch, self._seconds = name, ours, fetch, seconds
        self._latest: Drift | None = None
        self._next = float("-inf")
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"<DriftWatch {self._name}>"

    def latest(self) -> Drift | None:
        """Return what the last comparison gave, None before the first; begin the next one if it is due."""
        if time.monotonic() >= self._next and (self._thread is None or not self._thread.is_alive()):
            self._next = time.monotonic() + self._seconds
            self._thread = threading.Thread(target=self.look, name=f"drift-{self._name}", daemon=True)
            self._thread.start()
        return self._latest

    def look(self) -> None:
        """Compare now."""
        try:
            self._latest = drift(self._ours, self._fetch())
        except BanyanError as error:
            log.warning("the live WSDL cannot be read", adapter=self._name, error=str(error))


def _words(change: Change) -> str:
    place = "/".join(filter(None, (change.operation, change.path)))
    side = f" ({change.direction})" if change.direction != "operation" else ""
    return f"{'breaks' if change.breaking else 'compatible'}: {place}{side} {change.what}"
