"""COMP-1 and COMP-2: IBM hexadecimal or IEEE 754 floats."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.batch.copybook import Storage
from adapters.batch.kernels.integers import Bools
from adapters.batch.kernels.words import word

Floats = npt.NDArray[np.floating[Any]]


def floating(view: npt.NDArray[np.uint8], storage: Storage) -> tuple[Floats, Bools]:
    """Return n floats (float32 for 4 bytes, else float64) and the mask of those that are not finite."""
    values = _hexadecimal(view, storage) if storage.kind == "hexfloat" else _ieee(view, storage)
    return values, ~np.isfinite(values)


def _ieee(view: npt.NDArray[np.uint8], storage: Storage) -> Floats:
    words = word(view, 0, storage.length, "<" if storage.little_endian else ">")
    values: Floats = words.astype(f"u{storage.length}", copy=False).view(f"f{storage.length}")
    return values + values.dtype.type(0)  # -0 becomes 0, so that equal values have equal bytes


def _hexadecimal(view: npt.NDArray[np.uint8], storage: Storage) -> Floats:
    words = word(view, 0, storage.length, "<" if storage.little_endian else ">")
    bits = storage.length * 8 - 8
    fraction = (words & np.uint64((1 << bits) - 1)).astype(np.float64)
    head = (words >> np.uint64(bits)).astype(np.int64)
    values = np.ldexp(fraction, (4 * ((head & 0x7F) - 64) - bits).astype(np.int32))
    if storage.length == 4:
        with np.errstate(over="ignore"):  # an infinity is reported as bad by the caller
            values = values.astype(np.float32)
    signed: Floats = np.where(head & 0x80, -values, values) + values.dtype.type(0)
    return signed
