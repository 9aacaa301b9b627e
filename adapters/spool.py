"""A prepared extract on disk: finished Kafka records by column, ready to be sent from any position.

A spool is a folder named by the hash of its content: `manifest.json` and one Arrow IPC file a topic
(`partition`, `key`, `value`; a null value is a tombstone), in batches of bounded size. Dead letters are
the last file; they carry headers instead of a key. A *position* counts records over all files in the
manifest's order.
"""

from __future__ import annotations

import filecmp
import hashlib
import shutil
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc
from pydantic import BaseModel, ConfigDict, Field

from adapters.extract import TsKind
from connectors.durable import Follower, sync_folder, write_durably
from schemas.errors import Terminal

#: Most rows of an IPC batch: some megabytes of events, so a reader's memory stays small.
BATCH_ROWS = 20_000
#: Events repeat their source block: LZ4 leaves a quarter of them, which takes less time than to hash and to
#: sync the rest. One thread, because the other core makes the next batch.
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
#: Batches that may wait for the disk: bounds the memory.
_AHEAD = 4
#: Bytes that are enough for an IPC batch, however few rows it has: dead letters may be a megabyte each.
_BATCH_BYTES = 32 << 20
#: Where a damaged spool lies while a whole one takes its name.
_DAMAGED = ".damaged"
SCHEMA = pa.schema(
    [
        ("partition", pa.int32()),
        ("key", pa.large_binary()),
        ("value", pa.large_binary()),
        ("headers", pa.large_binary()),
    ]
)


class SpoolFile(BaseModel):
    """One file of a spool."""

    model_config = ConfigDict(frozen=True)

    topic: str
    rows: int
    content: str
    #: Rows of each IPC batch; empty in older spools, where each but the last has `BATCH_ROWS`.
    batches: tuple[int, ...] = ()


class SpoolEntity(BaseModel):
    """One entity's part: its collection name and figures."""

    model_config = ConfigDict(frozen=True)

    collection: str
    topic: str
    key_id: int
    value_id: int
    counts: dict[str, int]

    @property
    def events(self) -> int:
        """Change events, without tombstones."""
        return sum(self.counts[op] for op in "rcud")


class Manifest(BaseModel):
    """What a spool holds and what publishing it means. Fixed by the extract: no clock is read for it."""

    model_config = ConfigDict(frozen=True)

    format: int = 1
    adapter: str
    extract: str
    partial: bool
    base: str
    snapshot: str
    ts_ms: int
    ts_kind: TsKind
    arrival_ms: int
    file: str | None
    #: Its number in its sequence, where it has one.
    sequence: int | None = None
    entities: dict[str, SpoolEntity]
    rejected: int
    #: Bad values that became null because settings say so, by field.
    nulled: dict[str, int] = Field(default_factory=dict)
    #: Digest of a poll's rejected records.
    letters: str = ""
    #: Fingerprint of the secret behind pseudonymous keys.
    secret: str = ""
    hold: tuple[str, ...]
    problems: tuple[str, ...]
    #: What the adapter is to remember once this is published; None = what it remembers already.
    memory: str | None = None
    files: tuple[SpoolFile, ...]

    @property
    def rows(self) -> int:
        """Kafka records of the change and dead-letter topics."""
        return sum(f.rows for f in self.files)

    @property
    def letters_from(self) -> int:
        """Position of the first dead letter; `rows` where there is none."""
        change = {e.topic for e in self.entities.values()}
        return sum(f.rows for f in self.files if f.topic in change)

    @property
    def business_ms(self) -> int:
        """Business time of a full extract; 0 where there is none."""
        return self.ts_ms if self.ts_kind == "business" and not self.partial else 0

    @property
    def events(self) -> int:
        """Change events over all entities."""
        return sum(e.events for e in self.entities.values())

    @property
    def counts(self) -> dict[str, int]:
        """r, c, u, d, rejected and unchanged over all entities."""
        names = ("r", "c", "u", "d", "unchanged")
        counts = {n: sum(e.counts.get(n, 0) for e in self.entities.values()) for n in names}
        return counts | {"rejected": self.rejected}


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive records of one topic, by column; only dead letters have `headers`."""

    topic: str
    partition: npt.NDArray[np.int32]
    key: pa.LargeBinaryArray
    value: pa.LargeBinaryArray
    headers: pa.LargeBinaryArray | None


class Spool:
    """A spool on disk, read from a position."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            self.manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
        except (OSError, ValueError) as error:
            raise Terminal(
                f"a spool that Kafka calls half published or held cannot be read ({type(error).__name__})",
                where=str(folder),
                fix="put this folder back from a backup, or run the adapter on the host that has it",
            ) from error

    def __repr__(self) -> str:
        return f"<Spool {self.id} of {self.manifest.extract}>"

    @property
    def id(self) -> str:
        """Hash of the content; the folder's name."""
        return self.folder.name

    def pieces(self, position: int, limit: int) -> Iterator[Piece]:
        """Yield at most `limit` records from `position` on, at most one IPC batch at a time.

        Raises:
            Terminal: a file is missing or damaged.
        """
        start = 0
        for file in self.manifest.files:
            inside = max(position - start, 0)
            start += file.rows
            if inside >= file.rows:
                continue
            for piece in self._file(file, inside, limit):
                limit -= len(piece.value)
                yield piece
            if limit <= 0:
                return

    def _file(self, file: SpoolFile, row: int, limit: int) -> Iterator[Piece]:
        try:
            with pa.memory_map(str(self.folder / f"{file.content}.arrow")) as source:
                reader = pa.ipc.open_file(source)
                start = 0
                for number in range(reader.num_record_batches):
                    rows = file.batches[number] if file.batches else BATCH_ROWS
                    start += rows
                    if row >= start:
                        continue
                    if limit <= 0:
                        return
                    batch = reader.get_batch(number).slice(row - (start - rows), limit)
                    row, limit = row + batch.num_rows, limit - batch.num_rows
                    yield _piece(file.topic, batch)
        except (OSError, pa.ArrowInvalid) as error:
            raise Terminal(
                f"a file of the spool cannot be read ({type(error).__name__})",
                where=str(self.folder),
                fix="put this folder back from a backup",
            ) from error


