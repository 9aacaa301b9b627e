"""Texts of records to rows of an entity, and to rejects where a record is no row. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pyarrow as pa

from adapters.batch.actions import UNDECLARED, ActionCodes
from adapters.batch.fields.convert import convert
from adapters.batch.fields.field_plan import FieldPlan
from adapters.batch.fields.parse import parse
from adapters.batch.kernels.integers import Bools, Int64s
from adapters.batch.reference import BadValueError
from adapters.extract import Reject, Rows
from schemas.entity import Entity
from schemas.errors import SettingsError, Terminal
from schemas.key_text import key_text

BadValues = Literal["reject", "null", "raw", "fail"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A column of m texts; null where there is none. `unreadable`: row → why its bytes are no text."""

    texts: pa.StringArray
    unreadable: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Branch:
    """A column of m records (or lists): their fields' columns.

    Attributes:
        columns: the fields' texts; those of a list hold all its occurrences one behind the other.
        lengths: m numbers of occurrences, -1 where there is no list; None for single records.
        present: m; false where there is no record.
        unreadable: row → why there is no record (or list), though something is there.
    """

    columns: tuple[Leaf | Branch, ...]
    lengths: Int64s | None = None
    present: Bools | None = None
    unreadable: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Texts:
    """n records of one entity as texts, in the order of its fields.

    Attributes:
        columns: a column for each field.
        record: n record numbers.
        offset: n byte offsets.
        raw: row → the record's bytes.
        broken: row → what is wrong with the record as a whole.
    """

    columns: Sequence[Leaf | Branch]
    record: Int64s
    offset: Int64s
    raw: Callable[[int], bytes]
    broken: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Assembly:
    """Turns texts into rows of one entity.

    Attributes:
        entity: whose rows.
        fields: its fields, in order.
        policy: Avro name → what becomes of a bad value.
        actions: of a delta file, what the codes of its records mean.
    """

    entity: Entity
    fields: tuple[FieldPlan, ...]
    policy: Mapping[str, BadValues]
    actions: ActionCodes | None = None

    @classmethod
    def of(
        cls,
        entity: Entity,
        fields: Sequence[FieldPlan],
        bad_values: Mapping[str, BadValues],
        default: BadValues,
        where: str,
    ) -> Assembly:
        """Return the assembly with a policy for each field.

        Raises:
            SettingsError: a policy that text formats do not have.
        """
        policy: dict[str, BadValues] = {}
        for one in fields:
            chosen = bad_values.get(one.legacy, bad_values.get(one.name, default))
            if chosen == "raw":
                raise SettingsError(
                    "`raw` is for items of COBOL records",
                    where=f"{where}: bad_values.{one.legacy}",
                    fix="use reject, null or fail; the dead letter of a reject holds the bytes",
                )
            if chosen == "null" and one.name in entity.key:
                chosen = "reject"
            policy[one.name] = chosen
        return cls(entity, tuple(fields), policy)

    def rows(self, texts: Texts, nulled: Counter[str]) -> tuple[Rows, list[Reject]]:
        """Return the good rows and the rejects of n records; count in `nulled` whose bad values became null.

        Raises:
            Terminal: a bad value whose field is declared to fail the file.
        """
        n = len(texts.record)
        schema = self.entity.arrow_schema()
        arrays: list[pa.Array] = []
        bad: dict[int, tuple[str, str]] = {row: ("", why) for row, why in texts.broken.items()}
        unkeyed: set[int] = set(texts.broken)
        found: list[dict[int, tuple[str, str]]] = []
        for plan, column, kind in zip(self.fields, texts.columns, schema.types, strict=True):
            run = _Run()
            array = run.column(plan, column, kind, plan.legacy, np.arange(n), ())
            if plan.name in self.entity.key and array.null_count:
                for row in np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False)).tolist():
                    run.faults.setdefault(row, (plan.legacy, "the key is empty"))
            arrays.append(array)
            found.append(run.faults)
        undeclared = [] if self.actions is None else self._act(self.actions, arrays, found)
        for plan, faults in zip(self.fields, found, strict=True):
            for row, fault in faults.items():
                if plan.name in self.entity.key:
                    unkeyed.add(row)
                if row in texts.broken:
                    continue
                if self.policy[plan.name] == "fail":
                    raise Terminal(
                        f"{fault[0]}: {fault[1]}",
                        where=f"record {texts.record[row]} at byte {texts.offset[row]}",
                        fix="bad_values says that this fails the file: mend it, or say reject",
                    )
                if self.policy[plan.name] == "reject":
                    bad.setdefault(row, fault)
                else:
                    nulled[plan.legacy] += 1
        for row in undeclared:
            assert self.actions is not None
            bad.setdefault(row, (self.actions.field, UNDECLARED))
        made = pa.RecordBatch.from_arrays(arrays, schema=pa.schema([f.with_nullable(True) for f in schema]))
        if not bad:
            rows = made.cast(schema)
            return Rows(self.entity.name, rows, texts.record, texts.offset, raw=texts.raw), []
        wrong = sorted(bad)
        keyed = [row for row in wrong if row not in unkeyed] if self.entity.key else []
        names = key_text(self.entity, made.take(pa.array(keyed, pa.int64()))).to_pylist() if keyed else []
        key_of = dict(zip(keyed, names, strict=True))
        rejects = [
            Reject(
                self.entity.name, int(texts.record[row]), int(texts.offset[row]), texts.raw(row),
                *bad[row], key_of.get(row),
            )
            for row in wrong
        ]  # fmt: skip
        good = np.delete(np.arange(n), wrong)
        kept = made.take(pa.array(good)).cast(schema)
        record, offset = texts.record[good], texts.offset[good]
        return Rows(
            self.entity.name, kept, record, offset, raw=lambda row: texts.raw(int(good[row]))
        ), rejects

    def _act(
        self, actions: ActionCodes, arrays: list[pa.Array], found: list[dict[int, tuple[str, str]]]
    ) -> list[int]:
        """Forget what is wrong with deletes beside key and code; return the records with undeclared codes."""
        names = [f.name for f in self.fields]
        place = names.index(actions.column)
        n = len(arrays[place])
        unreadable = np.zeros(n, np.bool_)
        unreadable[list(found[place])] = True
        deletes, undeclared = actions.judged(arrays[place], unreadable)
        for at, name in enumerate(names):
            if name in self.entity.key or at == place:
                continue
            gone = [row for row in found[at] if deletes[row]]
            if gone:
                mask = np.zeros(n, np.bool_)
                mask[gone] = True
                arrays[at] = arrays[at].take(pa.array(np.arange(n), mask=mask))
                found[at] = {row: fault for row, fault in found[at].items() if not deletes[row]}
        rows: list[int] = np.flatnonzero(undeclared).tolist()
        return rows


