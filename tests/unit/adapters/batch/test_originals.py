"""Records that were decoded and are not believed are dead letters with the bytes that the file has (G5)."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.batch.spec import BatchSpec
from adapters.channel import bind
from adapters.dead_letter import kafka_headers
from adapters.extract import Chunk, Reject, Rows
from adapters.originals import Originals
from adapters.prepare import prepare
from adapters.snapshot import Snapshots
from schemas.errors import BanyanError

COPYBOOK = "       01 R.\n           05 CLAIM-ID PIC 9(4).\n           05 SURNAME PIC X(6).\n"
FIELDS = [{"name": "CLAIM-ID"}, {"name": "SURNAME"}]
TWICE = [("0001", "ADA"), ("0002", "BOB"), ("0001", "EVE"), ("0003", "DAN")]


def padded(key, name):
    return f"{key}{name:6}".encode("cp037")


def framed(body):
    return (len(body) + 4).to_bytes(2, "big") + b"\0\0" + body


def blocked(*bodies):
    inner = b"".join(map(framed, bodies))
    return (len(inner) + 4).to_bytes(2, "big") + b"\0\0" + inner


RECORDS = [padded(*row) for row in TWICE]
COBOL = {"copybook": "r.cpy", "code_page": "cp037"}
#: Settings of a format, the file, and the records as the file has them.
FORMATS = {
    "fixed": (COBOL, b"".join(RECORDS), RECORDS),
    "variable": (COBOL | {"framing": "rdw"}, b"".join(map(framed, RECORDS)), RECORDS),
    "blocked": (COBOL | {"framing": "bdw"}, blocked(*RECORDS[:2]) + blocked(*RECORDS[2:]), RECORDS),
    "packed": (COBOL, gzip.compress(b"".join(RECORDS)), RECORDS),
    "delimited": (
        {"format": "delimited", "delimited": {"fields": FIELDS, "header": False}},
        b"".join(b'%s,"%s"\n' % (k.encode(), n.encode()) for k, n in TWICE),
        [b'%s,"%s"' % (k.encode(), n.encode()) for k, n in TWICE],
    ),
    "fixed text": (
        {
            "format": "fixed_text",
            "fixed_text": {
                "fields": [dict(FIELDS[0], start=1, length=4), dict(FIELDS[1], start=5, length=6)]
            },
        },
        b"".join(f"{k}{n:6}\n".encode() for k, n in TWICE),
        [f"{k}{n:6}".encode() for k, n in TWICE],
    ),
    "json lines": (
        {"format": "json", "json": {"fields": FIELDS}},
        b"".join(json.dumps({"CLAIM-ID": k, "SURNAME": n}).encode() + b"\n" for k, n in TWICE),
        [json.dumps({"CLAIM-ID": k, "SURNAME": n}).encode() for k, n in TWICE],
    ),
    "xml": (
        {
            "format": "xml",
            "xml": {
                "records": "/rs/r",
                "fields": [{"name": "CLAIM-ID", "from": "@k"}, {"name": "SURNAME", "from": "n"}],
            },
        },
        b"<rs>%s</rs>" % b"".join(b'<r k="%s"><n>%s</n></r>' % (k.encode(), n.encode()) for k, n in TWICE),
        [b'<r k="%s"><n>%s</n></r>' % (k.encode(), n.encode()) for k, n in TWICE],
    ),
}  # fmt: skip


def opened(folder, settings, data):
    """Return the spec, its channels and the one extract of a folder with one file."""
    (folder / "inbox").mkdir(exist_ok=True)
    (folder / "r.cpy").write_text(COPYBOOK)
    (folder / "inbox" / "claims.dat").write_bytes(data)
    spec = BatchSpec.model_validate(
        {"kind": "batch", "name": "claims", "system": "legacy", "folder": "inbox", "entity": "claim",
         "key": ["CLAIM-ID"], "min_age_seconds": 0, **settings}
    )  # fmt: skip
    adapter = spec.open(folder)
    [extract] = adapter.poll()
    channel = bind(spec, adapter.entities["claim"], "t.legacy.claim", prefix="t", ids=(1, 2), secret=None)
    return spec, {"claim": channel}, extract


def prepared(folder, spec, channels, extract):
    return prepare(
        extract, spec=spec, channels=channels, snapshots=Snapshots(folder / "snapshots"), base="",
        spools=folder / "spools", dead_letters="dlq", secret=b"k" * 32,
    )  # fmt: skip


def letters(spool):
    """Return the dead letters: their bytes and their headers."""
    return [
        (value, dict(kafka_headers(headers)))
        for piece in spool.pieces(0, 10**6)
        if piece.topic == "dlq"
        for value, headers in zip(piece.value.to_pylist(), piece.headers.to_pylist(), strict=True)
    ]


@pytest.mark.parametrize("form", FORMATS)
def test_records_that_contradict_keep_their_bytes(tmp_path, form):
    """Of two records with one key both are dead letters with the file's own bytes, place and reason."""
    settings, data, records = FORMATS[form]
    found = letters(prepared(tmp_path, *opened(tmp_path, settings, data)))
    assert [value for value, _ in found] == [records[0], records[2]]
    assert [header["banyan.record"] for _, header in found] == [b"1", b"3"]
    assert {header["banyan.reason"] for _, header in found} == {b"several records have this key and differ"}
    assert {header["banyan.field"] for _, header in found} == {b"CLAIM_ID"}


