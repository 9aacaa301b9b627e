"""Text to Arrow strings, without a Python object a value: by table, codec, from UTF-16, or as hex."""

from __future__ import annotations

import codecs

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from adapters.batch.codepage import MISSING, SHIFT_IN, SHIFT_OUT, Bytes, CodePage
from adapters.batch.copybook import Storage
from adapters.batch.dialect import Trim
from adapters.batch.kernels.integers import Bools
from adapters.batch.kernels.multibyte import decoded
from adapters.batch.kernels.utf16 import utf8
from adapters.batch.kernels.words import rows
from adapters.batch.reference import PADDING, UNPRINTED, WIDE

_HEX = np.frombuffer(b"0123456789ABCDEF", np.uint8)


def strings(
    view: npt.NDArray[np.uint8], storage: Storage, page: CodePage, trim: Trim
) -> tuple[pa.Array, Bools]:
    """Return n strings and the mask of those with bytes that are no character, from (n, length) bytes."""
    if storage.kind == "text":
        return text(view, storage, page, trim)
    if storage.kind == "national":
        data, lengths, bad = utf8(view, storage)
        return trimmed(_array(data, lengths), trim, justified=storage.justified), bad
    if storage.pairs and page.shifts:
        return _double(view, page, trim)
    data = _HEX[np.stack([view >> 4, view & 15], axis=2)].reshape(-1)
    lengths = np.full(len(view), storage.length * 2, np.int32)
    return _array(data, lengths), np.zeros(len(view), np.bool_)


def _double(view: npt.NDArray[np.uint8], page: CodePage, trim: Trim) -> tuple[pa.Array, Bools]:
    """Return pairs of bytes as text, with the shifts that they stand without."""
    whole = np.empty((len(view), view.shape[1] + 2), np.uint8)
    whole[:, 0], whole[:, 1:-1], whole[:, -1] = SHIFT_OUT[0], view, SHIFT_IN[0]
    data, lengths, bad = decoded(whole, page)
    texts = _array(data, lengths)
    return trimmed(texts, trim, padding=WIDE), bad


def text(view: npt.NDArray[np.uint8], storage: Storage, page: CodePage, trim: Trim) -> tuple[pa.Array, Bools]:
    """Return n strings in a code page and the mask of those with a byte that is no character."""
    n, width = view.shape
    mapped = rows(view).tobytes().translate(page.ascii.tobytes())
    bad: Bools = np.zeros(n, np.bool_)
    if mapped.isascii():  # 0xFF stands for a character that is not
        data = np.frombuffer(mapped, np.uint8).reshape(n, width)
        if width and not _padded(data, storage, trim):
            trim = "none"
        offsets = np.arange(n + 1, dtype=np.int32) * np.int32(width)
        array = pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(mapped))
        return trimmed(array, trim, justified=storage.justified), bad
    if page.multibyte:
        data, lengths, bad = decoded(view, page)
        return trimmed(_array(data, lengths), trim, justified=storage.justified), bad
    if MISSING in page.characters:
        absent = np.array([c == MISSING for c in page.characters])
        bad = np.any(absent[view], axis=1)
    data, lengths = _utf8(np.ascontiguousarray(view), page)
    return trimmed(_array(data, lengths), trim, justified=storage.justified), bad


def _array(data: npt.NDArray[np.uint8], lengths: npt.NDArray[np.int32]) -> pa.StringArray:
    offsets = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=offsets[1:])
    return pa.StringArray.from_buffers(len(lengths), pa.py_buffer(offsets), pa.py_buffer(data))


def trimmed(
    strings: pa.Array, trim: Trim, *, justified: bool = False, padding: str = PADDING
) -> pa.StringArray:
    """Return strings without what is to be cut. Twin: `reference.trimmed`."""
    if trim == "none":
        return strings
    left = trim == "left" or (trim == "padding" and justified)
    side = "" if trim in ("both", "all") else "l" if left else "r"
    cut = getattr(pc, f"{'ascii' if padding.isascii() else 'utf8'}_{side}trim")
    return cut(strings, characters=UNPRINTED + padding if trim == "all" else padding)


def _padded(ascii_rows: Bytes, storage: Storage, trim: Trim) -> bool:
    """True where a row ends (or begins) with what may be padding; full-width codes and flags never do."""
    ends = {"both": [0, -1], "all": [0, -1], "left": [0]}.get(trim, [0 if storage.justified else -1])
    return any(bool((ascii_rows[:, end].copy() <= 0x20).any()) for end in ends)


def _utf8(raw: npt.NDArray[np.uint8], page: CodePage) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Return the column's UTF-8 bytes and each row's share; a byte without a character becomes '?'."""
    table = page.characters.replace(MISSING, "?")
    data = codecs.charmap_decode(raw.tobytes(), "strict", table)[0].encode()
    lengths = np.array([len(c.encode()) for c in table], np.uint8)
    return np.frombuffer(data, np.uint8), lengths[raw].sum(axis=1, dtype=np.int32)
