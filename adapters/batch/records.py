"""Record types: which records of a file belong to which entity, which are header and trailer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Layout, Slot
from adapters.batch.encode import encode_value
from adapters.batch.kernels.integers import Bools
from adapters.batch.plan import RecordPlan, find

Role = Literal["detail", "header", "trailer"]


@dataclass(frozen=True, slots=True)
class When:
    """A test on one field: the record's bytes equal one of `patterns` at `offset`."""

    offset: int
    patterns: tuple[bytes, ...]

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
        return cls(slot.offset, tuple(encode_value(v, slot.storage, page, where) for v in equals))

    def matches(self, view: npt.NDArray[np.uint8]) -> Bools:
        """Return which of n records pass."""
        passed: Bools = np.zeros(len(view), np.bool_)
        for pattern in self.patterns:
            field = view[:, self.offset : self.offset + len(pattern)]
            passed |= (field == np.frombuffer(pattern, np.uint8)).all(axis=1)
        return passed


@dataclass(frozen=True, slots=True)
class RecordType:
    """One type of record; without `when` every record that no other type claims."""

    role: Role
    when: When | None
    plan: RecordPlan | None = None
    count: Slot | None = None


UNKNOWN = -1


def assign(view: npt.NDArray[np.uint8], types: Sequence[RecordType]) -> npt.NDArray[np.int64]:
    """Return for each of n records the index of its type, UNKNOWN where none claims it."""
    assigned = np.full(len(view), UNKNOWN, np.int64)
    for index, kind in enumerate(types):
        free = assigned == UNKNOWN
        assigned[free & (kind.when.matches(view) if kind.when else True)] = index
    return assigned
