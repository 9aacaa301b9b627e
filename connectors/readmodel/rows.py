"""Rows by column: what a fold hands to a store without making a tuple of each row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.codec.interleave import as_large_binary, from_offsets, interleave

#: Of a COPY in binary: signature, flags, length of the extension (PostgreSQL manual, COPY, "File Formats").
_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_TRAILER = b"\xff\xff"
#: The length of a null.
_NULL = b"\xff\xff\xff\xff"
#: How numbers stand in it, and in how many bytes.
_WIDTHS: dict[str, tuple[str, int]] = {
    "int2": (">i2", 2),
    "int4": (">i4", 4),
    "int8": (">i8", 8),
    "float8": (">f8", 8),
}


@dataclass(frozen=True, slots=True, eq=False)
class Rows(Sequence[tuple[Any, ...]]):
    """n rows as columns, in key order and with distinct keys.

    As a sequence it is the tuples of the rows, which is what tests and the curious see.

    Attributes:
        columns: Arrow arrays of n values, as stored: texts, binaries, 8, 32 or 64 bit integers, doubles.
        n: how many rows; there may be no columns.
    """

    columns: Sequence[pa.Array]
    n: int

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return zip(*(objects(c) for c in self.columns), strict=True)

    @overload
    def __getitem__(self, at: int) -> tuple[Any, ...]: ...
    @overload
    def __getitem__(self, at: slice) -> Rows: ...
    def __getitem__(self, at: int | slice) -> tuple[Any, ...] | Rows:
        if isinstance(at, int):
            return tuple(c[at].as_py() for c in self.columns)
        first, last, _ = at.indices(self.n)
        return Rows([c.slice(first, max(last - first, 0)) for c in self.columns], max(last - first, 0))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def flat(self) -> list[Any]:
        """Return the values row by row, as parameters of a statement over many rows."""
        out = np.empty((self.n, len(self.columns)), object)
        for j, column in enumerate(self.columns):
            out[:, j] = objects(column)
        return list(out.ravel().tolist())

    def replaced(self, old: str, new: str) -> Rows:
        """Return the rows with one text replaced by another in every text."""
        texts = [pc.replace_substring(c, old, new) if pa.types.is_string(c.type) else c for c in self.columns]
        return Rows(texts, self.n)

    def copied(self, types: Sequence[str]) -> pa.Buffer:
        """Return the bytes of a COPY in binary whose fields have these PostgreSQL types."""
        pieces: list[pa.Array] = [
            pa.array([len(self.columns).to_bytes(2, "big"), _NULL, b""], pa.large_binary())
        ]
        order: list[npt.NDArray[Any]] = [np.zeros(self.n, np.int64)]
        at = len(pieces[0])
        for column, kind in zip(self.columns, types, strict=True):
            valid = np.asarray(column.is_valid())
            # A null is its length and nothing behind it.
            for (piece, where), null in zip(_pieces(column, kind), (1, 2), strict=False):
                order.append(np.where(valid, at + where, null))
                pieces.append(piece)
                at += len(piece)
        body = interleave(pa.concat_arrays(pieces), order).buffers()[2]
        return pa.py_buffer(b"".join((_COPY_HEADER, body or b"", _COPY_TRAILER)))


def _pieces(column: pa.Array, kind: str) -> list[tuple[pa.Array, npt.NDArray[Any]]]:
    """Return what a column's fields are put together from: binaries, and which of them each row takes."""
    if kind in _WIDTHS:
        dtype, width = _WIDTHS[kind]
        values = np.asarray(column.fill_null(0)).astype(dtype)
        body = np.empty((len(column), 4 + width), np.uint8)
        body[:, :4] = np.frombuffer(width.to_bytes(4, "big"), np.uint8)
        body[:, 4:] = values.view(np.uint8).reshape(-1, width)
        fields = from_offsets(np.arange(len(column) + 1, dtype=np.int64) * (4 + width), body.reshape(-1))
        return [(fields, np.arange(len(column)))]
    bodies = as_large_binary(column)
    lengths = np.asarray(pc.fill_null(pc.binary_length(bodies), 0))
    distinct, which = np.unique(lengths, return_inverse=True)
    heads = pa.array([int(length).to_bytes(4, "big") for length in distinct.tolist()], pa.large_binary())
    return [(heads, which), (bodies, np.arange(len(column)))]


def objects(array: pa.Array) -> npt.NDArray[Any]:
    """Return n Python values, None for null."""
    if array.null_count and not pa.types.is_string(array.type) and not pa.types.is_binary(array.type):
        values: npt.NDArray[Any] = array.fill_null(0).to_numpy(zero_copy_only=False).astype(object)
        values[np.asarray(array.is_null())] = None
        return values
    found: npt.NDArray[Any] = array.to_numpy(zero_copy_only=False)
    return found.astype(object, copy=False)
