"""Phase 1 is deterministic and its spool says exactly what publishing will do."""

from __future__ import annotations

import hashlib
import json

import pytest

from adapters import entity_diff as prepare_module
from adapters import parts
from adapters import rejects as rejects_module
from adapters.channel import bind
from adapters.dead_letter import RAW_BYTES
from adapters.prepare import prepare
from adapters.samples import samples
from adapters.snapshot import Snapshots
from adapters.spool import SpoolWriter
from adapters.testing import JsonExtract, JsonRowsSpec
from schemas.errors import Transient
from schemas.key_text import pseudonym

SECRET = b"k" * 32
SPEC = JsonRowsSpec(name="src", system="core", guard={"min_known": 1, "max_delete_share": 0.5})


class Source:
    def __init__(self, folder, spec=SPEC, secret=None):
        self.folder, self.spec, self.secret = folder, spec, secret
        (folder / "inbox").mkdir(parents=True)

    def prepare(self, rows, base="", spools="spools", **more):
        return self.prepare_rows(
            [{"id": k, "amount": v, "note": None} for k, v in rows], base, spools, **more
        )

    def prepare_rows(self, rows, base="", spools="spools", **more):
        document = {"rows": rows, **more}
        (self.folder / "inbox" / "x.json").write_text(json.dumps(document))
        adapter = self.spec.open(self.folder)
        [extract] = adapter.poll()
        entity = adapter.entities["account"]
        channel = bind(self.spec, entity, "t.core.account", prefix="t", ids=(1, 2), secret=self.secret)
        return prepare(
            extract,
            spec=self.spec,
            channels={"account": channel},
            snapshots=Snapshots(self.folder / "snapshots"),
            base=base,
            spools=self.folder / spools,
            dead_letters="dlq",
            secret=SECRET,
        )


@pytest.fixture
def source(tmp_path):
    return Source(tmp_path / "a")


def content(spool):
    return {p.name: p.read_bytes() for p in spool.folder.iterdir()}


def values(spool):
    return [v for piece in spool.pieces(0, 10**9) for v in piece.value.to_pylist()]


def test_same_extract_same_bytes(source):
    """Preparing the same extract over the same base gives the same files byte by byte."""
    base = source.prepare([(f"k{i}", i) for i in range(100)]).manifest.snapshot
    rows = [(f"k{i}", i + (i % 7 == 0)) for i in range(5, 110)]
    more = {"rejects": [{"raw": "r", "reason": "why", "key_text": "k1"}]}
    first = source.prepare(rows, base, "one", **more)
    second = source.prepare(rows, base, "two", **more)
    assert first.id == second.id
    assert content(first) == content(second)


def test_batch_size_does_not_matter(source, monkeypatch):
    """Events are the same however they are cut into batches, first and last markers too."""
    rows = [(f"k{i}", i) for i in range(50)]
    whole = values(source.prepare(rows))
    monkeypatch.setattr(prepare_module, "BATCH_ROWS", 7)
    assert values(source.prepare(rows, spools="small")) == whole


def test_delete_is_followed_by_its_tombstone(source):
    """A delete is two records with one key in one partition: the envelope, then null."""
    base = source.prepare([("a", 1), ("b", 2)]).manifest.snapshot
    spool = source.prepare([("a", 1)], base)
    [piece] = spool.pieces(0, 10)
    assert [v is None for v in piece.value.to_pylist()] == [False, True]
    assert piece.key[0] == piece.key[1] and piece.partition[0] == piece.partition[1]
    assert spool.manifest.events == 1 and spool.manifest.rows == 2
    assert spool.manifest.counts == {"r": 0, "c": 0, "u": 0, "d": 1, "unchanged": 1, "rejected": 0}


def test_unchanged_extract_keeps_the_snapshot(source):
    """An extract without change has no records and the snapshot of its base."""
    base = source.prepare([("a", 1)]).manifest.snapshot
    spool = source.prepare([("a", 1)], base)
    assert (spool.manifest.rows, spool.manifest.snapshot) == (0, base)
    assert spool.manifest.hold == ()


