"""A circuit breaker as a value: closed, open, or one call on trial."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Breaker:
    """The state of one endpoint's circuit.

    Attributes:
        limit: failures in a row that open it.
        pause: seconds that it stays open; then one call may try.
        failures: in a row, so far.
        opened: when it opened, in seconds of a monotonic clock; None = closed.
        trying: whether the one call on trial is under way.
    """

    limit: int
    pause: float
    failures: int = 0
    opened: float | None = None
    trying: bool = False

    def wait(self, now: float) -> float:
        """Return the seconds until a call may start; 0 = now."""
        if self.opened is None:
            return 0.0
        if self.trying:
            return self.pause
        return max(0.0, self.opened + self.pause - now)

    def started(self) -> Breaker:
        """Return the state when a call starts: of an open circuit it is the one on trial."""
        return self if self.opened is None else replace(self, trying=True)

    def answered(self) -> Breaker:
        """Return the state after any answer, a fault too: the service is there."""
        return Breaker(self.limit, self.pause)

    def failed(self, now: float) -> Breaker:
        """Return the state after a call that got no answer."""
        failures = self.failures + 1
        opened = now if self.trying or failures >= self.limit else self.opened
        return Breaker(self.limit, self.pause, failures, opened)

    def given_up(self) -> Breaker:
        """Return the state after a call that its caller cancelled: it says nothing about the service."""
        return replace(self, trying=False)
