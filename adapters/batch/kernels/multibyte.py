"""Text of pages whose characters have several bytes, by Python's codec: one call a column."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from adapters.batch.codepage import CodePage
from adapters.batch.kernels.integers import Bools

_LINE_FEED, _EBCDIC_FEED = 0x0A, 0x25


def decoded(
    view: npt.NDArray[np.uint8], page: CodePage
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32], Bools]:
    """Return the column's UTF-8 bytes, each row's share, and the bad rows ('' there).

    Rows are joined by line feeds, which are never a part of another character in the pages that there are,
    and decoded at once. Where that fails, a row holds a line feed itself, or one lacks its shift-in, each row
    is decoded by itself.
    """
    n, width = view.shape
    feed = _EBCDIC_FEED if page.ebcdic else _LINE_FEED
    if not (view == feed).any():
        joined = np.full((n, width + 1), feed, np.uint8)
        joined[:, :-1] = view
        try:
            data = np.frombuffer(joined.tobytes().decode(page.name).encode(), np.uint8)
        except UnicodeDecodeError:
            return _one_by_one(view, page)
        ends = np.flatnonzero(data == _LINE_FEED)
        if len(ends) == n:
            lengths = np.diff(ends, prepend=-1) - 1
            return data[data != _LINE_FEED], lengths.astype(np.int32), np.zeros(n, np.bool_)
    return _one_by_one(view, page)


def _one_by_one(
    view: npt.NDArray[np.uint8], page: CodePage
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32], Bools]:
    bad: Bools = np.zeros(len(view), np.bool_)
    parts: list[bytes] = []
    for row, raw in enumerate(view):
        try:
            parts.append(raw.tobytes().decode(page.name).encode())
        except UnicodeError:
            bad[row] = True
            parts.append(b"")
    return np.frombuffer(b"".join(parts), np.uint8), np.array([len(p) for p in parts], np.int32), bad
