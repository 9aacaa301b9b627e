"""Avro messages to Arrow, by column (DESIGN 4.3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.codec import reference
from schemas.codec.column import BadText, Column
from schemas.codec.cursor import PAD, Cursor, Faults
from schemas.codec.interleave import Int64s, bytes_of
from schemas.codec.plan import NoColumns, Node, plan
from schemas.codec.resolution import adapt, adaptable

#: Rows a turn, measured: smaller ones lose to their fixed cost, larger ones to the caches.
_TURN = 32_768


@dataclass(frozen=True, slots=True)
class Decoded:
    """What came out of n values.

    Attributes:
        batch: the good rows, in input order.
        rows: for each row of `batch` its index in the input.
        errors: (index in the input, reason) of each bad value, by index. A reason holds no field content.
    """

    batch: pa.RecordBatch
    rows: npt.NDArray[np.int64]
    errors: list[tuple[int, str]]


class Decoder:
    """Decodes values of one writer schema, optionally resolved to a reader schema.

    Args:
        writer: the Avro schema (a record) that wrote the values.
        reader: the schema to see them with; Avro's resolution rules.
        fields: the wanted top-level fields of the result; others are stepped over, not decoded, and
            what is wrong inside their text is then not noticed.
    """

    def __init__(
        self,
        writer: dict[str, Any],
        reader: dict[str, Any] | None = None,
        *,
        fields: Sequence[str] | None = None,
    ) -> None:
        self._writer, self._reader = writer, reader
        self._plan, self._target = _plans(writer, reader)
        names = (reader or writer)["fields"]
        self.fields = [f["name"] for f in names if fields is None or f["name"] in fields]
        types = self._target.arrow if self._target else reference.arrow_type(reader or writer)
        self.schema = pa.schema([types.field(name) for name in self.fields])
        self._wanted = self._wanted_names()

    @property
    def columnar(self) -> bool:
        """False where this schema needs the row-by-row reference."""
        return self._plan is not None

    def decode(self, values: Sequence[bytes] | pa.Array, *, skip: int = 0) -> Decoded:
        """Decode n values; never raises for what is in them.

        Args:
            values: Python bytes or a binary array; a null counts as empty.
            skip: bytes before the Avro payload (5 for the wire header, which is not looked at).
        """
        turns = [self._turn(values[i : i + _TURN], i, skip) for i in range(0, max(len(values), 1), _TURN)]
        if len(turns) == 1:
            return turns[0]
        table = pa.Table.from_batches([t.batch for t in turns], self.schema).combine_chunks()
        batch = table.to_batches()[0] if table.num_rows else turns[0].batch
        return Decoded(batch, np.concatenate([t.rows for t in turns]), [e for t in turns for e in t.errors])

    def _turn(self, values: Sequence[bytes] | pa.Array, base: int, skip: int) -> Decoded:
        if self._plan is None:
            return self._by_row(values, base, skip)
        zeros = PAD + 2 * self._plan.most_zero
        data, starts, lengths = bytes_of(values, pad=zeros)
        n = len(starts)
        faults = Faults(len(data) - zeros + PAD // 2)
        cursor = Cursor(data, starts + skip, starts + lengths, np.arange(n), faults)
        if (short := lengths < skip).any():
            cursor.fail(short, "the message is shorter than its header")
        columns = [
            cursor.read(child, name in self._wanted, name)
            for name, child in zip(self._plan.names, self._plan.children, strict=True)
        ]
        in_place = cursor.end != np.iinfo(np.int64).max
        if (rest := (cursor.pos < cursor.end) & in_place).any():
            cursor.fail(rest, "bytes are left after the last field")
        batch, rows = self._gather(data, starts, columns, n, faults)
        errors = sorted((base + row, reason) for row, reason in faults.reasons.items())
        return Decoded(batch, rows + base, errors)

    def _gather(
        self, data: Any, starts: Int64s, columns: list[Column], n: int, faults: Faults
    ) -> tuple[pa.RecordBatch, Int64s]:
        assert self._plan is not None
        rows, good = np.arange(n), columns
        while True:
            if faults.reasons:
                keep = np.ones(n, np.bool_)
                keep[list(faults.reasons)] = False
                rows = np.flatnonzero(keep)
                good = [c.take(rows, None) for c in columns]
            try:
                return self._batch(data, good, len(rows)), rows
            except BadText as bad:
                owner = np.searchsorted(starts, bad.positions, "right") - 1
                faults.mark(owner, "a text is not UTF-8")

    def _batch(self, data: Any, columns: list[Column], n: int) -> pa.RecordBatch:
        assert self._plan is not None
        arrays = {
            name: (column.array(data, child.arrow, n), child)
            for name, child, column in zip(self._plan.names, self._plan.children, columns, strict=True)
            if name in self._wanted
        }
        if self._target is self._plan:
            return pa.record_batch([arrays[name][0] for name in self.fields], schema=self.schema)
        assert self._target is not None
        out = adapt(self._target, arrays, n, self.fields)
        return pa.record_batch(out, schema=self.schema)

    def _wanted_names(self) -> frozenset[str]:
        if self._target is None or self._target is self._plan:
            return frozenset(self.fields)
        old = (alias for name in self.fields for alias in self._target.aliases[name])
        return frozenset([*self.fields, *old])

    def _by_row(self, values: Sequence[bytes] | pa.Array, base: int, skip: int) -> Decoded:
        found = values.to_pylist() if isinstance(values, pa.Array) else values
        results = reference.decode([(v or b"") for v in found], self._writer, self._reader, skip=skip)
        batch, rows, errors = reference.to_batch(results, self.schema)
        return Decoded(batch, rows + base, [(base + i, reason) for i, reason in errors])


def _plans(writer: dict[str, Any], reader: dict[str, Any] | None) -> tuple[Node | None, Node | None]:
    try:
        plan_ = plan(writer)
        target = plan_ if reader is None else plan(reader)
    except NoColumns:
        return None, None
    if reader is not None and not adaptable(plan_, target):
        return None, None
    return plan_, target
