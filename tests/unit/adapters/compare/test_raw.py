"""Copybook files compared in bytes give the events of the same files decoded whole."""

from __future__ import annotations

import gzip
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.batch.conversion.options import format_of
from adapters.batch.framing.write import write
from adapters.batch.source import Source
from adapters.compare import raw as raw_module
from adapters.compare.differ import Comparison, Differ
from adapters.compare.raw import RawTable, key_fields
from adapters.compare.report import images
from adapters.compare.request import avro_named, comparison, decoded
from schemas.errors import Terminal

COPYBOOK = """
       01  ACCOUNT.
           05  REC-LEN      PIC 9(4) COMP.
           05  NAME         PIC X(3).
           05  ZONED        PIC 9(2).
           05  PACKED       PIC S9(2) COMP-3.
           05  HALF         PIC 9(3) COMP.
           05  NOTE         PIC X(2).
           05  BALANCE      PIC S9(3) COMP-3.
"""
LENGTH = 15
KEYS = {"NAME": slice(2, 5), "ZONED": slice(5, 7), "PACKED": slice(7, 9), "HALF": slice(9, 11)}


def pages(text):
    return text.encode("cp037")


# As a compiler writes them; then the same, or nothing, in other bytes.
NAME = [pages("A  "), pages("AB "), pages("A B")], [b"\xc1\0\0", pages(" A "), b"\0\0\0"]
ZONED = [pages("01"), pages("12")], [b"\xf0\xc1", b"\xff\xf1"]
PACKED = [b"\x01\x2c", b"\x00\x3c"], [b"\x01\x2f", b"\x01\x2d", b"\x91\x2c", b"\xff\xff"]
HALF = [b"\0\1", b"\3\xe7"], [b"\3\xe8", b"\xff\xff"]
NOTES, BALANCES = [pages("  "), pages("ok")], [b"\x12\x3c"] * 5 + [b"\x12\x3f", b"\xab\xcd"]
FIELDS = dict(zip(KEYS, (NAME, ZONED, PACKED, HALF), strict=True))


@st.composite
def records(draw, odd):
    """Records with keys that are seldom odd, and here and there a balance that is no number."""
    out = []
    for _ in range(draw(st.integers(1, 8))):
        record = LENGTH.to_bytes(2, "big")
        for usual, others in FIELDS.values():
            record += draw(st.sampled_from(others if odd and not draw(st.integers(0, 9)) else usual))
        record += draw(st.sampled_from(NOTES)) + draw(st.sampled_from(BALANCES))
        out.append(record)
    return out


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raw")
    (folder / "account.cpy").write_text(COPYBOOK)
    return folder


def run(folder, asked, given_):
    """Return what a comparison yields, or its error; and its figures."""
    tables = decoded(folder / "old", folder / "new", folder / "account.cpy", asked.key, given_)
    differ = Differ(*tables, avro_named(asked))
    try:
        return [event for batch in differ for event in images(batch)], differ, tables
    except Terminal as error:
        return str(error), differ, tables


@settings(max_examples=40)
@given(
    data=st.data(),
    odd=st.booleans(),
    ordered=st.booleans(),
    key=st.lists(st.sampled_from(sorted(KEYS)), min_size=1, max_size=3, unique=True),
    framing=st.sampled_from(["fixed", "rdw", "bdw", "length_field"]),
)
def test_equals_files_that_are_decoded_whole(folder, data, odd, ordered, key, framing):
    """Any keys, signs, fills and bad records: the same events, figures and errors."""
    given_ = ["code_page=cp037", f"framing={framing}"]
    given_ += ["frame.length=REC-LEN"] if framing == "length_field" else []
    source = format_of([*given_, f"key={','.join(key)}"], folder / "account.cpy").read_as(folder, system="s")
    assert isinstance(source, Source)

    def keyed(record):
        return tuple(record[KEYS[name]] for name in key)

    every = data.draw(records(odd))
    for name in ("old", "new"):
        side = [r for r in every if data.draw(st.integers(0, 4))] + data.draw(records(odd))[:2]
        if data.draw(st.integers(0, 9)):
            side = list({keyed(r): r for r in side}.values())
        side = sorted(side, key=keyed) if ordered else data.draw(st.permutations(side))
        out = io.BytesIO()
        write(side, source.scanner, out)
        (folder / name).write_bytes(out.getvalue())
    asked = comparison(key, (), (), "error")
    found, quick, tables = run(folder, asked, given_)
    assert all(isinstance(t, RawTable) for t in tables)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raw_module, "key_fields", lambda _: None)
        wanted, slow, _ = run(folder, asked, given_)
    if isinstance(wanted, str) and ("do not decode" in wanted or "no record can be decoded" in wanted):
        return  # told by who decodes all of them: is it the right copybook?
    if isinstance(found, str) and "have the same key" in found:
        return  # a record that does not decode has this key, too: nothing is said of it there
    assert found == wanted
    if not isinstance(found, str):
        # Bad records that both files have alike are unchanged here, and rejected on both sides there.
        for figure in ("created", "updated", "deleted", "old_rows", "new_rows"):
            told = getattr(slow.counts, figure)
            assert getattr(quick.counts, figure) == told or figure.endswith("rows")
        assert quick.counts.rejected <= slow.counts.rejected


def test_only_records_that_differ_are_decoded(folder, monkeypatch):
    """A record that is the same in both files may hold anything but an odd key."""
    rows = [LENGTH.to_bytes(2, "big") + pages(f"A{i:02}01") + b"\x01\x2c\0\1okXY" for i in range(50)]
    changed = [*rows]
    changed[7] = changed[7][:-2] + b"\x12\x3c"
    changed[9] = changed[9][:-2] + b"\x12\x3c"
    rows[9] = changed[9][:-4] + pages("no") + b"\x12\x3c"
    (folder / "old").write_bytes(b"".join(rows))
    (folder / "new").write_bytes(gzip.compress(b"".join(changed)))
    monkeypatch.setattr(RawTable, "careful", None)
    found, differ, _ = run(folder, comparison(["NAME"], (), (), "error"), ["code_page=cp037"])
    assert [(op, old) for op, _, _, old, _ in found] == [("u", 10)]
    assert (differ.counts.rejected, differ.counts.unchanged) == (1, 48)


@pytest.mark.parametrize(
    "more", [["framing=vbs"], ["framing=vs"], ["odo=shift"], ["bad_values={NOTE='null'}"]]
)
def test_what_cannot_be_compared_in_bytes(folder, more):
    """Spanned records and shifted tables are decoded, whatever is said of other fields than the key."""
    spec = format_of(["key=NAME", "code_page=cp037", *more], folder / "account.cpy")
    fields = key_fields(spec.read_as(folder, system="s"))
    assert (fields is None) == (not more[0].startswith("bad_values"))


def test_another_policy_for_duplicates_decodes_all(folder):
    """Which of two records counts may depend on whether it can be read."""
    (folder / "old").write_bytes(b"")
    (folder / "new").write_bytes(b"")
    paths = (folder / "old", folder / "new", folder / "account.cpy")
    tables = decoded(*paths, ["NAME"], [], duplicates="first")
    assert not any(isinstance(t, RawTable) for t in tables)
    assert Comparison(("NAME",)).duplicates == "error"
