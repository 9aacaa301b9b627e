"""Fingerprints equal the plain sum of products, for any bytes at any place."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from adapters.compare.fingerprint import Fingerprint, windows

RANGES = st.lists(st.binary(max_size=12) | st.binary(min_size=250, max_size=600), min_size=1, max_size=8)


def laid(ranges: list[bytes], gap: bytes):
    data = np.frombuffer(gap.join(ranges) + gap or b"\0", np.uint8)
    lengths = np.array([len(r) for r in ranges])
    return data, np.cumsum(lengths + len(gap)) - lengths - len(gap), lengths


def twin(made: Fingerprint, value: bytes, stream: int) -> list[int]:
    """h = m_len · length + Σ m_i · w_i, word by word, strip by strip."""
    out = []
    for lane in (0, 1):
        h = 0
        for strip in range(max(1, -(-len(value) // 256))):
            multipliers = made._of_strip(stream, strip)[:, lane].tolist()
            part = value[strip * 256 : (strip + 1) * 256]
            part += b"\0" * (-len(part) % 4)
            for i in range(len(part) // 4):
                h += multipliers[i] * int.from_bytes(part[4 * i : 4 * i + 4], "little")
            if strip == 0:
                h += multipliers[-1] * len(value)
        out.append(h % 2**64)
    return out


@given(RANGES, st.binary(max_size=3), st.integers(0, 2))
def test_equals_twin(ranges, gap, stream):
    """Each range has the fingerprint of its bytes, whatever lies round it."""
    made = Fingerprint(seed=b"7")
    assert made.of(*laid(ranges, gap), stream).tolist() == [twin(made, r, stream) for r in ranges]


@given(RANGES)
def test_alike_only_where_the_bytes_are(ranges):
    """Equal ranges have equal fingerprints and different ones different."""
    prints = [tuple(p) for p in Fingerprint().of(*laid(ranges, b"")).tolist()]
    assert len(set(prints)) == len(set(ranges))


def test_two_functions_differ():
    """Each comparison draws its own function, so nobody can prepare rows that collide."""
    one = laid([b"row"], b"")
    assert Fingerprint().of(*one).tolist() != Fingerprint().of(*one).tolist()


def test_windows_past_the_end_are_zero():
    """A window that reaches past the data is filled with zeros."""
    data = np.frombuffer(b"abc", np.uint8)
    assert windows(data, np.array([0, 2]), 4).tobytes() == b"abc\0c\0\0\0"
