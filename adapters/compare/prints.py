"""What a row is until it differs: two fingerprints, its place in the file and its number."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from adapters.compare.fingerprint import Int64s, Words

#: Six columns of n words: key (two words), row (two words), place, number.
Prints = npt.NDArray[np.uint64]
KEY, KEY_2, ROW, ROW_2, PLACE, NUMBER = range(6)
WIDTH = 6
#: Streams of `Fingerprint`: the row, and the key or its first field, the key's next ones after it.
ROW_STREAM, KEY_STREAM = 0, 1
#: A place is offset · 2^24 + length: files to one tebibyte, rows to 16 MiB.
LENGTH_BITS = 24
LONGEST = (1 << LENGTH_BITS) - 1


def prints(key: Words, row: Words, starts: Int64s, lengths: Int64s, first: int) -> Prints:
    """Join the columns of n consecutive rows, of which the first has the number `first`."""
    out = np.empty((WIDTH, len(starts)), np.uint64)
    out[KEY : KEY_2 + 1] = key.T
    out[ROW : ROW_2 + 1] = row.T
    out[PLACE] = place(starts, lengths)
    out[NUMBER] = np.arange(first, first + len(starts))
    return out


def place(starts: Int64s, lengths: Int64s) -> Words:
    """Return n places."""
    return ((starts << LENGTH_BITS) | lengths).astype(np.uint64)


def places(column: Words) -> tuple[Int64s, Int64s]:
    """Return offsets and lengths."""
    column = column.astype(np.int64)
    return column >> LENGTH_BITS, column & LONGEST


class Parts:
    """Columns of words in n parts: in memory if there is one part, else one file a part.

    Within a part rows keep the order in which they came.
    """

    def __init__(self, count: int, folder: Path, width: int = WIDTH, expected: int = 0) -> None:
        """Make them empty; `expected` rows find room in memory without being moved."""
        self._width = width
        # Pages that no row comes to are never touched.
        self._memory = np.empty((width, 0 if count > 1 else expected), np.uint64)
        self._rows = 0
        self._files: list[BinaryIO] = []
        if count > 1:
            folder.mkdir(parents=True)
            self._files = [(folder / f"{part}").open("w+b", buffering=0) for part in range(count)]

    def __enter__(self) -> Parts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files:
            file.close()

    def __len__(self) -> int:
        return max(len(self._files), 1)

    def add(self, columns: npt.NDArray[np.uint64], part: npt.NDArray[np.unsignedinteger]) -> None:
        """Append rows, shape (width, n), each to the part that `part` says."""
        if not self._files:
            self._keep(columns)
            return
        part = part.astype(np.uint16)
        order = np.argsort(part, kind="stable")
        rows = columns.T[order]
        start = 0
        ends = np.cumsum(np.bincount(part, minlength=len(self._files)))
        for file, end in zip(self._files, ends.tolist(), strict=True):
            if end > start:
                file.write(rows[start:end].data)
            start = end

    def read(self, part: int) -> npt.NDArray[np.uint64]:
        """Return a part's columns and forget them."""
        if self._files:
            file = self._files[part]
            file.seek(0)
            rows = np.fromfile(file, np.uint64).reshape(-1, self._width)
            file.truncate(0)
            return np.ascontiguousarray(rows.T)
        columns = self._memory[:, : self._rows]
        self._memory, self._rows = self._memory[:, :0], 0
        return columns

    def _keep(self, columns: npt.NDArray[np.uint64]) -> None:
        stop = self._rows + columns.shape[1]
        if stop > self._memory.shape[1]:
            grown = np.empty((self._width, stop + stop // 4), np.uint64)
            grown[:, : self._rows] = self._memory[:, : self._rows]
            self._memory = grown
        self._memory[:, self._rows : stop] = columns
        self._rows = stop
