"""Made-up files of every format are read by the settings that made them, and wrong settings are noticed."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from adapters.batch.dry_run import made_up_run, plain_reader, sample_run
from adapters.batch.made_up import made_up
from adapters.batch.spec import BatchSpec
from adapters.catalogue import load_adapter
from schemas.errors import SettingsError

HEAD = 'kind = "batch"\nname = "a"\nsystem = "s"\nfolder = "inbox"\n'
COPYBOOK = """
       01  REC.
           05  TAG        PIC X.
           05  BODY       PIC X(19).
           05  PAY REDEFINES BODY.
               10  REF    PIC 9(6).
               10  ACT    PIC X.
               10  AMT    PIC S9(5)V99 COMP-3.
           05  ENDS REDEFINES BODY.
               10  TOTAL  PIC 9(5).
               10  REFS   PIC 9(8).
               10  SUMS   PIC 9(5).
"""
_LAYOUTS = """
[[records]]
entity = "payment"
key = ["REF"]
when = { field = "TAG", equals = "D" }
group = "payment"
[[records]]
entity = "refund"
key = ["REF"]
when = { field = "TAG", equals = ["R", "S"] }
group = "payment"
[header]
when = { field = "TAG", equals = "H" }
count = "RECORDS"
counts = "all"
[trailer]
when = { field = "TAG", equals = "T" }
count = "COUNT"
totals = [
    { field = "REFS", hash = "REF", digits = 4 },
    { field = "PENCE", sum = "REF", of = "refund" },
    { field = "REFUNDS", of = "refund" },
]
"""
SETTINGS = {
    "delimited": """
format = "delimited"
entity = "claim"
key = ["ID"]
[delimited]
delimiter = ";"
decimal = ","
skip_top = 2
skip_bottom = 1
fields = ["ID:integer(9)", "NAME", "PAID:decimal(9,2)", "SINCE:date", "OK:boolean", "AT:timestamp"]
date_format = "d;m;yyyy"
""",
    "delimited by number": """
format = "delimited"
entity = "claim"
key = ["ID"]
[delimited]
header = false
columns = 6
null = ["A", "B"]
fields = [{ name = "ID", from = 4 }, { name = "NAME", from = 2, type = "text" }]
""",
    "delimited, header and trailer": f"""
format = "delimited"
{_LAYOUTS}
[delimited]
header = false
encoding = "cp285"
[delimited.layouts]
payment = ["TAG", "REF:integer", "AMOUNT:decimal(9,2)"]
header = ["TAG", "RECORDS:integer"]
trailer = ["TAG", "COUNT:integer", "REFS:integer(4)", "REFUNDS:integer", "PENCE:integer"]
""",
    "fixed text, header and trailer": f"""
format = "fixed_text"
{_LAYOUTS}
[fixed_text]
encoding = "latin-1"
[fixed_text.layouts]
payment = [
    {{ name = "TAG", length = 1 }},
    {{ name = "REF", start = 3, length = 6, type = "integer(6)" }},
    {{ name = "AMOUNT", end = 20, type = "decimal(9,2)", implied_decimals = true }},
]
header = [{{ name = "TAG", length = 1 }}, {{ name = "RECORDS", length = 4, type = "integer(4)" }}]
trailer = [
    {{ name = "TAG", length = 1 }},
    {{ name = "COUNT", length = 4, type = "integer(4)" }},
    {{ name = "REFS", length = 4, type = "integer(4)" }},
    {{ name = "REFUNDS", length = 4, type = "integer(4)" }},
    {{ name = "PENCE", length = 8, type = "integer(8)" }},
]
""",
    "fixed text in fixed records": """
format = "fixed_text"
framing = "fixed"
record_length = 40
entity = "claim"
key = ["NAME"]
[fixed_text]
encoding = "cp285"
fields = [{ name = "NAME", length = 4 }, { name = "SINCE", length = 8, type = "date", format = "yyyymmdd" }]
""",
    "xml": """
