"""Delimited text as a table: rows are fingerprinted by column, and parsed only where they differ."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from adapters.compare.fingerprint import Bytes, Fingerprint, Int64s, Words
from adapters.compare.framing import Dialect, Framed, fields, frame, slow_fields
from adapters.compare.ordered import RawRows
from adapters.compare.prints import KEY_STREAM, LONGEST, ROW_STREAM, Prints, prints
from adapters.compare.table import Images
from adapters.compare.unpacked import unpacked
from schemas.errors import SettingsError, Terminal

if TYPE_CHECKING:
    import pyarrow as pa

#: Bytes read at once: a piece and its index stay in the processor's third cache.
_PIECE = 1 << 21
_BOM = b"\xef\xbb\xbf"


class DelimitedSpec(BaseModel):
    """How the bytes of a delimited file become rows; `banyan diff --csv --set` takes these keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    delimiter: str = Field(",", min_length=1, max_length=1, description="One character; `\\t` for a tab.")
    quote: str = Field('"', max_length=1, description="Encloses a field; empty where quotes mean nothing.")
    encoding: str = Field("utf-8", description="Of names and values: utf-8, cp1252, latin-1…")
    header: bool = Field(True, description="Whether the first row names the columns; else c1, c2…")

    @property
    def dialect(self) -> Dialect:
        """The two characters as bytes."""
        return Dialect(ord(self.delimiter), ord(self.quote) if self.quote else None)


