"""When files are expected, and what to say when they come, late or not at all. Pure: clocks are arguments."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from adapters.arriving import Step
from adapters.state import Awaited

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_UNITS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DAY_MS = _UNITS["d"]
#: A file may come so long before its time and still be meant by it, where nothing else is said.
_EARLY_MS = 12 * _UNITS["h"]
#: After a longer standstill only the windows of so many days are told as missing.
_TOLD_DAYS = 14
#: The farthest apart that two days of a rule can be: 29 February.
_HORIZON_DAYS = 8 * 366


def duration_ms(text: str) -> int:
    """Return `15m`, `2h` or `1d` in milliseconds.

    Raises:
        ValueError: it has another form.
    """
    match = re.fullmatch(r"(\d+)([mhd])", text)
    if match is None or not int(match[1]):
        raise ValueError(f"{text!r} is no duration: write 15m, 2h or 1d")
    return int(match[1]) * _UNITS[match[2]]


def _checked_duration(text: str) -> str:
    if text:
        duration_ms(text)
    return text


def _checked_time(text: str) -> str:
    if text:
        _time(text)
    return text


Duration = Annotated[str, AfterValidator(_checked_duration)]
TimeOfDay = Annotated[str, AfterValidator(_checked_time)]


class ExpectedSpec(BaseModel):
    """When a file is expected; one that does not come is told and shown as late, then as missing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: TimeOfDay = Field(description="Local time by which a file must be there, such as `06:00`.")
    days: str = Field(
        "mon-sun",
        description="Days on which it comes: weekdays (`mon-fri`, `mon,thu`) or days of the month (`1`, "
        "`1,15`, `last`).",
    )
    holidays: tuple[dt.date, ...] = Field((), description="Dates on which none comes (yyyy-mm-dd).")
    zone: str = Field("UTC", description="Time zone of `by`, such as Europe/London.")
    every: Duration = Field("", description="Further files that day after `by`, so often: `30m`, `4h`.")
    until: TimeOfDay = Field("", description="Local time of the last one that day, with `every`.")
    early: Duration = Field(
        "", description="So long before `by` a file counts for it; half the gap, 12h at most, without it."
    )
    missing_after: Duration = Field(
        "", description="So long after `by` it is missing; without it, when the next one may come."
    )

    @field_validator("days")
    @classmethod
    def _are_days(cls, value: str) -> str:
        _rule(value)
        return value

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"no time zone {value!r}: write one as in Europe/London") from None
        return value

    @model_validator(mode="after")
    def _until_needs_every(self) -> ExpectedSpec:
        if self.until and not self.every:
            raise ValueError("until needs every")
        return self


