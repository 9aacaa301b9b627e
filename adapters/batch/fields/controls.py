"""Control records of text files: what a header or trailer says, held against what the file holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import pyarrow as pa

from adapters.batch.fields.kinds import RecordKind, Total
from adapters.batch.fields.parse import Value, parse
from adapters.batch.kernels.integers import Bools
from adapters.batch.reference import EXACT, BadValueError
from adapters.batch.totals import Tally


@dataclass(slots=True)
class Controls:
    """Sums up the records of one file, for the totals of its header or trailer."""

    kind: RecordKind
    _counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _sums: list[int] = field(init=False)
    _unread: list[int] = field(init=False)
    _all: int = 0
    #: The texts of each control record that was seen, one for each total.
    _said: list[tuple[str | None, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._sums, self._unread = ([0] * len(self.kind.totals) for _ in range(2))

    def count(self, records: int) -> None:
        """Take in records of any kind."""
        self._all += records

    def wants(self, entity: str) -> set[str]:
        """Return the columns of an entity that are summed."""
        return {
            t.column for t in self.kind.totals if t.column and (t.entities is None or entity in t.entities)
        }

    def take(self, entity: str, records: int, columns: Mapping[str, tuple[pa.Array, Bools]]) -> None:
        """Take in records of an entity: their values, and which could not be read; null counts as nothing."""
        self._counts[entity] += records
        for at, total in enumerate(self.kind.totals):
            if (
                total.column is None
                or total.column not in columns
                or (total.entities and entity not in total.entities)
            ):
                continue
            values, bad = columns[total.column]
            number = np.arange(len(values))
            tally = (
                Tally.hashed(number, values, bad, total.digits)
                if total.digits
                else Tally.of(number, values, bad)
            )
            held, unread = tally.between(0, len(values))
            self._sums[at] += held
            self._unread[at] += unread

    def seen(self, texts: tuple[str | None, ...]) -> None:
        """Take in a control record: the text of each total's field."""
        self._said.append(texts)

    def problems(self) -> list[str]:
        """Return what does not agree."""
        role = self.kind.role
        if len(self._said) != 1:
            return [f"the file has {len(self._said)} {role} records; exactly one is expected"]
        found = []
        for at, (total, text) in enumerate(zip(self.kind.totals, self._said[0], strict=True)):
            try:
                said = _number(total, text)
            except BadValueError as error:
                found.append(f"the {role}'s {total.field.legacy} cannot be read: {error}")
                continue
            held = self._held(at, total)
            note = f" ({self._unread[at]} of them could not be read)" if self._unread[at] else ""
            if said != held:
                found.append(
                    f"the {role} says {said} {total.name}, the file holds {held}"
                    if total.column is None
                    else f"the {role} says {total.name} = {said}, the file holds {held}{note}"
                )
        return found

    def _held(self, at: int, total: Total) -> Decimal | int:
        if total.column is None:
            if total.entities is None:
                return self._all
            return sum(self._counts[entity] for entity in total.entities)
        if total.digits:
            return self._sums[at] % int(10**total.digits)
        return Decimal(self._sums[at]).scaleb(-total.scale, EXACT)


def _number(total: Total, text: str | None) -> Value:
    if text is None:
        raise BadValueError("the record ends before it")
    assert total.field.kind is not None  # settings see to it that a total is a number
    value = parse(text, total.field.kind)
    if value is None:
        raise BadValueError("it is empty")
    return value
