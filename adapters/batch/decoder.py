"""Records to rows, by column: the plan of an entity run over a (n, record length) array of bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from adapters.batch.actions import UNDECLARED, ActionCodes
from adapters.batch.codepage import CodePage
from adapters.batch.columns import Column, Counter, RecordPlan
from adapters.batch.kernels.column import whole
from adapters.batch.kernels.integers import Bools, Int64s
from adapters.batch.reference import BadValueError, Trim
from adapters.batch.values import array, value

Records = npt.NDArray[np.uint8]
#: A field that begins before the end of its record and ends behind it, and one that begins behind it.
CUT, MISSING = "the record ends inside it", "the record ends before it"
NO_KEY = "a key field is empty"


@dataclass(frozen=True, slots=True)
class Bad:
    """The first bad field of one row."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """n rows; those in `bad` hold arbitrary values.

    Attributes:
        batch: the rows.
        bad: what is wrong with each bad row.
        bad_fields: which rows of a top-level field failed, deletes too.
        fatal: the first row with a bad value that settings say ends the whole file, with its fault.
        nulled: how many bad values became null by path, as settings said.
    """

    batch: pa.RecordBatch
    bad: Mapping[int, Bad]
    bad_fields: Mapping[str, Bools]
    fatal: tuple[int, Bad] | None = None
    nulled: Mapping[str, int] = field(default_factory=dict)


def decode(
    records: Records,
    plan: RecordPlan,
    page: CodePage,
    trim: Trim = "padding",
    lengths: npt.NDArray[np.integer] | None = None,
    actions: ActionCodes | None = None,
) -> Decoded:
    """Return the rows of n records of `plan`.

    The batch has the schema `plan.entity.arrow_schema()`, with every field nullable. Memory: the columns and
    one copy of each.

    Args:
        records: (n, plan.length) bytes.
        plan: what they hold.
        page: code page of text and zoned numbers.
        trim: what is cut from text.
        lengths: bytes that each record really has, where some are short; the bytes behind them do not count.
        actions: codes of a delta file: of a delete nothing but the key can be bad, its bad fields are null.
    """
    run = _Run(page, trim, plan)
    ends = None
    if lengths is not None and len(lengths) and lengths.min() < plan.length:
        ends = lengths.astype(np.int64)
    top = run.counted(_Scope(records, np.arange(len(records)), (), {}, ends), plan.counters)
    schema = plan.entity.arrow_schema()
    arrays: list[pa.Array] = []
    bad_fields: dict[str, Bools] = {}
    faults: dict[str, list[_Fault]] = {}
    for column, kind in zip(plan.columns, schema.types, strict=True):
        before = len(run.faults)
        arrays.append(run.column(column, top, kind))
        if len(run.faults) > before:
            wrong: Bools = np.zeros(len(records), np.bool_)
            for fault in run.faults[before:]:
                wrong[fault.rows] = True
            bad_fields[column.name] = wrong
            faults[column.name] = run.faults[before:]
    if actions is not None:
        arrays, run.faults = _acted(actions, plan, records, arrays, bad_fields, faults)
    nullable = pa.schema([f.with_nullable(True) for f in schema])
    batch = pa.RecordBatch.from_arrays(arrays, schema=nullable)
    return Decoded(batch, run.bad(), bad_fields, run.fatal(), run.nulled)


def _acted(
    actions: ActionCodes,
    plan: RecordPlan,
    records: Records,
    arrays: list[pa.Array],
    bad_fields: Mapping[str, Bools],
    faults: Mapping[str, list[_Fault]],
) -> tuple[list[pa.Array], list[_Fault]]:
    """Return the columns and the faults that stay: a delete is bad only by its key or its code."""
    names = [c.name for c in plan.columns]
    place = names.index(actions.column)
    deletes, undeclared = actions.judged(arrays[place], bad_fields.get(actions.column))
    stay: list[_Fault] = []
    for at, name in enumerate(names):
        if name not in faults or name in plan.entity.key or name == actions.column:
            stay += faults.get(name, ())
            continue
        stay += [kept for fault in faults[name] if len((kept := fault.where(~deletes[fault.rows])).rows)]
        rows = np.arange(len(records))
        arrays[at] = arrays[at].take(pa.array(rows, mask=bad_fields[name] & deletes))
    if undeclared.any():
        rows = np.flatnonzero(undeclared)
        column = plan.columns[place]
        stay.append(_Fault(column.path, rows, (), records[rows, :0], column, UNDECLARED))
    return arrays, stay


@dataclass(frozen=True, slots=True)
class _Scope:
    """m occurrences: their bytes, the record each belongs to, its ordinals in each table, known counters.

    `ends` are the bytes that each occurrence really has; negative where the record ends before it begins,
    None where all are whole.
    """

    view: Records
    rows: Int64s
    ordinals: tuple[Int64s, ...]
    counters: Mapping[str, Int64s]
    ends: Int64s | None


@dataclass(frozen=True, slots=True)
class _Fault:
    """Bad occurrences of one column; the reason is found when it is asked for."""

    path: str
    rows: Int64s
    ordinals: tuple[Int64s, ...]
    raws: Records
    column: Column
    reason: str = ""

    def where(self, keep: Bools) -> _Fault:
        """Return this fault for some of its occurrences."""
        ordinals = tuple(o[keep] for o in self.ordinals)
        return replace(self, rows=self.rows[keep], ordinals=ordinals, raws=self.raws[keep])


@dataclass(slots=True)
class _Run:
    page: CodePage
    trim: Trim
    plan: RecordPlan
    faults: list[_Fault] = field(default_factory=list)
    nulled: dict[str, int] = field(default_factory=dict)

    def column(self, column: Column, scope: _Scope, kind: pa.DataType) -> pa.Array:
        if column.count is not None:
            return self._table(column, scope, kind)
        view = scope.view[:, column.offset : column.offset + column.length]
        ends = None if scope.ends is None else scope.ends - column.offset
        return self._one(column, replace(scope, view=view, ends=ends), kind)

    def _one(self, column: Column, scope: _Scope, kind: pa.DataType) -> pa.Array:
        """Return the array of one occurrence a row: a record's or an elementary item's."""
        if not column.children:
            return self._elementary(column, scope)
        fields = [kind.field(i) for i in range(kind.num_fields)]
        arrays = [self.column(c, scope, f.type) for c, f in zip(column.children, fields, strict=True)]
        return pa.StructArray.from_arrays(arrays, fields=fields)

    def _elementary(self, column: Column, scope: _Scope) -> pa.Array:
        values, bad = array(scope.view, column, self.page, self.trim)
        if values.null_count and column.path in self.plan.key_paths:
            empty = values.is_null().to_numpy(zero_copy_only=False)
            bad = bad | self._judged(column, scope, empty, NO_KEY)
        null: Bools | None = None
        if scope.ends is not None and (scope.ends < column.length).any():
            cut, missing = (scope.ends < column.length) & (scope.ends > 0), scope.ends <= 0
            if self.plan.short_records == "null" and column.path not in self.plan.key_paths:
                null, missing = missing, np.zeros(len(missing), np.bool_)
            if not column.raw:
                bad = bad & ~(cut | missing) if null is None else bad & ~(cut | null)
                bad = self._judged(column, scope, bad)
                for wrong, reason in ((cut, CUT), (missing, MISSING)):
                    bad = bad | self._judged(column, scope, wrong, reason)
            else:
                bad = (bad | cut | missing) if null is None else (bad | cut) & ~null
        elif not column.raw:
            bad = self._judged(column, scope, bad)
        if column.raw:
            return _hex(scope, bad)
        null = bad if null is None else null | bad
        if null.any():
            values = pc.if_else(pa.array(null), pa.scalar(None, values.type), values)
        return values

    def _judged(self, column: Column, scope: _Scope, bad: Bools, reason: str = "") -> Bools:
        """Return which bad values become null by the column's policy; the others are faults of their rows."""
        if not bad.any():
            return bad
        at = np.flatnonzero(bad)
        if column.bad in ("null", "raw"):
            self.nulled[column.path] = self.nulled.get(column.path, 0) + len(at)
            return bad
        ordinals = tuple(o[at] for o in scope.ordinals)
        self.faults.append(_Fault(column.path, scope.rows[at], ordinals, scope.view[at], column, reason))
        return np.zeros(len(bad), np.bool_)

    def _table(self, column: Column, scope: _Scope, kind: pa.DataType) -> pa.Array:
        """Return a list column: occurrences flattened, decoded as one column, and cut by offsets."""
        assert column.count is not None
        n, count = len(scope.view), column.count
        counts = np.full(n, count, np.int64)
        null: Bools = np.zeros(n, np.bool_)
        ends = None if scope.ends is None else scope.ends - column.offset
        if ends is not None and self.plan.short_records == "null":
            null = ends <= 0
        if column.counter is not None:
            counts = np.where(null, 0, scope.counters[column.counter])
            over = (counts < 0) | (counts > count)
            null = null | self._refused(
                column, scope, over, f"{column.counter} is beyond the {count} occurrences of {column.legacy}"
            )
            counts = np.where(over, 0, counts)
            if ends is not None:
                short = (np.maximum(ends, 0) < counts * column.length) & ~null
                reason = f"the record ends before the occurrences that {column.counter} tells"
                null = null | self._refused(column, scope, short, reason)
                counts = np.where(short, 0, counts)
        elif ends is not None and self.plan.short_records == "null":
            counts = np.clip(-(-ends // column.length), 0, count)
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
            None if ends is None else ends[parent] - ordinal * column.length,
        )  # fmt: skip
        items = self._one(column, self.counted(inner, column.counters), kind.value_type)
        offsets = np.zeros(n + 1, np.int32)
        np.cumsum(counts, out=offsets[1:])
        mask = pa.array(null) if null.any() else None
        return pa.ListArray.from_arrays(pa.array(offsets), items, type=kind, mask=mask)

    def _refused(self, column: Column, scope: _Scope, bad: Bools, reason: str) -> Bools:
        """Return which tables become null; the others with a wrong counter are faults of their rows."""
        if not bad.any():
            return bad
        empty = replace(scope, view=scope.view[:, :0])
        return self._judged(column, empty, bad, reason)

    def counted(self, scope: _Scope, counters: tuple[Counter, ...]) -> _Scope:
        """Return the scope with its DEPENDING ON items read; one that is null is 0, an unreadable one -1."""
        if not counters:
            return scope
        known = dict(scope.counters)
        for counter in counters:
            end = counter.offset + counter.storage.length
            view = scope.view[:, counter.offset : end]
            numbers, bad, null = whole(view, counter.storage, counter.page or self.page)
            counts = numbers.low if null is None else np.where(null, 0, numbers.low)
            if counter.storage.lenient:
                counts, bad = np.where(bad, 0, counts), np.zeros(len(bad), np.bool_)
            if scope.ends is not None:
                bad = bad | (scope.ends < end)
            known[counter.name] = np.where(bad, -1, counts)
        return replace(scope, counters=known)

    def bad(self) -> dict[int, Bad]:
        """Return the first fault of each row, in column order."""
        found: dict[int, Bad] = {}
        for fault in self.faults:
            rows, first = np.unique(fault.rows, return_index=True)
            for row, at in zip(rows.tolist(), first.tolist(), strict=True):
                if row not in found:
                    found[row] = self._bad(fault, at)
        return found

    def fatal(self) -> tuple[int, Bad] | None:
        """Return the first row with a fault that ends the file."""
        ends = [f for f in self.faults if f.column.bad == "fail" and f.reason != UNDECLARED]
        if not ends:
            return None
        fault = min(ends, key=lambda f: int(f.rows[0]))
        return int(fault.rows[0]), self._bad(fault, 0)

    def _bad(self, fault: _Fault, at: int) -> Bad:
        return Bad(_path(fault, at), fault.reason or self._reason(fault, at))

    def _reason(self, fault: _Fault, at: int) -> str:
        try:
            value(fault.raws[at].tobytes(), fault.column, self.page, self.trim)
        except BadValueError as error:
            return str(error)
        raise AssertionError(f"kernel and reference disagree about {fault.path}")


def _hex(scope: _Scope, bad: Bools) -> pa.Array:
    """Return the bytes of bad values in hexadecimal, without those that the record does not have."""
    texts: list[str | None] = [None] * len(bad)
    for at in np.flatnonzero(bad).tolist():
        raw = scope.view[at].tobytes()
        texts[at] = raw[: max(int(scope.ends[at]), 0)].hex() if scope.ends is not None else raw.hex()
    return pa.array(texts, pa.string())


def _path(fault: _Fault, at: int) -> str:
    path = fault.path
    for ordinal in fault.ordinals:
        path = path.replace("[]", f"[{ordinal[at]}]", 1)
    return path.replace("[]", "")
