"""Put segments of many columns together into one binary column, message by message, without a loop.

Arrow's `take` copies one segment by one memcpy. So the pieces of all columns are laid one behind the
other in one array, and taken in message order: the data buffer that comes out holds finished messages.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Int64s = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]


def interleave(pieces: pa.LargeBinaryArray, order: Sequence[npt.NDArray[Any]]) -> pa.LargeBinaryArray:
    """Return n messages; message i is `pieces[order[0][i]] + pieces[order[1][i]] + …`.

    Args:
        pieces: every segment that is needed; nulls count as empty.
        order: k index columns of n rows each.
    """
    k, n = len(order), len(order[0])
    # Arrow looks indexes up faster the narrower they are.
    index = np.empty((n, k), np.int32 if len(pieces) < 2**31 else np.int64)
    for j, column in enumerate(order):
        index[:, j] = column
    taken = pieces.take(pa.array(index.ravel()))
    offsets = np.frombuffer(taken.buffers()[1], np.int64, n * k + 1, 8 * taken.offset)[::k]
    return from_offsets(offsets, taken.buffers()[2])


def from_offsets(offsets: Int64s, data: Any, kind: Any = None) -> Any:
    """Return the large binary (or `kind`) array with n+1 `offsets` into `data` (buffer or uint8s)."""
    body = data if isinstance(data, pa.Buffer) else pa.py_buffer(b"" if data is None else data)
    where = pa.py_buffer(np.ascontiguousarray(offsets, np.int64))
    return pa.Array.from_buffers(kind or pa.large_binary(), len(offsets) - 1, [None, where, body])


def as_large_binary(array: pa.Array) -> pa.LargeBinaryArray:
    """Return a binary or string array of any offset width as large_binary; data is not copied."""
    kind = array.type
    if kind == pa.large_binary():
        return array
    if kind == pa.string():
        return array.cast(pa.binary()).cast(pa.large_binary())
    return array.cast(pa.large_binary())


def bytes_of(values: Sequence[bytes] | pa.Array, pad: int = 0) -> tuple[Bytes, Int64s, Int64s]:
    """Return (data, starts, lengths) of n byte strings; nulls have length 0.

    Args:
        values: Python bytes, or a binary or string array.
        pad: zero bytes before the first and after the last string, so that a kernel may read past an end.
    """
    fill = bytes(pad)
    if not isinstance(values, pa.Array):
        lengths = np.fromiter(map(len, values), np.int64, len(values))
        data = np.frombuffer(b"".join([fill, *values, fill]), np.uint8)
        starts = np.cumsum(lengths) - lengths + pad
        return data, starts, lengths
    array = as_large_binary(values)
    if not len(array):
        return np.zeros(2 * pad, np.uint8), np.zeros(0, np.int64), np.zeros(0, np.int64)
    offsets = np.frombuffer(array.buffers()[1], np.int64, len(array) + 1, 8 * array.offset)
    body = array.buffers()[2]
    data = np.frombuffer(body if body is not None else b"", np.uint8)
    first, last = int(offsets[0]), int(offsets[-1])
    starts, lengths = offsets[:-1], np.diff(offsets)
    if array.null_count:
        lengths = np.where(np.asarray(array.is_valid()), lengths, 0)
    if pad:
        zeros = np.zeros(pad, np.uint8)
        return np.concatenate([zeros, data[first:last], zeros]), starts - first + pad, lengths
    return data, starts, lengths
