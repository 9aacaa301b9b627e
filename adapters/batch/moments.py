"""Points in time by declaration: a date format, hours, minutes and seconds, and the zone that they are in."""

from __future__ import annotations

import datetime
import functools
import re
import zoneinfo
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from adapters.batch.dates import DateFormat, expression
from adapters.batch.kernels.integers import Bools, Int64s
from adapters.batch.reference import BadValueError
from schemas.errors import SettingsError

#: What a local time becomes that clocks show twice, when they are put back.
Ambiguous = Literal["reject", "earlier", "later"]
ISO = "iso"
_CLOCK = re.compile(r"hh|mi|ss|f{1,6}|zz")
_OFFSET = r"(?P<zz>Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MICRO = datetime.timedelta(microseconds=1)
_DAY = 86_400_000_000
#: 2037-01-01: zone files list changes up to here; from then on they have a rule, which Arrow does not read.
_TABLED = 2_114_380_800_000_000


@dataclass(frozen=True, slots=True)
class MomentFormat:
    """A declared form of time stamps.

    Attributes:
        text: as declared, lower case: a date format, then `hh`, `mi`, `ss`, `f` to `ffffff` (fractions of a
            second), `zz` (an offset such as +01:00, or Z) and separators; or `iso`.
        date: its date part.
        zone: the zone of times without an offset.
        ambiguous: what a time becomes that the zone's clocks show twice.
    """

    text: str
    date: DateFormat
    zone: str | None
    ambiguous: Ambiguous = "reject"

    @classmethod
    def parse(
        cls,
        text: str,
        pivot: int | None,
        zone: str | None,
        *,
        where: str,
        ambiguous: Ambiguous = "reject",
        months: tuple[str, ...] = (),
    ) -> MomentFormat:
        """Return the form, or say what it lacks.

        Raises:
            SettingsError: no date, no hour, no zone, or a zone that nobody knows.
        """
        text = text.lower()
        # Capital T between date and time, as ISO 8601 has it.
        date = "yyyy-mm-dd" if text == ISO else _date_part(text)
        made = cls(
            text, DateFormat.parse(date, pivot, where=where, months=months, loose=True), zone, ambiguous
        )
        clock = _CLOCK.findall(text)
        if text != ISO and (clock.count("hh") != 1 or len(clock) > len(set(clock))):
            raise SettingsError(
                f"{text!r} is no form of a time stamp",
                where=where,
                fix="use for example yyyy-mm-dd hh:mi:ss, yyyymmddhhmiss or iso",
            )
        if zone is None and "zz" not in clock and text != ISO:
            raise SettingsError(
                f"time stamps of the form {text!r} say no zone",
                where=where,
                fix='set zone = "Europe/London", say, or zone = "UTC"',
            )
        if zone is not None:
            made.tzinfo(where)
        return made

    def tzinfo(self, where: str = "") -> datetime.tzinfo | None:
        """Return the zone.

        Raises:
            SettingsError: there is none of this name.
        """
        try:
            return zoneinfo.ZoneInfo(self.zone) if self.zone is not None else None
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            raise SettingsError(
                f"there is no time zone {self.zone!r}",
                where=where,
                fix="use a name of the IANA database, such as Europe/London (package tzdata)",
            ) from None

    @property
    def fine(self) -> bool:
        """True where the form has more than milliseconds."""
        return self.text != ISO and bool(re.search("f{4,6}", self.text))

    @property
    def micros(self) -> bool:
        """True where an item of this form needs microseconds: ISO may have them."""
        return self.fine or self.text == ISO

    @property
    def fixed(self) -> bool:
        """True where all time stamps of this form are as long as its text."""
        return self.text != ISO and self.date.fixed and "zz" not in self.text

    def value(self, text: str) -> datetime.datetime:
        """Return one point in time, in UTC; the twin of `characters`.

        Raises:
            BadValueError: `text` is none of this form.
        """
        pattern = _ISO if self.text == ISO else _pattern(self.text, self.date)
        match = re.fullmatch(pattern, text)
        if match is None:
            raise BadValueError(f"not a time stamp of the form {self.text}")
        parts = match.groupdict()
        day = self.date.day_of(parts)
        hour, minute, second = (int(parts.get(part) or 0) for part in ("hh", "mi", "ss"))
        if day is None or hour > 23 or minute > 59 or second > 59:
            raise BadValueError(f"no time of the calendar in the form {self.text}")
        micros = int(f"{parts.get('f') or '0':0<6}")
        local = datetime.datetime(day.year, day.month, day.day, hour, minute, second, micros)
        if offset := parts.get("zz"):
            return self._utc(local.replace(tzinfo=_offset(offset)))
        if self.zone is None:
            raise BadValueError("a time stamp without offset, and no zone is declared")
        return self._of_zone(local)

    def _of_zone(self, local: datetime.datetime) -> datetime.datetime:
        """Return the point in time, in UTC, that the zone's clocks show so."""
        zone = self.tzinfo()
        first, second_time = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
        if first.utcoffset() != second_time.utcoffset():
            if self._utc(first).astimezone(zone).replace(tzinfo=None) != local:
                raise BadValueError(f"a time that {self.zone} skips")
            if self.ambiguous == "reject":
                raise BadValueError(f"a time that {self.zone} has twice")
        return self._utc(second_time if self.ambiguous == "later" else first)

    @staticmethod
    def _utc(moment: datetime.datetime) -> datetime.datetime:
        try:
            return moment.astimezone(datetime.UTC)
        except OverflowError:
            raise BadValueError("a time beyond the calendar") from None

    def format(self, moment: datetime.datetime) -> str:
        """Return the text of a point in time, in the zone if there is one, else in UTC.

        Raises:
            BadValueError: it cannot be said in this form: it is too fine, or clocks show its time twice.
        """
        local = moment.astimezone(self.tzinfo() or datetime.UTC)
        if self.text == ISO:
            return moment.astimezone(datetime.UTC).isoformat().replace("+00:00", "Z")
        start = self.text.index(self.date.text)
        before, after = self.text[:start], self.text[start + len(self.date.text) :]
        text = _told(before, local) + self.date.format(local.date()) + _told(after, local)
        try:
            same = self.value(text) == moment
        except BadValueError:
            same = False
        if not same:
            raise BadValueError(f"a point in time that the form {self.text} cannot tell")
        return text

    def characters(self, text: npt.NDArray[np.uint8]) -> tuple[Int64s, Bools]:
        """Return microseconds since 1970 (UTC) and the mask of bad rows, from (n, width) ASCII bytes.

        Only for a fixed form.
        """
        n = len(text)
        if text.shape[1] != len(self.text):
            return np.zeros(n, np.int64), np.ones(n, np.bool_)
        start = self.text.index(self.date.text)
        stop = start + len(self.date.text)
        days, bad = self.date.characters(text[:, start:stop])
        good = ~bad
        clock: dict[str, Int64s] = {}
        columns = np.ascontiguousarray(text.T)
        for match in re.finditer(f"{_CLOCK.pattern}|.", self.text):
            if start <= match.start() < stop:
                continue
            piece, part = columns[match.start() : match.end()], match.group()
            if _CLOCK.fullmatch(part):
                digits = piece - np.uint8(0x30)
                good &= digits.max(axis=0) < 10
                number = np.zeros(n, np.int64)
                for digit in digits:
                    number = number * 10 + digit
                clock["f" if part[0] == "f" else part] = number * 10 ** (
                    6 - len(part) if part[0] == "f" else 0
                )
            else:
                # The format is in lower case; T and letters like it stand in the file in capitals.
                good &= piece[0] == ord(part.upper())
        nothing = np.zeros(n, np.int64)
        hour, minute, second = (clock.get(part, nothing) for part in ("hh", "mi", "ss"))
        good &= (hour < 24) & (minute < 60) & (second < 60)
        local = days * np.int64(_DAY) + ((hour * 60 + minute) * 60 + second) * 1_000_000
        return self._from_local(np.where(good, local + clock.get("f", nothing), 0), good)

    def _from_local(self, local: Int64s, good: Bools) -> tuple[Int64s, Bools]:
        """Return UTC from times of the zone."""
        assert self.zone is not None
        if self.zone == "UTC":
            return local, ~good
        naive = pa.array(local).cast(pa.timestamp("us"))
        early, late = (
            pc.assume_timezone(naive, self.zone, ambiguous=which, nonexistent=which)
            for which in ("earliest", "latest")
        )
        utc, other = (np.asarray(x.cast(pa.int64())) for x in (early, late))
        odd = utc != other
        if odd.any():
            back = np.asarray(pc.local_timestamp(early).cast(pa.int64()))
            good = good & ~(odd & (back != local))
            if self.ambiguous == "reject":
                good = good & ~odd
            elif self.ambiguous == "later":
                utc = other
        late_rows = np.flatnonzero(good & (local >= _TABLED))
        if len(late_rows):
            utc, good = utc.copy(), good.copy()
            utc[late_rows], good[late_rows] = self._one_by_one(local[late_rows])
        return np.where(good, utc, 0), ~good

    def _one_by_one(self, local: Int64s) -> tuple[Int64s, Bools]:
        """Return UTC from times of the zone, and which are good, by the rules that Python reads."""
        times, at = np.unique(local, return_inverse=True)
        found: Int64s = np.zeros(len(times), np.int64)
        good: Bools = np.ones(len(times), np.bool_)
        for i, time in enumerate(times.tolist()):
            try:
                found[i] = micros(self._of_zone((_EPOCH + time * _MICRO).replace(tzinfo=None)))
            except BadValueError:
                good[i] = False
        return found[at], good[at]