class DelimitedTable:
    """One delimited file. No record is rejected: what is not a row of this table ends the comparison."""

    rejected: Sequence[str] = ()

    def __init__(self, path: Path, spec: DelimitedSpec) -> None:
        """Read the names of the columns.

        Raises:
            SettingsError: no such file, no column, or two columns of one name.
            Terminal: its compressed data are not sound.
        """
        self._path, self._spec = path, spec
        self._dialect = spec.dialect
        self._file = unpacked(path)
        self._size = os.fstat(self._file.fileno()).st_size
        first, self._from, sample = self._first_row()
        self.columns = tuple(self._names(first))
        self.rows_expected = self._size * (sample.count(b"\n") or 1) // max(len(sample), 1)

    def __repr__(self) -> str:
        return f"<DelimitedTable {self._path.name}>"

    @property
    def name(self) -> str:
        """The file's name."""
        return self._path.name

    def prints(self, fingerprint: Fingerprint, key: Sequence[str], salt: bytes) -> Iterator[Prints]:
        """Yield the rows' fingerprints; see `Table.prints`."""
        columns = tuple(self.columns.index(name) for name in key)
        salted = fingerprint.of(np.frombuffer(salt, np.uint8), np.zeros(1, np.int64), np.array([len(salt)]))
        number = 1
        for offset, data, rows in self._pieces():
            made = prints(
                self._keys(fingerprint, data, rows, columns, number),
                fingerprint.of(data, rows.starts, rows.lengths, ROW_STREAM) + salted,
                rows.starts + offset,
                rows.lengths,
                number,
            )
            number += made.shape[1]
            yield made

    def raw_rows(self, key: Sequence[str]) -> Iterator[RawRows]:
        """Yield the rows as they stand; see `RowSource.raw_rows`."""
        columns = tuple(self.columns.index(name) for name in key)
        number = 1
        for offset, data, rows in self._pieces(spaces=2):
            spans = self._key_spans(data, rows, columns, number)
            yield RawRows(data, offset, rows.starts, rows.lengths, number, spans)
            number += len(rows.starts)

    def images(self, starts: Int64s, lengths: Int64s, numbers: Int64s) -> Images:
        """Return rows as text columns; see `Table.images`."""
        read, file = os.pread, self._file.fileno()
        places = zip(starts.tolist(), lengths.tolist(), strict=True)
        rows = [read(file, length, start) for start, length in places]
        return Images(self._parsed_fast(rows) or self._parsed(rows, numbers))

    def _pieces(self, spaces: int = 1) -> Iterator[tuple[int, Bytes, Framed]]:
        """Yield offset in the file, bytes and rows of one piece after the other; each begins with a row.

        No piece is without rows. With two spaces its bytes stay until the next piece but one is asked for;
        one space stays in the processor's cache.
        """
        space = np.zeros(2 * _PIECE, np.uint8)
        other = np.zeros(2 * _PIECE, np.uint8) if spaces == 2 else space
        offset, held, ended = self._from, 0, False
        file, at = self._file.fileno(), offset
        while not ended:
            count = os.preadv(file, [space[held : held + _PIECE].data], at)
            at += count
            if not count:
                ended = True
                if not held:
                    return
                space[held] = ord("\n")  # the last row may lack its end
                count = 1
            data = space[: held + count]
            rows = frame(data, self._dialect)
            if len(rows.starts):
                yield offset, data, rows
            held = len(data) - rows.used
            offset += rows.used
            if held > LONGEST or (ended and held > 1):
                raise Terminal(
                    "a row does not end: a quote is opened and never closed, or a row is above 16 MiB",
                    where=f"{self._path.name}, byte {offset}",
                    fix="mend the file; with --set quote= quotes mean nothing",
                )
            rest = data[rows.used :].copy()
            if len(rows.starts):
                space, other = other, space
            if held + _PIECE >= len(space):
                space = np.zeros(2 * (held + _PIECE), np.uint8)
            space[:held] = rest

    def _keys(
        self, fingerprint: Fingerprint, data: Bytes, rows: Framed, columns: tuple[int, ...], number: int
    ) -> Words:
        out = np.zeros((len(rows.starts), 2), np.uint64)
        for stream, span in enumerate(self._key_spans(data, rows, columns, number), KEY_STREAM):
            out += fingerprint.of(*span, stream)
        return out

    def _key_spans(
        self, data: Bytes, rows: Framed, columns: tuple[int, ...], number: int
    ) -> list[tuple[Bytes, Int64s, Int64s]]:
        spans = fields(data, rows, columns, self._dialect)
        if spans is None:
            data, spans = self._slow_keys(data, rows, columns, number)
        return [(data, starts, lengths) for starts, lengths in spans]

    def _slow_keys(
        self, data: Bytes, rows: Framed, columns: tuple[int, ...], number: int
    ) -> tuple[Bytes, list[tuple[Int64s, Int64s]]]:
        """Take the key fields out one row after the other, into bytes of their own."""
        out: list[list[bytes]] = [[] for _ in columns]
        for at, (start, length) in enumerate(zip(rows.starts.tolist(), rows.lengths.tolist(), strict=True)):
            found = slow_fields(data[start : start + length].tobytes(), columns, self._dialect)
            for into, value in zip(out, found, strict=True):
                if value is None:
                    raise self._ragged(number + at)
                into.append(value)
        flat = [value for column in out for value in column]
        lengths = np.array([len(v) for v in flat], np.int64)
        starts = np.cumsum(lengths) - lengths
        n = len(rows.starts)
        joined = np.frombuffer(b"".join(flat) or b"\0", np.uint8)
        cut = [slice(c * n, (c + 1) * n) for c in range(len(columns))]
        return joined, [(starts[c], lengths[c]) for c in cut]

    def _parsed_fast(self, rows: list[bytes]) -> pa.Table | None:
        """Parse by Arrow; None where a row is not what Arrow takes for one."""
        import pyarrow as pa
        import pyarrow.csv

        spec, wrong = self._spec, []

        def skip(row: Any) -> str:
            wrong.append(row)
            return "skip"

        text = b"\n".join(rows) + b"\n"
        if b"\r" in text:  # to Arrow a carriage return is a line's end wherever it stands
            return None
        try:
            table = pa.csv.read_csv(
                io.BytesIO(text),
                read_options=pa.csv.ReadOptions(
                    column_names=self.columns,
                    block_size=len(text) + 1,
                    use_threads=False,
                    encoding=spec.encoding,
                ),
                parse_options=pa.csv.ParseOptions(
                    delimiter=spec.delimiter,
                    quote_char=spec.quote or False,
                    newlines_in_values=True,
                    ignore_empty_lines=False,
                    invalid_row_handler=skip,
                ),
                convert_options=pa.csv.ConvertOptions(
                    column_types=dict.fromkeys(self.columns, pa.large_string())
                ),
            )
        except (pa.ArrowInvalid, UnicodeError, LookupError):
            return None
        return table if not wrong and table.num_rows == len(rows) else None

    def _parsed(self, rows: list[bytes], numbers: Int64s) -> pa.Table:
        """Parse one row after the other, and say which one is wrong."""
        import pyarrow as pa

        every = tuple(range(len(self.columns) + 1))
        out: list[list[str]] = []
        for row, number in zip(rows, numbers.tolist(), strict=True):
            found = [value for value in slow_fields(row, every, self._dialect) if value is not None]
            if len(found) != len(self.columns):
                raise self._ragged(number)
            out.append([self._text(value, number) for value in found])
        values = zip(*out, strict=True) if out else ([] for _ in self.columns)
        return pa.table([pa.array(list(v), pa.large_string()) for v in values], names=list(self.columns))

    def _text(self, value: bytes, number: int) -> str:
        try:
            return value.decode(self._spec.encoding)
        except UnicodeError:
            raise Terminal(
                f"the row is not {self._spec.encoding}",
                where=f"{self._path.name}, record {number}",
                fix="name the encoding: --set encoding=cp1252, or another",
            ) from None

    def _ragged(self, number: int) -> Terminal:
        return Terminal(
            f"the row has not the {len(self.columns)} fields of the header",
            where=f"{self._path.name}, record {number}",
            fix="mend the file, or say how it is delimited: --set delimiter=… --set quote=…",
        )

    def _first_row(self) -> tuple[bytes, int, bytes]:
        """Return the first row, where the rows of data begin, and the beginning of the file."""
        size = 1 << 16
        while True:
            data = os.pread(self._file.fileno(), size, 0)
            skip = len(_BOM) if data.startswith(_BOM) else 0
            whole = size >= self._size
            text = data[skip:] if not whole or data.endswith(b"\n") else data[skip:] + b"\n"
            rows = frame(np.frombuffer(text, np.uint8), self._dialect)
            if len(rows.starts) or whole:
                break
            size *= 2
        if not len(rows.starts):
            return b"", self._size, data
        start, length = int(rows.starts[0]), int(rows.lengths[0])
        after = int(rows.starts[1]) if len(rows.starts) > 1 else rows.used
        begin = skip + after if self._spec.header else skip
        return text[start : start + length], min(begin, self._size), data

    def _names(self, first: bytes) -> list[str]:
        count = 1 + first.count(self._spec.delimiter.encode())
        found = slow_fields(first, tuple(range(count)), self._dialect) if first else []
        names = [self._text(name, 0) for name in found if name is not None]
        if not self._spec.header:
            names = [f"c{i}" for i in range(1, len(names) + 1)]
        if not names and self._spec.header:
            raise SettingsError(
                "the file has no header",
                where=str(self._path),
                fix="an empty extract still names its columns",
            )
        if twice := sorted({n for n in names if names.count(n) > 1}):
            raise SettingsError(
                f"two columns are called {twice[0]!r}",
                where=str(self._path),
                fix="name them apart in the header, or use --set header=false",
            )
        return names
