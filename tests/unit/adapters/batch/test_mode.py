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
DELTA = {"action": "ACTION-CD", "create": ["A", "N"], "update": ["C"], "delete": ["D"]}


@pytest.fixture
def read(tmp_path):
    (tmp_path / "c.cpy").write_text(COPYBOOK)
    codec = RecordCodec(COPYBOOK, code_page="cp037")

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
        rows = [codec.encode({"ACTION-CD": a, "ACCOUNT-ID": i, "OWNER": "X"}) for a, i in records]
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
    assert (reject.record, reject.raw, reject.key_text) == (2, b"?", "2")
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
