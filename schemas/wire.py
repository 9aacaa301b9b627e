"""The Confluent wire format: a zero byte, the schema id as four bytes big-endian, then the Avro bytes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import Skippable

HEADER = 5


class NotFramed(Skippable):
    """A key or value that no registry-aware producer wrote."""


def header(schema_id: int) -> bytes:
    """Return the five bytes that stand before an Avro value."""
    return b"\0" + schema_id.to_bytes(4, "big")


def frame(schema_id: int, payload: bytes) -> bytes:
    """Return a finished Kafka key or value."""
    return header(schema_id) + payload


def frame_column(schema_id: int, payloads: pa.Array) -> pa.LargeBinaryArray:
    """Return n finished values for n Avro values (binary, no nulls)."""
    head, join = pa.scalar(header(schema_id), pa.large_binary()), pa.scalar(b"", pa.large_binary())
    return pc.binary_join_element_wise(head, payloads.cast(pa.large_binary()), join)


def split(value: bytes) -> tuple[int, bytes]:
    """Return (schema id, Avro bytes).

    Raises:
        NotFramed: too short, or not this format.
    """
    if len(value) < HEADER or value[0] != 0:
        raise NotFramed(
            f"not in the Confluent wire format ({len(value)} bytes, first {value[:1].hex() or 'none'})",
            fix="see which producer writes to this topic without a schema registry",
        )
    return int.from_bytes(value[1:HEADER], "big"), value[HEADER:]


def schema_ids(values: Sequence[bytes] | pa.Array) -> npt.NDArray[np.int64]:
    """Return n schema ids of n framed values (binary); -1 where a value is null or not in this format."""
    values = (
        values.cast(pa.large_binary())
        if isinstance(values, pa.Array)
        else pa.array(values, pa.large_binary())
    )
    n = len(values)
    _, offsets, data = values.buffers()
    if n == 0 or data is None or data.size == 0:
        return np.full(n, -1, np.int64)
    starts = np.frombuffer(offsets, np.int64, n + 1, values.offset * 8)
    lengths = np.diff(starts)
    source = np.frombuffer(data, np.uint8)
    long_enough = lengths >= HEADER
    at = np.where(long_enough, starts[:-1], 0)
    ids = np.zeros(n, np.int64)
    last = len(source) - 1
    for i in range(1, HEADER):
        ids = ids * 256 + source[np.minimum(at + i, last)]
    ids[~long_enough | (source[np.minimum(at, last)] != 0)] = -1
    if values.null_count:
        ids[~np.asarray(values.is_valid())] = -1
    return ids
