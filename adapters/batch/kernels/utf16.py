"""UTF-16 (USAGE NATIONAL): text by column, and the single bytes of numbers in it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from adapters.batch.codepage import NONE
from adapters.batch.copybook import Storage
from adapters.batch.kernels.integers import Bools


def narrowed(view: npt.NDArray[np.uint8], storage: Storage) -> npt.NDArray[np.uint8]:
    """Return the low bytes of UTF-16; a character beyond Latin-1 becomes a byte that is no digit."""
    low, high = (view[:, 0::2], view[:, 1::2]) if storage.little_endian else (view[:, 1::2], view[:, 0::2])
    return np.where(high != 0, np.uint8(NONE), low)


def utf8(
    view: npt.NDArray[np.uint8], storage: Storage
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32], Bools]:
    """Return the column's UTF-8 bytes, each row's share, and the rows with half a surrogate pair."""
    units = np.ascontiguousarray(view).view("<u2" if storage.little_endian else ">u2").astype(np.uint16)
    first, second = units & 0xFC00 == 0xD800, units & 0xFC00 == 0xDC00
    paired = np.zeros_like(first)
    paired[:, :-1] = first[:, :-1] & second[:, 1:]
    alone = (first & ~paired) | second
    alone[:, 1:] &= ~paired[:, :-1]
    bad: Bools = alone.any(axis=1)
    if bad.any():
        units[alone] = 0x3F
    lengths = np.where(units < 0x80, 1, np.where(units < 0x800, 2, 3)).astype(np.int32)
    lengths[paired] = 4
    lengths[:, 1:][paired[:, :-1]] = 0
    text = units.astype("<u2").tobytes().decode("utf-16-le").encode()
    return np.frombuffer(text, np.uint8), lengths.sum(axis=1, dtype=np.int32), bad
