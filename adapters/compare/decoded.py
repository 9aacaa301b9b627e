"""Any file that a reader decodes as a table: rows wait as Avro values in a temporary file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from adapters.batch.reader import Reader
from adapters.batch.source import WrongCopybook
from adapters.compare.fingerprint import Bytes, Fingerprint, Int64s
from adapters.compare.prints import KEY_STREAM, LONGEST, NUMBER, PLACE, ROW_STREAM, Prints, prints
from adapters.compare.table import Images
from adapters.extract import Reject, Rows
from schemas.codec import Decoder, Encoder
from schemas.errors import SettingsError, Terminal
from schemas.key_text import key_text, with_trimmed_key

#: Bytes of a record where nobody has seen one yet; only decides over partitions.
_USUAL_RECORD = 64


class DecodedTable:
    """One file of one entity."""

    def __init__(
        self,
        path: Path,
        reader: Reader,
        opened: Callable[[Path], BinaryIO],
        work: Path | None = None,
    ) -> None:
        """Look at the settings only; the file is read by `prints`.

        Args:
            path: the file.
            reader: what decodes it.
            opened: opens it, decompressed.
            work: where the temporary file goes; None = the system's folder for them.

        Raises:
            SettingsError: the file has several entities, or does not exist.
        """
        if len(reader.entities) != 1:
            raise SettingsError(
                f"these settings give {len(reader.entities)} entities; a comparison is of one",
                where="--set",
                fix="leave the others out",
            )
        [self._entity] = reader.entities.values()
        self._path, self._reader, self._opened, self._work = path, reader, opened, work
        schema = self._entity.value_schema("diff")
        self._encoder, self._decoder = Encoder(schema), Decoder(schema)
        self.columns = tuple(f.name for f in self._entity.fields)
        self._rejects: list[Reject] = []
        try:
            self._size = path.stat().st_size
        except OSError as error:
            raise SettingsError(
                f"cannot read the file: {error.strerror}", where=str(path), fix="check the path"
            ) from None
        self.rows_expected = self._size // _USUAL_RECORD
        self._values: BinaryIO | None = None

    def __repr__(self) -> str:
        return f"<DecodedTable {self._path.name}>"

    @property
    def name(self) -> str:
        """The file's name."""
        return self._path.name

    @property
    def rejected(self) -> list[str]:
        """Key texts of the records that could not be decoded; complete when `prints` is exhausted."""
        return [r.key_text for r in self._rejects if r.key_text is not None]

    def prints(self, fingerprint: Fingerprint, key: Sequence[str], salt: bytes) -> Iterator[Prints]:
        """Decode the file; see `Table.prints`. The key is the entity's own.

        Raises:
            Terminal: the file is not complete, or a record's key cannot be read: absence then proves nothing.
            SettingsError: the file is not what the settings say: no record of it can be decoded.
        """
        assert tuple(key) == self._entity.key, "the reader was made for another key"
        self._values = TemporaryFile(dir=self._work)  # noqa: SIM115 - it lives as long as the table
        reading = self._reader.reading(self._path.name, self._size)
        offset = count = 0
        try:
            with self._opened(self._path) as stream:
                for chunk in reading.chunks(stream):
                    self._rejects += chunk.rejects
                    for rows in chunk.rows:
                        made = self._print(rows, fingerprint, offset)
                        offset += int((made[PLACE] & np.uint64(LONGEST)).sum())
                        count += made.shape[1]
                        yield made
        except WrongCopybook as error:
            raise self._misfit(error.what) from None
        if self._rejects and not count:
            first = self._rejects[0]
            reason = ": ".join(filter(None, [first.field_path, first.reason]))
            raise self._misfit(f"no record can be decoded; the first: {reason}")
        problems = reading.problems()
        if problems:
            raise Terminal(
                f"the file is not complete: {problems[0]}", where=self.name, fix="ask for it again"
            )
        if lost := next((r for r in self._rejects if r.key_text is None), None):
            raise Terminal(
                f"the key cannot be read: {lost.reason}",
                where=f"{self.name}, record {lost.record}",
                fix="mend the record or the settings; without its key no row can be called deleted",
            )

    def images(self, starts: Int64s, lengths: Int64s, numbers: Int64s) -> Images:
        """Return rows as decoded; see `Table.images`."""
        if not len(starts):
            return Images(pa.table(self._entity.arrow_schema().empty_table()))
        assert self._values is not None
        read, file = os.pread, self._values.fileno()
        values = [read(file, n, at) for at, n in zip(starts.tolist(), lengths.tolist(), strict=True)]
        decoded = self._decoder.decode(pa.array(values, pa.large_binary()))
        return Images(pa.Table.from_batches([decoded.batch]))

    def _misfit(self, what: str) -> SettingsError:
        fix = "name the copybook and the settings of this file: --copybook, --set code_page=…, framing=…"
        return SettingsError(what, where=self.name, fix=fix)

    def _print(self, rows: Rows, fingerprint: Fingerprint, offset: int) -> Prints:
        batch = with_trimmed_key(self._entity, rows.batch)
        values, keys = self._encoder.encode(batch), key_text(self._entity, batch)
        data, starts, lengths = _spans(values)
        assert self._values is not None
        first, end = (int(starts[0]), int(starts[-1] + lengths[-1])) if len(starts) else (0, 0)
        self._values.write(data[first:end].data)
        self._values.flush()
        made = prints(
            fingerprint.of(*_spans(keys), KEY_STREAM),
            fingerprint.of(data, starts, lengths, ROW_STREAM),
            starts - first + offset,
            lengths,
            1,
        )
        made[NUMBER] = rows.record
        return made


def _spans(column: Any) -> tuple[Bytes, Int64s, Int64s]:
    """Return the bytes of a large text or binary column, and starts and lengths of its n values."""
    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, np.int64, len(column) + 1, column.offset * 8)
    whole = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    return whole, bounds[:-1], np.diff(bounds)
