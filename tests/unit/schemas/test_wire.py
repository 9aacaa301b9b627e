"""The Confluent wire format."""

from __future__ import annotations

import pyarrow as pa
import pytest

from schemas import wire
from schemas.errors import Skippable


def test_there_and_back() -> None:
    """A framed payload splits into its id and itself."""
    assert wire.frame(258, b"xyz") == b"\x00\x00\x00\x01\x02xyz"
    assert wire.split(wire.frame(2**31 - 1, b"")) == (2**31 - 1, b"")


@pytest.mark.parametrize("value", [b"", b"\0\0\0\0", b"\1\0\0\0\1x", b"{}{}{}"])
def test_what_is_not_framed(value: bytes) -> None:
    """A short value and another first byte are skippable errors, and -1 in the column form."""
    with pytest.raises(Skippable):
        wire.split(value)
    assert wire.schema_ids([value, wire.frame(9, b"")]).tolist() == [-1, 9]


def test_columns() -> None:
    """Whole columns are framed and their ids read, sliced arrays and nulls included."""
    framed = wire.frame_column(70_000, pa.array([b"no", b"a", b"", b"b" * 300], pa.binary()).slice(1))
    assert framed.to_pylist() == [wire.frame(70_000, v) for v in (b"a", b"", b"b" * 300)]
    assert wire.schema_ids(framed).tolist() == [70_000] * 3
    assert wire.schema_ids(pa.array([None, b"\0\0\0\0\1"], pa.binary())).tolist() == [-1, 1]
    assert wire.frame_column(1, pa.array([], pa.binary())).to_pylist() == []
