"""Dates by declaration: a format such as `yyyymmdd` turns digits into days, by column and one by one."""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.batch.kernels.integers import Bools
from adapters.batch.reference import BadValueError
from schemas.errors import SettingsError

_PART = re.compile(r"yyyy|yy|mmm|mm|m|ddd|dd|d")
_ZERO = 0x30
ENGLISH = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_LETTERS = np.array([int.from_bytes(name.encode(), "big") for name in ENGLISH], np.int32)
#: Clears the bit that tells small ASCII letters from capital ones, in three letters at once.
_CAPITAL = np.int32(0xDFDFDF)
Int32s = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class DateFormat:
    """A declared date format.

    Attributes:
        text: as declared, lower case: `yyyy`, `yy`, `mm`, `mmm` (a month's name), `dd`, `ddd` (day of the
            year), `m` and `d` (one digit or two) and separators.
        pivot: two-digit years below it are 20yy, the others 19yy; None where years have four digits.
        months: the names of the twelve months, in capitals.
    """

    text: str
    pivot: int | None = None
    months: tuple[str, ...] = ENGLISH

    @property
    def fixed(self) -> bool:
        """True where all dates of this form are as long as its text."""
        return self.months is ENGLISH and not {"m", "d"} & {*_PART.findall(self.text)}

    @classmethod
    def parse(
        cls, text: str, pivot: int | None, *, where: str, months: tuple[str, ...] = (), loose: bool = False
    ) -> DateFormat:
        """Return the format, or say what it lacks.

        Args:
            text: the declared format.
            pivot: the century pivot, if one is declared.
            where: stands in errors.
            months: names of the twelve months, where they are not English.
            loose: `m` and `d` are allowed, as dates may differ in length.

        Raises:
            SettingsError: no year, no day, or a two-digit year without a century pivot.
        """
        text = text.lower()
        found = _PART.findall(text)
        if {"m", "d"} & {*found} and not loose:
            raise SettingsError(
                f"the format {text!r} has days or months of one digit or two",
                where=where,
                fix="a field of fixed length needs mm and dd",
            )
        if months and len(months) != 12:
            raise SettingsError(
                f"{len(months)} names of months", where=where, fix="give twelve, January's first"
            )
        parts = sorted({"mmm": "mm", "m": "mm", "d": "dd"}.get(part, part) for part in found)
        if re.search("[a-z]", _PART.sub("", text)) or parts not in (
            ["dd", "mm", "yyyy"],
            ["dd", "mm", "yy"],
            ["ddd", "yyyy"],
            ["ddd", "yy"],
        ):
            raise SettingsError(
                f"{text!r} is no date format",
                where=where,
                fix="use for example yyyymmdd, dd/mm/yyyy, d.m.yyyy, dd-mmm-yyyy or yyyyddd",
            )
        if "yy" in parts and pivot is None:
            raise SettingsError(
                f"the format {text!r} has a year of two digits",
                where=where,
                fix="set century_pivot = 50, say",
            )
        names = tuple(name.upper() for name in months) if months and "mmm" in found else ENGLISH
        return cls(text, pivot if "yy" in parts else None, names)

    def characters(self, text: npt.NDArray[np.uint8]) -> tuple[Int32s, Bools]:
        """Return days since 1970-01-01 and the mask of rows that are no date, from (n, width) ASCII bytes.

        Only for a fixed format.
        """
        n = len(text)
        if text.shape[1] != len(self.text):
            return np.zeros(n, np.int32), np.ones(n, np.bool_)
        columns = np.ascontiguousarray(text.T)
        good: Bools = np.ones(n, np.bool_)
        parts: dict[str, Int32s] = {}
        for match in re.finditer(f"{_PART.pattern}|.", self.text):
            piece = columns[match.start() : match.end()]
            if len(piece) == 1:
                good &= piece[0] == ord(match.group())
                continue
            if match.group() == "mmm":
                parts["mm"], named = _month_numbers(piece)
                good &= named
                continue
            digits = piece - np.uint8(_ZERO)
            good &= digits.max(axis=0) < 10
            number = np.zeros(n, np.int32)
            for digit in digits:
                number = number * np.int32(10) + digit
            parts[match.group()] = number
        return self._days(parts, good)

    def numbers(self, values: npt.NDArray[np.integer[Any]]) -> tuple[Int32s, Bools]:
        """Return days and the mask of bad rows, as `characters` does, from n whole numbers."""
        width = len(self.text)
        if len("".join(_PART.findall(self.text))) != width or "mmm" in self.text:
            return np.zeros(len(values), np.int32), np.ones(len(values), np.bool_)
        good: Bools = (values >= 0) & (values < 10**width)
        rest = np.where(good, values, 0).astype(np.int32)
        parts: dict[str, Int32s] = {}
        for part in reversed(_PART.findall(self.text)):
            rest, parts[part] = np.divmod(rest, np.int32(10 ** len(part)))
        return self._days(parts, good)

    def value(self, text: str) -> datetime.date:
        """Return one date; the twin of `characters` and `numbers`.

        Raises:
            BadValueError: `text` is no date of this format.
        """
        match = re.fullmatch(expression(self.text, self.months), text)
        if match is None:
            raise BadValueError(f"not a date of the form {self.text}")
        day = self.day_of(match.groupdict())
        if day is None:
            raise BadValueError(f"no day of the calendar in the form {self.text}")
        return day

    def day_of(self, parts: Mapping[str, str | None]) -> datetime.date | None:
        """Return the day that the parts of a date name, None where there is none."""
        year = int(parts.get("yyyy") or parts.get("yy") or 0)
        if self.pivot is not None:
            year += 2000 if year < self.pivot else 1900
        try:
            if ordinal := parts.get("ddd"):
                day = datetime.date(year, 1, 1) + datetime.timedelta(int(ordinal) - 1)
                return day if day.year == year else None
            if name := parts.get("mmm"):
                month = self.months.index(name.upper()) + 1
            else:
                month = int(parts.get("mm") or parts.get("m") or 0)
            return datetime.date(year, month, int(parts.get("dd") or parts.get("d") or 0))
        except (ValueError, OverflowError):
            return None

    def format(self, day: datetime.date) -> str:
        """Return the text of a date."""
        parts = {
            "yyyy": f"{day.year:04}", "yy": f"{day.year % 100:02}", "mm": f"{day.month:02}",
            "dd": f"{day.day:02}", "ddd": f"{day.timetuple().tm_yday:03}", "m": f"{day.month}",
            "d": f"{day.day}", "mmm": self.months[day.month - 1],
        }  # fmt: skip
        return _PART.sub(lambda m: parts[m.group()], self.text)

    def _days(self, parts: dict[str, Int32s], good: Bools) -> tuple[Int32s, Bools]:
        """Return days and bad rows from the parts of dates, by tables of first days."""
        year = parts["yyyy"] if self.pivot is None else parts["yy"]
        if self.pivot is not None:
            year = year + np.where(year < self.pivot, np.int32(2000), np.int32(1900))
        good = good & (year > 0)
        months = _months()
        if "ddd" in parts:
            # A year is twelve months from January on.
            at, length, day = year * np.int32(12), 12, parts["ddd"]
        else:
            month = parts["mm"]
            good &= (month >= 1) & (month <= 12)
            at, length, day = year * np.int32(12) + month - np.int32(1), 1, parts["dd"]
        at = np.where(good, at, 12)
        first = months[at]
        good &= (day >= 1) & (day <= months[at + length] - first)
        return np.where(good, first + day - np.int32(1), np.int32(0)), ~good


