"""One elementary item of n records to one Arrow column."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Storage
from adapters.batch.dialect import Trim
from adapters.batch.kernels.binary import binary
from adapters.batch.kernels.edited import edited
from adapters.batch.kernels.floating import floating
from adapters.batch.kernels.integers import Bools, Integers
from adapters.batch.kernels.packed import packed, unsigned_packed
from adapters.batch.kernels.text import strings
from adapters.batch.kernels.zoned import zoned

Kernel = Callable[[npt.NDArray[np.uint8], Storage, CodePage], tuple[Integers, Bools]]

#: A new usage is a new kernel here and a new branch in `reference`.
WHOLE: dict[str, Kernel] = {
    "zoned": zoned, "packed": packed, "unsigned-packed": unsigned_packed, "binary": binary, "edited": edited
}  # fmt: skip


def column(
    view: npt.NDArray[np.uint8], storage: Storage, page: CodePage, trim: Trim = "padding"
) -> tuple[pa.Array, Bools]:
    """Return the Arrow array of `storage.avro` and the mask of bad rows (their values are arbitrary).

    `view` is (n, storage.length) bytes, any strides. Nulls stand where the dialect takes the bytes as none;
    a null is never bad. Twin: `reference.decode_value`.
    """
    null: Bools | None = None
    nothing: Bools
    if storage.is_text:
        values, bad = strings(view, storage, page, trim)
    elif storage.kind in ("hexfloat", "ieee"):
        floats, bad = floating(view, storage)
        values = pa.array(floats)
    else:
        numbers, bad, null = whole(view, storage, page)
        if storage.scale < 0:
            numbers = numbers.shift(-storage.scale)
        values = numbers.to_arrow(storage)
    if storage.nul_is_null:
        nothing = np.logical_not(view.any(axis=1))
        null = nothing if null is None else null | nothing
    if storage.lenient and bad.any():
        null = bad if null is None else null | bad
    if null is None or not null.any():
        return values, bad
    return pc.if_else(pa.array(null), pa.scalar(None, values.type), values), bad & ~null


def whole(
    view: npt.NDArray[np.uint8], storage: Storage, page: CodePage
) -> tuple[Integers, Bools, Bools | None]:
    """Return n unscaled numbers, the mask of the bad ones, and of those that mean null (None: no row)."""
    numbers, bad = WHOLE[storage.kind](view, storage, page)
    if storage.kind in ("binary", "unsigned-packed") or not bad.any():
        return numbers, bad, None
    return _absent(view, storage, page, numbers, bad)


def _absent(
    view: npt.NDArray[np.uint8], storage: Storage, page: CodePage, numbers: Integers, bad: Bools
) -> tuple[Integers, Bools, Bools | None]:
    """Give the bad rows that are all spaces, or all LOW-VALUES, what the dialect says that they are."""
    null: Bools | None = None
    for means, nothing in (
        ("zero" if storage.blank_when_zero else storage.blank, _spaces(storage, page)),
        (storage.nul, np.zeros(storage.length, np.uint8)),
    ):
        if means == "reject":
            continue
        rows = np.flatnonzero(bad)
        rows = rows[(view[rows] == nothing).all(axis=1)]
        bad = bad.copy()
        bad[rows] = False
        if means == "null":
            null = np.zeros(len(bad), np.bool_) if null is None else null
            null[rows] = True
        else:
            numbers = numbers.zero(rows)
    return numbers, bad, null


def _spaces(storage: Storage, page: CodePage) -> npt.NDArray[np.uint8]:
    if storage.utf16:
        pair = b" \0" if storage.little_endian else b"\0 "
        return np.frombuffer(pair * (storage.length // 2), np.uint8)
    return np.full(storage.length, page.space, np.uint8)
