"""Snapshots are content-addressed, shared between ids, and clear about what is missing."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from adapters.snapshot import Picture, Snapshots
from schemas.errors import Terminal

SCHEMA = {"type": "record", "name": "Value", "fields": []}


def picture(**rows: bytes) -> Picture:
    return Picture(SCHEMA, pa.array(rows, pa.large_string()), pa.array(rows.values(), pa.large_binary()))


def write(store: Snapshots, **pictures: Picture) -> str:
    return store.write({name: [store.store(one)] for name, one in pictures.items()})


def test_round_trip(tmp_path):
    """What is read back is what was written, schema included."""
    store = Snapshots(tmp_path)
    read = store.read(write(store, case=picture(a=b"1", b=b"2"), empty=picture()))
    assert read["case"][0].key_text.to_pylist() == ["a", "b"]
    assert read["case"][0].value.to_pylist() == [b"1", b"2"]
    assert read["case"][0].schema == SCHEMA
    assert len(read["empty"][0].key_text) == 0


def test_id_is_the_content(tmp_path):
    """Equal content has one id, different content another."""
    store = Snapshots(tmp_path)
    first = write(store, case=picture(a=b"1"))
    assert write(store, case=picture(a=b"1")) == first
    assert write(store, case=picture(a=b"2")) != first


def test_unchanged_entity_shares_its_file(tmp_path):
    """A picture that is already stored is not written again."""
    store = Snapshots(tmp_path)
    one = store.read(write(store, a=picture(x=b"1"), b=picture(y=b"1")))
    write(store, a=one["a"][0], b=picture(y=b"2"))
    assert len(list(tmp_path.glob("*.arrow"))) == 3


def test_keep_removes_the_rest(tmp_path):
    """Only what the kept snapshots name stays on disk."""
    store = Snapshots(tmp_path)
    old = write(store, a=picture(x=b"1"))
    new = write(store, a=picture(x=b"2"))
    store.keep([new])
    assert store.read(new)["a"][0].value.to_pylist() == [b"2"]
    with pytest.raises(Terminal, match="cannot be read"):
        store.read(old)


def test_damaged_file_is_terminal_with_a_remedy(tmp_path):
    """A damaged snapshot says what to do instead of repeating every record."""
    store = Snapshots(tmp_path)
    snapshot = write(store, a=picture(x=b"1"))
    next(tmp_path.glob("*.arrow")).write_bytes(b"rubbish")
    with pytest.raises(Terminal) as error:
        store.read(snapshot)
    assert "backup" in error.value.fix


def test_parts_are_read_in_their_order(tmp_path):
    """An entity with several files has a manifest of its own form, and its files are kept."""
    store = Snapshots(tmp_path)
    snapshot = store.write({"a": [store.store(picture(x=b"1")), store.store(picture(y=b"2"))]})
    store.keep([snapshot])
    assert [p.key_text.to_pylist() for p in store.read(snapshot)["a"]] == [["x"], ["y"]]


def test_a_snapshot_of_the_first_format_is_read(tmp_path):
    """A manifest as the first version wrote it, one file an entity, is read as one part."""
    store = Snapshots(tmp_path)
    stored = store.store(picture(x=b"1"))
    old = {"entities": {"a": {"file": stored.file, "rows": 1}}, "format": 1}
    (tmp_path / "old.json").write_text(json.dumps(old))
    assert store.parts("old") == {"a": (stored,)}
    written = json.loads((tmp_path / f"{store.write({'a': [stored]})}.json").read_bytes())
    assert written == old
