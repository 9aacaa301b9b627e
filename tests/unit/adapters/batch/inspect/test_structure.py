"""What `banyan inspect` tells of the structure of records: trees, counted tables, places, nested parts."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.batch.codec import RecordCodec
from adapters.batch.codepage import CodePage
from adapters.batch.copybook import layouts, parse
from adapters.batch.inspect import Report, inspect_sample
from adapters.batch.inspect.sample import Sample
from adapters.batch.inspect.trees import parents
from adapters.batch.odo import shift_record

TREE = """
       01  UNLOAD-RECORD.
           05  SEG-NAME      PIC X(8).
           05  SEG-DATA      PIC X(40).
           05  CUSTOMER REDEFINES SEG-DATA.
               10  CUST-NO   PIC 9(7).
               10  CUST-NAME PIC X(30).
           05  ACCOUNT REDEFINES SEG-DATA.
               10  ACCT-SEQ  PIC 9(3).
               10  OPENED    PIC 9(8).
               10  BALANCE   PIC S9(7)V99 COMP-3.
           05  MOVEMENT REDEFINES SEG-DATA.
               10  MOVE-SEQ  PIC 9(3).
               10  AMOUNT    PIC S9(7)V99 COMP-3.
           05  ADDRESS-SEG REDEFINES SEG-DATA.
               10  LINE-NO   PIC 9(2).
               10  LINE-TEXT PIC X(30).
"""
ODO = """
       01  BASKET.
           05  BASKET-NO   PIC 9(6).
           05  N-LINES     PIC 9(2).
           05  LINE-ITEM   OCCURS 1 TO 9 DEPENDING ON N-LINES.
               10  SKU     PIC X(6).
               10  QTY     PIC S9(3) COMP-3.
           05  TOTAL       PIC S9(7)V99 COMP-3.
           05  SHOP        PIC X(12).
