"""A spool gives the same records from any position, in any portions."""

from __future__ import annotations

import threading
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters import spool as spool_module
from adapters.spool import SCHEMA, SpoolWriter, keep_spools
from schemas.errors import Terminal

MANIFEST = {
    "adapter": "a",
    "extract": "e",
    "partial": False,
    "base": "",
    "snapshot": "s",
    "ts_ms": 1,
    "ts_kind": "arrival",
    "arrival_ms": 1,
    "file": None,
    "entities": {},
    "rejected": 0,
    "hold": (),
    "problems": (),
}


def batch(values: list[bytes | None]) -> pa.RecordBatch:
    n = len(values)
    keys = pa.array([b"k"] * n, pa.large_binary())
    columns = [
        pa.array([0] * n, pa.int32()),
        keys,
        pa.array(values, pa.large_binary()),
        pa.nulls(n, pa.large_binary()),
    ]
    return pa.record_batch(columns, schema=SCHEMA)


def drain(spool, position, limit):
    return [(p.topic, v) for p in spool.pieces(position, limit) for v in p.value.to_pylist()]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(
    topics=st.lists(
        st.lists(st.lists(st.none() | st.binary(max_size=2), max_size=9), max_size=4), max_size=3
    ),
    limit=st.integers(1, 7),
    batch_bytes=st.sampled_from([1, 80, 1 << 20]),
)
def test_any_portions_give_all_records(tmp_path, monkeypatch, topics, limit, batch_bytes):
    """Reading in portions of any size gives every record once, in order."""
    monkeypatch.setattr(spool_module, "BATCH_ROWS", 4)
    monkeypatch.setattr(spool_module, "_BATCH_BYTES", batch_bytes)
    writer = SpoolWriter(tmp_path)
    for number, batches in enumerate(topics):
        writer.add(f"t{number}", [batch(values) for values in batches])
    spool = writer.close(**MANIFEST)
    whole = [(f"t{n}", v) for n, batches in enumerate(topics) for values in batches for v in values]
    assert spool.manifest.rows == len(whole)
    read = []
    while len(read) < len(whole):
        portion = drain(spool, len(read), limit)
        assert 0 < len(portion) <= limit
        read += portion
    assert read == whole


def test_older_spools_are_read(tmp_path, monkeypatch):
    """A manifest that names no batches has full ones."""
    monkeypatch.setattr(spool_module, "BATCH_ROWS", 2)
    writer = SpoolWriter(tmp_path)
    writer.add("t", [batch([b"1", b"2"]), batch([b"3", b"4"]), batch([b"5"])])
    spool = writer.close(**MANIFEST)
    [file] = spool.manifest.files
    assert file.batches == (2, 2, 1)
    older = file.model_copy(update={"batches": ()})
    spool.manifest = spool.manifest.model_copy(update={"files": (older,)})
    assert drain(spool, 1, 3) == [("t", b"2"), ("t", b"3"), ("t", b"4")]


def test_same_content_same_folder(tmp_path):
    """Preparing the same records again gives the same spool."""
    ids = set()
    for _ in range(2):
        writer = SpoolWriter(tmp_path)
        writer.add("t", [batch([b"1", None])])
        ids.add(writer.close(**MANIFEST).id)
    assert len(ids) == 1


def test_a_whole_spool_of_the_same_name_is_never_taken_away(tmp_path, monkeypatch):
    """Preparing a held spool again keeps its folder at every moment, and leaves no second one."""
    first = SpoolWriter(tmp_path)
    first.add("t", [batch([b"1"])])
    folder = first.close(**MANIFEST).folder
    before = folder.stat().st_ino
    again = SpoolWriter(tmp_path)
    again.add("t", [batch([b"1"])])
    monkeypatch.setattr(Path, "rename", lambda *_: pytest.fail("a crash here would lose the spool"))
    assert again.close(**MANIFEST).folder.stat().st_ino == before
    assert [p.name for p in tmp_path.iterdir()] == [folder.name]


@pytest.mark.parametrize("damage", ["changed", "lost"])
def test_a_damaged_spool_gives_way_to_a_whole_one(tmp_path, damage):
    """Where the disk has spoilt a spool, preparing it again mends it."""
    first = SpoolWriter(tmp_path)
    first.add("t", [batch([b"1"])])
    spool = first.close(**MANIFEST)
    [file] = spool.folder.glob("*.arrow")
    good = file.read_bytes()
    if damage == "lost":
        file.unlink()
    else:
        file.write_bytes(good[:-9] + b"123456789")
    again = SpoolWriter(tmp_path)
    again.add("t", [batch([b"1"])])
    assert drain(again.close(**MANIFEST), 0, 9) == [("t", b"1")]
    assert file.read_bytes() == good and [p.name for p in tmp_path.iterdir()] == [spool.id]


def test_a_writer_that_fails_leaves_nothing(tmp_path):
    """Half a spool is removed with the error that ended it."""
    with pytest.raises(Terminal), SpoolWriter(tmp_path) as writer:
        writer.add("t", [batch([b"1"])])
        raise Terminal("the source is gone")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_behind_the_end_of_a_file(tmp_path, monkeypatch):
    """Where making a batch fails, those that wait for the disk are written before their file is closed."""
    told = []
    write, close = spool_module._IpcFile.write, spool_module._IpcFile.__exit__
    may_write = threading.Event()

    def slow(self, batch):
        assert may_write.wait(10)
        write(self, batch)
        told.append("written")

    def closed(self, *error):
        told.append("closed")
        close(self, *error)

    def batches():
        yield batch([b"1"] * spool_module.BATCH_ROWS)
        yield batch([b"1"] * spool_module.BATCH_ROWS)
        threading.Timer(0.05, may_write.set).start()
        raise Terminal("the file cannot be read", where="here", fix="mend it")

    monkeypatch.setattr(spool_module._IpcFile, "write", slow)
    monkeypatch.setattr(spool_module._IpcFile, "__exit__", closed)
    with pytest.raises(Terminal), SpoolWriter(tmp_path) as writer:
        writer.add("t", batches())
    assert told == ["written", "written", "closed"]


def test_missing_spool_is_terminal(tmp_path):
    """A spool that Kafka names but the disk lacks says what to do."""
    with pytest.raises(Terminal, match="half published or held"):
        spool_module.Spool(tmp_path / "nothing")


def test_keep_spools_clears_the_rest(tmp_path):
    """Only the named spools stay."""
    writer = SpoolWriter(tmp_path)
    writer.add("t", [batch([b"1"])])
    spool = writer.close(**MANIFEST)
    (tmp_path / ".work").mkdir()
    keep_spools(tmp_path, [spool.id])
    assert [p.name for p in tmp_path.iterdir()] == [spool.id]
