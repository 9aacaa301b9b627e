"""Records to rows, by column: the plan of an entity run over a (n, record length) array of bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from adapters.batch.codepage import CodePage
from adapters.batch.kernels.column import WHOLE
from adapters.batch.kernels.integers import Bools, Int64s
from adapters.batch.plan import Column, Counter, RecordPlan
from adapters.batch.reference import BadValueError, Trim, decode_value
from adapters.batch.values import array, value

Records = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Bad:
    """The first bad field of one row."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """n rows; those in `bad` hold arbitrary values. `bad_fields`: which rows of a top-level field failed."""

    batch: pa.RecordBatch
    bad: Mapping[int, Bad]
    bad_fields: Mapping[str, Bools]


def decode(records: Records, plan: RecordPlan, page: CodePage, trim: Trim = "padding") -> Decoded:
    """Return the rows of n records of `plan`.

    The batch has the schema `plan.entity.arrow_schema()`. Memory: the columns and one copy of each.
    """
    run = _Run(page, trim)
    top = _Scope(records, np.arange(len(records)), (), {})
    top = run.counted(top, plan.counters)
    schema = plan.entity.arrow_schema()
    arrays: list[pa.Array] = []
    bad_fields: dict[str, Bools] = {}
    for column, kind in zip(plan.columns, schema.types, strict=True):
        before = len(run.faults)
        arrays.append(run.column(column, top, kind))
        if len(run.faults) > before:
            wrong: Bools = np.zeros(len(records), np.bool_)
            for fault in run.faults[before:]:
                wrong[fault.rows] = True
            bad_fields[column.name] = wrong
    nullable = pa.schema([f.with_nullable(True) for f in schema])
    return Decoded(pa.RecordBatch.from_arrays(arrays, schema=nullable), run.bad(), bad_fields)


@dataclass(frozen=True, slots=True)
class _Scope:
    """m occurrences: their bytes, the record each belongs to, its ordinals in each table, known counters."""

    view: Records
    rows: Int64s
    ordinals: tuple[Int64s, ...]
    counters: Mapping[str, Int64s]


@dataclass(frozen=True, slots=True)
class _Fault:
    """Bad occurrences of one column; the reason is found when it is asked for."""

    path: str
    rows: Int64s
    ordinals: tuple[Int64s, ...]
    raws: Records
    column: Column | None
    reason: str = ""


@dataclass(slots=True)
class _Run:
    page: CodePage
    trim: Trim
    faults: list[_Fault] = field(default_factory=list)

    def column(self, column: Column, scope: _Scope, kind: pa.DataType) -> pa.Array:
        if column.count is not None:
            return self._table(column, scope, kind)
        view = scope.view[:, column.offset : column.offset + column.length]
        return self._elementary(column, view, scope)

    def _elementary(self, column: Column, view: Records, scope: _Scope) -> pa.Array:
        values, bad = array(view, column, self.page, self.trim)
        if bad.any():
            at = np.flatnonzero(bad)
            ordinals = tuple(o[at] for o in scope.ordinals)
            self.faults.append(_Fault(column.path, scope.rows[at], ordinals, view[at], column))
        return values

    def _table(self, column: Column, scope: _Scope, kind: pa.DataType) -> pa.Array:
        """Return a list column: occurrences flattened, decoded as one column, and cut by offsets."""
        assert column.count is not None
        n, count = len(scope.view), column.count
        counts = np.full(n, count, np.int64)
        if column.counter is not None:
            counts = scope.counters[column.counter]
            over = (counts < 0) | (counts > count)
            if over.any():
                at = np.flatnonzero(over)
                ordinals = tuple(o[at] for o in scope.ordinals)
                reason = f"{column.counter} is beyond the {count} occurrences of {column.legacy}"
                self.faults.append(
                    _Fault(column.path, scope.rows[at], ordinals, scope.view[at][:, :0], None, reason)
                )
                counts = np.where(over, 0, counts)
        area = scope.view[:, column.offset : column.offset + count * column.length]
        flat = np.ascontiguousarray(area).reshape(n * count, column.length)
        parent, ordinal = np.repeat(np.arange(n), count), np.tile(np.arange(count), n)
        used = ordinal < counts[parent]
        if not used.all():
            flat, parent, ordinal = flat[used], parent[used], ordinal[used]
        inner = _Scope(
            flat, scope.rows[parent],
            (*(o[parent] for o in scope.ordinals), ordinal + 1),
            {name: values[parent] for name, values in scope.counters.items()},
        )  # fmt: skip
        inner = self.counted(inner, column.counters)
        offsets = np.zeros(n + 1, np.int32)
        np.cumsum(counts, out=offsets[1:])
        return pa.ListArray.from_arrays(
            pa.array(offsets), self._items(column, inner, kind.value_type), type=kind
        )

    def _items(self, column: Column, scope: _Scope, kind: pa.DataType) -> pa.Array:
        if not column.children:
            return self._elementary(column, scope.view, scope)
        fields = [kind.field(i) for i in range(kind.num_fields)]
        arrays = [self.column(c, scope, f.type) for c, f in zip(column.children, fields, strict=True)]
        return pa.StructArray.from_arrays(arrays, fields=fields)

    def counted(self, scope: _Scope, counters: tuple[Counter, ...]) -> _Scope:
        """Return the scope with its own DEPENDING ON items read; an unreadable one counts as -1."""
        known = dict(scope.counters)
        for counter in counters:
            view = scope.view[:, counter.offset : counter.offset + counter.storage.length]
            numbers, bad = WHOLE[counter.storage.kind](view, counter.storage, self.page)
            known[counter.name] = np.where(bad, -1, numbers.low)
        return _Scope(scope.view, scope.rows, scope.ordinals, known)

    def bad(self) -> dict[int, Bad]:
        """Return the first fault of each row, in column order."""
        found: dict[int, Bad] = {}
        for fault in self.faults:
            rows, first = np.unique(fault.rows, return_index=True)
            for row, at in zip(rows.tolist(), first.tolist(), strict=True):
                if row not in found:
                    found[row] = Bad(_path(fault, at), fault.reason or self._reason(fault, at))
        return found

    def _reason(self, fault: _Fault, at: int) -> str:
        assert fault.column is not None
        try:
            value(fault.raws[at].tobytes(), fault.column, self.page, self.trim)
        except BadValueError as error:
            return str(error)
        raise AssertionError(f"kernel and reference disagree about {fault.path}")


def _path(fault: _Fault, at: int) -> str:
    path = fault.path
    for ordinal in fault.ordinals:
        path = path.replace("[]", f"[{ordinal[at]}]", 1)
    return path.replace("[]", "")


def decode_record(raw: bytes, plan: RecordPlan, page: CodePage, trim: Trim = "padding") -> dict[str, object]:
    """Return one record as a dict by Avro name: the obvious twin of `decode`.

    Raises:
        BadValueError: a field is bad; the message starts with its path.
    """
    return _record(raw, plan.columns, plan.counters, {}, page, trim)


def _record(
    raw: bytes, columns: tuple[Column, ...], counters: tuple[Counter, ...], known: Mapping[str, int],
    page: CodePage, trim: Trim,
) -> dict[str, object]:  # fmt: skip
    counts = dict(known)
    for counter in counters:
        piece = raw[counter.offset : counter.offset + counter.storage.length]
        try:
            counts[counter.name] = int(decode_value(piece, counter.storage, page) or 0)
        except BadValueError:
            counts[counter.name] = -1
    out: dict[str, object] = {}
    for column in columns:
        times = 1 if column.count is None else column.count
        if column.counter is not None:
            times = counts[column.counter]
            if not 0 <= times <= (column.count or 0):
                raise BadValueError(f"{column.path}: {column.counter} is beyond {column.count} occurrences")
        items: list[object] = []
        for index in range(times):
            start = column.offset + index * column.length
            piece = raw[start : start + column.length]
            if column.children:
                items.append(_record(piece, column.children, column.counters, counts, page, trim))
                continue
            try:
                items.append(value(piece, column, page, trim))
            except BadValueError as error:
                raise BadValueError(f"{column.path}: {error}") from None
        out[column.name] = items[0] if column.count is None else items
    return out
