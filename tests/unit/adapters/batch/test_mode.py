"""Delta and event files: the action code decides, and is no part of what is published."""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.batch.codec import RecordCodec
from adapters.batch.spec import BatchSpec
from schemas.errors import SettingsError

COPYBOOK = """
       01  CHANGE.
           05  ACTION-CD    PIC X.
           05  ACCOUNT-ID   PIC 9(4).
           05  OWNER        PIC X(6).
"""
CODEC = RecordCodec(COPYBOOK, code_page="cp037")
#: Every kind of field, and what is a bad value of each.
WIDE = """
       01  CHANGE.
           05  ACCOUNT-ID   PIC 9(4).
           05  AMOUNT       PIC S9(5)V99 COMP-3.
           05  PAID-ON      PIC 9(8).
           05  WEEKS        PIC 9(2) OCCURS 3 TIMES.
           05  PART.
               10  RATE     PIC 9(3).
           05  ACTION-CD    PIC X.
"""
WIDE_SETTINGS = {
    "system": "s", "copybook": "c.cpy", "code_page": "latin-1", "entity": "account", "key": ["ACCOUNT-ID"],
    "dates": {"PAID-ON": "yyyymmdd"}, "groups": "nested", "folder": "inbox", "name": "a", "mode": "delta",
}  # fmt: skip
DELTA = {"action": "ACTION-CD", "create": ["A", "N"], "update": ["C"], "delete": ["D"]}


@pytest.fixture
def read(tmp_path):
    (tmp_path / "c.cpy").write_text(COPYBOOK)

    def run(records, **settings):
        spec = BatchSpec(
            name="a",
            system="s",
            folder="inbox",
            copybook="c.cpy",
            entity="account",
            key=["ACCOUNT-ID"],
            **settings,
        )
        reader = spec.reader(tmp_path)
        rows = [CODEC.encode({"ACTION-CD": a, "ACCOUNT-ID": i, "OWNER": "X"}) for a, i in records]
        data = b"".join(rows)
        reading = reader.reading("f", len(data))
        chunks = list(reading.chunks(io.BytesIO(data)))
        assert reading.problems() == []
        return reader.entities["account"], chunks

    return run


def test_codes_become_actions(read):
    """Declared codes are create, update and delete; the code itself is not published."""
    entity, chunks = read([("A", 1), ("C", 2), ("D", 3), ("N", 4)], mode="delta", delta=DELTA)
    [rows] = [r for c in chunks for r in c.rows]
    assert bytes(rows.action) == b"cudc"
    assert [f.name for f in entity.fields] == rows.batch.schema.names == ["ACCOUNT_ID", "OWNER"]


def test_an_undeclared_code_is_a_dead_letter(read):
    """A record with another code is rejected with its key, and its neighbours go on."""
    _, chunks = read([("A", 1), ("?", 2), ("D", 3)], mode="delta", delta=DELTA)
    [reject] = [r for c in chunks for r in c.rejects]
    assert (reject.record, reject.key_text, reject.field_path) == (2, "2", "ACTION-CD")
    assert reject.raw == CODEC.encode({"ACTION-CD": "?", "ACCOUNT-ID": 2, "OWNER": "X"})
    [rows] = [r for c in chunks for r in c.rows]
    assert rows.record.tolist() == [1, 3]


def test_records_of_event_files_are_events(read):
    """Each record is an event of its own, whatever its key."""
    _, chunks = read([("A", 1), ("A", 1)], mode="events")
    assert [bytes(r.action) for c in chunks for r in c.rows] == [b"ee"]


def test_full_extracts_have_no_actions(read):
    """By default a file is a full picture."""
    _, chunks = read([("A", 1)])
    assert [r.action for c in chunks for r in c.rows] == [None]


@pytest.mark.parametrize("field", ["NOBODY", "ACCOUNT-ID"])
def test_the_action_must_be_a_field_beside_the_key(read, field):
    """A misspelt field and a key field are refused."""
    with pytest.raises(SettingsError, match="action"):
        read([], mode="delta", delta=DELTA | {"action": field})


def test_mode_and_table_go_together(read):
    """A delta without codes and codes without delta are wrong settings."""
    for settings in ({"mode": "delta"}, {"delta": DELTA}):
        with pytest.raises(ValidationError, match="go together"):
            read([], **settings)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"action": "ACTION-CD"}, "no code is declared"),
        (DELTA | {"update": ["C", "A "]}, "the code 'A' is there twice"),
    ],
)
def test_each_code_means_one_thing(read, table, message):
    """A table without codes would reject every record; of two meanings one would never count."""
    with pytest.raises(ValidationError, match=message):
        read([], mode="delta", delta=table)