def test_rejects_are_the_last_records(source):
    """Rejects come after the events, with raw bytes and headers, and are counted."""
    spool = source.prepare([("a", 1)], rejects=[{"raw": "xx", "reason": "why", "key_text": "q"}])
    *_, piece = spool.pieces(0, 10)
    assert (piece.topic, piece.value.to_pylist()) == ("dlq", [b"xx"])
    headers = json.loads(piece.headers[0].as_py())
    assert headers["banyan.reason"] == "why"
    assert spool.manifest.counts["rejected"] == 1


def test_dead_letter_names_its_key_by_a_keyed_hash_only(source):
    """Who lacks the estate's secret cannot test a guess at the key; a reject without key has no pseudonym."""
    rejects = [{"raw": "x", "reason": "why", "key_text": key} for key in ("QQ123456C", None)]
    spool = source.prepare([("a", 1)], rejects=rejects)
    *_, piece = spool.pieces(0, 10)
    keys = [json.loads(h)["banyan.key"] for h in piece.headers.to_pylist()]
    assert keys == [pseudonym(SECRET, "QQ123456C"), ""]
    assert not hashlib.sha256(b"QQ123456C").hexdigest().startswith(keys[0])
    assert not any(b"QQ123456C" in header for header in piece.headers.to_pylist())


def test_unreadable_key_holds_and_deletes_nothing(source):
    """With an unreadable key nothing is deleted, and the hold quotes the record without its content."""
    base = source.prepare([("a", 1), ("b", 2)]).manifest.snapshot
    spool = source.prepare([("a", 1)], base, rejects=[{"raw": "??", "reason": "why", "key_text": None}])
    assert spool.manifest.counts["d"] == 0
    assert any("cannot be read" in reason for reason in spool.manifest.hold)
    assert not any("??" in reason for reason in spool.manifest.hold)


def test_pseudonym_hides_the_key_from_kafka(tmp_path):
    """With pseudonymous keys the record key never holds the key text, and a delete finds the same key."""
    spec = SPEC.model_copy(update={"key_privacy": "pseudonym"})
    source = Source(tmp_path / "p", spec, secret=b"s" * 32)
    first = source.prepare([("plainkey", 1), ("b", 2)])
    [piece] = first.pieces(0, 10)
    assert not any(b"plainkey" in key for key in piece.key.to_pylist())
    [gone] = source.prepare([("b", 2)], first.manifest.snapshot).pieces(0, 10)
    assert gone.key[0] == piece.key[0] and gone.partition[0] == piece.partition[0]


def test_many_problems_stay_a_short_list(source):
    """Thousands of failed calls are told as one problem with its count, so the record fits on Kafka."""
    problems = ["a detail call failed: HTTP 503"] * 20_000 + [f"page {i}: HTTP 503" for i in range(2, 20_000)]
    manifest = source.prepare([("a", 1)], problems=problems).manifest
    assert manifest.problems[0] == "a detail call failed: HTTP 503 (20000 times)"
    assert manifest.problems[-1] == "and 19979 more problems"
    assert len(manifest.hold) == len(manifest.problems) == 21


def test_blanks_round_a_key_are_no_part_of_it(source):
    """A key that comes with other padding is the same key in the message key and in the value."""
    first = source.prepare([("a", 1)])
    second = source.prepare([(" a ", 2)], first.manifest.snapshot)
    assert second.manifest.counts["u"] == 1
    [was], [now] = first.pieces(0, 10), second.pieces(0, 10)
    assert was.key == now.key
    assert b" a " not in now.value[0].as_py()
    assert source.prepare([(" a", 2)], second.manifest.snapshot).manifest.counts["unchanged"] == 1


def test_deletes_of_a_delta_file_are_records_too(source):
    """The share of bad records in a delta file counts its deletes: many deletes and few rejects publish."""
    base = source.prepare([(f"k{i}", i) for i in range(100)]).manifest.snapshot
    rejects = [{"raw": "x", "reason": "why", "key_text": "q"}] * 5
    spool = source.prepare([(f"k{i}", i) for i in range(95)], base, actions="d" * 95, rejects=rejects)
    assert (spool.manifest.counts["d"], spool.manifest.hold) == (95, ())


