"""DISPLAY text: code page bytes to Arrow strings, without a Python object a value."""

from __future__ import annotations

import codecs

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from adapters.batch.codepage import NONE, CodePage
from adapters.batch.copybook import Storage
from adapters.batch.kernels.integers import Bools
from adapters.batch.reference import PADDING, Trim

_MISSING = "\ufffe"


def text(view: npt.NDArray[np.uint8], storage: Storage, page: CodePage, trim: Trim) -> tuple[pa.Array, Bools]:
    """Return n strings and the mask of those with a byte that is no character, from (n, length) bytes."""
    n, width = view.shape
    mapped = page.ascii[view]
    bad = np.zeros(n, np.bool_)
    if not (mapped == NONE).any():
        offsets = np.arange(0, (n + 1) * width, width, dtype=np.int32) if width else np.zeros(n + 1, np.int32)
        data = mapped.reshape(-1)
    else:
        if _MISSING in page.characters:
            absent = np.array([c == _MISSING for c in page.characters])
            bad = absent[view].any(axis=1)
        raw = np.ascontiguousarray(view)
        data = (
            np.frombuffer(codecs.charmap_decode(raw, "strict", page.characters)[0].encode(), np.uint8)
            if not bad.any()
            else _marked(raw, page)
        )
        lengths = _utf8_lengths(page)[raw].sum(axis=1, dtype=np.int32)
        offsets = np.concatenate(([0], np.cumsum(lengths, dtype=np.int32)), dtype=np.int32)
    strings = pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(data))
    if trim == "none":
        return strings, bad
    cut = pc.ascii_trim if trim == "both" else pc.ascii_ltrim if storage.justified else pc.ascii_rtrim
    return cut(strings, characters=PADDING), bad


def _marked(raw: npt.NDArray[np.uint8], page: CodePage) -> npt.NDArray[np.uint8]:
    """Return UTF-8 with '?' for bytes that are no character; their rows are marked bad."""
    table = page.characters.replace(_MISSING, "?")
    return np.frombuffer(codecs.charmap_decode(raw, "strict", table)[0].encode(), np.uint8)


def _utf8_lengths(page: CodePage) -> npt.NDArray[np.uint8]:
    return np.array([1 if c == _MISSING else len(c.encode()) for c in page.characters], np.uint8)