"""


def asked(content: bytes, name: str = "SAMPLE.DAT", copybook: str | None = None) -> Report:
    return inspect_sample(Sample.of(content), name, copybook_text=copybook, copybook="c.cpy")


def name(chance: random.Random) -> str:
    return chance.choice(["Ada Begum", "Carys Davies", "Erin Khan", "Hana Lewis"])


def unload(seed: int, customers: int) -> Iterator[bytes]:
    """Yield customers with accounts (and their movements) and addresses, as IMS unloads them."""
    chance, codec = random.Random(seed), RecordCodec(TREE, code_page="cp285")
    for number in range(customers):
        yield codec.encode({"SEG-NAME": "CUSTOMER", "CUST-NO": 100 + number, "CUST-NAME": name(chance)})
        for account in range(chance.randint(1, 3)):
            day = f"20{chance.randint(10, 25)}0{chance.randint(1, 9)}{chance.randint(10, 28)}"
            money = f"{chance.randint(1, 99_999) / 100:.2f}"
            values = {"ACCT-SEQ": account + 1, "OPENED": day, "BALANCE": money}
            yield codec.encode({"SEG-NAME": "ACCOUNT", **values})
            for move in range(chance.randint(0, 4)):
                yield codec.encode({"SEG-NAME": "MOVEMENT", "MOVE-SEQ": move + 1, "AMOUNT": money})
        for line in range(chance.randint(1, 3)):
            yield codec.encode({"SEG-NAME": "ADDRESS", "LINE-NO": line + 1, "LINE-TEXT": name(chance)})


def test_a_tree_of_records_is_told() -> None:
    """Segments whose own numbers start again under each parent get its key, whatever differs by chance."""
    report = asked(b"".join(unload(1, 40)), "PROD.IMS.CUST.UNLOAD", TREE)
    assert report.settings is not None
    found = {r["entity"]: (r.get("parent"), r["key"]) for r in report.settings["records"]}
    assert found == {
        "customer": (None, ["CUST-NO"]),
        "account": ("customer", ["CUST_NO", "ACCT-SEQ"]),
        "movement": ("account", ["CUST_NO", "ACCT_SEQ", "MOVE-SEQ"]),
        "address": ("customer", ["CUST_NO", "LINE-NO"]),
    }
    assert report.notes == ["tried on the sample: 353 records read, 0 rejected"]
    told = report["parents"]
    assert told.confidence == 0.6
    assert any("nearest to the root" in why for why in told.why)


def test_a_flat_file_gets_no_tree() -> None:
    """Types with a key of their own hang nowhere, in whatever order they come."""
    codec = RecordCodec(TREE, code_page="cp285")
    chance = random.Random(2)
    rows = [{"SEG-NAME": "CUSTOMER", "CUST-NO": n, "CUST-NAME": "A"} for n in range(40)]
    rows += [{"SEG-NAME": "MOVEMENT", "MOVE-SEQ": 100 + n, "AMOUNT": "1.00"} for n in range(40)]
    chance.shuffle(rows)
    report = asked(b"".join(map(codec.encode, rows)), copybook=TREE)
    assert report.settings is not None and report.value("parents") is None
    assert not any("parent" in record for record in report.settings["records"])


@st.composite
def trees(draw: st.DrawFn) -> tuple[dict[str, str], list[str]]:
    """Return a tree of types in preorder, and records in which each type comes twice under each parent."""
    above: dict[str, str] = {}
    names = [f"T{n}" for n in range(draw(st.integers(2, 5)))]
    for at, name in enumerate(names[1:], 1):
        chain, one = [names[at - 1]], names[at - 1]
        while one in above:
            one = above[one]
            chain.append(one)
        above[name] = draw(st.sampled_from(chain))

    def records(name: str) -> Iterator[str]:
        yield name
        for child in (c for c in names if above.get(c) == name):
            for _ in range(2):
                yield from records(child)

    return above, [*records(names[0]), *records(names[0])]


@settings(max_examples=60, deadline=None)
@given(trees())
def test_parents_are_those_that_made_the_order(made: tuple[dict[str, str], list[str]]) -> None:
    """Where each parent has its children twice, the order of the records tells the whole tree."""
    above, order = made
    assert {child: one.parent for child, one in parents(order).items()} == above


def baskets(seed: int, n: int) -> list[bytes]:
    chance, codec = random.Random(seed), RecordCodec(ODO, code_page="cp285")
    rows = []
    for number in range(n):
        items = [{"SKU": f"AB{chance.randint(1000, 9999)}", "QTY": chance.randint(1, 99)}
                 for _ in range(chance.randint(1, 9))]  # fmt: skip
        values: dict[str, Any] = {"BASKET-NO": 100 + number, "N-LINES": len(items), "LINE-ITEM": items}
        values |= {
            "TOTAL": f"{chance.randint(1, 99_999) / 100:.2f}",
            "SHOP": chance.choice(["Leeds", "Bath"]),
        }
        rows.append(codec.encode(values))
    return rows


def rdw(rows: list[bytes]) -> bytes:
    return b"".join((len(row) + 4).to_bytes(2, "big") + b"\0\0" + row for row in rows)


@pytest.mark.parametrize("kind", ["rdw shift", "rdw max", "fixed shift", "fixed pad", "fixed max"])
def test_where_fields_behind_a_counted_table_lie_is_told(kind: str) -> None:
    """At full size, right behind the entries in use, or so and padded: each is told, and reads the file."""
    (layout,) = layouts(parse(ODO, source="c.cpy"))
    framing, _, odo = kind.partition(" ")
    rows = baskets(1, 60)
    if odo != "max":
        rows = [shift_record(row, layout, CodePage.named("cp285")) for row in rows]
    if odo == "pad":
        rows = [row.ljust(layout.length, b"\0") for row in rows]
    report = asked(rdw(rows) if framing == "rdw" else b"".join(rows), copybook=ODO)
    assert (report.value("framing"), report.value("odo")) == (framing, odo)
    assert (report.settings or {}).get("odo", "max") == odo
    assert report.notes == ["tried on the sample: 60 records read, 0 rejected"]


def test_lines_with_places_are_fixed_text() -> None:
    """Aligned texts, dates among digits, numbers with leading zeros; header and trailer with its count."""
    chance = random.Random(3)
    rows = [
        f"D{4000 + n * 3:07d}{chance.choice(('ABARA', 'KHAN', 'LEWIS')):<20}"
        f"{chance.choice(('ADA', 'BO')):<14}"
        f"{chance.randint(1950, 2000)}{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}"
        f"{chance.randint(10, 99)}{chance.choice('AC')}"
        for n in range(60)
    ]
    lines = [f"{'H20261102PAYROLL':<53}", *rows, f"T{60:09d}{'':<43}"]
    report = asked("".join(f"{line}\n" for line in lines).encode(), "PAY.20261102.txt")
    assert report.value("format") == "fixed_text"
    made = report.settings or {}
    assert [r["entity"] for r in made["records"]] == ["pay"]
    assert made["trailer"] == {"when": {"field": "record_type", "equals": "T"}, "count": "record_count"}
    fields = [(f["start"], f["length"], f["type"]) for f in made["fixed_text"]["layouts"]["type_d"]]
    assert fields == [
        (1, 1, "text"), (2, 7, "text"), (9, 20, "text"), (29, 14, "text"), (43, 8, "date"),
        (51, 2, "integer(2)"), (53, 1, "text"),
    ]  # fmt: skip
    assert report.notes == ["tried on the sample: 60 records read, 0 rejected"]
    assert max(map(len, report.adapter_toml.splitlines())) <= 100


def test_colons_of_times_are_no_delimiters() -> None:
    """A colon at the same places of every line belongs to a time; with cells of any width it parts them."""
    times = [f"{1000 + n}  2026-06-10 19:{n:02d}:53  {'AB' * (n % 3):<6}X" for n in range(40)]
    assert asked("".join(f"{t}\n" for t in times).encode()).value("format") == "fixed_text"
    cells = [f"{n}:name {n * 7}:{n % 3}" for n in range(5, 120)]
    assert asked("".join(f"{c}\n" for c in cells).encode()).value("delimiter") == ":"


def test_signs_over_digits_stay_with_a_copybook() -> None:
    """Numbers that only COBOL writes are no fixed text: a copybook is drafted."""
    chance = random.Random(4)
    rows = [f"{1000 + n}{chance.randint(0, 9999):04d}{chance.choice('{ABCDEFGHI')}" for n in range(60)]
    report = asked("".join(f"{row}\n" for row in rows).encode())
    assert report.value("format") is None and "PIC S9(9)." in report.draft


def test_nested_json_becomes_fields_and_lists() -> None:
    """Objects are flat, lists are lists, digits in quotes stay text; what is no one thing is left out."""
    people = [
        {"id": n, "name": {"first": "A", "last": "B"}, "tel": [str(n)], "on": True, "x": [[1]],
         "lines": [{"sku": "X", "qty": 2}], "odd": n if n % 2 else [n]}
        for n in range(6)
    ]  # fmt: skip
    report = asked(json.dumps({"data": {"people": people}}).encode(), "people.json")
    made = report.settings or {}
    assert (made["entity"], made["key"]) == ("people", ["id"])
    assert made["json"]["fields"] == [
        "id:integer",
        {"name": "name_first", "from": "name.first", "type": "text"},
        {"name": "name_last", "from": "name.last", "type": "text"},
        {"name": "tel", "type": "text", "many": True},
        "on:boolean",
        {"name": "lines", "many": True, "fields": ["sku:text", "qty:integer"]},
    ]
    assert [w for w in report.warnings if "left out" in w] == [
        "x is a list of lists, or of values and objects: it is left out",
        "odd is now a value, now a list or an object: it is left out",
    ]
    assert report.notes == ["tried on the sample: 6 records read, 0 rejected"]


def test_repeated_elements_become_lists() -> None:
    """An element that comes several times in one record is a list, of texts or of records."""
    orders = "".join(
        f'<o:order no="A{n}"><o:at><o:town>Bath</o:town></o:at>'
        f"{'<o:line><o:sku>X</o:sku><o:qty>2</o:qty></o:line>' * n}{'<o:tag>a</o:tag>' * n}</o:order>"
        for n in range(1, 4)
    )
    report = asked(f'<o:export xmlns:o="urn:o">{orders}</o:export>'.encode(), "orders.xml")
    made = report.settings or {}
    assert (made["entity"], made["key"]) == ("order", ["no"])
    assert made["xml"]["fields"] == [
        {"name": "no", "from": "@no", "type": "text"},
        {"name": "at_town", "from": "at/town", "type": "text"},
        {"name": "tag", "type": "text", "many": True},
        {"name": "line", "many": True, "fields": ["sku:text", "qty:integer"]},
    ]
    assert report.notes == ["tried on the sample: 3 records read, 0 rejected"]
