"""Snapshots are content-addressed, shared between ids, and clear about what is missing."""

from __future__ import annotations

import pyarrow as pa
import pytest

from adapters.snapshot import Picture, Snapshots
from schemas.errors import Terminal

SCHEMA = {"type": "record", "name": "Value", "fields": []}


def picture(**rows: bytes) -> Picture:
    return Picture(SCHEMA, pa.array(rows, pa.large_string()), pa.array(rows.values(), pa.large_binary()))


def test_round_trip(tmp_path):
    """What is read back is what was written, schema included."""
    store = Snapshots(tmp_path)
    read = store.read(store.write({"case": picture(a=b"1", b=b"2"), "empty": picture()}))
    assert read["case"].key_text.to_pylist() == ["a", "b"]
    assert read["case"].value.to_pylist() == [b"1", b"2"]
    assert read["case"].schema == SCHEMA
    assert len(read["empty"].key_text) == 0


def test_id_is_the_content(tmp_path):
    """Equal content has one id, different content another."""
    store = Snapshots(tmp_path)
    first = store.write({"case": picture(a=b"1")})
    assert store.write({"case": picture(a=b"1")}) == first
    assert store.write({"case": picture(a=b"2")}) != first


def test_unchanged_entity_shares_its_file(tmp_path):
    """A picture that is already stored is not written again."""
    store = Snapshots(tmp_path)
    one = store.read(store.write({"a": picture(x=b"1"), "b": picture(y=b"1")}))
    store.write({"a": one["a"], "b": picture(y=b"2")})
    assert len(list(tmp_path.glob("*.arrow"))) == 3


def test_keep_removes_the_rest(tmp_path):
    """Only what the kept snapshots name stays on disk."""
    store = Snapshots(tmp_path)
    old = store.write({"a": picture(x=b"1")})
    new = store.write({"a": picture(x=b"2")})
    store.keep([new])
    assert store.read(new)["a"].value.to_pylist() == [b"2"]
    with pytest.raises(Terminal, match="cannot be read"):
        store.read(old)


def test_damaged_file_is_terminal_with_a_remedy(tmp_path):
    """A damaged snapshot says what to do instead of repeating every record."""
    store = Snapshots(tmp_path)
    snapshot = store.write({"a": picture(x=b"1")})
    next(tmp_path.glob("*.arrow")).write_bytes(b"rubbish")
    with pytest.raises(Terminal) as error:
        store.read(snapshot)
    assert "backup" in error.value.fix
