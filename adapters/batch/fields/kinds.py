"""Kinds of records in a text file: which records are of which entity, which are header and trailer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from adapters.batch.actions import ActionCodes
from adapters.batch.fields.assemble import Assembly, Leaf
from adapters.batch.fields.block import Block
from adapters.batch.fields.field_plan import FieldPlan
from adapters.batch.fields.parse import BLANKS
from adapters.batch.kernels.integers import Int64s

Role = Literal["detail", "header", "trailer", "left_out"]
UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Test:
    """Records of a kind have one of these texts in a field; blanks around it do not count."""

    field: FieldPlan
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Total:
    """One promise of a control record: how many records, the sum of a column, or a hash total.

    Attributes:
        field: where the control record says it.
        entities: whose records count; None for every record of the file, header and trailer too.
        column: Avro name of the field that is summed; None counts records.
        digits: of a hash total: each value's digits are summed as a number, modulo 10 to the `digits`.
        scale: decimals of the column, for a sum.
    """

    field: FieldPlan
    entities: frozenset[str] | None
    column: str | None = None
    digits: int = 0
    scale: int = 0

    @property
    def name(self) -> str:
        """What is totalled, in words."""
        if self.column is None:
            return "records"
        whose = f" of {', '.join(sorted(self.entities))}" if self.entities else ""
        return f"{'hash total' if self.digits else 'sum'} of {self.column}{whose}"


@dataclass(frozen=True, slots=True)
class RecordKind:
    """One kind of record; without `test` every record that no other kind claims."""

    role: Role
    test: Test | None = None
    assembly: Assembly | None = None
    totals: tuple[Total, ...] = ()


def acting(kinds: Sequence[RecordKind], actions: ActionCodes) -> tuple[RecordKind, ...]:
    """Return the kinds whose records say what they do."""
    return tuple(
        kind if kind.assembly is None else replace(kind, assembly=replace(kind.assembly, actions=actions))
        for kind in kinds
    )


def assign(block: Block, kinds: Sequence[RecordKind]) -> Int64s:
    """Return for each of n records the index of its kind, UNKNOWN where none claims it."""
    n = len(block.record)
    rows = np.arange(n)
    assigned = np.full(n, UNKNOWN, np.int64)
    tags: dict[str | int | tuple[int, int], pa.StringArray] = {}
    for index, kind in enumerate(kinds):
        if kind.test is None:
            assigned[assigned == UNKNOWN] = index
            continue
        where = kind.test.field.source
        if where not in tags:
            column = block.column(rows, kind.test.field)
            assert isinstance(column, Leaf)  # a test is on a single value
            tags[where] = pc.utf8_trim(column.texts, BLANKS)
        passed = pc.is_in(tags[where], pa.array(kind.test.texts, pa.string()))
        assigned[(assigned == UNKNOWN) & passed.to_numpy(zero_copy_only=False)] = index
    return assigned
