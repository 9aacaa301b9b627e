"""An extract in parts gives what one in memory gives, in bounded pieces, with snapshots that share parts."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest

from adapters import parts as parts_module
from adapters.parts import PARTS, Rows
from adapters.snapshot import Snapshots
from schemas.errors import SettingsError, Terminal
from schemas.partition import partition
from tests.unit.adapters.test_prepare import SPEC, Source, content


@pytest.fixture
def source(tmp_path):
    return Source(tmp_path / "a")


@pytest.fixture
def in_parts(monkeypatch):
    """Make even the smallest extract one in parts, in several runs."""
    monkeypatch.setattr(parts_module, "_IN_MEMORY", 0)
    monkeypatch.setattr(parts_module, "_RUN", 300)


def rows(n, changed=0):
    return [(f"k{i}", i + (1000 if i < changed else 0)) for i in range(n)]


def events(spool):
    return [
        (piece.topic, p, k, v)
        for piece in spool.pieces(0, 10**9)
        for p, k, v in zip(
            piece.partition.tolist(), piece.key.to_pylist(), piece.value.to_pylist(), strict=True
        )
    ]


def bare(spool):
    """Count the records without their position in the extract and first/last marks, which order decides."""
    return Counter((t, p, k, v is None) for t, p, k, v in events(spool))


def batch(*keys):
    names = ["key_text", "n"]
    return pa.record_batch([pa.array(keys, pa.large_string()), pa.array(range(len(keys)))], names=names)


def test_a_row_is_in_the_part_of_its_key(tmp_path, in_parts):
    """Every row comes back once, in the part that its key says, in source order."""
    keys = [f"k{i % 70}" for i in range(200)]
    with Rows(tmp_path / "rows") as store:
        for start in range(0, 200, 20):
            store.add(batch(*keys[start : start + 20]))
        found = list(store.parts(PARTS))
    assert store.many
    for part, piece in enumerate(found):
        wanted = [k for k in keys if partition(k, PARTS) == part]
        assert (piece.column("key_text").to_pylist() if piece is not None else []) == wanted


def test_few_rows_can_be_cut_too(tmp_path):
    """A small extract over a snapshot in parts is cut in memory; nothing is written."""
    with Rows(tmp_path / "rows") as store:
        store.add(batch("a", "b"))
        found = [p for p in store.parts(PARTS) if p is not None]
    assert sorted(k for p in found for k in p.column("key_text").to_pylist()) == ["a", "b"]
    assert not (tmp_path / "rows").exists()


def test_parts_give_the_same_events(source, tmp_path, in_parts, monkeypatch):
    """First load, changes and deletes are the same records with and without parts."""
    split = [source.prepare(rows(50), spools="one")]
    split.append(source.prepare(rows(45, changed=10)[::-1], split[0].manifest.snapshot, "two"))
    monkeypatch.undo()
    plain = Source(tmp_path / "plain")
    whole = [plain.prepare(rows(50), spools="one")]
    whole.append(plain.prepare(rows(45, changed=10)[::-1], whole[0].manifest.snapshot, "two"))
    for one, other in zip(split, whole, strict=True):
        assert bare(one) == bare(other)
        assert one.manifest.counts == other.manifest.counts
    assert split[1].manifest.counts["d"] == 5


def test_same_extract_same_bytes_in_parts(source, in_parts):
    """Spool and snapshot are the same bytes when the same extract is prepared again."""
    base = source.prepare(rows(50)).manifest.snapshot
    first, second = (source.prepare(rows(60, changed=5), base, name) for name in ("one", "two"))
    assert first.id == second.id
    assert content(first) == content(second)
    assert not list((source.folder / "one").glob(".rows"))


def test_unchanged_parts_share_their_files(source, in_parts):
    """One changed row writes one file; the extract without change keeps the snapshot itself."""
    base = source.prepare(rows(200)).manifest.snapshot
    files = set((source.folder / "snapshots").glob("*.arrow"))
    assert source.prepare(rows(200), base).manifest.snapshot == base
    source.prepare(rows(200, changed=1), base)
    assert len(set((source.folder / "snapshots").glob("*.arrow")) - files) == 1


def test_marks_are_on_the_first_and_last_event_of_all(source, in_parts):
    """A first load in parts has one first and one last marker."""
    spool = source.prepare(rows(100))
    marks = [m for _, _, _, v in events(spool) for m in (b"\x0afirst", b"\x08last") if m in v]
    assert marks == [b"\x0afirst", b"\x08last"]


def test_a_snapshot_in_one_file_goes_on_in_parts_and_stays_so(source, monkeypatch):
    """An entity that grows is cut once; small extracts after it keep the parts, and nothing is repeated."""
    base = source.prepare(rows(50)).manifest.snapshot
    with monkeypatch.context() as patch:
        patch.setattr(parts_module, "_IN_MEMORY", 0)
        grown = source.prepare(rows(55, changed=2), base).manifest
    assert grown.counts | {"unchanged": 0} == {"r": 0, "c": 5, "u": 2, "d": 0, "rejected": 0, "unchanged": 0}
    again = source.prepare(rows(55, changed=2), grown.snapshot).manifest
    assert (again.rows, again.snapshot) == (0, grown.snapshot)
    assert len(Snapshots(source.folder / "snapshots").parts(grown.snapshot)["account"]) == PARTS


def test_rejects_and_conflicts_in_parts(source, in_parts):
    """A rejected key keeps its row, and contradicting rows are dead letters in the order of the file."""
    base = source.prepare(rows(30)).manifest.snapshot
    reject = {"raw": "x", "reason": "why", "key_text": "k3"}
    day = [r for r in rows(30) if r[0] != "k3"] + [("k9", 1), ("k2", 1)]
    manifest = source.prepare(day, base, rejects=[reject]).manifest
    assert manifest.counts == {"r": 0, "c": 0, "u": 0, "d": 0, "unchanged": 27, "rejected": 5}


def test_delta_in_parts_touches_only_its_keys(source, in_parts):
    """Delta records change their own keys; parts without one are not even opened."""
    base = source.prepare(rows(200)).manifest.snapshot
    files = set((source.folder / "snapshots").glob("*.arrow"))
    manifest = source.prepare([("k1", 7), ("k2", 0), ("new", 1)], base, actions="udc").manifest
    assert manifest.counts == {"r": 0, "c": 1, "u": 1, "d": 1, "unchanged": 0, "rejected": 0}
    assert len(set((source.folder / "snapshots").glob("*.arrow")) - files) <= 3


def test_delta_keys_and_tombstones(source):
    """A delete between other records has its own key and is followed by its tombstone."""
    base = source.prepare(rows(3)).manifest.snapshot
    spool = source.prepare([("k1", 7), ("k2", 0), ("new", 1)], base, actions="udc")
    found = events(spool)
    assert [v is None for *_, v in found] == [False, False, True, False]
    assert [k for _, _, k, _ in found][1] == [k for _, _, k, _ in found][2]
    assert b"k2" in found[1][2] and b"new" in found[3][2]


def test_unexpected_delta_records_are_counted_or_refused(source, tmp_path):
    """By default they are taken for what fits; with `reject` they are dead letters."""
    taken = source.prepare([("a", 1), ("b", 1)], actions="ud").manifest
    assert taken.counts["c"] == 1 and taken.entities["account"].counts["unexpected"] == 2
    strict = SPEC.model_copy(update={"compare": SPEC.compare.model_copy(update={"unexpected": "reject"})})
    refused = Source(tmp_path / "strict", strict).prepare([("a", 1), ("b", 1)], actions="ud").manifest
    assert (refused.events, refused.counts["rejected"]) == (0, 2)


def test_event_files_publish_every_record_and_keep_nothing(source):
    """Each record is one create, equal ones too; the snapshot stays empty and the same."""
    first = source.prepare([("a", 1), ("a", 1)], actions="ee").manifest
    second = source.prepare([("a", 1)], first.snapshot, actions="e").manifest
    assert (first.counts["c"], second.counts["c"]) == (2, 1)
    assert first.snapshot == second.snapshot


def compared(tmp_path, **compare):
    spec = SPEC.model_copy(update={"compare": type(SPEC.compare)(**compare)})
    return Source(tmp_path / "c", spec)


def test_ignored_change_keeps_the_published_image(tmp_path):
    """A change of an ignored field gives nothing, and the next event's before is what was published."""
    source = compared(tmp_path, ignore=["note"])
    base = source.prepare([("a", 1)]).manifest.snapshot
    silent = source.prepare_rows([{"id": "a", "amount": 1, "note": "new"}], base).manifest
    assert (silent.rows, silent.snapshot) == (0, base)
    [loud] = events(source.prepare_rows([{"id": "a", "amount": 2, "note": "n2"}], base))
    assert b"new" not in loud[3] and b"n2" in loud[3]


