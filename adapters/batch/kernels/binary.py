"""Binary integers (COMP, COMP-4, COMP-5, COMP-X, BINARY, INDEX) of 1 to 16 bytes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Storage
from adapters.batch.kernels.integers import Bools, Integers


def binary(view: npt.NDArray[np.uint8], storage: Storage, page: CodePage) -> tuple[Integers, Bools]:
    """Return n numbers and the mask of those beyond their PICTURE, from (n, length) bytes."""
    if storage.length > 8:
        return _wide(view, storage)
    word = next(size for size in (1, 2, 4, 8) if storage.length <= size)
    if storage.length < word:
        view = _filled(view, storage, word)
    order = "<" if storage.little_endian else ">"
    kind = np.dtype(f"{order}{'i' if storage.signed else 'u'}{word}")
    values = np.ascontiguousarray(view).view(kind).reshape(len(view)).astype(kind.newbyteorder("="))
    if storage.full_range:
        bad = np.zeros(len(view), np.bool_)
    else:
        limit = values.dtype.type(min(10**storage.digits - 1, np.iinfo(values.dtype).max))
        bad = values > limit
        if storage.signed:
            bad |= values < -limit
    if values.dtype == np.uint64:
        return Integers(values.view(np.int64), np.zeros(len(values), np.int64)), bad
    return Integers(values.astype(np.int64)), bad


def _wide(view: npt.NDArray[np.uint8], storage: Storage) -> tuple[Integers, Bools]:
    raw = np.ascontiguousarray(_filled(view, storage, 16))
    words = raw.view("<u8" if storage.little_endian else ">u8").astype(np.uint64)
    low, high = (0, 1) if storage.little_endian else (1, 0)
    numbers = Integers(words[:, low].view(np.int64).copy(), words[:, high].view(np.int64).copy())
    negative = storage.signed & (numbers.words[1] < 0)
    low_limit, high_limit = (
        np.uint64(part) for part in ((10**storage.digits) % 2**64, 10**storage.digits >> 64)
    )
    sizes = numbers.negate(negative) if negative.any() else numbers
    low_size, high_size = (word.view(np.uint64) for word in sizes.words)
    bad: Bools = (high_size > high_limit) | ((high_size == high_limit) & (low_size >= low_limit))
    return numbers, bad


def _filled(view: npt.NDArray[np.uint8], storage: Storage, size: int) -> npt.NDArray[np.uint8]:
    """Return the bytes widened to `size`, filled by zeros or by the sign."""
    n, length = view.shape
    out = np.zeros((n, size), np.uint8)
    start = 0 if storage.little_endian else size - length
    out[:, start : start + length] = view
    if storage.signed:
        most = view[:, -1] if storage.little_endian else view[:, 0]
        fill = np.where(most >= 0x80, np.uint8(0xFF), np.uint8(0))[:, None]
        if storage.little_endian:
            out[:, length:] = fill
        else:
            out[:, :start] = fill
    return out