def test_a_dead_letter_always_fits_into_a_kafka_record(source):
    """Of a rejected record beyond a megabyte the first bytes are kept, and its length is told."""
    spool = source.prepare([("a", 1)], rejects=[{"raw": "x" * 2_000_000, "reason": "why", "key_text": "q"}])
    *_, piece = spool.pieces(0, 10)
    assert len(piece.value[0].as_py()) == RAW_BYTES < 1_000_000
    assert json.loads(piece.headers[0].as_py())["banyan.cut_from"] == "2000000"


def test_samples_of_a_held_extract_name_its_changes(source):
    """What is shown of a held extract are pseudonyms by kind of change; tombstones are no changes."""
    base = source.prepare([("a", 1), ("b", 2)]).manifest.snapshot
    spool = source.prepare([("b", 3)], base)
    entity = source.spec.open(source.folder).entities["account"]
    channel = bind(source.spec, entity, "t.core.account", prefix="t", ids=(1, 2), secret=None)
    shown = samples(spool, {"account": channel}, SECRET)
    assert shown == {"account": {"d": (pseudonym(SECRET, "a"),), "u": (pseudonym(SECRET, "b"),)}}


def test_keys_of_rejects_on_disk_are_found(source, monkeypatch):
    """However many rejects there are, each keeps its key's row: on disk and in parts as in memory."""
    rows = [(f"k{i}", i) for i in range(60)]
    base = source.prepare(rows).manifest.snapshot
    bad = [{"raw": "x" * i, "reason": "why", "key_text": f"k{i}"} for i in range(0, 60, 3)]
    more = [(k, v + 1) for k, v in rows if v % 2 and v % 3]
    whole = source.prepare(more, base, "whole", rejects=bad)
    monkeypatch.setattr(parts, "_IN_MEMORY", 10)
    monkeypatch.setattr(rejects_module, "_IN_MEMORY", 900)
    cut = source.prepare(more, base, "cut", rejects=bad)
    assert cut.manifest.counts == whole.manifest.counts
    assert cut.manifest.counts["d"] == 20
    assert dead_letters(cut) == dead_letters(whole) == [b"x" * i for i in range(0, 60, 3)]


def dead_letters(spool):
    return [v for p in spool.pieces(0, 10**9) if p.topic == "dlq" for v in p.value.to_pylist()]


@pytest.mark.parametrize("where", ["chunks", "records", "close"])
def test_an_extract_that_ends_in_an_error_leaves_no_rows_behind(source, monkeypatch, where):
    """Rows on disk and half a spool hold personal data: they go with the error, not with the next extract."""
    monkeypatch.setattr(parts, "_IN_MEMORY", 100)
    owner = {"chunks": JsonExtract, "records": prepare_module.EntityDiff, "close": SpoolWriter}[where]
    real = getattr(owner, where)

    def after_all(*arguments, **named):
        yield from real(*arguments, **named)
        raise Transient("the source does not answer")

    def at_once(*_, **__):
        raise Transient("the disk does not answer")

    monkeypatch.setattr(owner, where, at_once if where == "close" else after_all)
    with pytest.raises(Transient):
        source.prepare([(f"k{i}", i) for i in range(100)])
    assert list((source.folder / "spools").glob("*")) == []


@pytest.mark.parametrize(("share", "held"), [(0.05, True), (0.1, False)])
def test_every_record_of_a_delta_counts_for_the_share_of_rejects(tmp_path, share, held):
    """Deletes of keys that nobody knows are records, too: two bad ones beside eighteen are a tenth."""
    spec = SPEC.model_copy(update={"guard": SPEC.guard.model_copy(update={"max_reject_share": share})})
    rejects = [{"raw": "x", "reason": "why", "key_text": "q"}] * 2
    rows = [(f"k{i}", i) for i in range(18)]
    spool = Source(tmp_path / "a", spec).prepare(rows, actions="d" * 18, rejects=rejects)
    assert spool.manifest.events == 0 and bool(spool.manifest.hold) == held
    assert spool.manifest.entities["account"].counts["unexpected"] == 18
    if held:
        assert spool.manifest.hold[0] == "account: 2 of 20 records are bad (10.0%; the limit is 5.0%)"
