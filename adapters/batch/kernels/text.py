"""DISPLAY text: code page bytes to Arrow strings, without a Python object a value."""

from __future__ import annotations

import codecs

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from adapters.batch.codepage import Bytes, CodePage
from adapters.batch.copybook import Storage
from adapters.batch.kernels.integers import Bools
from adapters.batch.reference import PADDING, Trim

_MISSING = "\ufffe"


def text(view: npt.NDArray[np.uint8], storage: Storage, page: CodePage, trim: Trim) -> tuple[pa.Array, Bools]:
    """Return n strings and the mask of those with a byte that is no character, from (n, length) bytes."""
    n, width = view.shape
    # As n items of `width` bytes they are copied twice as fast as byte by byte.
    raw = view.view(f"V{width}").tobytes() if width and view.strides[-1] == 1 else view.tobytes()
    mapped = raw.translate(page.ascii.tobytes())
    bad: Bools = np.zeros(n, np.bool_)
    if mapped.isascii():  # 0xFF stands for a character that is not
        data = np.frombuffer(mapped, np.uint8)
        if width and not _padded(view, storage, page, trim):
            trim = "none"
        offsets = np.arange(n + 1, dtype=np.int32) * np.int32(width)
    else:
        absent = np.array([c == _MISSING for c in page.characters])
        bad = np.any(absent[view], axis=1)
        data, lengths = _utf8(np.ascontiguousarray(view), page)
        offsets = np.zeros(n + 1, np.int32)
        np.cumsum(lengths, out=offsets[1:])
    strings = pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(data))
    if trim == "none":
        return strings, bad
    cut = pc.ascii_trim if trim == "both" else pc.ascii_ltrim if storage.justified else pc.ascii_rtrim
    return cut(strings, characters=PADDING), bad


def _padded(view: Bytes, storage: Storage, page: CodePage, trim: Trim) -> bool:
    """True where a row ends (or begins) with padding; full-width codes and flags never do."""
    ends = [0, -1] if trim == "both" else [0 if storage.justified else -1]
    edge = view[:, ends]
    return bool(((edge == page.space) | (edge == 0)).any())


def _utf8(raw: npt.NDArray[np.uint8], page: CodePage) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Return the column's UTF-8 bytes and each row's share; a byte without a character becomes '?'."""
    table = page.characters.replace(_MISSING, "?")
    data = codecs.charmap_decode(raw.tobytes(), "strict", table)[0].encode()
    lengths = np.array([len(c.encode()) for c in table], np.uint8)
    return np.frombuffer(data, np.uint8), lengths[raw].sum(axis=1, dtype=np.int32)
