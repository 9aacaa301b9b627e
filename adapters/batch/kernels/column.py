"""One elementary item of n records to one Arrow column."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Storage
from adapters.batch.kernels.binary import binary
from adapters.batch.kernels.floating import floating
from adapters.batch.kernels.integers import Bools, Integers
from adapters.batch.kernels.packed import packed
from adapters.batch.kernels.plain import plain
from adapters.batch.kernels.text import text
from adapters.batch.kernels.zoned import zoned
from adapters.batch.reference import Trim

Kernel = Callable[[npt.NDArray[np.uint8], Storage, CodePage], tuple[Integers, Bools]]

#: A new usage is a new kernel here and a new branch in `reference`.
WHOLE: dict[str, Kernel] = {"zoned": zoned, "packed": packed, "binary": binary}


def column(
    view: npt.NDArray[np.uint8], storage: Storage, page: CodePage, trim: Trim = "padding"
) -> tuple[pa.Array, Bools]:
    """Return the Arrow array of `storage.avro` and the mask of bad rows (their values are arbitrary).

    `view` is (n, storage.length) bytes, any strides.
    """
    if storage.kind == "text":
        return text(view, storage, page, trim)
    if storage.kind in ("hexfloat", "ieee"):
        floats, bad = floating(view, storage)
        return pa.array(floats), bad
    numbers, bad = whole(view, storage, page)
    if storage.scale < 0:
        numbers = numbers.shift(-storage.scale)
    return numbers.to_arrow(storage), bad


#: Up to this share of odd rows, reading only them by the careful kernel is faster than reading all.
_FEW = 0.25


def whole(view: npt.NDArray[np.uint8], storage: Storage, page: CodePage) -> tuple[Integers, Bools]:
    """Return n unscaled numbers and the mask of bad rows: plain ones fast, the others with care."""
    fast = plain(view, storage, page)
    if fast is None:
        return WHOLE[storage.kind](view, storage, page)
    numbers, odd = fast
    at = np.flatnonzero(odd)
    if not len(at):
        return numbers, odd
    if len(at) > len(view) * _FEW:
        return WHOLE[storage.kind](view, storage, page)
    some, bad = WHOLE[storage.kind](view[at], storage, page)
    odd[at] = bad
    return numbers.replace(at, some), odd
