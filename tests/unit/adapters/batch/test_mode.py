"""Delta and event files: the action code decides, and is no part of what is published."""

from __future__ import annotations

import io

import pytest
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