@functools.cache
def expression(text: str, months: tuple[str, ...] = ENGLISH) -> str:
    """Return a date format as a regular expression with its parts as named groups."""
    # Not all that Unicode takes for the same letter is the same byte.
    case = "(?ai:" if months is ENGLISH else "(?i:"
    names = f"{case}{'|'.join(map(re.escape, months))})"

    def group(part: str) -> str:
        if not _PART.fullmatch(part):
            return re.escape(part)
        digits = f"[0-9]{{{'1,2' if part in 'md' else len(part)}}}"
        return f"(?P<{part}>{names if part == 'mmm' else digits})"

    return "".join(group(piece) for piece in re.split(f"({_PART.pattern})", text))


def _month_numbers(letters: npt.NDArray[np.uint8]) -> tuple[Int32s, Bools]:
    """Return n months, and which are months at all, from (3, n) letters of either case."""
    first, second, third = letters.astype(np.int32)
    code = (first << 16 | second << 8 | third) & _CAPITAL
    order = np.argsort(_LETTERS)
    at = np.minimum(np.searchsorted(_LETTERS[order], code), 11)
    # Clearing the bit makes letters of some digits and signs too.
    plain = np.all(letters >= 0x41, axis=0)
    known: Bools = _LETTERS[order][at] == code
    return (order[at] + 1).astype(np.int32), np.logical_and(known, plain)


@functools.cache
def _months() -> Int32s:
    """Return the first day of each month, by year * 12 + month - 1, from year 0 to year 10001."""
    return np.arange("0000-01", "10001-02", dtype="M8[M]").astype("M8[D]").astype(np.int32)
