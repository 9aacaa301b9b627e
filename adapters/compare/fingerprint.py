"""128-bit fingerprints of byte ranges, by column: whole rows are told apart without being parsed.

The function is multilinear over 32-bit words w with random 64-bit multipliers m, in two lanes:
h = (m_len · length + Σ m_i · w_i) mod 2^64 (Carter and Wegman 1979; Lemire and Kaser, "Strongly universal
string hashing is fast", 2014). Two different ranges agree in a lane with a probability of at most 2^-33,
whatever they hold, because the multipliers are drawn anew for each comparison: in both lanes at most 2^-66
for each pair that is compared. So nobody can prepare two rows that pass for one.
"""

from __future__ import annotations

import hashlib
import os

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Int64s = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

#: Ranges hashed at once: with rows of usual length their bytes stay in the processor's second cache.
_BLOCK = 8192
#: Bytes of a range taken at once. Ranges longer than this come back for their next strip.
_STRIP = 256


class Fingerprint:
    """A function drawn at random; only fingerprints by the same object can be compared."""

    def __init__(self, seed: bytes | None = None) -> None:
        self._seed = os.urandom(32) if seed is None else seed
        self._multipliers: dict[tuple[int, int], Words] = {}
        self._masks: dict[int, Bytes] = {}

    def __repr__(self) -> str:
        return "<Fingerprint>"  # the seed stays unknown to those who make the data

    def of(self, data: Bytes, starts: Int64s, lengths: Int64s, stream: int = 0) -> Words:
        """Return the fingerprints of n byte ranges: shape (n, 2).

        Args:
            data: the bytes, contiguous.
            starts: n offsets in `data`.
            lengths: n lengths; a range lies wholly inside `data`.
            stream: ranges of different streams (row, first key field, second…) have different functions.
        """
        out = np.empty((len(starts), 2), np.uint64)
        for at in range(0, len(starts), _BLOCK):
            part = slice(at, at + _BLOCK)
            out[part] = self._block(data, starts[part], lengths[part], stream)
        return out

    def _block(self, data: Bytes, starts: Int64s, lengths: Int64s, stream: int) -> Words:
        longest = int(lengths.max(initial=0))
        words = self._strip(data, starts, np.minimum(lengths, _STRIP), min(longest, _STRIP), stream, 0)
        words += lengths.astype(np.uint64)[:, None] * self._of_strip(stream, 0)[-1]
        for strip in range(1, -(-longest // _STRIP)):
            more = np.flatnonzero(lengths > strip * _STRIP)
            rest = np.minimum(lengths[more] - strip * _STRIP, _STRIP)
            words[more] += self._strip(
                data, starts[more] + strip * _STRIP, rest, int(rest.max()), stream, strip
            )
        return words

    def _strip(
        self, data: Bytes, starts: Int64s, lengths: Int64s, longest: int, stream: int, strip: int
    ) -> Words:
        width = max(8, -(-longest // 8) * 8)
        return self._product(windows(data, starts, width), lengths, stream, strip)

    def _product(self, rows: Bytes, lengths: Int64s, stream: int, strip: int) -> Words:
        width = rows.shape[1]
        rows &= self._mask(width).take(lengths, axis=0)
        return rows.view(np.uint32).astype(np.uint64) @ self._of_strip(stream, strip)[: width // 4]

    def _of_strip(self, stream: int, strip: int) -> Words:
        """Return the strip's multipliers, and in its last row the one for lengths."""
        key = (stream, strip)
        if key not in self._multipliers:
            drawn = hashlib.shake_256(self._seed + f"{stream} {strip}".encode())
            words = np.frombuffer(drawn.digest((_STRIP // 4 + 1) * 16), np.uint64)
            self._multipliers[key] = words.reshape(-1, 2)
        return self._multipliers[key]

    def _mask(self, width: int) -> Bytes:
        """Return row k: k bytes 0xFF, then zeros."""
        if width not in self._masks:
            inside = np.arange(width)[None, :] < np.arange(width + 1)[:, None]
            self._masks[width] = inside.astype(np.uint8) * np.uint8(255)
        return self._masks[width]


def windows(data: Bytes, starts: Int64s, width: int) -> Bytes:
    """Return copies of `width` bytes from each start on: shape (n, width); past the end they are zero."""
    last = len(data) - width
    if len(starts) and int(starts.max()) > last:
        tail = np.zeros(2 * width, np.uint8)
        first = max(last, 0)
        tail[: len(data) - first] = data[first:]
        near = starts <= last
        out = np.empty((len(starts), width), np.uint8)
        out[near] = windows(data, starts[near], width)
        out[~near] = windows(tail, starts[~near] - first, width)
        return out
    view = np.lib.stride_tricks.as_strided(data, (max(last, 0) + 1, width), (1, 1), writeable=False)
    return view[starts]