@pytest.mark.parametrize(
    ("picture", "delta", "codes"),
    [
        ("X(2)", {"create": ["01"], "update": ["  "], "delete": ["3 "]}, ["01", "  ", "3 "]),
        ("9(2)", {"create": ["01"], "update": ["2"], "delete": ["03"]}, ["01", "02", "03"]),
        ("S9(2) COMP-3", {"create": ["1"], "update": ["02"], "delete": ["12"]}, [1, 2, 12]),
    ],
)
def test_codes_are_written_as_in_the_file_or_as_numbers(tmp_path, picture, delta, codes):
    """Blanks around a code do not count, nor do the zeros before a number: blank is a code, too."""
    copybook = COPYBOOK.replace("PIC X.", f"PIC {picture}.")
    (tmp_path / "c.cpy").write_text(copybook)
    table = {"action": "ACTION-CD"} | delta
    spec = BatchSpec(
        name="a", system="s", folder="inbox", copybook="c.cpy", entity="account", key=["ACCOUNT-ID"],
        mode="delta", delta=table, code_page="cp037",
    )  # fmt: skip
    codec = RecordCodec(copybook, code_page="cp037")
    data = b"".join(codec.encode({"ACTION-CD": c, "ACCOUNT-ID": 1, "OWNER": "X"}) for c in codes)
    [chunk] = spec.reader(tmp_path).reading("f", len(data)).chunks(io.BytesIO(data))
    assert bytes(chunk.rows[0].action) == b"cud" and not chunk.rejects


@pytest.mark.parametrize("filler", [b" ", b"0", b"\0", b"\xff"])
@pytest.mark.parametrize("policy", ["reject", "fail", "null"])
def test_a_delete_needs_only_its_key(tmp_path, filler, policy):
    """A delete whose other fields are blank, zero or rubbish is a delete; an update of this kind is not."""
    (tmp_path / "c.cpy").write_text(WIDE)
    settings = WIDE_SETTINGS | {"delta": DELTA, "bad_value_default": policy}
    reader = BatchSpec.model_validate(settings).reader(tmp_path)
    good = RecordCodec(WIDE, code_page="latin-1").encode(
        {"ACCOUNT-ID": 1, "AMOUNT": "1.00", "PAID-ON": "20261101", "WEEKS": [1, 2, 3], "PART": {"RATE": 5},
         "ACTION-CD": "A"}
    )  # fmt: skip
    gone = b"0002" + filler * (len(good) - 5) + b"D"
    data = good + gone + b"000?" + gone[4:] + (gone[:-1] + b"C" if policy == "reject" else b"")
    chunks = list(reader.reading("f", len(data)).chunks(io.BytesIO(data)))
    [rows] = [r for c in chunks for r in c.rows]
    assert (bytes(rows.action), rows.batch.column("ACCOUNT_ID").to_pylist()) == (b"cd", [1, 2])
    rejects = [(r.record, r.key_text) for c in chunks for r in c.rejects]
    assert rejects[0] == (3, None), "a delete whose key cannot be read is rejected"
    if filler == b"\xff" and policy != "null":
        row = rows.batch.slice(1).to_pylist()[0]
        assert row == {"ACCOUNT_ID": 2, "AMOUNT": None, "PAID_ON": None, "WEEKS": None, "PART": None}
        assert rejects[1:] == ([(4, "2")] if policy == "reject" else [])


def test_a_short_delete_needs_only_its_key(tmp_path):
    """Where records vary in length, a delete may end behind its key."""
    (tmp_path / "c.cpy").write_text(COPYBOOK)
    spec = BatchSpec.model_validate(
        WIDE_SETTINGS | {"delta": DELTA, "dates": {}, "groups": "flat", "framing": "rdw"}
    )
    rows = [b"A0001NAME  ", b"D0002", b"C0003"]
    data = b"".join((len(r) + 4).to_bytes(2, "big") + b"\0\0" + r for r in rows)
    chunks = list(spec.reader(tmp_path).reading("f", len(data)).chunks(io.BytesIO(data)))
    assert b"".join(bytes(r.action) for c in chunks for r in c.rows) == b"cd"
    assert [(r.record, r.reason) for c in chunks for r in c.rejects] == [(3, "the record ends before it")]