def test_an_action_that_does_not_fit_keeps_its_bytes(tmp_path):
    """A delta record whose action contradicts what is known is a dead letter with the file's own bytes."""
    settings = {
        "format": "delimited",
        "delimited": {"fields": [*FIELDS, {"name": "ACT"}], "header": False},
        "mode": "delta",
        "delta": {"action": "ACT", "create": ["A"], "update": ["U"], "delete": ["D"]},
        "compare": {"unexpected": "reject"},
    }
    [(value, header)] = letters(prepared(tmp_path, *opened(tmp_path, settings, b"0001,ADA,A\n0002,BOB,U\n")))
    assert value == b"0002,BOB,U"
    assert header["banyan.reason"] == b"its action does not fit what is known of its key"


def test_a_file_that_changes_between_the_passes_is_read_later(tmp_path):
    """A file that is another one when its bytes are looked up ends the attempt; nothing is spooled."""
    spec, channels, extract = opened(tmp_path, *FORMATS["fixed"][:2])
    first = extract.chunks

    def changed():
        yield from first()
        (tmp_path / "inbox" / "claims.dat").write_bytes(b"".join(RECORDS[::-1]) * 2)

    extract.chunks = changed
    with pytest.raises(BanyanError):
        prepared(tmp_path, spec, channels, extract)
    assert not [p for p in (tmp_path / "spools").iterdir() if p.is_dir() and not p.name.startswith(".")]


def chunk(numbers):
    raw = {i: b"%d" % n for i, n in enumerate(numbers)}
    rows = pa.record_batch([pa.array(numbers, pa.int64())], names=["n"])
    return Chunk([Rows("claim", rows, np.array(numbers, np.int64), np.zeros(len(numbers)), raw=raw.get)])


@given(st.data())
def test_any_portions_of_any_chunks(data):
    """However chunks and portions are cut, each reject gets its bytes, or a word that there are none."""
    numbers = sorted(data.draw(st.sets(st.integers(1, 40))))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(numbers)), max_size=4)))
    chunks = [chunk(numbers[a:b]) for a, b in zip([0, *cuts], [*cuts, len(numbers)], strict=True)]
    wanted = sorted(data.draw(st.sets(st.integers(1, 40))))
    rejects = [
        Reject("claim", n, 0, b"avro", "", "why", "k", decoded=data.draw(st.booleans())) for n in wanted
    ]
    at = data.draw(st.integers(0, len(rejects)))
    originals = Originals(iter(chunks))
    found = [*originals.of(rejects[:at]), *originals.of(rejects[at:])]
    for before, after in zip(rejects, found, strict=True):
        if not before.decoded:
            assert after == before
        elif before.record in numbers:
            assert (after.raw, after.reason) == (b"%d" % before.record, "why")
        else:
            assert (after.raw, after.reason) == (b"avro", "why; the value here is the Avro form of this one")
