"""What a pass over a file adds up, and what is wrong with the whole of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from adapters.extract import Reject


@dataclass(slots=True)
class Account:
    """Counts of one pass over one file.

    Attributes:
        hint: the settings that a file full of bad records speaks against.
        records: all records, headers and trailers too.
        details: records of entities.
        bad: records that are no rows.
        problems: why the file is not complete, as found on the way.
        nulled: bad values that became null, by field.
    """

    hint: str
    records: int = 0
    details: int = 0
    bad: int = 0
    problems: list[str] = field(default_factory=list)
    nulled: Counter[str] = field(default_factory=Counter)
    _first: str = ""

    def reject(self, rejects: list[Reject]) -> list[Reject]:
        """Count rejects and hand them on."""
        self.bad += len(rejects)
        if rejects and not self._first:
            first = rejects[0]
            self._first = f"record {first.record} {first.field_path}: {first.reason}".replace(" :", ":")
        return rejects

    def problem(self, what: str) -> None:
        """Note once why the file is not complete."""
        if what not in self.problems:
            self.problems.append(what)

    def summed(self) -> list[str]:
        """Return why the file is not complete, now that it is read to its end."""
        found = list(self.problems)
        if self.records == 0:
            found.append("the file holds no record")
        if self.bad * 2 > self.records:
            found.append(
                f"{self.bad} of {self.records} records do not decode: {self.hint}? First: {self._first}"
            )
        return found