format = "xml"
[[records]]
entity = "claim"
key = ["id"]
when = { field = "kind", equals = "C" }
[[records]]
entity = "person"
key = ["id"]
when = { field = "kind", equals = "P" }
[xml]
records = "/c:export/*/c:item"
namespaces = { c = "urn:c" }
fields = [
    { name = "id", from = "@id", type = "integer" },
    { name = "kind", from = "c:kind/@code" },
    { name = "last", from = "name/last" },
    { name = "first", from = "name/first" },
    { name = "own", from = "note" },
    { name = "tags", from = "tag", many = true },
    { name = "lines", from = "lines/line", many = true, fields = ["sku", "qty:integer"] },
]
""",
    "xml anywhere": """
format = "xml"
entity = "claim"
key = ["."]
[xml]
records = "//claim"
fields = [{ name = ".", from = "." }, { name = "lang", from = "@lang" }]
""",
    "json": """
format = "json"
entity = "claim"
key = ["id", "ref"]
[json]
records = "data.claims[]"
fields = [
    "id:integer",
    { name = "ref", from = "meta.ref" },
    { name = "at", from = "meta.at", type = "timestamp" },
    "paid:decimal(9,2)",
    "ok:boolean",
    { name = "tags", many = true },
    { name = "lines", many = true, fields = ["sku", { name = "n", from = "q.n", type = "integer" }] },
]
""",
    "json lines": 'format = "json"\nentity = "claim"\nkey = ["id"]\n[json]\nfields = ["id", "on:date"]\n',
    "copybook, totals and batches": """
copybook = "c.cpy"
code_page = "cp285"
[[records]]
entity = "payment"
key = ["REF"]
when = { field = "TAG", equals = "D" }
group = "PAY"
[header]
when = { field = "TAG", equals = "H" }
[trailer]
when = { field = "TAG", equals = "T" }
count = "TOTAL"
counts = "all"
totals = [{ field = "REFS", hash = "REF" }, { field = "SUMS", sum = "AMT" }]
[batch]
header = { field = "TAG", equals = "B" }
[batch.trailer]
when = { field = "TAG", equals = "E" }
count = "TOTAL"
totals = [{ field = "REFS", sum = "REF" }]
""",
}


#: Tables of a fixed size, inside each other; a counted one; a tree whose child counts again below each parent
SETTINGS["copybook, tables and a tree"] = """
copybook = "tree.cpy"
code_page = "cp285"
odo = "shift"
framing = "rdw"
[[records]]
entity = "customer"
key = ["CUST"]
when = { field = "TAG", equals = "C" }
group = "CUSTOMER"
[[records]]
entity = "order"
parent = "customer"
key = ["CUST", "SEQ"]
when = { field = "TAG", equals = "O" }
group = "ORDERS"
"""
TREE = """
       01  REC.
           05  TAG        PIC X.
           05  BODY       PIC X(60).
           05  CUSTOMER REDEFINES BODY.
               10  CUST   PIC 9(6).
               10  YEARS  OCCURS 3.
                   15  PAID PIC S9(5)V99 COMP-3.
                   15  MONTHS PIC 9(2) OCCURS 2.
           05  ORDERS REDEFINES BODY.
               10  SEQ    PIC 9(3).
               10  N      PIC 9(2).
               10  LINES-OF OCCURS 0 TO 3 DEPENDING ON N.
                   15  QTY PIC 9(3).
