"""What the transport hands to an agent: the records of one partition from one fetch, by column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Blobs(Sequence[bytes | None]):
    """Keys or values as they came from Kafka, in one buffer; bytes objects are made of those asked for."""

    array: pa.LargeBinaryArray

    def __len__(self) -> int:
        return len(self.array)

    @overload
    def __getitem__(self, at: int) -> bytes | None: ...
    @overload
    def __getitem__(self, at: slice) -> Blobs: ...
    def __getitem__(self, at: int | slice) -> bytes | Blobs | None:
        if isinstance(at, slice):
            first, last, _ = at.indices(len(self.array))
            return Blobs(self.array.slice(first, max(last - first, 0)))
        value: bytes | None = self.array[at].as_py()
        return value

    def __iter__(self) -> Iterator[bytes | None]:
        return iter(self.array.to_pylist())


@dataclass(frozen=True, slots=True)
class Batch:
    """n ≥ 1 records of one partition, in offset order, committed ones only.

    Attributes:
        topic: the topic.
        partition: the partition.
        epoch: which assignment fetched it; a batch of an older one is stale.
        start: position before the fetch, as the one before left it.
        end: position after the fetch. It passes control and aborted records, so it may be larger than
            the last offset plus one, and it is the next offset to store.
        offsets: n offsets, ascending, with gaps where control or aborted records stand.
        timestamps: n Kafka timestamps in epoch milliseconds.
        keys: n message keys.
        values: n message values; None is a tombstone.
    """

    topic: str
    partition: int
    epoch: int
    start: int
    end: int
    offsets: Int64s
    timestamps: Int64s
    keys: Sequence[bytes | None]
    values: Sequence[bytes | None]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def valued(self) -> npt.NDArray[np.bool_]:
        """N flags: the record has a value, it is no tombstone."""
        if isinstance(self.values, Blobs):
            return np.asarray(self.values.array.is_valid())
        return np.fromiter((value is not None for value in self.values), np.bool_, len(self.values))

    @property
    def place(self) -> tuple[str, int]:
        """(topic, partition)."""
        return self.topic, self.partition

    @staticmethod
    def of(records: Sequence[Any], *, topic: str, partition: int, epoch: int, start: int, end: int) -> Batch:
        """Return the columns of a list of Kafka client records."""
        n = len(records)
        return Batch(
            topic,
            partition,
            epoch,
            start,
            end,
            np.fromiter((r.offset for r in records), np.int64, n),
            np.fromiter((r.timestamp for r in records), np.int64, n),
            [r.key for r in records],
            [r.value for r in records],
        )

    def since(self, offset: int) -> Batch:
        """Return the part from `offset` on; the batch itself where it all is."""
        if not len(self) or self.offsets[0] >= offset:
            return self
        first = int(np.searchsorted(self.offsets, offset))
        return Batch(
            self.topic,
            self.partition,
            self.epoch,
            offset,
            self.end,
            self.offsets[first:],
            self.timestamps[first:],
            self.keys[first:],
            self.values[first:],
        )

    def until(self, offset: int) -> Batch:
        """Return the part before `offset`, which ends there."""
        last = int(np.searchsorted(self.offsets, offset))
        return Batch(
            self.topic,
            self.partition,
            self.epoch,
            self.start,
            offset,
            self.offsets[:last],
            self.timestamps[:last],
            self.keys[:last],
            self.values[:last],
        )
