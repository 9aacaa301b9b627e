"""Records of one length (or padded to it) as a matrix: what guesses about types and fields look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
#: Records that are looked at: enough to see a type that holds one record in a hundred.
ROWS = 4000
#: Records of the file's end that are looked at beside them.
_END = 200


@dataclass(frozen=True, slots=True)
class Matrix:
    """n records.

    Attributes:
        view: (n, length) bytes.
        lengths: n; bytes of each that are there.
        first, last: whether the file's first and last record are the first and last row.
        total: records of the file, None where nobody knows.
    """

    view: Bytes
    lengths: npt.NDArray[np.int64]
    first: bool
    last: bool
    total: int | None

    @classmethod
    def fixed(cls, head: bytes, tail: bytes, length: int, size: int | None) -> Matrix:
        """Return the records of a fixed-length file: those of its head, and those at its end."""
        n = min(len(head) // length, ROWS)
        view = np.frombuffer(head, np.uint8, n * length).reshape(n, length)
        total = size // length if size is not None else None
        last = total == n and size == n * length
        if not last and tail and size is not None and size % length == 0:
            # The tail starts anywhere; its last whole records end with the file.
            k = min(len(tail) // length, _END)
            end = np.frombuffer(tail[len(tail) - k * length :], np.uint8).reshape(k, length)
            view, last = np.concatenate((view, end)), True
        return cls(view, np.full(len(view), length), first=True, last=last, total=total)

    @classmethod
    def of(cls, records: Sequence[bytes], pad: int, *, last: bool) -> Matrix:
        """Return records of any lengths, padded."""
        kept = list(records[:ROWS])
        if last and len(records) > len(kept):
            kept += records[-_END:]
        length = max(map(len, kept), default=0)
        joined = b"".join(record.ljust(length, bytes([pad])) for record in kept)
        lengths = np.array([len(record) for record in kept], np.int64)
        view = np.frombuffer(joined, np.uint8).reshape(len(kept), length)
        return cls(view, lengths, first=True, last=last, total=len(records) if last else None)

    @property
    def unbroken(self) -> int:
        """How many of the first rows stand one behind the other in the file."""
        whole = self.total is None or self.total == len(self.view)
        return len(self.view) if whole else max(len(self.view) - _END, 0)

    @property
    def length(self) -> int:
        """Bytes of a row."""
        return int(self.view.shape[1])
