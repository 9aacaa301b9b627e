"""Records that are trees (of JSON, of XML) as a block: their values gathered by column."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from adapters.batch.fields.assemble import Branch, Leaf
from adapters.batch.fields.field_plan import FieldPlan
from adapters.batch.kernels.integers import Int64s


@dataclass(frozen=True, slots=True)
class Misplaced:
    """Stands for a value that has the wrong shape; says why."""

    reason: str


#: Gets what stands at a path in a tree: anything, None, or `Misplaced`; for `many` a list.
Get = Callable[[Any, str, bool], Any]
#: Makes a text of what stands there: a text, None, or `Misplaced`.
TextOf = Callable[[Any], Any]


_NO_TREE = (str, bool, list)


@dataclass(frozen=True, slots=True)
class DocumentBlock:
    """Implements `adapters.batch.fields.block.Block`.

    Attributes:
        trees: n records; None where there is none.
        get: finds what stands at a field's path.
        text: makes a text of it.
        record: n record numbers.
        offset: n byte offsets.
        faults: row → why there is no tree.
        bytes_of: row → its bytes.
    """

    trees: Sequence[Any]
    get: Get
    text: TextOf
    record: Int64s
    offset: Int64s
    faults: Mapping[int, str]
    bytes_of: Callable[[int], bytes]

    def column(self, rows: Int64s, field: FieldPlan) -> Leaf | Branch:
        """Return the texts of a field in m of the records."""
        chosen = self.trees if len(rows) == len(self.trees) else [self.trees[row] for row in rows.tolist()]
        return self._column([self._at(tree, field) for tree in chosen], field)

    def misfits(self, rows: Int64s, fields: Sequence[FieldPlan]) -> Mapping[int, str]:
        """Return nothing: a tree lacks what it lacks, and each field says so."""
        del rows, fields
        return {}

    def raw(self, row: int) -> bytes:
        """Return the bytes of a record."""
        return self.bytes_of(row)

    def _at(self, tree: Any, field: FieldPlan) -> Any:
        return None if tree is None else self.get(tree, str(field.source), field.many)

    def _column(self, values: Sequence[Any], field: FieldPlan) -> Leaf | Branch:
        """Return the column of a field from what stands at its place in m trees."""
        if field.many:
            lengths = np.array([len(v) if isinstance(v, list) else -1 for v in values], np.int64)
            flat = [one for v in values if isinstance(v, list) for one in v]
            below = self._items(flat, field)
            return Branch((below,), lengths, None, _unreadable(values))
        return self._items(values, field)

    def _items(self, values: Sequence[Any], field: FieldPlan) -> Leaf | Branch:
        if field.kind is not None:
            texts = [None if value is None else self.text(value) for value in values]
            plain = pa.array([text if isinstance(text, str) else None for text in texts], pa.string())
            return Leaf(plain, _unreadable(texts))
        unreadable = _unreadable(values)
        for row, value in enumerate(values):
            if isinstance(value, _NO_TREE):
                unreadable[row] = "one value where a record is expected"
        trees = [None if isinstance(v, (*_NO_TREE, Misplaced)) else v for v in values]
        present = np.array([tree is not None for tree in trees], np.bool_)
        columns = tuple(self._column([self._at(t, child) for t in trees], child) for child in field.children)
        return Branch(columns, None, present, unreadable)


def _unreadable(values: Sequence[Any]) -> dict[int, str]:
    return {row: value.reason for row, value in enumerate(values) if isinstance(value, Misplaced)}
