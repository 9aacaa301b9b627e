"""Record types: which records of a file belong to which entity, which are header and trailer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Layout
from adapters.batch.encode import encode_value
from adapters.batch.framing import Spans
from adapters.batch.framing.frames import window
from adapters.batch.kernels.integers import Bools
from adapters.batch.plan import RecordPlan, find
from schemas.entity import Entity

Role = Literal["detail", "header", "trailer", "batch_header", "batch_trailer"]


@dataclass(frozen=True, slots=True)
class When:
    """A test on one field: its bytes at `offset` equal one of `patterns`.

    Text may be padded by blanks or by NULs: `pads` may stand behind a pattern, up to the field's `length`.
    """

    offset: int
    length: int
    patterns: tuple[bytes, ...]
    pads: bytes = b""

    @classmethod
    def parse(
        cls, field: str, equals: Sequence[str | int], layout: Layout, page: CodePage, where: str
    ) -> When:
        """Return the test for a field by name; values are encoded once, so that bytes are compared.

        Raises:
            SettingsError: no such field. EncodeError: a value that the field cannot hold.
        """
        slot = find(field, layout, where=where)
        assert slot.storage is not None  # find() returns elementary items
        patterns = tuple(encode_value(v, slot.storage, page, where) for v in equals)
        if slot.storage.kind != "text" or slot.storage.justified:
            return cls(slot.offset, slot.length, patterns)
        pads = bytes([page.space, 0])
        return cls(slot.offset, slot.length, tuple(p.rstrip(pads) for p in patterns), pads)

    def matches(self, spans: Spans) -> Bools:
        """Return which of n records pass; one that ends before the field does not."""
        passed: Bools = np.zeros(len(spans), np.bool_)
        field = window(spans, self.offset, self.length)
        padding = np.isin(field, np.frombuffer(self.pads, np.uint8)) if self.pads else None
        for pattern in self.patterns:
            same: Bools = spans.length >= self.offset + self.length
            for at, byte in enumerate(pattern):
                same &= field[:, at] == byte
            if padding is not None:
                for at in range(len(pattern), self.length):
                    same &= padding[:, at]
            passed |= same
        return passed


@dataclass(frozen=True, slots=True)
class Parent:
    """The record type above another one in a tree.

    Attributes:
        type: its place among the record types.
        columns: its key's fields, as (name there, name in the child's rows).
    """

    type: int
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RecordType:
    """One type of record; without `when` every record that no other type claims.

    Attributes:
        role: what it is for.
        when: which records are of it.
        plan: how its fields become columns (details only).
        entity: the plan's entity, with the fields that come from the parent.
        parent: the type above it, in a tree of records.
        group: the redefinition that describes it.
    """

    role: Role
    when: When | None
    plan: RecordPlan | None = None
    entity: Entity | None = None
    parent: Parent | None = None
    group: str | None = None

    @property
    def width(self) -> int:
        """Bytes from the record's start to the end of its last column."""
        assert self.plan is not None  # a detail type has one
        ends = [c.offset + c.length * (c.count or 1) for c in self.plan.columns]
        return max([*ends, *(c.offset + c.storage.length for c in self.plan.counters)])


UNKNOWN = -1


def assign(spans: Spans, types: Sequence[RecordType]) -> npt.NDArray[np.int64]:
    """Return for each of n records the index of its type, UNKNOWN where none claims it."""
    assigned = np.full(len(spans), UNKNOWN, np.int64)
    for index, kind in enumerate(types):
        free = assigned == UNKNOWN
        assigned[free & (kind.when.matches(spans) if kind.when else True)] = index
    return assigned
