"""Dates by declaration: a format such as `yyyymmdd` turns digits into days, by column and one by one."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adapters.batch.kernels.integers import Bools
from adapters.batch.reference import BadValueError
from schemas.errors import SettingsError

_PART = re.compile(r"yyyy|yy|mm|ddd|dd")
_ZERO = 0x30
EPOCH = datetime.date(1970, 1, 1)


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

    def column(self, characters: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.int32], Bools]:
        """Return days since 1970-01-01 and the mask of rows that are no date, from (n, width) ASCII bytes."""
        n = len(characters)
        if characters.shape[1] != len(self.text):
            return np.zeros(n, np.int32), np.ones(n, np.bool_)
        good: Bools = np.ones(n, np.bool_)
        parts: dict[str, npt.NDArray[np.int64]] = {}
        position = 0
        for match in _PART.finditer(self.text):
            good &= _literal(characters, self.text, position, match.start())
            digits = characters[:, match.start() : match.end()] - np.uint8(_ZERO)
            good &= (digits < 10).all(axis=1)
            powers = 10 ** np.arange(digits.shape[1] - 1, -1, -1)
            parts[match.group()] = digits.astype(np.int64) @ powers
            position = match.end()
        good &= _literal(characters, self.text, position, len(self.text))
        year = parts["yyyy"] if self.pivot is None else self._century(parts["yy"])
        good &= year > 0
        return _days(year, parts, good)

    def value(self, text: str) -> datetime.date:
        """Return one date; the twin of `column`.

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

    def _century(self, year: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        return year + np.where(year < (self.pivot or 0), 2000, 1900)


def _literal(characters: npt.NDArray[np.uint8], text: str, start: int, stop: int) -> Bools:
    expected = np.frombuffer(text[start:stop].encode("latin-1"), np.uint8)
    same: Bools = (characters[:, start:stop] == expected).all(axis=1)
    return same


def _days(
    year: npt.NDArray[np.int64], parts: dict[str, npt.NDArray[np.int64]], good: Bools
) -> tuple[npt.NDArray[np.int32], Bools]:
    safe_year = np.where(good, year, 1970)
    if "ddd" in parts:
        start = (safe_year - 1970).astype("M8[Y]")
        end, day = (start + 1).astype("M8[D]"), parts["ddd"]
    else:
        month = parts["mm"]
        good = good & (month >= 1) & (month <= 12)
        start = ((safe_year - 1970) * 12 + np.where(good, month, 1) - 1).astype("M8[M]")
        end, day = (start + 1).astype("M8[D]"), parts["dd"]
    first = start.astype("M8[D]").astype(np.int64)
    last = end.astype(np.int64) - 1
    days = first + np.where(good, day, 1) - 1
    good = good & (day >= 1) & (days <= last)
    return days.astype(np.int32), ~good
