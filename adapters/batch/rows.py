"""Records of one type to rows of its entity, with the parent's key, and to rejects with their reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa

from adapters.batch.actions import ActionCodes
from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Layout
from adapters.batch.decoder import decode
from adapters.batch.framing import Spans
from adapters.batch.framing.frames import Bytes, Int32s
from adapters.batch.kernels.integers import Bools, Int64s
from adapters.batch.lineage import Family, Lineage
from adapters.batch.odo import unshift
from adapters.batch.records import RecordType
from adapters.batch.reference import Trim
from adapters.extract import Reject, Rows
from schemas.entity import Entity
from schemas.errors import Terminal
from schemas.key_text import key_text

#: How records with OCCURS DEPENDING ON lie in the file.
Odo = Literal["max", "shift", "pad"]


@dataclass(frozen=True, slots=True)
class Typed:
    """What n records of one type became.

    Attributes:
        rows: the good ones.
        rejects: the bad ones, in order.
        record: all n record numbers.
        batch: all n rows, arbitrary where a field is bad, without the parent's key.
        bad_fields: which rows of a field could not be read.
        nulled: how many bad values became null, by path.
    """

    rows: Rows
    rejects: list[Reject]
    record: Int64s
    batch: pa.RecordBatch
    bad_fields: Mapping[str, Bools]
    nulled: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Typist:
    """Decodes records of any of the types of a file."""

    layout: Layout
    types: tuple[RecordType, ...]
    page: CodePage
    trim: Trim
    #: What stands for the bytes that a record lacks; None: they are missing, and reading them is an error.
    pad: int | None
    #: Where records stop being what the copybook describes; 0: nowhere.
    longest: int
    odo: Odo
    #: Of a delta file: what its records do.
    actions: ActionCodes | None = None

    def typed(self, spans: Spans, index: int, lineage: Lineage) -> Typed:
        """Return the rows and rejects of n records of the type at `index`."""
        kind = self.types[index]
        assert kind.plan is not None and kind.entity is not None  # a detail type has both
        view, lengths = self._dense(spans, kind)
        decoded = decode(view, kind.plan, self.page, self.trim, lengths, self.actions)
        if decoded.fatal is not None:
            at, fault = decoded.fatal
            raise Terminal(
                f"record {spans.record[at]} at byte {spans.offset[at]}: {fault.path}: {fault.reason}",
                fix="bad_values says that such a value fails the file: have it sent again, or change them",
            )
        bad = {row: (fault.path, fault.reason) for row, fault in decoded.bad.items()}
        self._lengths(spans, kind, bad)
        batch, family = decoded.batch, None
        if kind.parent is not None:
            family = lineage.parents(index, spans.record)
            for row, reason in family.reasons.items():
                bad.setdefault(row, ("", reason))
        keyed = _keyed(kind.entity, len(spans), decoded.bad_fields, family)
        whole = _with_parent(batch, family)
        if lineage.wanted(index):
            lineage.learn(index, spans.record, whole.select(list(kind.entity.key)), keyed)
        rows, rejects = self._parted(spans, kind.entity, whole, bad, keyed)
        return Typed(rows, rejects, spans.record, batch, decoded.bad_fields, decoded.nulled)

    def _dense(self, spans: Spans, kind: RecordType) -> tuple[Bytes, Int32s | None]:
        """Return n records as the plan has them: tables at their full size."""
        width = kind.width if self.odo == "max" else self.layout.length
        frames = spans.dense(width, self.pad or 0)
        lengths = frames.length if self.pad is None else None
        if self.odo == "max":
            return frames.view, lengths
        return unshift(frames.view, lengths, self.layout, self.page, group=kind.group)

    def _lengths(self, spans: Spans, kind: RecordType, bad: dict[int, tuple[str, str]]) -> None:
        """Mark records that are longer than the copybook says: what is behind would be lost."""
        if self.longest:
            for row in np.flatnonzero(spans.length > self.longest).tolist():
                bad[row] = ("", f"the record has {spans.length[row]} bytes; the copybook {self.longest}")

    def _parted(
        self,
        spans: Spans,
        entity: Entity,
        batch: pa.RecordBatch,
        bad: dict[int, tuple[str, str]],
        keyed: Bools,
    ) -> tuple[Rows, list[Reject]]:
        schema = entity.arrow_schema()
        if not bad:
            rows = batch.cast(schema)
            return Rows(entity.name, rows, spans.record, spans.offset, length=spans.length, raw=spans.raw), []
        wrong = np.array(sorted(bad))
        with_key = wrong[keyed[wrong]]
        texts = key_text(entity, batch.take(with_key)).to_pylist() if len(with_key) else []
        text_of = dict(zip(with_key.tolist(), texts, strict=True))
        rejects = [
            Reject(
                entity.name, int(spans.record[i]), int(spans.offset[i]), spans.raw(i),
                *bad[i], text_of.get(i),
            )
            for i in wrong.tolist()
        ]  # fmt: skip
        good = np.ones(len(spans), np.bool_)
        good[wrong] = False
        kept = batch.take(np.flatnonzero(good)).cast(schema)
        left = spans[np.flatnonzero(good)]
        return Rows(entity.name, kept, left.record, left.offset, length=left.length, raw=left.raw), rejects


def _keyed(entity: Entity, n: int, bad_fields: Mapping[str, Bools], family: Family | None) -> Bools:
    """Return which of n rows have a key that is known in full."""
    keyed = np.full(n, bool(entity.key))
    for name in entity.key:
        keyed &= ~bad_fields.get(name, np.zeros(n, np.bool_))
    if family is not None and family.reasons:
        keyed[list(family.reasons)] = False
    return keyed


def _with_parent(batch: pa.RecordBatch, family: Family | None) -> pa.RecordBatch:
    if family is None:
        return batch
    keys = family.keys
    names = [*keys.schema.names, *batch.schema.names]
    return pa.RecordBatch.from_arrays([*keys.columns, *batch.columns], names)