class Timetable:
    """The moments at which files are due."""

    def __init__(self, spec: ExpectedSpec) -> None:
        self._spec, self._zone = spec, ZoneInfo(spec.zone)
        self._on = _rule(spec.days)
        self._every = duration_ms(spec.every) if spec.every else 0

    def __repr__(self) -> str:
        return f"<Timetable {self._spec.by} {self._spec.zone}>"

    def after(self, at_ms: int) -> int:
        """Return the first due moment after `at_ms`."""
        day = self._day(at_ms) - dt.timedelta(days=1)
        for _ in range(_HORIZON_DAYS):
            for due in self._on_day(day):
                if due > at_ms:
                    return due
            day += dt.timedelta(days=1)
        raise AssertionError("every rule has a day within eight years")

    def before(self, at_ms: int) -> int:
        """Return the last due moment before `at_ms`."""
        day = self._day(at_ms) + dt.timedelta(days=1)
        for _ in range(_HORIZON_DAYS):
            for due in reversed(self._on_day(day)):
                if due < at_ms:
                    return due
            day -= dt.timedelta(days=1)
        raise AssertionError("every rule has a day within eight years")

    def opens(self, due_ms: int) -> int:
        """Return from when on a file counts for `due_ms`."""
        gap = due_ms - self.before(due_ms)
        early = duration_ms(self._spec.early) if self._spec.early else min(_EARLY_MS, gap // 2)
        return due_ms - min(early, gap - 1)

    def counts_for(self, arrived_ms: int) -> int:
        """Return the due moment that a file of this time belongs to: an open window, else the one before."""
        due = self.after(arrived_ms - 1)
        return due if arrived_ms >= self.opens(due) else self.before(due)

    def missing(self, due_ms: int) -> int:
        """Return from when on a file for `due_ms` is missing, no longer late."""
        opens = self.opens(self.after(due_ms))
        patience = self._spec.missing_after
        return min(opens, due_ms + duration_ms(patience)) if patience else opens

    def local(self, at_ms: int) -> str:
        """Return a moment as people there write it."""
        return f"{dt.datetime.fromtimestamp(at_ms / 1000, self._zone):%Y-%m-%d %H:%M %Z}"

    def _day(self, at_ms: int) -> dt.date:
        return dt.datetime.fromtimestamp(at_ms / 1000, self._zone).date()

    def _on_day(self, day: dt.date) -> list[int]:
        if day in self._spec.holidays or not self._on(day):
            return []
        found = [self._moment(day, _time(self._spec.by))]
        if self._every:
            last = self._moment(day, _time(self._spec.until) if self._spec.until else dt.time(23, 59, 59))
            while found[-1] + self._every <= last:
                found.append(found[-1] + self._every)
        return found

    def _moment(self, day: dt.date, time: dt.time) -> int:
        """Return a local time in epoch milliseconds; of an hour that comes twice the second.

        A time that the change to summer time leaves out is read by the clock from before the change.
        """
        both = (dt.datetime.combine(day, time.replace(fold=fold), self._zone) for fold in (0, 1))
        return max(int(moment.timestamp() * 1000) for moment in both)


def steps(
    table: Timetable, awaited: Awaited, arrivals: Iterable[int], now_ms: int
) -> tuple[Awaited, list[Step]]:
    """Return where the windows stand now, and what is to be told since `awaited`.

    Args:
        table: when files are due.
        awaited: where they stood at the last look; new for an adapter that has never looked.
        arrivals: times of the files that are complete now, or were since the last look.
        now_ms: the present moment.
    """
    told: list[Step] = []
    came = {table.counts_for(at) for at in arrivals if at <= now_ms}
    due, state = awaited.due_ms or table.after(now_ms), awaited.told
    if due < now_ms - _TOLD_DAYS * _DAY_MS:
        due, state = table.after(now_ms - _TOLD_DAYS * _DAY_MS), ""
    while True:
        if due in came:
            told.append(Step("arrived", due, f"a file for {table.local(due)} came"))
        elif now_ms >= table.missing(due):
            told.append(Step("missing", due, f"no file for {table.local(due)} came"))
        else:
            if now_ms > due and state != "late":
                state = "late"
                told.append(Step("late", due, f"a file was expected by {table.local(due)}"))
            elif table.opens(due) <= now_ms <= due and not state:
                state = "scheduled"
                told.append(Step("scheduled", due, f"a file is expected by {table.local(due)}"))
            return Awaited(due_ms=due, told=state), told
        due, state = table.after(due), ""


def _time(text: str) -> dt.time:
    match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", text)
    if match is None:
        raise ValueError(f"{text!r} is no time of day: write 06:00")
    return dt.time(int(match[1]), int(match[2]))


class _Days:
    """A rule for days."""

    def __init__(self, weekdays: set[int], numbers: set[int], *, last: bool) -> None:
        self._weekdays, self._numbers, self._last = weekdays, numbers, last

    def __call__(self, day: dt.date) -> bool:
        ends = self._last and (day + dt.timedelta(days=1)).day == 1
        return day.weekday() in self._weekdays or day.day in self._numbers or ends


def _rule(text: str) -> _Days:
    weekdays: set[int] = set()
    numbers: set[int] = set()
    last = False
    for part in (p.strip().lower() for p in text.split(",")):
        first, dash, end = (p.strip() for p in part.partition("-"))
        if first in _DAYS and (end in _DAYS or not dash):
            start = _DAYS.index(first)
            count = (_DAYS.index(end) - start) % 7 if dash else 0
            weekdays |= {(start + n) % 7 for n in range(count + 1)}
        elif part.isdecimal() and 1 <= int(part) <= 31:
            numbers.add(int(part))
        elif part == "last":
            last = True
        else:
            raise ValueError(f"{part!r} is no day: write mon-fri, mon,thu, 1,15 or last")
    return _Days(weekdays, numbers, last=last)