@pytest.mark.parametrize("policy", ["reject", "fail", "null"])
def test_text_files_of_changes(tmp_path, policy):
    """In a text file, too, a delete needs only its key, and an undeclared code leaves its bytes."""
    settings = {
        "name": "a", "system": "s", "folder": "inbox", "format": "delimited", "entity": "account",
        "key": ["no"], "mode": "delta", "delta": DELTA | {"action": "act"}, "bad_value_default": policy,
        "delimited": {"fields": ["no:integer", "amount:decimal(9,2)", "paid:date", "act:text"]},
    }  # fmt: skip
    reader = BatchSpec.model_validate(settings).reader(tmp_path)
    text = "no,amount,paid,act\n1,2.50,2026-11-01,A\n2,x,31 June,D\n3,1.00,,Q\n" + (
        "" if policy == "fail" else "z,x,y,D\n"
    )
    chunks = list(reader.reading("f", len(text)).chunks(io.BytesIO(text.encode())))
    [rows] = [r for c in chunks for r in c.rows]
    assert bytes(rows.action) == b"cd"
    assert rows.batch.to_pylist()[1] == {"no": 2, "amount": None, "paid": None}
    rejects = [(r.raw, r.key_text, r.field_path) for c in chunks for r in c.rejects]
    assert rejects[0] == (b"3,1.00,,Q", "3", "act")
    assert rejects[1:] == ([] if policy == "fail" else [(b"z,x,y,D", None, "no")])


FORMATS = {
    "delimited": (
        {"delimited": {"header": False, "fields": ["no:integer", "amount:decimal(9,2)", "act:text"]}},
        "1,2.50,A\n2,x,D\n3,1.00,Q\n",
    ),
    "fixed_text": (
        {"fixed_text": {"fields": [{"name": "no", "type": "integer", "length": 2},
                                   {"name": "amount", "type": "decimal(9,2)", "length": 5},
                                   {"name": "act", "length": 1}]}},
        "01 2.50A\n02xxxxxD\n03 1.00Q\n",
    ),
    "json": (
        {"json": {"fields": ["no:integer", "amount:decimal(9,2)", "act:text"]}},
        '{"no": 1, "amount": 2.50, "act": "A"}\n{"no": 2, "amount": "x", "act": "D"}\n'
        '{"no": 3, "amount": 1, "act": "Q"}\n',
    ),
    "xml": (
        {"xml": {"records": "/a/b", "fields": ["no:integer", "amount:decimal(9,2)", "act:text"]}},
        "<a><b><no>1</no><amount>2.50</amount><act>A</act></b><b><no>2</no><amount>x</amount><act>D</act></b>"
        "<b><no>3</no><amount>1.00</amount><act>Q</act></b></a>",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMATS)
def test_every_text_format_has_changes(tmp_path, name):
    """Whatever the format: a delete needs only its key, and an undeclared code is a reject with its key."""
    table, text = FORMATS[name]
    spec = BatchSpec.model_validate(
        {"name": "a", "system": "s", "folder": "inbox", "format": name, "entity": "account", "key": ["no"],
         "mode": "delta", "delta": DELTA | {"action": "act"}, **table}
    )  # fmt: skip
    chunks = list(spec.reader(tmp_path).reading("f", len(text)).chunks(io.BytesIO(text.encode())))
    rows = [r for c in chunks for r in c.rows]
    assert b"".join(bytes(r.action) for r in rows) == b"cd"
    assert [row["amount"] for r in rows for row in r.batch.to_pylist()] == [Decimal("2.50"), None]
    [reject] = [r for c in chunks for r in c.rejects]
    assert (reject.key_text, reject.field_path, reject.record) == ("3", "act", 3) and reject.raw


@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"0001", b"00x1", b"\xff\xff\xff\xff"]),
            st.sampled_from([b"\x00\x00\x10\x0c", b"    ", b"\xff" * 4]),
            st.sampled_from([b"20261101", b"        ", b"20261399"]),
            st.sampled_from([b"A", b"C", b"D", b"?", b" "]),
        ),
        max_size=12,
    )
)
def test_deletes_and_codes_change_nothing_else(records):
    """What a full file rejects is rejected, a delete only for its key; beside it only undeclared codes."""
    data = b"".join(key + amount + day + b"010203005" + code for key, amount, day, code in records)
    with TemporaryDirectory() as folder:
        (Path(folder) / "c.cpy").write_text(WIDE)
        plain, acting = (
            BatchSpec.model_validate(WIDE_SETTINGS | more).reader(Path(folder)).reading("f", len(data))
            for more in ({"mode": "full"}, {"delta": DELTA})
        )
        before, after = (
            list(reading.chunks(io.BytesIO(data))) if data else [] for reading in (plain, acting)
        )
    full = {r.record: r for c in before for r in c.rejects}
    found = {r.record: r for c in after for r in c.rejects}
    actions = {n: chr(a) for c in after for r in c.rows for n, a in zip(r.record, r.action, strict=True)}
    for number, (key, _, _, code) in enumerate(records, 1):
        known = {b"A": "c", b"C": "u", b"D": "d"}.get(code)
        whole = key == b"0001" if code == b"D" else number not in full
        if known and whole:
            assert actions[number] == known and number not in found
        else:
            assert number not in actions
            assert (found[number].key_text is None) == (key != b"0001")
            if number in full and (code != b"D" or key != b"0001"):
                assert found[number].reason == full[number].reason
