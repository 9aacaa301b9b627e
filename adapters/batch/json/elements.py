"""Where the elements of one array of a JSON document lie: structure by numpy, nothing parsed twice."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
_QUOTE, _ESCAPE, _COMMA, _COLON = b'"\\,:'
_OPEN, _CLOSE = (0x5B, 0x7B), (0x5D, 0x7D)


@dataclass(slots=True)
class ArrayScan:
    """Finds the elements of the array at `path` in a document that comes in pieces.

    Attributes:
        path: keys from the root to the array.
        found: the array has begun.
        closed: it has ended.
        depth: of what has been taken so far, in the document.
        fault: why the document is none, as far as brackets tell.
    """

    path: tuple[str, ...]
    found: bool = False
    closed: bool = False
    depth: int = 0
    fault: str = ""
    #: Keys (None in arrays) on the way to where the scan is.
    _keys: list[str | None] = field(default_factory=list)
    _base: int = 0

    def take(self, data: bytes) -> tuple[list[tuple[int, int]], int]:
        """Return (start, stop) of the elements that are whole in `data`, and how much of it is done with."""
        chars, pos = _structure(data)
        at = 0
        used = 0
        if not self.found:
            at, used = self._locate(data, chars, pos)
            if not self.found:
                return [], used
        if self.closed:
            return [], self._rest(chars[at:], pos[at:], used)
        opens, closes = np.isin(chars[at:], _OPEN), np.isin(chars[at:], _CLOSE)
        depth = self.depth + np.cumsum(opens.astype(np.int64) - closes)
        place = pos[at:]
        ends = np.flatnonzero(depth < self._base)
        if len(ends):
            stop = int(ends[0])
            self.closed, self.depth = True, int(depth[stop])
        else:
            stop = len(place)
        marks = place[:stop][(depth[:stop] == self._base) & (chars[at : at + stop] == _COMMA)]
        edges = marks.tolist() + ([int(place[stop])] if self.closed else [])
        elements = []
        for edge in edges:
            start, end = _stripped(data, used, edge)
            if start < end or not self.closed or edge != edges[-1]:
                elements.append((start, end))
            used = edge + 1
        if self.closed:
            used = self._rest(chars[at + stop + 1 :], place[stop + 1 :], used)
        return elements, used

    def _locate(self, data: bytes, chars: npt.NDArray[np.uint8], pos: Int64s) -> tuple[int, int]:
        """Walk to the array; return the token and the byte behind its bracket, or where to go on."""
        text = ""
        at = used = 0
        characters, places = chars.tolist(), pos.tolist()
        while at < len(characters):
            char, here = characters[at], places[at]
            if char == _QUOTE:
                if at + 1 == len(characters):
                    return at, used
                text = data[here + 1 : places[at + 1]].decode("utf-8", "replace")
                at += 2
                # A key may be followed by its colon in the next piece.
                continue
            at += 1
            used = here + 1
            if char == _COLON and self._keys:
                self._keys[-1] = text
            elif char in _OPEN:
                if char == _OPEN[0] and tuple(self._keys) == self.path:
                    self.found = True
                    self.depth = self._base = len(self._keys) + 1
                    return at, used
                self._keys.append(None)
            elif char in _CLOSE:
                if not self._keys:
                    self.fault = "more brackets close than open"
                    return at, used
                self._keys.pop()
        self.depth = len(self._keys)
        return at, used

    def _rest(self, chars: npt.NDArray[np.uint8], pos: Int64s, used: int) -> int:
        """Count the brackets behind the array; return what is done with."""
        if not len(chars):
            return used
        # A string that has not ended stays for the next piece.
        quotes = np.flatnonzero(chars == _QUOTE)
        stop = int(quotes[-1]) if len(quotes) % 2 else len(chars)
        opened, closed = np.isin(chars[:stop], _OPEN).sum(), np.isin(chars[:stop], _CLOSE).sum()
        self.depth += int(opened) - int(closed)
        return int(pos[stop - 1]) + 1 if stop else used


def _structure(data: bytes) -> tuple[npt.NDArray[np.uint8], Int64s]:
    """Return the brackets, commas and colons outside strings, and the quotes around these, in order."""
    units = np.frombuffer(data, np.uint8)
    pos = np.flatnonzero(np.frombuffer(data.translate(_TABLE), np.bool_))
    chars = units[pos]
    if b"\\" in data:
        escapes = np.flatnonzero(units == _ESCAPE)
        index = np.arange(len(escapes))
        begins = np.diff(escapes, prepend=-2) != 1
        within = index - np.maximum.accumulate(np.where(begins, index, 0))
        kept = ~((chars == _QUOTE) & np.isin(pos, escapes[within % 2 == 0] + 1))
        chars, pos = chars[kept], pos[kept]
    quote = chars == _QUOTE
    inside = np.cumsum(quote) % 2 == 1
    outside = quote | ~inside
    return chars[outside], pos[outside]


_TABLE = bytes(byte in (_QUOTE, _COMMA, _COLON, *_OPEN, *_CLOSE) for byte in range(256))


def _stripped(data: bytes, start: int, stop: int) -> tuple[int, int]:
    """Return a stretch without the white space around it."""
    piece = data[start:stop]
    lead = len(piece) - len(piece.lstrip())
    return start + lead, start + lead + len(piece.strip())