@dataclass(slots=True)
class _Run:
    """Columns of one field, and the first fault of each record in them."""

    faults: dict[int, tuple[str, str]] = field(default_factory=dict)

    def column(
        self,
        plan: FieldPlan,
        column: Leaf | Branch,
        kind: pa.DataType,
        path: str,
        rows: Int64s,
        ordinals: tuple[Int64s, ...],
    ) -> pa.Array:
        """Return a field's array; `rows` and `ordinals` say to which record each of m texts belongs."""
        if isinstance(column, Leaf):
            return self._leaf(plan, column, path, rows, ordinals)
        for at, why in column.unreadable.items():
            self._fault(path, why, at, rows, ordinals)
        if column.lengths is not None:
            return self._list(plan, column, kind, path, rows, ordinals)
        fields = [kind.field(i) for i in range(kind.num_fields)]
        arrays = [
            self.column(child, below, f.type, f"{path}.{child.legacy}", rows, ordinals)
            for child, below, f in zip(plan.children, column.columns, fields, strict=True)
        ]
        absent = None if column.present is None else pa.array(~column.present)
        return pa.StructArray.from_arrays(arrays, fields=fields, mask=absent)

    def _list(
        self,
        plan: FieldPlan,
        column: Branch,
        kind: pa.DataType,
        path: str,
        rows: Int64s,
        ordinals: tuple[Int64s, ...],
    ) -> pa.Array:
        assert column.lengths is not None
        lengths = np.maximum(column.lengths, 0)
        parent = np.repeat(np.arange(len(lengths)), lengths)
        begins = np.cumsum(lengths) - lengths
        ordinal = np.arange(len(parent)) - np.repeat(begins, lengths) + 1
        inner = (*(o[parent] for o in ordinals), ordinal)
        one = FieldPlan(plan.name, plan.legacy, plan.source, plan.kind, children=plan.children)
        (below,) = column.columns
        items = self.column(one, below, kind.value_type, f"{path}[]", rows[parent], inner)
        offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
        absent = column.lengths < 0
        mask = pa.array(absent) if absent.any() else None
        return pa.ListArray.from_arrays(offsets, items, type=kind, mask=mask)

    def _leaf(
        self, plan: FieldPlan, column: Leaf, path: str, rows: Int64s, ordinals: tuple[Int64s, ...]
    ) -> pa.Array:
        assert plan.kind is not None
        array, bad = convert(column.texts, plan.kind)
        for at in column.unreadable:
            self._fault(path, column.unreadable[at], at, rows, ordinals)
        for at in np.flatnonzero(bad).tolist():
            try:
                parse(column.texts[at].as_py(), plan.kind)
                why = "no value of its type"
            except BadValueError as error:
                why = str(error)
            self._fault(path, why, at, rows, ordinals)
        return array

    def _fault(self, path: str, why: str, at: int, rows: Int64s, ordinals: tuple[Int64s, ...]) -> None:
        for ordinal in ordinals:
            path = path.replace("[]", f"[{ordinal[at]}]", 1)
        self.faults.setdefault(int(rows[at]), (path, why))
