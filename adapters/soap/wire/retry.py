"""Whether and when a call is sent again; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from schemas.errors import BanyanError, Transient


@dataclass(frozen=True, slots=True)
class Retry:
    """Attempts in all, and pauses that grow; `jitter` is the share of a pause left to chance."""

    attempts: int
    first: float
    factor: float
    longest: float
    jitter: float

    def pause(
        self, attempt: int, error: BanyanError, *, repeatable: bool, chance: float, asked: float | None = None
    ) -> float | None:
        """Return the seconds to wait before the next attempt; None = there is none.

        Args:
            attempt: number of the one that failed, from 1.
            error: how it failed.
            repeatable: the operation is declared safe, or knows a repeated call by its key.
            chance: a random number in [0, 1).
            asked: seconds that the service asked to wait (Retry-After).
        """
        if not repeatable or attempt >= self.attempts or not isinstance(error, Transient):
            return None
        if asked is not None and asked > self.longest:
            return None
        whole = min(self.longest, self.first * self.factor ** (attempt - 1))
        return max(asked or 0.0, whole * (1 - self.jitter * chance))


def retry_after(text: str | None, now: float) -> float | None:
    """Return the seconds that a Retry-After header asks for (RFC 9110 section 10.2.3), None if it does not.

    Args:
        text: the header: seconds, or a date.
        now: epoch seconds.
    """
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, IndexError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - now)
