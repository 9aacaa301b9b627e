"""Reading a file in chunks, cutting each, and carrying what is unfinished into the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from adapters.batch.framing.frames import CHUNK, KEPT, Broken, Bytes, Spans
from adapters.batch.kernels.integers import Int64s


@dataclass(frozen=True, slots=True)
class Fault:
    """A piece of the buffer that makes no record; what follows `end` can be read."""

    start: int
    end: int
    reason: str
    #: What is broken, where it is not (all) in the buffer.
    raw: bytes | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """What one buffer holds.

    Attributes:
        start, length: the whole records, in order.
        used: bytes that are done with; the rest comes again in front of the next chunk.
        faults: pieces between the records that are broken, in order.
        stop: why nothing from `used` on can be read ('' = it can).
        data: the buffer that `start` counts in, where it is another; then `place` has each record's first
            byte in the buffer that was cut (negative: before it).
        step: the distance of the records, where it is the same for all.
        blanks: positions of what is skipped and yet counts, in order: empty lines.
    """

    start: Int64s
    length: Int64s
    used: int
    faults: tuple[Fault, ...] = ()
    stop: str = ""
    data: Bytes | None = None
    place: Int64s | None = None
    step: int = 0
    blanks: Int64s | None = None


class Readable(Protocol):
    """All that a scan asks of a stream."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, b"" only at the end."""
        ...


class Cutter(Protocol):
    """Finds the records of one buffer; it may hold state, so that it serves one file."""

    def cut(self, buffer: bytes, last: bool) -> Cut:
        """Return what a buffer holds; with `last` nothing may be left for a next one."""
        ...


def drive(stream: Readable, cutter: Cutter, chunk: int = CHUNK, base: int = 0) -> Iterator[Spans | Broken]:
    """Yield the records of a file in order, each chunk's broken pieces behind its records.

    Args:
        stream: the file.
        cutter: its framing.
        chunk: bytes read at once.
        base: the file offset of the stream's first byte.
    """
    number, rest = 1, b""
    while True:
        data = stream.read(chunk)
        buffer = rest + data if rest else data
        cut = cutter.cut(buffer, not data)
        place = cut.start if cut.place is None else cut.place
        # What counts as a record and is none, by position.
        others = np.array([f.start for f in cut.faults], np.int64)
        if cut.blanks is not None:
            others = np.sort(np.concatenate([others, cut.blanks]))
        if len(place):
            record = np.arange(number, number + len(place))
            if len(others):
                record += np.searchsorted(others, place)
            shared = np.frombuffer(buffer, np.uint8) if cut.data is None else cut.data
            yield Spans(shared, cut.start, cut.length, record, place + base, cut.step)
        taken: set[int] = set()
        for fault in cut.faults:
            at = number + int(np.searchsorted(place, fault.start, "right"))
            at += int(np.searchsorted(others, fault.start))
            while at in taken:  # two faults at one place
                at += 1
            taken.add(at)
            raw = buffer[fault.start : fault.end] if fault.raw is None else fault.raw
            yield Broken(at, base + fault.start, raw[:KEPT], fault.reason)
        number += len(place) + len(others)
        rest = buffer[cut.used :]
        if cut.stop:
            yield _lost(stream, number, base + cut.used, rest, cut.stop)
            return
        base += cut.used
        if not data:
            return


def _lost(stream: Readable, number: int, offset: int, rest: bytes, reason: str) -> Broken:
    """Return the rest of the file as one broken piece: no record's start is certain in it."""
    size, raw = len(rest), rest[:KEPT]
    while data := stream.read(CHUNK):
        size += len(data)
        raw += data[: KEPT - len(raw)]
    return Broken(number, offset, raw, f"{reason}; the {size} bytes from here to the end are not read")


class Trimmed:
    """A stream without the first `head` and the last `tail` bytes; `missing` counts those it had not."""

    def __init__(self, stream: Readable, head: int, tail: int) -> None:
        self._stream, self._tail = stream, tail
        self._held = b""
        self.missing = head - len(stream.read(head))

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, b"" at the end."""
        while True:
            data = self._stream.read(size)
            held = self._held + data
            if not data:
                self.missing += self._tail - len(held)
                self._tail = len(held)
                return b""
            cut = max(len(held) - self._tail, 0)
            self._held = held[cut:]
            if cut:
                return held[:cut]
