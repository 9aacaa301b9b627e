"""Kafka's murmur2."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.partition import murmur2, partition, partitions

# org.apache.kafka.common.utils.UtilsTest.testMurmur2
KNOWN = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    "abc": 479470107,
}


@pytest.mark.parametrize("text", KNOWN)
def test_known_hashes(text: str) -> None:
    """The hash equals the values in Kafka's own test."""
    assert murmur2(text.encode()) == KNOWN[text] & 0xFFFFFFFF


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=20), max_size=8), st.integers(1, 50))
def test_column_equals_scalar(texts: list[str], n: int) -> None:
    """The kernel gives the scalar form's partition, for string and large_string, whole and sliced."""
    expected = [partition(text, n) for text in texts]
    assert partitions(pa.array(texts, pa.string()), n).tolist() == expected
    assert partitions(pa.array(["x", *texts], pa.large_string()).slice(1), n).tolist() == expected
