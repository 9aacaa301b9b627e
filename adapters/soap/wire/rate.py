"""A rate limit as a value: calls take their turns, evenly, after a short burst."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Rate:
    """Turns of calls (the generic cell rate algorithm, ATM Forum TM 4.0): one number is the whole state.

    Attributes:
        gap: seconds between calls in the long run.
        burst: calls that may come at once after a rest.
        due: when the next call would be due if all came evenly.
    """

    gap: float
    burst: int = 1
    due: float = float("-inf")

    def take(self, now: float) -> tuple[Rate, float]:
        """Return the state with one more turn taken, and the seconds until that turn."""
        due = max(self.due, now)
        start = max(now, due - (self.burst - 1) * self.gap)
        return replace(self, due=due + self.gap), start - now