"""


def adapter(folder: Path, text: str) -> BatchSpec:
    (folder / "c.cpy").write_text(COPYBOOK)
    (folder / "tree.cpy").write_text(TREE)
    return BatchSpec.model_validate(tomllib.loads(HEAD + text))


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_made_up_file_is_what_its_settings_describe(tmp_path: Path, kind: str) -> None:
    """Three rows of each entity, no reject, and every count, sum and hash total agrees."""
    spec = adapter(tmp_path, SETTINGS[kind])
    found = made_up_run(spec, tmp_path)
    assert found.clean, found
    entities = plain_reader(spec, tmp_path).entities
    assert found.rows == dict.fromkeys(entities, 3)


@pytest.mark.parametrize("example", ["bacs/adapters/standard18", "universal_credit/adapters/awards"])
def test_examples_have_made_up_files(example: str) -> None:
    """Labels in a layout of their own, tables in redefinitions: files of the examples are made up too."""
    folder = Path(__file__).parents[4] / "examples" / example
    spec = load_adapter(folder)
    assert isinstance(spec, BatchSpec)
    found = made_up_run(spec, folder)
    assert found.clean and set(found.rows.values()) == {3}


def delta(action: str, more: str = "") -> dict[str, str]:
    said = f'mode = "delta"\nkey = ["REF"]\nentity = "payment"\n{more}'
    table = f'[delta]\naction = "{action}"\nupdate = ["U"]\n'
    return {
        "copybook": f'copybook = "c.cpy"\ngroup = "PAY"\n{said}{table}',
        "delimited": f'format = "delimited"\n{said}{table}[delimited]\nfields = ["ACT", "REF:integer"]\n',
        "json": f'format = "json"\n{said}{table}[json]\nfields = ["ACT", "REF:integer"]\n',
    }


@pytest.mark.parametrize("kind", delta("ACT"))
def test_records_of_a_delta_have_a_declared_action(tmp_path: Path, kind: str) -> None:
    """Without a sample too, the action's field is filled, and one that is no field is a wrong setting."""
    assert made_up_run(adapter(tmp_path, delta("ACT")[kind]), tmp_path).rows == {"payment": 3}
    with pytest.raises(SettingsError, match="is no field"):
        made_up_run(adapter(tmp_path, delta("NOPE")[kind]), tmp_path)


@pytest.mark.parametrize("kind", delta("ACT"))
def test_a_file_of_nothing_but_deletes_is_made_up_too(tmp_path: Path, kind: str) -> None:
    """Where only deletes are declared, the records are deletes."""
    text = delta("ACT")[kind].replace('update = ["U"]', 'delete = ["D"]')
    found = made_up_run(adapter(tmp_path, text), tmp_path)
    assert found.clean and found.rows == {"payment": 3}


def test_a_made_up_file_is_the_same_each_time(tmp_path: Path) -> None:
    """Nothing in it depends on a clock or on chance."""
    for text in SETTINGS.values():
        spec = adapter(tmp_path, text)
        first, second = (made_up(spec, plain_reader(spec, tmp_path)) for _ in range(2))
        assert first == second


def decrypting(folder: Path, **table: Any) -> BatchSpec:
    spec = adapter(folder, SETTINGS["json lines"])
    return BatchSpec.model_validate(spec.model_dump(exclude_unset=True, by_alias=True) | {"decrypt": table})


def test_an_encrypted_sample_is_read_as_the_adapter_reads_it(tmp_path: Path) -> None:
    """It is decrypted first; a passphrase that does not open it is what the dry run says."""
    import pysequoia

    plain = b'{"id": "a", "on": "2026-11-02"}\n'
    sample = tmp_path / "claims.jsonl.pgp"
    sample.write_bytes(pysequoia.encrypt(plain, passwords=["open"]))
    found = sample_run(decrypting(tmp_path, kind="pgp", passphrase="open"), tmp_path, sample)
    assert found.clean and found.rows == {"claim": 1}
    found = sample_run(decrypting(tmp_path, kind="pgp", passphrase="other"), tmp_path, sample)
    assert "another key or passphrase" in found.refused
    wrong = decrypting(tmp_path, kind="pgp", secret_key="no key")
    with pytest.raises(SettingsError, match="cannot be used"):
        made_up_run(wrong, tmp_path)
