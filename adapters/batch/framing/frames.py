"""What framing hands on: whole records with their places, and bytes that make none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adapters.batch.kernels.integers import Int64s

Bytes = npt.NDArray[np.uint8]
Int32s = npt.NDArray[np.int32]
#: Bytes read at once where records are short: there kernels are fastest where a chunk and its columns fit the
#: caches (narrow records: 330 MB/s at 4 MiB, 250 at 16).
CHUNK = 4 << 20
#: With many columns the calls of a chunk cost more than its bytes (195 fields: 115 MB/s at 4 MiB, 275 at 24),
#: so that it takes records enough to share them, within bounds.
_RECORDS, _MOST = 1 << 14, 24 << 20
#: Bytes of a broken piece that are kept: enough to see what it is, whatever the size of the file behind it.
KEPT = 32 << 10


def chunk_size(length: int) -> int:
    """Return how many bytes to read at once of a file whose records have `length` bytes, or at most."""
    return max(CHUNK, min(_MOST, _RECORDS * length))


@dataclass(frozen=True, slots=True)
class Frames:
    """n records of one type.

    Attributes:
        view: (n, the type's length) bytes; a shorter record is padded.
        record: n record numbers, from 1.
        offset: n byte offsets in the file.
        length: n lengths in bytes, or None where all records are whole.
    """

    view: Bytes
    record: Int64s
    offset: Int64s
    length: Int32s | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """Bytes that make no whole record; `raw` holds the first `KEPT` of them."""

    record: int
    offset: int
    raw: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Spans:
    """n records of any lengths, where they lie in one buffer, in file order.

    Attributes:
        data: the buffer.
        start: n positions in it.
        length: n lengths in bytes.
        record: n record numbers, from 1.
        offset: n byte offsets in the file.
        step: bytes from one record to the next where that is the same for all, else 0.
    """

    data: Bytes
    start: Int64s
    length: Int64s
    record: Int64s
    offset: Int64s
    step: int = 0

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, at: Int64s | slice) -> Spans:
        """Return some of the records."""
        step = self.step if isinstance(at, slice) and at.step is None else 0
        return Spans(self.data, self.start[at], self.length[at], self.record[at], self.offset[at], step)

    def raw(self, at: int) -> bytes:
        """Return the bytes of one record."""
        start = int(self.start[at])
        return self.data[start : start + int(self.length[at])].tobytes()

    def dense(self, width: int, pad: int = 0) -> Frames:
        """Return the first `width` bytes of each record; what a record does not have is `pad`."""
        view = window(self, 0, width)
        short = np.flatnonzero(self.length < width)
        if not len(short):
            return Frames(view, self.record, self.offset)
        if not view.flags.writeable:
            view = view.copy()
        length = self.length[short]
        for size in np.unique(length).tolist():
            view[short[length == size], size:] = pad
        return Frames(view, self.record, self.offset, np.minimum(self.length, width).astype(np.int32))


def window(spans: Spans, offset: int, width: int) -> Bytes:
    """Return (n, width) bytes from `offset` of each record on; what lies past its end is arbitrary."""
    data, start = spans.data, spans.start
    n = len(start)
    if not n or not width:
        return np.zeros((n, width), np.uint8)
    first = int(start[0]) + offset
    if spans.step and first + (n - 1) * spans.step + width <= len(data):
        return np.lib.stride_tricks.as_strided(data[first:], (n, width), (spans.step, 1), writeable=False)
    inside = int(np.searchsorted(start, len(data) - offset - width, "right"))
    if inside == n:
        return _gather(data, start + offset, width)
    # Near the buffer's end (or past it, where a record is shorter than its trims) NULs stand for the rest.
    base = min(int(start[inside]), len(data))
    rest = np.zeros(int(start[-1]) - base + offset + width, np.uint8)
    rest[: len(data) - base] = data[base:][: len(rest)]
    tail = _gather(rest, start[inside:] - base + offset, width)
    return np.concatenate([_gather(data, start[:inside] + offset, width), tail]) if inside else tail


def _gather(data: Bytes, start: Int64s, width: int) -> Bytes:
    """Return `data[start + i]` for i below width: one memory copy a row, as each row is one numpy element."""
    rows: npt.NDArray[np.void] = np.ndarray(
        (len(data) - width + 1,), np.dtype((np.void, width)), data, strides=(1,)
    )
    return rows[start].view(np.uint8).reshape(len(start), width)
