"""Cells side by side are what their bytes are one after the other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import cells
from schemas.codec.cells import Constant, Fixed, Number, Words, minimal, pressed
from schemas.codec.varint import varint

LONGS = st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 200)


@pytest.mark.parametrize("run", [1, 4_096])
@settings(max_examples=60)
@given(data=st.data(), n=st.integers(1, 12))
def test_cells_are_what_their_bytes_are(run, data, n):
    """Any cells of any rows, some of them absent, are pressed to what the slow twin writes."""
    kept, cells._RUN = cells._RUN, run
    try:
        made, expected = [], [b""] * n
        for _ in range(data.draw(st.integers(1, 5))):
            cell, values = data.draw(some_cell(n))
            made.append(cell)
            expected = [a + b for a, b in zip(expected, values, strict=True)]
        assert pressed(made, n).to_pylist() == expected
    finally:
        cells._RUN = kept


@given(st.lists(st.integers(-(2**127), 2**127 - 1) | LONGS, min_size=1))
def test_minimal_sizes(numbers):
    """The size of a two's complement number is the smallest that Python accepts."""
    low, high = words(numbers)
    assert minimal(low, high).tolist() == [(v if v >= 0 else ~v).bit_length() // 8 + 1 for v in numbers]


@st.composite
def some_cell(draw, n):
    """A cell of n rows and the bytes of each."""
    present = draw(st.none() | st.lists(st.booleans(), min_size=n, max_size=n))
    mask = None if present is None else np.array(present)
    there = present or [True] * n
    kind = draw(st.sampled_from(["constant", "number", "alike", "words", "wide", "fixed"]))
    if kind == "constant":
        value = draw(st.binary(min_size=1, max_size=5))
        return Constant(value), [value] * n
    if kind in ("number", "alike"):
        one = st.integers(64, 128) if kind == "alike" else LONGS
        values = draw(st.lists(one, min_size=n, max_size=n))
        found, cell = [varint(v) for v in values], Number(np.array(values, np.int64), mask)
    elif kind == "fixed":
        found = draw(st.lists(st.binary(min_size=4, max_size=4), min_size=n, max_size=n))
        cell = Fixed(np.frombuffer(b"".join(found), np.uint8).reshape(n, 4), mask)
    else:
        values = draw(st.lists(st.integers(-(2**127), 2**127 - 1) | LONGS, min_size=n, max_size=n))
        low, high = words(values)
        sizes = minimal(low, high) if kind == "words" else 16
        lengths = sizes.tolist() if kind == "words" else [16] * n
        found = [v.to_bytes(k, "big", signed=True) for v, k in zip(values, lengths, strict=True)]
        cell = Words(low, high, sizes, mask)
    return cell, [v if t else b"" for v, t in zip(found, there, strict=True)]


def words(numbers):
    """Low and high 64 bits of each number."""
    raw = b"".join(v.to_bytes(16, "little", signed=True) for v in numbers)
    both = np.frombuffer(raw, np.int64)
    return both[0::2], both[1::2]
