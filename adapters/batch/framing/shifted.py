"""Records whose own counters tell their length: tables of OCCURS DEPENDING ON hold just what is in use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Layout, Slot
from adapters.batch.framing.chain import LengthError
from adapters.batch.framing.drive import Cut, Fault
from adapters.batch.odo import chosen
from adapters.batch.reference import BadValueError, decode_value


@dataclass(frozen=True, slots=True)
class Measured:
    """Tells the length of records of one layout."""

    layout: Layout
    page: CodePage
    counters: frozenset[str]

    @classmethod
    def of(cls, layout: Layout, page: CodePage) -> Measured | None:
        """Return what measures the records of a layout, None where all have one length."""
        counters = frozenset(s.counter for s in layout.record.walk() if s.counter)
        return cls(layout, page, counters) if counters else None

    def length(self, raw: bytes, at: int = 0) -> int | None:
        """Return the bytes of the record at `at`, None where `raw` ends before a counter of it.

        Raises:
            LengthError: a counter is no number, or beyond its table.
        """
        end = self._group(self.layout.record, raw, at, {})
        return None if end is None else end - at

    def _group(self, slot: Slot, raw: bytes, at: int, known: dict[str, int]) -> int | None:
        place = slot.offset
        for child in chosen(slot.children, None):
            at += child.offset - place  # slack bytes
            if not child.counter and not self._varies(child):
                at += child.length * child.count
            else:
                for _ in range(self._times(child, known)):
                    after = self._item(child, raw, at, known)
                    if after is None:
                        return None
                    at = after
            place = child.end
        return at + slot.offset + slot.length - place

    def _varies(self, slot: Slot) -> bool:
        return any(s.counter or s.path in self.counters for s in slot.walk())

    def _item(self, slot: Slot, raw: bytes, at: int, known: dict[str, int]) -> int | None:
        if slot.children:
            return self._group(slot, raw, at, known)
        end = at + slot.length
        if slot.path in self.counters:
            if end > len(raw):
                return None
            assert slot.storage is not None  # no children: elementary
            try:
                known[slot.path] = int(str(decode_value(raw[at:end], slot.storage, self.page)))
            except (BadValueError, ValueError):
                raise LengthError(f"{slot.path} tells no number of occurrences") from None
        return end

    def _times(self, slot: Slot, known: dict[str, int]) -> int:
        if slot.counter is None:
            return slot.count
        times = known[slot.counter]
        if not 0 <= times <= slot.count:
            raise LengthError(f"{slot.counter} is beyond the {slot.count} occurrences of {slot.path}")
        return times


@dataclass(slots=True)
class ShiftedCutter:
    """Cuts a file of such records, one after the other: some ten thousand a second, as each is different."""

    measured: Measured

    def cut(self, buffer: bytes, last: bool) -> Cut:
        """Return the records of a buffer; a wrong counter ends the file, as nothing shows the next record."""
        starts: list[int] = []
        lengths: list[int] = []
        at, reason = 0, ""
        faults: tuple[Fault, ...] = ()
        while at < len(buffer):
            try:
                length = self.measured.length(buffer, at)
            except LengthError as error:
                reason = str(error)
                break
            if length == 0:
                reason = "the record's counters say that it has no bytes"
                break
            if length is None or at + length > len(buffer):
                if last:
                    wanted = f" of {length}" if length is not None else ""
                    text = f"truncated: the last record has {len(buffer) - at}{wanted} bytes"
                    faults = (Fault(at, len(buffer), text),)
                    at = len(buffer)
                break
            starts.append(at)
            lengths.append(length)
            at += length
        return Cut(np.array(starts, np.int64), np.array(lengths, np.int64), at, faults, reason)
