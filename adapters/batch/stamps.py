"""Time stamps that settings declare for items of a copybook, by column: n items to n points in time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from adapters.batch.codepage import CodePage, translate
from adapters.batch.copybook import Storage
from adapters.batch.kernels.column import column as kernel
from adapters.batch.kernels.integers import Bools, Int64s
from adapters.batch.moments import MomentFormat, micros
from adapters.batch.reference import BadValueError


def stamps(
    view: npt.NDArray[np.uint8], values: pa.Array, form: MomentFormat, storage: Storage, page: CodePage
) -> tuple[Int64s, Bools]:
    """Return microseconds since 1970 (UTC) and the mask of the items that are no time stamp of the form.

    Args:
        view: (n, length) bytes of n items.
        values: what they are as text or whole numbers.
        form: the declared form.
        storage: how the bytes are read.
        page: code page of text.
    """
    if not storage.is_text:
        return form.characters(_digits(values, len(form.text)))
    width = len(form.text)
    if storage.kind != "text" or not form.fixed:
        return each(kernel(view, storage, page, "padding")[0], lambda text: micros(form.value(text)))
    # The item may be wider than the form: the rest must be blank.
    characters = translate(page.ascii, view)
    start = max(0, view.shape[1] - width) if storage.justified else 0
    found, bad = form.characters(characters[:, start : start + width])
    if view.shape[1] > width:
        rest = np.delete(characters, slice(start, start + width), axis=1)
        bad |= ((rest != 0x20) & (rest != 0)).any(axis=1)
    return found, bad


def each(texts: pa.StringArray, read: Callable[[str], int]) -> tuple[Int64s, Bools]:
    """Return what is read of n texts, and which are bad; each different text is read once.

    For forms whose texts differ in length, and for characters of several bytes.
    """
    coded = texts.dictionary_encode()
    known, wrong = [0] * len(coded.dictionary), [False] * len(coded.dictionary)
    for at, text in enumerate(coded.dictionary.to_pylist()):
        try:
            known[at] = read(text)
        except BadValueError:
            wrong[at] = True
    missing = texts.is_null().to_numpy(zero_copy_only=False)
    if not known:
        return np.zeros(len(texts), np.int64), missing
    code = coded.indices.fill_null(0).to_numpy(zero_copy_only=False)
    return np.array(known, np.int64)[code], np.array(wrong, np.bool_)[code] | missing


def _digits(values: pa.Array, width: int) -> npt.NDArray[np.uint8]:
    """Return n whole numbers as (n, width) ASCII digits; one that does not fit has none."""
    n = len(values)
    if pa.types.is_decimal(values.type):
        texts = pc.utf8_lpad(values.cast(pa.string()), width, "0")
        texts = pc.if_else(pc.equal(pc.binary_length(texts), width), texts, " " * width)
        flat = "".join(texts.to_pylist()).encode()
        return np.frombuffer(flat, np.uint8).reshape(n, width)
    rest = values.to_numpy(zero_copy_only=False).astype(np.int64)
    fits = (rest >= 0) & (rest < 10 ** min(width, 18))
    rest = np.where(fits, rest, 0)
    out = np.empty((n, width), np.uint8)
    for at in range(width - 1, -1, -1):
        rest, digit = np.divmod(rest, 10)
        out[:, at] = digit + 0x30
    out[~fits] = 0x20
    return out
