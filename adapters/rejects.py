"""The rejected records of one extract: in memory while they are few, else in sorted runs on disk.

A file with the wrong code page rejects every record it has. All of them are dead letters and none may
publish a delete, whatever their number, so they are kept, and only their memory is bounded.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc

from adapters.extract import Reject

#: Bytes of rejects that stay in memory, and that are read at once of each run. A reject's own objects are
#: some 400 bytes.
_IN_MEMORY, _PIECE, _OBJECTS = 16 << 20, 1 << 18, 400
#: Rejects handed out at once, at most.
_ROWS = 10_000
_COLUMNS = pa.schema(
    [
        ("entity", pa.string()),
        ("record", pa.int64()),
        ("offset", pa.int64()),
        ("raw", pa.large_binary()),
        ("field_path", pa.string()),
        ("reason", pa.string()),
        ("key_text", pa.large_string()),
        ("decoded", pa.bool_()),
    ]
)
_NAMES = tuple(_COLUMNS.names)


class Rejects:
    """Rejects, added in any order, read in that of their records."""

    def __init__(self, folder: Path) -> None:
        """Name the folder for the runs; it is made when it is needed, and is the caller's to remove."""
        self._folder = folder
        self._waiting: list[Reject] = []
        self._bytes = 0
        self._runs: list[Path] = []
        self._count = self._unreadable = self._decoded = self._sum = 0

    def __repr__(self) -> str:
        return f"<Rejects {self._count}>"

    def __len__(self) -> int:
        return self._count

    @property
    def unreadable(self) -> int:
        """How many have no readable key."""
        return self._unreadable

    @property
    def decoded(self) -> int:
        """How many were decoded, and are not believed: their own bytes are still to be looked up."""
        return self._decoded

    @property
    def digest(self) -> str:
        """What was rejected and why, wherever in the list it stood; empty for nothing.

        A sum of hashes, so that rejects need not be sorted nor kept for it.
        """
        return f"{self._sum:064x}"[:32] if self._count else ""

    def add(self, rejects: Iterable[Reject]) -> None:
        """Append some."""
        for reject in rejects:
            self._waiting.append(reject)
            self._bytes += len(reject.raw) + _OBJECTS
            self._count += 1
            self._unreadable += reject.key_text is None
            self._decoded += reject.decoded
            self._sum = (self._sum + _hash(reject)) % (1 << 256)
            if self._bytes > _IN_MEMORY:
                self._write_run()

    def __iter__(self) -> Iterator[Reject]:
        """Yield all of them by record and offset; those of one place as they came."""
        runs: list[Iterable[Reject]] = [_read(path) for path in self._runs]
        return heapq.merge(*runs, sorted(self._waiting, key=_place), key=_place)

    def first(self, count: int) -> list[Reject]:
        """Return the first of them."""
        return list(islice(self, count))

    def portions(self) -> Iterator[list[Reject]]:
        """Yield them in lists of bounded size."""
        portion: list[Reject] = []
        size = 0
        for reject in self:
            portion.append(reject)
            size += len(reject.raw) + _OBJECTS
            if size > _IN_MEMORY or len(portion) == _ROWS:
                yield portion
                portion, size = [], 0
        if portion:
            yield portion

    def _write_run(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{len(self._runs)}.arrow"
        self._waiting.sort(key=_place)
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, _COLUMNS) as writer:
            portion: list[Reject] = []
            size = 0
            for reject in self._waiting:
                portion.append(reject)
                size += len(reject.raw) + _OBJECTS
                if size > _PIECE:
                    writer.write_batch(_batch(portion))
                    portion, size = [], 0
            writer.write_batch(_batch(portion))
        self._runs.append(path)
        self._waiting, self._bytes = [], 0


def by_entity(rejects: Iterable[Reject]) -> dict[str, list[Reject]]:
    """Return some rejects by the name of their entity."""
    found: dict[str, list[Reject]] = {}
    for reject in rejects:
        found.setdefault(reject.entity, []).append(reject)
    return found


def _place(reject: Reject) -> tuple[int, int]:
    return reject.record, reject.offset


def _hash(reject: Reject) -> int:
    facts = repr((reject.entity, reject.field_path, reject.reason, reject.raw, reject.key_text)).encode()
    return int.from_bytes(hashlib.sha256(facts).digest(), "big")


def _batch(rejects: list[Reject]) -> pa.RecordBatch:
    columns: list[Any] = [[getattr(r, name) for r in rejects] for name in _NAMES]
    return pa.record_batch(
        [pa.array(c, f.type) for c, f in zip(columns, _COLUMNS, strict=True)], schema=_COLUMNS
    )


def _read(path: Path) -> Iterator[Reject]:
    with pa.OSFile(str(path)) as source, pa.ipc.open_file(source) as reader:
        for number in range(reader.num_record_batches):
            for row in reader.get_batch(number).to_pylist():
                yield Reject(**row)
