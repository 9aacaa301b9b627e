"""A chunk of a text file, cut into records whose fields can be asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from adapters.batch.fields.assemble import Branch, Leaf
from adapters.batch.fields.field_plan import FieldPlan
from adapters.batch.kernels.integers import Int64s


class Block(Protocol):
    """n records in file order."""

    @property
    def record(self) -> Int64s:
        """The n record numbers, from 1."""
        ...

    @property
    def offset(self) -> Int64s:
        """The n byte offsets in the file."""
        ...

    @property
    def faults(self) -> Mapping[int, str]:
        """Row → why the record cannot be taken apart."""
        ...

    def column(self, rows: Int64s, field: FieldPlan) -> Leaf | Branch:
        """Return the texts of a field in m of the records."""
        ...

    def misfits(self, rows: Int64s, fields: Sequence[FieldPlan]) -> Mapping[int, str]:
        """Return, of m of the records by their place in `rows`, why they are no record with these fields."""
        ...

    def raw(self, row: int) -> bytes:
        """Return the bytes of a record, without its line end."""
        ...