#: ISO 8601, extended or basic: a date, and a time of day with or without seconds, fraction and offset.
_ISO = (
    r"(?P<yyyy>[0-9]{4})-(?P<mm>[0-9]{2})-(?P<dd>[0-9]{2})[T ](?P<hh>[0-9]{2}):(?P<mi>[0-9]{2})"
    rf"(?::(?P<ss>[0-9]{{2}})(?:[.,](?P<f>[0-9]{{1,6}}))?)?{_OFFSET}?"
)


def _date_part(text: str) -> str:
    """Return the stretch of a form from the first part of its date to the last."""
    found = list(re.finditer(r"yyyy|yy|mmm|mm|m(?!i)|ddd|dd|d", text))
    return text[found[0].start() : found[-1].end()] if found else ""


@functools.cache
def _pattern(text: str, date: DateFormat) -> str:
    start = text.index(date.text)
    before, after = text[:start], text[start + len(date.text) :]

    def clock(form: str) -> str:
        pieces = re.split(f"({_CLOCK.pattern})", form)
        return "".join(_clock(p) if _CLOCK.fullmatch(p) else re.escape(p.upper()) for p in pieces)

    return clock(before) + expression(date.text, date.months) + clock(after)


def _clock(part: str) -> str:
    if part == "zz":
        return _OFFSET
    return f"(?P<{'f' if part[0] == 'f' else part}>[0-9]{{{len(part)}}})"


def _told(form: str, local: datetime.datetime) -> str:
    """Return a form's part without a date, filled in; letters such as T are capital in files."""
    offset = local.strftime("%z")
    parts = {
        "hh": f"{local.hour:02}", "mi": f"{local.minute:02}", "ss": f"{local.second:02}",
        "zz": f"{offset[:3]}:{offset[3:5]}", "f": f"{local.microsecond:06}",
    }  # fmt: skip
    pieces = re.split(f"({_CLOCK.pattern})", form)
    return "".join(
        parts["f"][: len(p)] if set(p) == {"f"} else parts[p] if p in parts else p.upper() for p in pieces
    )


def _offset(text: str) -> datetime.tzinfo:
    if text == "Z":
        return datetime.UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    size = datetime.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    if size >= datetime.timedelta(hours=24) or int(digits[2:]) > 59:
        raise BadValueError("no offset from UTC")
    return datetime.timezone(-size if text[0] == "-" else size)


def micros(moment: datetime.datetime) -> int:
    """Return a point in time as microseconds since 1970."""
    return (moment - _EPOCH) // _MICRO