def test_tolerance_and_policy_of_duplicates(tmp_path):
    """A number within its tolerance has not changed; the last of two rows counts where that is said."""
    source = compared(tmp_path, tolerance={"amount": 5}, duplicates="last")
    base = source.prepare([("a", 100), ("b", 1)]).manifest.snapshot
    assert source.prepare([("a", 105), ("b", 1)], base).manifest.events == 0
    manifest = source.prepare([("a", 900), ("a", 106), ("b", 1)], base).manifest
    assert (manifest.counts["u"], manifest.counts["rejected"]) == (1, 0)


def test_a_setting_must_name_a_field(tmp_path):
    """A misspelt field and a key field are refused."""
    for name in ("nobody", "id"):
        with pytest.raises(SettingsError, match=name):
            compared(tmp_path / name, ignore=[name]).prepare([("a", 1)])


def test_a_field_that_changed_its_type_is_a_clear_error(tmp_path):
    """A number that became text cannot be compared with the snapshot; the error says what to do."""
    before = Source(tmp_path / "t")
    base = before.prepare([("a", 1)]).manifest.snapshot
    before.spec = SPEC.model_copy(update={"amount_type": "string"})
    with pytest.raises(Terminal, match="the type of amount has changed") as error:
        before.prepare([("a", "1")], base)
    assert "rename" in error.value.fix


def test_gained_and_lost_fields(tmp_path):
    """A field that is gained changes a row only where it is filled; one that is lost changes nothing."""
    source = Source(tmp_path / "g")
    base = source.prepare([("a", 1), ("b", 2)]).manifest.snapshot
    source.spec = SPEC.model_copy(update={"extra_fields": ("city",)})
    day = [{"id": "a", "amount": 1, "note": None}, {"id": "b", "amount": 2, "note": None, "city": "York"}]
    manifest = source.prepare_rows(day, base).manifest
    assert (manifest.counts["u"], manifest.counts["unchanged"]) == (1, 1)
    source.spec = SPEC
    assert source.prepare([("a", 1), ("b", 2)], manifest.snapshot).manifest.events == 0
