"""The opening hours of a legacy system: many close at night, for batch runs that calls would disturb."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: A service that does not open within so many days is taken as closed for good.
_HORIZON_DAYS = 400


@dataclass(frozen=True, slots=True)
class Hours:
    """Minutes of local time between which the service is open, on some days.

    Attributes:
        closes: minutes from midnight of the day that it opened; beyond 1,440 = on the following day.
    """

    zone: ZoneInfo
    days: frozenset[int]
    opens: int = 0
    closes: int = 1440
    holidays: frozenset[dt.date] = frozenset()

    @classmethod
    def of(cls, zone: str, days: str, opens: str, closes: str, holidays: tuple[dt.date, ...] = ()) -> Hours:
        """Return the hours that these settings say; `closes` not after `opens` is on the following day."""
        start, end = _minutes(opens), _minutes(closes)
        return cls(
            ZoneInfo(zone), days_of(days), start, end if end > start else end + 1440, frozenset(holidays)
        )

    def opening(self, now: float) -> float | None:
        """Return when a call may start: `now` while it is open; None = not within a year.

        Args:
            now: epoch seconds.
        """
        today = dt.datetime.fromtimestamp(now, self.zone).date()
        for ahead in range(-1, _HORIZON_DAYS):
            day = today + dt.timedelta(days=ahead)
            if day.weekday() in self.days and day not in self.holidays:
                start, end = self._moment(day, self.opens), self._moment(day, self.closes)
                if now < end:
                    return max(now, start)
        return None

    def local(self, at: float) -> str:
        """Return a moment as people there write it."""
        return f"{dt.datetime.fromtimestamp(at, self.zone):%a %Y-%m-%d %H:%M %Z}"

    def _moment(self, day: dt.date, minutes: int) -> float:
        """Return a local time as epoch seconds, by the wall clock: in a gap of summer time, its end."""
        day, minutes = day + dt.timedelta(days=minutes // 1440), minutes % 1440
        local = dt.datetime.combine(day, dt.time(minutes // 60, minutes % 60), self.zone)
        return local.timestamp()


def days_of(text: str) -> frozenset[int]:
    """Return the weekdays (Monday = 0) that `mon-fri` or `mon,thu` names.

    Raises:
        ValueError: a part is no day.
    """
    found: set[int] = set()
    for part in text.lower().split(","):
        first, dash, last = (p.strip() for p in part.partition("-"))
        if first not in _DAYS or (dash and last not in _DAYS):
            raise ValueError(f"{part.strip()!r} is no day: write mon-fri or mon,thu")
        start = _DAYS.index(first)
        count = (_DAYS.index(last) - start) % 7 if dash else 0
        found |= {(start + n) % 7 for n in range(count + 1)}
    return frozenset(found)


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)
