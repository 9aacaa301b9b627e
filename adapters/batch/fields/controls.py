"""Control records of text files: what a trailer says, held against what the file holds."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from adapters.batch.fields.kinds import RecordKind, Total
from adapters.batch.fields.parse import Value, parse
from adapters.batch.reference import BadValueError

#: Enough digits for the sum of any file's decimals.
_WIDE = 38


@dataclass(slots=True)
class Controls:
    """Sums up the records of one file, for the totals of one trailer (or header)."""

    kind: RecordKind
    _counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _sums: dict[tuple[str, str, bool], Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    _unread: int = 0
    _all: int = 0
    #: The texts of each control record that was seen, one for each total.
    _said: list[tuple[str | None, ...]] = field(default_factory=list)

    def count(self, records: int) -> None:
        """Take in records of any kind."""
        self._all += records

    def wants(self, entity: str) -> list[Total]:
        """Return the totals that sum a column of an entity."""
        return [t for t in self.kind.totals if t.column and (t.entities is None or entity in t.entities)]

    def take(self, entity: str, records: int, columns: dict[str, pa.Array]) -> None:
        """Take in records of an entity, with the columns that are summed; null counts as nothing."""
        self._counts[entity] += records
        for total in self.wants(entity):
            assert total.column is not None  # wants() returns sums
            if total.column in columns:
                values = columns[total.column]
                self._sums[entity, total.column, total.absolute] += _sum(values, total.absolute)

    def seen(self, texts: tuple[str | None, ...]) -> None:
        """Take in a control record: the text of each total's field."""
        self._said.append(texts)

    def problems(self) -> list[str]:
        """Return what does not agree."""
        role = self.kind.role
        if len(self._said) != 1:
            return [f"the file has {len(self._said)} {role} records; exactly one is expected"]
        found = []
        for total, text in zip(self.kind.totals, self._said[0], strict=True):
            try:
                said = _number(total, text)
            except BadValueError as error:
                found.append(f"the {role}'s {total.field.legacy} cannot be read: {error}")
                continue
            held = self._held(total)
            if said != held:
                found.append(
                    f"the {role} says {said} records, the file holds {held}"
                    if total.column is None
                    else f"the {role} says {total.name} = {said}, the file holds {held}"
                )
        return found

    def _held(self, total: Total) -> Decimal | int:
        if total.column is None:
            if total.entities is None:
                return self._all
            return sum(self._counts[entity] for entity in total.entities)
        named = total.entities if total.entities is not None else self._counts
        return sum((self._sums[entity, total.column, total.absolute] for entity in named), Decimal(0))


def _number(total: Total, text: str | None) -> Value:
    if text is None:
        raise BadValueError("the record ends before it")
    assert total.field.kind is not None  # settings see to it that a total is a number
    value = parse(text, total.field.kind)
    if value is None:
        raise BadValueError("it is empty")
    return value


def _sum(values: pa.Array, absolute: bool) -> Decimal:
    """Return the exact sum of whole numbers or decimals."""
    if absolute:
        values = pc.abs(values)
    if not pa.types.is_decimal(values.type):
        whole = np.asarray(pc.fill_null(values, 0).to_numpy(zero_copy_only=False))
        # By halves, so that no sum of a chunk overflows.
        return Decimal((int((whole >> 32).sum()) << 32) + int((whole & 0xFFFFFFFF).sum()))
    total = pc.sum(values.cast(pa.decimal128(_WIDE, values.type.scale))).as_py()
    return Decimal(0) if total is None else Decimal(total)
