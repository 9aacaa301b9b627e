"""JSON lines and arrays inside documents to rows, with exact numbers; bad records with their bytes."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.batch.json.elements import ArrayScan
from adapters.batch.json.value import get
from schemas.errors import Terminal

CLAIMS = """
format = "json"
entity = "claim"
key = ["id"]
[json]
fields = [
    "id:integer",
    { name = "surname", from = "person.name.last" },
    { name = "amount", type = "decimal(20,2)" },
    { name = "open", type = "boolean" },
    { name = "since", type = "date" },
    { name = "codes", type = "integer(4)", many = true },
    { name = "payments", many = true, fields = [
        "on:date", { name = "sum", from = "value.sum", type = "decimal(9,2)" },
    ] },
    { name = "office", fields = ["code", "town"] },
]
"""
ONE = {
    "id": 7, "person": {"name": {"last": "O'Neil"}}, "amount": 12.5, "open": True, "since": "2026-11-24",
    "codes": [1, 2], "payments": [{"on": "2026-01-02", "value": {"sum": 1}}, {"on": None}],
    "office": {"code": "X1"}, "more": "not read",
}  # fmt: skip
ROW = {
    "id": 7, "surname": "O'Neil", "amount": Decimal("12.50"), "open": True,
    "since": datetime.date(2026, 11, 24), "codes": [1, 2],
    "payments": [{"on": datetime.date(2026, 1, 2), "sum": Decimal("1.00")}, {"on": None, "sum": None}],
    "office": {"code": "X1", "town": None},
}  # fmt: skip


def document(path: str) -> str:
    return CLAIMS.replace("[json]", f'[json]\nrecords = "{path}"')


@pytest.mark.parametrize("chunk", [1, 10, 1 << 20])
def test_lines_become_rows(read: Any, chunk: int) -> None:
    """Nested fields, lists and records come by path; numbers, dates and booleans have their types."""
    data = json.dumps(ONE).encode() + b"\r\n\n" + b'{"id": 8}'
    found = read(CLAIMS, data, chunk)
    assert found.rows["claim"][0] == ROW
    assert found.rows["claim"][1] == dict.fromkeys(ROW) | {"id": 8}
    assert found.places["claim"] == [(1, 0), (3, data.index(b'{"id": 8'))]
    assert not found.problems and not found.rejects


@pytest.mark.parametrize("chunk", [1, 7, 64, 1 << 20])
@pytest.mark.parametrize(
    ("path", "around"),
    [
        ("[]", ("[", "]")),
        ("[]", (" [ ", " ]\n")),
        (
            "data.items[]",
            ('{"meta": {"items": [1], "x": "]\\\\"}, "data": {"n": 2, "items": [', '], "z": "}"}}'),
        ),
    ],
)
def test_arrays_in_documents_become_rows(read: Any, path: str, around: tuple[str, str], chunk: int) -> None:
    """The elements of the array are records with their own bytes and places, however the file is cut."""
    tricky = ONE | {"more": 'quote " bracket ] comma , backslash \\'}
    data = (around[0] + json.dumps(tricky) + " ,\n" + '{"id": 8}' + around[1]).encode()
    found = read(document(path), data, chunk)
    assert [row["id"] for row in found.rows["claim"]] == [7, 8] and found.rows["claim"][0] == ROW
    assert found.places["claim"] == [(1, data.index(b'{"id": 7')), (2, data.index(b'{"id": 8'))]
    assert not found.problems and not found.rejects


def test_numbers_are_exact(read: Any) -> None:
    """A decimal is never a float on its way: each of its digits survives, and so do exponents."""
    found = read(CLAIMS, b'{"id": 1, "amount": 123456789012345678.91}\n{"id": 2, "amount": 1.5e3}\n')
    assert [row["amount"] for row in found.rows["claim"]] == [
        Decimal("123456789012345678.91"),
        Decimal("1500.00"),
    ]


def test_bad_lines_become_rejects_with_their_bytes(read: Any) -> None:
    """Each bad line is a reject with its bytes, place, path and reason; its neighbours flow on."""
    lines = [
        b'{"id": 1, "amount": 1.234}',
        b'{"id": 2',
        b"[3]",
        b'{"id": 4, "id": 5}',
        b'{"id": 6, "payments": [{"on": "2026-01-01"}, {"on": "tomorrow"}]}',
        b'{"id": 7, "payments": {"on": "2026-01-01"}}',
        b'{"id": 8, "person": "Ann"}',
        b'{"id": 9, "amount": {"x": 1}}',
        b'{"id": 10, "amount": NaN}',
        b'{"id": 11, "x": "\xe9"}',
        b'{"id": null}',
        b'{"id": 12, "office": "X"}',
        b'{"id": 13}',
    ]
    found = read(CLAIMS, b"\n".join(lines) + b"\n")
    assert [row["id"] for row in found.rows["claim"]] == [13]
    assert found.reasons == [
        (1, "amount", "more than 2 digits after the decimal mark"),
        (2, "", "no JSON: expecting ',' delimiter at character 9"),
        (3, "", "no JSON object"),
        (4, "", "an object has one key twice"),
        (5, "payments[2].on", "not a date of the form yyyy-mm-dd"),
        (6, "payments", "one value where a list is expected"),
        (7, "surname", "one value where a record is expected"),
        (8, "amount", "a list or record where one value is expected"),
        (9, "", "NaN is no JSON"),
        (10, "", "byte 0xE9 is no utf-8"),
        (11, "id", "the key is empty"),
        (12, "office", "one value where a record is expected"),
    ]
    assert [r.raw for r in found.rejects] == lines[:-1]
    assert [r.key_text for r in found.rejects] == [
        "1", None, None, None, "6", "7", "8", "9", None, None, None, "12",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (
            b'{"data": {"items": [{"id": 1}, {"id": 2',
            "truncated: the document ends within the array, at byte 39",
        ),
        (
            b'{"data": {"items": [{"id": 1}]}',
            "truncated: the document ends before its last bracket, at byte 31",
        ),
        (b'{"data": {"items": [{"id": 1}]}}]', "text follows the document, before byte 33"),
        (b'{"data": {"items": []}}', "the file holds no record"),
    ],
)
def test_a_document_that_was_cut_off(read: Any, data: bytes, problem: str) -> None:
    """Records before the break are read; the extract is incomplete."""
    found = read(document("data.items[]"), data)
    assert found.problems == [problem]
    assert [row["id"] for row in found.rows["claim"]] == [1] * (b"1" in data)


def test_a_last_line_that_was_cut_off(read: Any) -> None:
    """A last line that has no end and is no JSON makes the extract incomplete."""
    found = read(CLAIMS, b'{"id": 1}\n{"id": 2}\n{"id": 3}\n{"id"')
    assert found.problems == ["truncated: the last line has no end and is no JSON"]
    assert len(found.rows["claim"]) == 3


@pytest.mark.parametrize(
    ("settings", "data", "message"),
    [
        (document("data.rows[]"), b'{"data": {"items": []}}', "no array data.rows"),
        (CLAIMS, "\ufeff{}".encode("utf-16-le"), "UTF-16"),
        (
            CLAIMS.replace("[json]", "[json]\nmax_record = 64"),
            b'{"id": 1' + b" " * 500,
            "no record ends in the",
        ),
    ],
)
def test_a_file_that_does_not_fit(read: Any, settings: str, data: bytes, message: str) -> None:
    """A document without the array, or one in another encoding, fails and says what to set."""
    with pytest.raises(Terminal, match=message):
        read(settings, data, 64)


def test_a_wrong_path_is_refused(read: Any) -> None:
    """records is `lines` or an array's path."""
    with pytest.raises(ValidationError, match="is no array"):
        read(document("data.items"), b"")


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab"\\[]{},: é', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('a."[', max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(TREES, max_size=5), st.integers(1, 20), st.sampled_from([None, 1]))
def test_elements_are_found_in_any_document(values: list[Any], step: int, indent: int | None) -> None:
    """Brackets in strings, escapes, nesting and white space never mislead the scan, in pieces of any size."""
    document = {"x": values, "in": {"it": values}, "y": values}
    data, rest, found = json.dumps(document, indent=indent, ensure_ascii=False).encode(), b"", []
    scan = ArrayScan(("in", "it"))
    for start in range(0, len(data), step):
        rest += data[start : start + step]
        elements, used = scan.take(rest)
        found += [json.loads(rest[a:b]) for a, b in elements]
        rest = rest[used:]
    assert found == values
    assert scan.closed and scan.depth == 0 and not rest.strip()


def test_paths_end_where_nothing_is() -> None:
    """A path through what is missing or null gives nothing."""
    assert get({"a": None}, "a.b.c", False) is None
    assert get({}, "a", True) is None
