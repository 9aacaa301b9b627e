"""Action codes of a delta file: an undeclared one is a fault, and a delete needs nothing but its key."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from adapters.batch.kernels.integers import Bools
from adapters.delta import Actions
from adapters.diff import CREATE, DELETE, UPDATE
from schemas.names import avro_name

UNDECLARED = "the action code is not declared in [delta]"


@dataclass(frozen=True, slots=True)
class ActionCodes:
    """The codes of one field.

    Attributes:
        field: the field's name as settings write it.
        create: codes that mean: this key is new.
        update: this key has changed.
        delete: this key is gone; nothing but the key is looked at.
    """

    field: str
    create: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
    delete: tuple[str, ...] = ()

    @property
    def column(self) -> str:
        """The field's Avro name."""
        return avro_name(self.field)

    def actions(self, codes: pa.Array) -> Actions:
        """Return for each of n codes `ord` of c, u or d; 0 for one that is not declared."""
        kinds = ((CREATE, self.create), (UPDATE, self.update), (DELETE, self.delete))
        number = not (pa.types.is_string(codes.type) or pa.types.is_large_string(codes.type))
        known = pa.array([_held(code, number) for _, each in kinds for code in each], pa.large_string())
        # The last one is for codes that are not declared.
        action = np.array([*(op for op, each in kinds for _ in each), 0], np.uint8)
        text = pc.utf8_trim_whitespace(codes.cast(pa.large_string()))
        found = pc.index_in(text, value_set=known).fill_null(len(known))
        chosen: Actions = action[found.to_numpy(zero_copy_only=False)]
        return chosen

    def judged(self, codes: pa.Array, unreadable: Bools | None) -> tuple[Bools, Bools]:
        """Return which of n records are deletes, and which have an undeclared code.

        Args:
            codes: the column of codes, arbitrary where it is unreadable.
            unreadable: n; None where all are good. Such a record is neither.
        """
        action = self.actions(codes)
        readable = np.ones(len(action), np.bool_) if unreadable is None else ~unreadable
        return (action == DELETE) & readable, (action == 0) & readable


def _held(code: str, number: bool) -> str:
    """Return a declared code as a column holds it: without blanks around it, a number without zeros."""
    code = code.strip()
    return str(int(code)) if number and code.isdecimal() else code
