"""Which partition a key belongs to: Kafka's murmur2 over the key text, by column (DESIGN 10.4).

The function is that of Kafka's Java client (`org.apache.kafka.common.utils.Utils.murmur2`), so that any
other client which hashes the key text finds the same partition.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_SEED, _M = 0x9747B28C, 0x5BD1E995
_MASK = 0xFFFFFFFF


def partitions(key_texts: pa.Array, n: int) -> npt.NDArray[np.int32]:
    """Return the partition number, of `n`, of each key text (string, no nulls)."""
    return ((murmur2_column(key_texts) & np.uint32(0x7FFFFFFF)) % np.uint32(n)).astype(np.int32)


def partition(key_text: str, n: int) -> int:
    """Return the partition number of one key text."""
    return (murmur2(key_text.encode()) & 0x7FFFFFFF) % n


def murmur2_column(texts: pa.Array) -> npt.NDArray[np.uint32]:
    """Return n hashes of the UTF-8 bytes of n texts, word by word across the whole column."""
    texts = texts.cast(pa.large_string())
    n = len(texts)
    _, offset_buffer, data = texts.buffers()
    offsets = np.frombuffer(offset_buffer, np.int64, n + 1, texts.offset * 8) if n else np.zeros(1, np.int64)
    source = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    starts, lengths = offsets[:-1], np.diff(offsets)
    m = np.uint32(_M)
    h = np.uint32(_SEED) ^ lengths.astype(np.uint32)
    for word in range(int(lengths.max(initial=0)) // 4):
        rows = np.flatnonzero(lengths >= 4 * (word + 1))
        at = starts[rows] + 4 * word
        k = np.zeros(len(rows), np.uint32)
        for i in range(4):
            k |= source[at + i].astype(np.uint32) << np.uint32(8 * i)
        k *= m
        k ^= k >> np.uint32(24)
        k *= m
        h[rows] = (h[rows] * m) ^ k
    tail = starts + (lengths & ~3)
    for left in (3, 2, 1):
        rows = np.flatnonzero((lengths & 3) >= left)
        h[rows] ^= source[tail[rows] + left - 1].astype(np.uint32) << np.uint32(8 * (left - 1))
    rows = np.flatnonzero(lengths & 3)
    h[rows] *= m
    h ^= h >> np.uint32(13)
    h *= m
    h ^= h >> np.uint32(15)
    return h


def murmur2(data: bytes) -> int:
    """Return the hash of one key: the slow, obvious twin."""
    h = (_SEED ^ len(data)) & _MASK
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i : i + 4], "little") * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = (h * _M & _MASK) ^ k
    if tail := data[whole:]:
        h = (h ^ int.from_bytes(tail, "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15
