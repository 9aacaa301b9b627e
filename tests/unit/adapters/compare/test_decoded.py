"""Copybook files are compared as decoded rows, by their decoded key."""

from __future__ import annotations

import pytest

from adapters.batch.codec import RecordCodec
from adapters.compare.differ import Differ
from adapters.compare.report import images
from adapters.compare.request import avro_named, comparison, decoded
from schemas.errors import SettingsError, Terminal

COPYBOOK = """
       01  ACCOUNT.
           05  ACCOUNT-ID   PIC 9(4).
           05  OWNER        PIC X(6).
           05  BALANCE      PIC S9(5)V99 COMP-3.
"""


@pytest.fixture
def files(tmp_path):
    copybook = tmp_path / "account.cpy"
    copybook.write_text(COPYBOOK)
    codec = RecordCodec(COPYBOOK, code_page="cp037")

    def run(old, new, *, damage=b"", settings=None, **options):
        for name, rows in (("old", old), ("new", new)):
            records = [
                codec.encode({"ACCOUNT-ID": i, "OWNER": owner, "BALANCE": balance})
                for i, owner, balance in rows
            ]
            (tmp_path / name).write_bytes(b"".join(records) + (damage if name == "new" else b""))
        asked = comparison(["ACCOUNT-ID"], options.get("ignore", ()), options.get("tolerance", ()), "error")
        tables = decoded(tmp_path / "old", tmp_path / "new", copybook, asked.key, settings or {})
        differ = Differ(*tables, avro_named(asked))
        return [event for batch in differ for event in images(batch)], differ.counts

    return run


def test_events_hold_decoded_images(files):
    """Creates, updates and deletes come with the fields of the copybook."""
    found, counts = files(
        [(1, "A", 1.5), (2, "B", 2), (3, "C", 3)], [(3, "C", 3), (1, "A", 9.25), (4, "D", 0)]
    )
    assert [(op, (after or before)["ACCOUNT_ID"]) for op, before, after, *_ in found] == [
        ("u", 1), ("c", 4), ("d", 2),
    ]  # fmt: skip
    assert (str(found[0][1]["BALANCE"]), str(found[0][2]["BALANCE"])) == ("1.50", "9.25")
    assert counts.unchanged == 1


def test_ignored_and_tolerated_fields(files):
    """Fields are named as in the copybook."""
    found, counts = files([(1, "A", 1)], [(1, "B", 1.01)], ignore=["OWNER"], tolerance=["BALANCE=0.01"])
    assert (found, counts.alike) == ([], 1)


def test_a_record_that_cannot_be_decoded_makes_no_delete(files):
    """The bad record's key is left out of the comparison and counted."""
    bad = "0002".encode("cp037") + "B     ".encode("cp037") + b"\xff\xff\xff\xff"
    found, counts = files([(1, "A", 1), (2, "B", 2)], [(1, "A", 1)], damage=bad)
    assert (found, counts.rejected) == ([], 1)


def test_an_unreadable_key_and_a_cut_file_end_the_comparison(files):
    """Where a key cannot be read, or the file ends inside a record, no absence proves anything."""
    for damage in (b"\xff" * 14, b"\xf0"):
        with pytest.raises(Terminal):
            files([(1, "A", 1)], [(1, "A", 1)], damage=damage)


def test_an_unknown_setting_is_named(files):
    """A misspelt setting is wrong use."""
    with pytest.raises(SettingsError, match="code_pag"):
        files([], [], settings={"code_pag": "cp037"})
