"""Dates by declaration: a format such as `yyyymmdd` turns digits into days, by column and one by one."""

from __future__ import annotations

import datetime
import functools
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.batch.kernels.integers import Bools
from adapters.batch.reference import BadValueError
from schemas.errors import SettingsError

_PART = re.compile(r"yyyy|yy|mm|ddd|dd")
_ZERO = 0x30
Int32s = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class DateFormat:
    """A declared date format.

    Attributes:
        text: as declared, lower case: `yyyy`, `yy`, `mm`, `dd`, `ddd` (day of the year) and separators.
        pivot: two-digit years below it are 20yy, the others 19yy; None where years have four digits.
    """

    text: str
    pivot: int | None = None

    @classmethod
    def parse(cls, text: str, pivot: int | None, *, where: str) -> DateFormat:
        """Return the format, or say what it lacks.

        Raises:
            SettingsError: no year, no day, or a two-digit year without a century pivot.
        """
        text = text.lower()
        parts = sorted(_PART.findall(text))
        if re.search("[a-z]", _PART.sub("", text)) or parts not in (
            ["dd", "mm", "yyyy"],
            ["dd", "mm", "yy"],
            ["ddd", "yyyy"],
            ["ddd", "yy"],
        ):
            raise SettingsError(
                f"{text!r} is no date format",
                where=where,
                fix="use for example yyyymmdd, dd/mm/yyyy or yyyyddd",
            )
        if "yy" in parts and pivot is None:
            raise SettingsError(
                f"the format {text!r} has a year of two digits",
                where=where,
                fix="set century_pivot = 50, say",
            )
        return cls(text, pivot if "yy" in parts else None)

    def characters(self, text: npt.NDArray[np.uint8]) -> tuple[Int32s, Bools]:
        """Return days since 1970-01-01 and the mask of rows that are no date, from (n, width) ASCII bytes."""
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
        if len("".join(_PART.findall(self.text))) != width:
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
        pattern = "".join(
            f"(?P<{p}>[0-9]{{{len(p)}}})" if _PART.fullmatch(p) else re.escape(p)
            for p in re.split(f"({_PART.pattern})", self.text)
        )
        match = re.fullmatch(pattern, text)
        if match is None:
            raise BadValueError(f"not a date of the form {self.text}")
        parts = {name: int(value) for name, value in match.groupdict().items()}
        year = parts.get("yyyy", parts.get("yy", 0))
        if self.pivot is not None:
            year += 2000 if year < self.pivot else 1900
        try:
            if "ddd" in parts:
                day = datetime.date(year, 1, 1) + datetime.timedelta(parts["ddd"] - 1)
                if day.year == year:
                    return day
            else:
                return datetime.date(year, parts["mm"], parts["dd"])
        except (ValueError, OverflowError):
            pass
        raise BadValueError(f"no day of the calendar in the form {self.text}")

    def format(self, day: datetime.date) -> str:
        """Return the text of a date."""
        parts = {
            "yyyy": f"{day.year:04}", "yy": f"{day.year % 100:02}", "mm": f"{day.month:02}",
            "dd": f"{day.day:02}", "ddd": f"{day.timetuple().tm_yday:03}",
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
def _months() -> Int32s:
    """Return the first day of each month, by year * 12 + month - 1, from year 0 to year 10001."""
    return np.arange("0000-01", "10001-02", dtype="M8[M]").astype("M8[D]").astype(np.int32)