class SpoolWriter:
    """Write one spool; `close` gives it its name."""

    def __init__(self, parent: Path) -> None:
        self._parent = parent
        self._work = parent / ".work"
        shutil.rmtree(self._work, ignore_errors=True)
        self._work.mkdir(parents=True)
        self._files: list[SpoolFile] = []

    def add(self, topic: str, batches: Iterable[pa.RecordBatch]) -> None:
        """Write a topic's records in batches of `BATCH_ROWS` at most; no file where there are none.

        A thread compresses, writes, hashes and syncs while the next batches are made.
        """
        path = self._work / "part"
        counts: list[int] = []
        # The thread ends before the file is closed: where making a batch fails, others still wait.
        with _IpcFile(path) as file, ThreadPoolExecutor(1, "spool") as disk:
            waiting: deque[Future[None]] = deque()
            for batch in _portions(batches):
                waiting.append(disk.submit(file.write, batch))
                counts.append(batch.num_rows)
                if len(waiting) > _AHEAD:
                    waiting.popleft().result()
            for written in waiting:
                written.result()
        if not counts:
            path.unlink()
            return
        path.replace(self._work / f"{file.content_id}.arrow")
        self._files.append(
            SpoolFile(topic=topic, rows=sum(counts), content=file.content_id, batches=tuple(counts))
        )

    def close(self, **manifest: Any) -> Spool:
        """Write the manifest and move the folder to its final name.

        Where a whole spool of that name is there already, it stays: Kafka may know it as held or half
        published, and there must be no moment without it. A damaged one gives way.
        """
        text = Manifest(files=tuple(self._files), **manifest).model_dump_json().encode()
        write_durably(self._work / "manifest.json", text)
        final = self._parent / hashlib.sha256(text).hexdigest()[:32]
        if _alike(self._work, final):
            shutil.rmtree(self._work)
            return Spool(final)
        damaged = self._parent / _DAMAGED
        shutil.rmtree(damaged, ignore_errors=True)
        if final.exists():
            final.rename(damaged)
        self._work.rename(final)
        sync_folder(self._parent)
        shutil.rmtree(damaged, ignore_errors=True)
        return Spool(final)

    def __enter__(self) -> SpoolWriter:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing half written behind: it holds personal data."""
        shutil.rmtree(self._work, ignore_errors=True)


class _IpcFile:
    """An Arrow IPC file that is hashed as it grows; `content_id` stands when it is closed."""

    def __init__(self, path: Path) -> None:
        self.content_id = ""
        self._sink = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._sink, SCHEMA, options=_OPTIONS)
        self._follower = Follower(path)

    def __enter__(self) -> _IpcFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.close()
        self._sink.close()
        self.content_id = self._follower.finish()

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)
        self._follower.follow()


def _alike(one: Path, other: Path) -> bool:
    """Return whether two folders hold the same files, byte for byte."""
    try:
        names = sorted(p.name for p in one.iterdir())
        return names == sorted(p.name for p in other.iterdir()) and all(
            filecmp.cmp(one / name, other / name, shallow=False) for name in names
        )
    except OSError:
        return False


def keep_spools(parent: Path, ids: Iterable[str]) -> None:
    """Delete every spool in `parent` that is not named, half-written ones too."""
    wanted = set(ids)
    for path in parent.iterdir() if parent.exists() else ():
        if path.name not in wanted:
            shutil.rmtree(path, ignore_errors=True)


def _piece(topic: str, batch: pa.RecordBatch) -> Piece:
    partition, key, value, headers = batch.columns
    return Piece(
        topic, partition.to_numpy(), key, value, None if headers.null_count == len(headers) else headers
    )


def _portions(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Join small batches and cut large ones to `BATCH_ROWS`; what is large goes as it is."""
    waiting: list[pa.RecordBatch] = []
    count = size = 0
    for batch in batches:
        if not count and BATCH_ROWS // 2 <= batch.num_rows <= BATCH_ROWS:
            yield batch
            continue
        waiting.append(batch)
        count += batch.num_rows
        size += batch.nbytes
        while count >= BATCH_ROWS:
            joined = pa.concat_batches(waiting)
            yield joined.slice(0, BATCH_ROWS)
            count -= BATCH_ROWS
            waiting = [joined.slice(BATCH_ROWS)] if count else []
            size = joined.slice(BATCH_ROWS).nbytes
        if count and size >= _BATCH_BYTES:
            yield pa.concat_batches(waiting)
            waiting, count, size = [], 0, 0
    if count:
        yield pa.concat_batches(waiting)
