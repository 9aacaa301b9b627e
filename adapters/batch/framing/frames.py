"""What framing hands on: whole records with their places, and bytes that make none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adapters.batch.kernels.integers import Int64s

Int32s = npt.NDArray[np.int32]
#: Bytes read at once. Kernels are fastest where a chunk and its columns fit the caches: 1.8 million narrow
#: records/s at 16 MiB, 2.9 at 4, 2.4 at 1.
CHUNK = 4 << 20


@dataclass(frozen=True, slots=True)
class Frames:
    """n records of one type.

    Attributes:
        view: (n, the type's length) bytes; a shorter record is padded with NULs.
        record: n record numbers, from 1.
        offset: n byte offsets in the file.
        length: n lengths in bytes, or None where all records are whole.
    """

    view: npt.NDArray[np.uint8]
    record: Int64s
    offset: Int64s
    length: Int32s | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """Bytes that make no whole record."""

    record: int
    offset: int
    raw: bytes
    reason: str
