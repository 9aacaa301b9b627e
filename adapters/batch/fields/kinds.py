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
from adapters.batch.ledger import Total

Role = Literal["detail", "header", "trailer", "left_out"]
UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class Test:
    """Records of a kind have one of these texts in a field; blanks around it do not count."""

    field: FieldPlan
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecordKind:
    """One kind of record; without `test` every record that no other kind claims.

    Attributes:
        role: what it is for.
        test: which records are of it.
        assembly: how details become rows.
        promises: of a control record: the field of each promise, and what it promises.
        number: of a header: the field of the file's number.
    """

    role: Role
    test: Test | None = None
    assembly: Assembly | None = None
    promises: tuple[tuple[FieldPlan, Total], ...] = ()
    number: FieldPlan | None = None


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
