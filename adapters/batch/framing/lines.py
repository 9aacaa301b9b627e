"""Text lines: one record a line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from adapters.batch.codepage import CodePage
from adapters.batch.framing.drive import Cut, Fault
from adapters.batch.framing.frames import Bytes
from adapters.batch.framing.spec import LineEnd
from adapters.batch.kernels.integers import Bools, Int64s

_CR = 0x0D
#: The byte that ends a line, by name: z/OS UNIX ends EBCDIC lines by NEL, a transfer in between may make LF.
_ASCII = {"lf": 0x0A, "crlf": 0x0A, "cr": _CR, "nel": 0x85}
_EBCDIC = {"lf": 0x25, "crlf": 0x25, "cr": _CR, "nel": 0x15}


@dataclass(slots=True)
class LineCutter:
    """Cuts a text file into lines of at most `length` bytes.

    A line may be shorter than the record, as editors and transfers cut trailing blanks; a longer one, or
    one cut off so early that a number is blank, is a bad record. So is a last line without an end that is
    shorter than the record where all before it are whole: there the file was cut. Empty lines are skipped.

    Attributes:
        length: the record's length.
        page: tells ASCII from EBCDIC, and what a blank is.
        line_end: `auto` takes the first of NEL (EBCDIC only), LF and CR that the file's first chunk has.
            A CR before the end of a line is no part of it.
        longest: a line without an end is not waited for beyond this.
        start, end: bytes to cut off each line.
    """

    length: int
    page: CodePage
    line_end: LineEnd = "auto"
    longest: int = 1 << 20
    start: int = 0
    end: int = 0
    #: Whether every line so far has been as long as the record.
    _whole: bool = True
    _any: bool = False
    _separator: int | None = field(default=None)

    def cut(self, buffer: bytes, last: bool) -> Cut:
        """Return the lines of a buffer."""
        data = np.frombuffer(buffer, np.uint8)
        if self._separator is None:
            self._separator = self._end_of_line(buffer, last)
            if self._separator is None:
                return Cut(_none(), _none(), 0)
        ends = np.flatnonzero(data == self._separator)
        open_ended = last and len(buffer) > (ends[-1] + 1 if len(ends) else 0)
        if open_ended:
            ends = np.append(ends, len(buffer))
        used = min(int(ends[-1]) + 1, len(buffer)) if len(ends) else 0
        begins = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64) if len(ends) else _none()
        if self._separator != _CR and len(ends):
            # The line end of a line of no bytes has no byte of its own before it.
            ends = ends - ((data[np.maximum(ends - 1, 0)] == _CR) & (ends > begins))
        stop = ""
        if len(buffer) - used > self.longest:
            stop = f"a line of more than {self.longest} bytes has no end"
        return self._checked(data, begins, ends, used, stop, bool(open_ended))

    def _checked(self, data: Bytes, begins: Int64s, ends: Int64s, used: int, stop: str, cut_off: bool) -> Cut:
        filled = ends > begins
        blanks = begins[~filled]
        begins, size = begins[filled], (ends - begins)[filled]
        faults: list[Fault] = []
        bad: Bools = np.zeros(len(begins), np.bool_)
        stored = self.start + self.length + self.end
        if (long := np.flatnonzero(size > stored)).size:
            long = long[self._not_blank(data, begins[long] + stored, begins[long] + size[long])]
            faults += [self._long(begins, size, i) for i in long.tolist()]
            bad[long] = True
        whole = size >= stored
        open_line = cut_off and bool(filled[-1:].any()) and not whole[-1:].all()
        if open_line and (self._any or len(size) > 1) and self._whole and whole[:-1].all():
            reason = f"truncated: the last line has {size[-1]} of {stored} bytes and no end"
            faults.append(Fault(int(begins[-1]), int(begins[-1] + size[-1]), reason))
            bad[-1] = True
        self._whole = self._whole and bool(whole.all())
        self._any = self._any or len(size) > 0
        good = ~bad
        length = np.clip(size[good] - self.start, 0, self.length)
        return Cut(begins[good] + self.start, length, used, tuple(faults), stop, blanks=blanks)

    def _not_blank(self, data: Bytes, begins: Int64s, ends: Int64s) -> Bools:
        """Return which of n pieces, in order, hold anything but blanks."""
        cuts = np.stack([begins, ends], axis=1).ravel()
        # One more element, as reduceat may point at the end.
        marked = np.append(data != self.page.space, False)
        return np.logical_or.reduceat(marked, cuts)[::2]

    def _long(self, begins: Int64s, size: Int64s, at: int) -> Fault:
        reason = f"the line has {size[at]} bytes; the record has {self.start + self.length + self.end}"
        return Fault(int(begins[at]), int(begins[at] + size[at]), reason)

    def _end_of_line(self, buffer: bytes, last: bool) -> int | None:
        """Return the byte that ends lines; None while an unfinished chunk does not show it."""
        ends = line_ends(self.page)
        if self.line_end != "auto":
            return ends[self.line_end]
        names = ("nel", "lf", "cr") if ends is _EBCDIC else ("lf", "cr")
        for name in names:
            # A CR at the very end may be half of a CRLF.
            if (at := buffer.find(ends[name])) >= 0 and (last or name != "cr" or at < len(buffer) - 1):
                return ends[name]
        return ends["lf"] if last or len(buffer) > self.longest else None


def line_ends(page: CodePage) -> Mapping[str, int]:
    """Return the byte that ends a line, by its name, in an EBCDIC or an ASCII file."""
    return _EBCDIC if page.digit[0xF0] == 0 else _ASCII


def _none() -> Int64s:
    return np.zeros(0, np.int64)
