"""Where rows come from, as columns before their own: record, offset, length, and ids of segments."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from adapters.batch.kernels.integers import Bools, Int64s
from adapters.extract import Chunk, Rows
from schemas.errors import SettingsError
from schemas.names import avro_name

_PLACE = ("_record", "_offset", "_length")
#: Stands for a root that is not known.
_LOST = -1


@dataclass(slots=True)
class Places:
    """Adds to each row of a file its record number (from 1), offset and length, and its ids in a tree.

    With levels, `_segment_0` is the record number of the root that a record belongs to, and `_segment_1` that
    number and the record's ordinal below it (`12.3`), and so on; levels below a record's own are null, and
    all are where the root is unknown because a record between was rejected.

    Attributes:
        segment: the field that tells a record's level.
        levels: its value at each level, the root's first.
    """

    segment: str = ""
    levels: tuple[str, ...] = ()
    _root: int = _LOST
    _counts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self._counts = [0] * len(self.levels)

    @classmethod
    def parse(cls, text: str | None) -> Places:
        """Return what `SEGMENT-ID=C,P` asks for.

        Raises:
            SettingsError: it is not of that form.
        """
        if text is None:
            return cls()
        name, equals, values = text.partition("=")
        levels = tuple(value.strip() for value in values.split(","))
        if not name.strip() or not equals or not all(levels) or len(set(levels)) < len(levels):
            raise SettingsError(
                f"{text!r} does not name segments", where="--segments",
                fix="write the field and its value at each level, the root's first: SEGMENT-ID=C,P",
            )  # fmt: skip
        return cls(avro_name(name.strip()), levels)

    def schema(self, rows: pa.Schema) -> pa.Schema:
        """Return the schema of rows with their places.

        Raises:
            SettingsError: no such field.
        """
        if self.levels and self.segment not in rows.names:
            raise SettingsError(
                f"no field {self.segment!r}", where="--segments", fix=f"choose from: {', '.join(rows.names)}"
            )
        added = [pa.field(name, pa.int64()) for name in _PLACE]
        added += [pa.field(f"_segment_{at}", pa.string()) for at in range(len(self.levels))]
        return pa.schema([*added, *rows])

    def placed(self, chunk: Chunk) -> Chunk:
        """Return a chunk of one entity with the places of its rows."""
        if chunk.rejects and not chunk.rows:
            self._root = _LOST
        return Chunk([self._rows(rows, chunk) for rows in chunk.rows], chunk.rejects)

    def _rows(self, rows: Rows, chunk: Chunk) -> Rows:
        n = len(rows.record)
        length = pa.nulls(n, pa.int64()) if rows.length is None else pa.array(rows.length)
        columns = [pa.array(rows.record), pa.array(rows.offset), length]
        if self.levels:
            rejected = np.array([reject.record for reject in chunk.rejects], np.int64)
            columns += self._segments(rows, rejected)
        batch = pa.RecordBatch.from_arrays(
            [*columns, *rows.batch.columns], schema=self.schema(rows.batch.schema)
        )
        return replace(rows, batch=batch)

    def _segments(self, rows: Rows, rejected: Int64s) -> list[pa.Array]:
        """Return each level's ids of n records in file order."""
        n = len(rows.record)
        told = pc.index_in(rows.batch.column(self.segment).cast(pa.string()), pa.array(self.levels))
        level = told.fill_null(len(self.levels)).to_numpy(zero_copy_only=False).astype(np.int64)
        level[level == len(self.levels)] = _LOST
        lost: Bools = np.zeros(n, np.bool_)
        after = np.searchsorted(rows.record, rejected)
        lost[after[after < n]] = True
        known = (level == 0) | lost
        roots = np.where(level == 0, rows.record, _LOST)
        root = _last(roots, known, self._root)
        whole = pc.if_else(pa.array(root != _LOST), pa.array(root).cast(pa.string()), None)
        found = [pc.if_else(pa.array(level >= 0), whole, None)]
        path = whole
        for at in range(1, len(self.levels)):
            here, above = level == at, (level >= 0) & (level < at)
            total = np.cumsum(here) + self._counts[at]
            count = total - _last(total, above, 0)
            self._counts[at] = int(count[-1]) if n else self._counts[at]
            path = pc.binary_join_element_wise(path, pa.array(count).cast(pa.string()), ".")
            found.append(pc.if_else(pa.array((level >= at) & (count > 0)), path, None))
        if n:
            self._root = int(root[-1])
        if len(after[after == n]):
            self._root = _LOST
        return found


def _last(values: Int64s, at: Bools, before: int) -> Int64s:
    """Return at each row the value of the last row that counts, `before` ahead of the first."""
    places = np.maximum.accumulate(np.where(at, np.arange(len(at)), -1)) if len(at) else np.zeros(0, np.int64)
    return np.where(places >= 0, values[np.maximum(places, 0)], before) if len(at) else values
