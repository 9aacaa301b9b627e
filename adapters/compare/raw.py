"""Copybook files compared as they stand: only records that differ are decoded.

Most records of two extracts are the same bytes, and decoding is what costs. So records are matched by the
bytes of their keys and compared by their own, and decoded where they differ. That needs keys whose bytes say
the same as their values (`canonical`), one type of record and no totals; where it cannot be had, the files
are decoded whole (`careful`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa

from adapters.batch.framing import Spans, chunk_size
from adapters.batch.framing.frames import window
from adapters.batch.lineage import Lineage
from adapters.batch.rows import Typist
from adapters.batch.source import Source
from adapters.compare.canonical import KeyField
from adapters.compare.decoded import DecodedTable
from adapters.compare.fingerprint import Bools, Fingerprint, Int64s, Words
from adapters.compare.ordered import RawRows
from adapters.compare.prints import KEY_STREAM, ROW_STREAM, Prints, prints
from adapters.compare.table import Images, NotProven, Table
from adapters.compare.unpacked import unpacked
from schemas.key_text import with_trimmed_key

#: Framings whose records lie in the file in one piece each.
_WHOLE = ("fixed", "lines", "rdw", "bdw", "length_field", "length_map", "header")


class RawTable:
    """One file of one entity, in the bytes of its records."""

    rejected: Sequence[str] = ()

    def __init__(
        self,
        path: Path,
        source: Source,
        fields: Sequence[KeyField],
        opened: Callable[[Path], BinaryIO],
        work: Path | None = None,
    ) -> None:
        """Open the file; a compressed one is unpacked into a temporary file.

        Raises:
            SettingsError: no such file. Terminal: its compressed data are not sound.
        """
        self._decoded = DecodedTable(path, source, opened, work)
        self._source, self._fields = source, fields
        [kind] = source.types
        assert kind.entity is not None  # a detail type has one
        self._entity = kind.entity
        self._file = unpacked(path, opened, work)
        self.columns = self._decoded.columns
        self.rows_expected = os.fstat(self._file.fileno()).st_size // max(source.layout.length, 1)
        pad = source.scanner.pad if source.scanner.framing == "lines" else None
        self._typist = Typist(
            source.layout, source.types, source.page, source.trim, pad, source.longest, source.odo
        )

    def __repr__(self) -> str:
        return f"<RawTable {self.name}>"

    @property
    def name(self) -> str:
        """The file's name."""
        return self._decoded.name

    def careful(self) -> Table:
        """Return the same file as a table that is decoded whole."""
        return self._decoded

    def raw_rows(self, key: Sequence[str]) -> Iterator[RawRows]:
        """Yield the records as they stand; see `RowSource.raw_rows`.

        Raises:
            NotProven: a record is broken, or its key may mean the same as other bytes, or nothing.
        """
        for spans in self._spans():
            keys = [(spans.data, spans.start + f.offset, _all(f.length, len(spans))) for f in self._fields]
            offset = int(spans.offset[0] - spans.start[0])
            yield RawRows(
                spans.data, offset, spans.start, spans.length, int(spans.record[0]), keys, fixed=True
            )

    def prints(self, fingerprint: Fingerprint, key: Sequence[str], salt: bytes) -> Iterator[Prints]:
        """Yield the records' fingerprints; see `Table.prints`.

        Raises:
            NotProven: as `raw_rows`.
        """
        for rows in self.raw_rows(key):
            keys: Words = np.zeros((len(rows.starts), 2), np.uint64)
            for stream, span in enumerate(rows.key, KEY_STREAM):
                keys += fingerprint.of(*span, stream)
            row = fingerprint.of(rows.data, rows.starts, rows.lengths, ROW_STREAM)
            yield prints(keys, row, rows.starts + rows.offset, rows.lengths, rows.number)

    def images(self, starts: Int64s, lengths: Int64s, numbers: Int64s) -> Images:
        """Return records as decoded, and which of them cannot be; see `Table.images`."""
        n = len(starts)
        if not n:
            return Images(pa.table(self._entity.arrow_schema().empty_table()))
        read, file = os.pread, self._file.fileno()
        data = b"".join(
            read(file, size, at) for at, size in zip(starts.tolist(), lengths.tolist(), strict=True)
        )
        places = np.cumsum(lengths) - lengths
        # Numbered by place: the numbers of records that are looked at do not ascend.
        spans = Spans(np.frombuffer(data, np.uint8), places, lengths, np.arange(n), starts)
        typed = self._typist.typed(spans, 0, Lineage(self._source.types))
        bad: Bools = np.ones(n, np.bool_)
        bad[typed.rows.record] = False
        rows = with_trimmed_key(self._entity, typed.rows.batch)
        if not bad.any():
            return Images(pa.Table.from_batches([rows]))
        at = np.zeros(n, np.int64)
        at[typed.rows.record] = np.arange(rows.num_rows)
        return Images(pa.Table.from_batches([rows.take(pa.array(at, mask=bad))]), bad)

    def _spans(self) -> Iterator[Spans]:
        seen = 0
        size = chunk_size(self._source.layout.length)
        for part in self._source.scanner.scan(_FromStart(self._file.fileno()), size):
            if not isinstance(part, Spans) or not self._proven(part, seen + 1):
                raise NotProven
            seen += len(part)
            yield part
        if not seen:
            raise NotProven  # a file without records is told by who decodes it

    def _proven(self, part: Spans, first: int) -> bool:
        n = len(part)
        whole = bool((part.offset - part.start == part.offset[0] - part.start[0]).all())
        if not whole or int(part.record[0]) != first or int(part.record[-1]) != first + n - 1:
            return False
        ends = max(f.offset + f.length for f in self._fields)
        if int(part.length.min()) < ends:
            return False
        return all(f.proves(window(part, f.offset, f.length)) for f in self._fields)


class _FromStart:
    """A file read from its start, wherever another reader of it stands."""

    def __init__(self, file: int) -> None:
        self._file, self._at = file, 0

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, b"" at the end."""
        data = os.pread(self._file, size, self._at)
        self._at += len(data)
        return data


def key_fields(source: Source) -> list[KeyField] | None:
    """Return the key fields of files that can be compared as they stand; None where they cannot."""
    if source.header or source.trailer or source.batch or len(source.types) != 1:
        return None
    [kind] = source.types
    if kind.when is not None or kind.parent is not None or kind.plan is None or kind.entity is None:
        return None
    if source.odo != "max" or source.scanner.framing not in _WHOLE or source.scanner.measured is not None:
        return None
    by_name = {column.name: column for column in kind.plan.columns}
    found = [KeyField.of(by_name[name], source.page) for name in kind.entity.key if name in by_name]
    proven = [field for field in found if field is not None]
    return proven if len(proven) == len(kind.entity.key) else None


def _all(length: int, n: int) -> Int64s:
    return np.full(n, length, np.int64)
