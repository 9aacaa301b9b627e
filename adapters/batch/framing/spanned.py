"""Spanned records (RECFM=VS, VBS): pieces with a segment descriptor word each, put together again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from adapters.batch.framing.blocks import Blocks
from adapters.batch.framing.chain import Walker
from adapters.batch.framing.drive import Cut, Fault
from adapters.batch.framing.frames import Bytes
from adapters.batch.framing.words import WORD, Word
from adapters.batch.kernels.integers import Int64s

#: A segment's place in its record: all of it, its first, its last, one in between.
WHOLE, FIRST, LAST, MIDDLE = range(4)
_LACKS_LAST = "the spanned record that begins here lacks its last segment"


@dataclass(slots=True)
class _Open:
    """A record whose last segment is still to come; `place` is its first byte's, in the current buffer."""

    place: int
    pieces: list[bytes]

    @property
    def size(self) -> int:
        return sum(map(len, self.pieces))


@dataclass(slots=True)
class SpannedCutter:
    """Cuts a file of segments, blocked (`block`) or not, into records.

    The usual case, segments in order, is done by numpy; a chunk in which one is missing goes piece by piece.

    Attributes:
        block: the block descriptor word, or None where there are no blocks (VS).
        segment: the segment descriptor word.
        walker: walks segments.
        longest: greatest size of a record that is waited for.
        start, end: bytes to cut off each record.
    """

    block: Word | None
    segment: Word
    walker: Walker
    longest: int
    start: int = 0
    end: int = 0
    _open: _Open | None = field(default=None)

    def cut(self, buffer: bytes, last: bool) -> Cut:
        """Return the records that end in a buffer."""
        blocks = self._segments(buffer, last)
        begins, ends = np.array(blocks.begins, np.int64), np.array(blocks.ends, np.int64)
        data = np.frombuffer(buffer, np.uint8)
        places = data[begins + (2 if self.segment.byte_order == "big" else 1)] & np.uint8(3)
        begins += WORD
        # A fault between segments also breaks the record that is open there.
        if self._in_order(places) and not (blocks.faults or blocks.stop):
            cut = self._joined(data, begins, ends, places, blocks.used)
        else:
            cut = self._piecewise(buffer, begins.tolist(), ends.tolist(), places.tolist(), blocks)
        faults = [*cut.faults, *self._overlong()]
        if last or cut.stop:
            self._give_up(faults, "truncated: ")
        if self._open:
            self._open.place -= blocks.used
        return self._trimmed(cut, faults)

    def _segments(self, buffer: bytes, last: bool) -> Blocks:
        if self.block is not None:
            return Blocks.read(buffer, last, self.block, self.walker)
        walked = self.walker.walk(buffer, 0, len(buffer))
        found, at = Blocks(stop=walked.reason), walked.at
        end = at
        if at > len(buffer):
            at = walked.starts.pop()
        found.begins = walked.starts
        found.ends = [*walked.starts[1:], at] if walked.starts else []
        found.used = at
        if last and at < len(buffer) and not walked.reason:
            reason = self.walker.prefix.truncated(len(buffer) - at, end - at)
            found.faults.append(Fault(at, len(buffer), reason))
            found.used = len(buffer)
        return found

    def _in_order(self, places: Bytes) -> bool:
        goes_on = (places == LAST) | (places == MIDDLE)
        begun = np.empty(len(places), np.bool_)
        if len(places):
            begun[0] = self._open is not None
            begun[1:] = (places[:-1] == FIRST) | (places[:-1] == MIDDLE)
        return bool((goes_on == begun).all())

    def _joined(self, data: Bytes, begins: Int64s, ends: Int64s, places: Bytes, used: int) -> Cut:
        if self._open is None and not places.any():
            return Cut(begins, ends - begins, used)
        inside = np.zeros(len(data) + 1, np.int8)
        inside[begins] += 1
        inside[ends] -= 1
        before = b"".join(self._open.pieces) if self._open else b""
        opened = [self._open.place] if self._open else []
        payload = data[np.cumsum(inside[:-1], dtype=np.int8).view(np.bool_)]
        joined = np.concatenate([np.frombuffer(before, np.uint8), payload])
        after = np.cumsum(ends - begins) + len(before)
        leads, closes = (places == WHOLE) | (places == FIRST), (places == WHOLE) | (places == LAST)
        start = np.concatenate([[0] * len(opened), (after - (ends - begins))[leads]]).astype(np.int64)
        place = np.concatenate([opened, begins[leads]]).astype(np.int64)
        end = after[closes]
        self._open = None
        if len(start) > len(end):
            self._open = _Open(int(place[-1]), [joined[start[-1] :].tobytes()])
            start, place = start[:-1], place[:-1]
        return Cut(start, end - start, used, data=joined, place=place)

    def _piecewise(
        self, buffer: bytes, begins: list[int], ends: list[int], places: list[int], blocks: Blocks
    ) -> Cut:
        """Do the same one segment after the other, and say which records are broken."""
        found: list[tuple[int, bytes]] = []
        faults: list[Fault] = []
        breaks = [f.start for f in blocks.faults]
        for begin, end, place in zip(begins, ends, places, strict=True):
            while breaks and breaks[0] < begin:
                breaks.pop(0)
                self._give_up(faults)
            piece = buffer[begin:end]
            if place in (WHOLE, FIRST):
                self._give_up(faults)
                if place == WHOLE:
                    found.append((begin, piece))
                else:
                    self._open = _Open(begin, [piece])
            elif self._open is None:
                faults.append(
                    Fault(begin, end, "a segment of a spanned record whose first segment is missing")
                )
            else:
                self._open.pieces.append(piece)
                if place == LAST:
                    found.append((self._open.place, b"".join(self._open.pieces)))
                    self._open = None
        if breaks or blocks.stop:
            self._give_up(faults)
        length = np.array([len(raw) for _, raw in found], np.int64)
        where = np.array([at for at, _ in found], np.int64)
        data = np.frombuffer(b"".join(raw for _, raw in found), np.uint8)
        start = np.cumsum(length) - length
        return Cut(start, length, blocks.used, (*faults, *blocks.faults), blocks.stop, data, where)

    def _give_up(self, faults: list[Fault], why: str = "") -> None:
        if self._open is not None:
            at, raw = self._open.place, b"".join(self._open.pieces)
            faults.append(Fault(at, at, f"{why}{_LACKS_LAST}", raw))
            self._open = None

    def _overlong(self) -> list[Fault]:
        """Give up a record that grows beyond what is believed, so that memory is bounded."""
        faults: list[Fault] = []
        if self._open and self._open.size > self.longest:
            self._give_up(faults, f"more than {self.longest} bytes: ")
        return faults

    def _trimmed(self, cut: Cut, faults: list[Fault]) -> Cut:
        length = np.maximum(cut.length - self.start - self.end, 0)
        faults.sort(key=lambda f: f.start)
        place = None if cut.place is None else cut.place + self.start
        return replace(cut, start=cut.start + self.start, length=length, place=place, faults=tuple(faults))
