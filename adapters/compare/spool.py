"""Differences that wait in their order: in memory while they are few, else in a temporary file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import SpooledTemporaryFile
from types import TracebackType

import numpy as np

from adapters.compare.join import Differences

#: Bytes kept in memory, and rows that are read at once.
_MEMORY, _ROWS = 8 << 20, 1 << 16


class Spool:
    """Columns of four words, written once and read once."""

    def __init__(self, folder: Path) -> None:
        self._file = SpooledTemporaryFile(_MEMORY, "w+b", dir=str(folder))  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, columns: Differences) -> None:
        """Append differences, shape (4, n)."""
        if columns.shape[1]:
            self._file.write(np.ascontiguousarray(columns.T).tobytes())

    def __iter__(self) -> Iterator[Differences]:
        """Yield them in the order in which they came."""
        self._file.seek(0)
        while data := self._file.read(_ROWS * 32):
            yield np.ascontiguousarray(np.frombuffer(data, np.uint64).reshape(-1, 4).T)
