"""An entity's rows on their way into the comparison: in memory while they are few, else in parts on disk.

A row belongs to the part that the hash of its key text says, so a part can be compared by itself: its rows
with that part of the previous snapshot. How rows are cut depends on the rows alone, never on the machine, so
the same extract gives the same spool and the same snapshot everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc

from adapters.snapshot import Picture
from schemas.partition import partitions

#: Parts of an entity with many rows. 10 million rows of 100 bytes are then 16 MB a part, and 200 million
#: still fit into memory part by part.
PARTS = 64
#: Encoded bytes of an entity that stay in memory in one part: more than half a million usual rows.
_IN_MEMORY = 64 << 20
#: Bytes that are sorted into parts and written at once, by a thread, while as many come in.
_RUN = 16 << 20


class Rows:
    """One entity's rows, added in source order, read part by part.

    A row is a batch with `key_text`, `value` and whatever else shall come back with it.
    """

    def __init__(self, folder: Path) -> None:
        """Name the folder for the parts; it is made when it is needed."""
        self._folder = folder
        self._waiting: list[pa.RecordBatch] = []
        self._bytes = 0
        self._runs: list[pa.OSFile] = []
        self._readers: list[pa.ipc.RecordBatchFileReader] = []
        self._disk: ThreadPoolExecutor | None = None
        self._writing: Future[None] | None = None

    def __enter__(self) -> Rows:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._disk is not None:
            self._disk.shutdown()
        for run in self._runs:
            run.close()

    @property
    def many(self) -> bool:
        """Whether the rows are on disk, cut in `PARTS`."""
        return self._disk is not None

    def add(self, batch: pa.RecordBatch) -> None:
        """Append n rows."""
        self._waiting.append(batch)
        self._bytes += batch.nbytes
        if self._bytes > (_RUN if self.many else _IN_MEMORY):
            self._write_runs()

    def parts(self, count: int) -> Iterator[pa.RecordBatch | None]:
        """Yield the rows part by part, each in source order; None for a part without rows.

        Args:
            count: 1 (only where the rows are in memory) or `PARTS`.
        """
        if self.many:
            self._write_runs()
            self._written()
        if not self.many:
            batch = pa.concat_batches(self._waiting) if self._waiting else None
            self._waiting = []
            yield from [batch] if count == 1 else _cut(batch)
            return
        self._readers = [pa.ipc.open_file(run) for run in self._runs]
        for part in range(PARTS):
            pieces = [reader.get_batch(part) for reader in self._readers]
            batch = pa.concat_batches([p for p in pieces if p.num_rows] or pieces[:1])
            del pieces
            yield batch if batch.num_rows else None

    def _write_runs(self) -> None:
        """Begin to write the rows that wait; those before are written then, so memory stays bounded."""
        if self._disk is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._disk = ThreadPoolExecutor(1, "parts")
        self._written()
        self._writing = self._disk.submit(self._write, self._waiting)
        self._waiting, self._bytes = [], 0

    def _written(self) -> None:
        """Wait until what was begun is written.

        Raises:
            OSError: it cannot be written.
        """
        if self._writing is not None:
            self._writing.result()
            self._writing = None

    def _write(self, batches: list[pa.RecordBatch]) -> None:
        """Write rows, sorted by part, as files with one batch a part."""
        for group in _groups(batches, _RUN):
            path = self._folder / f"{len(self._runs)}.arrow"
            cut = _cut(pa.concat_batches(group))
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, group[0].schema) as writer:
                for part in cut:
                    writer.write_batch(part if part is not None else group[0].slice(0, 0))
            self._runs.append(pa.OSFile(str(path)))


def picture_parts(picture: Picture) -> list[Picture]:
    """Cut a picture into `PARTS`: each still ascending by key."""
    none = picture.key_text.slice(0, 0), picture.value.slice(0, 0)
    batch = pa.record_batch([picture.key_text, picture.value], names=["key_text", "value"])
    return [Picture(picture.schema, *(part.columns if part is not None else none)) for part in _cut(batch)]


def _cut(batch: pa.RecordBatch | None) -> Iterator[pa.RecordBatch | None]:
    """Yield the rows of each part in their order, None for a part without rows."""
    if batch is None:
        yield from [None] * PARTS
        return
    part = partitions(batch.column("key_text"), PARTS)
    order = np.argsort(part.astype(np.uint8), kind="stable")
    ordered = batch.take(pa.array(order))
    ends: npt.NDArray[np.int64] = np.cumsum(np.bincount(part, minlength=PARTS))
    start = 0
    for end in ends.tolist():
        yield ordered.slice(start, end - start) if end > start else None
        start = end


def _groups(batches: Sequence[pa.RecordBatch], size: int) -> Iterator[list[pa.RecordBatch]]:
    """Cut a list of batches into lists of about `size` bytes."""
    group: list[pa.RecordBatch] = []
    total = 0
    for batch in batches:
        group.append(batch)
        total += batch.nbytes
        if total >= size:
            yield group
            group, total = [], 0
    if group:
        yield group
