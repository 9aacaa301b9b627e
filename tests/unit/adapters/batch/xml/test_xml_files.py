"""XML files to rows: streamed, by paths, safe from hostile documents, exact about what is broken."""

from __future__ import annotations

import datetime
import io
import tomllib
import tracemalloc
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.batch.format_spec import FormatSpec
from schemas.errors import SettingsError, Terminal

CLAIMS = """
format = "xml"
entity = "claim"
key = ["id"]
[xml]
records = "/export/claims/claim"
namespaces = { x = "urn:x" }
fields = [
    { name = "id", type = "integer", from = "@id" },
    { name = "surname", from = "person/last" },
    { name = "amount", type = "decimal(9,2)" },
    { name = "currency", from = "amount/@cur" },
    { name = "code", from = "x:code" },
    { name = "since", type = "date" },
    { name = "tags", from = "tags/tag", many = true },
    { name = "payments", from = "payment", many = true, fields = [
        { name = "on", type = "date", from = "@on" }, { name = "sum", type = "integer(9)", from = "." },
    ] },
]
"""
ONE = (
    '<claim id="7"><person><first>Ann</first><last> O&apos;Neil\n</last></person>'
    '<amount cur="GBP">12.5</amount><c:code>A</c:code><code>other</code>'
    '<since>2026-11-24</since><tags><tag>a</tag><tag/></tags>'
    '<payment on="2026-01-02">1</payment><payment on="2026-01-03">2</payment></claim>'
)  # fmt: skip
ROW = {
    "id": 7, "surname": "O'Neil", "amount": Decimal("12.50"), "currency": "GBP", "code": "A",
    "since": datetime.date(2026, 11, 24), "tags": ["a", None],
    "payments": [{"on": datetime.date(2026, 1, 2), "sum": 1}, {"on": datetime.date(2026, 1, 3), "sum": 2}],
}  # fmt: skip


def export(*claims: str, head: str = "") -> str:
    return f'{head}<export xmlns:c="urn:x"><meta/><claims>\n{chr(10).join(claims)}\n</claims></export>'


@pytest.mark.parametrize("chunk", [1, 13, 1 << 20])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1", "windows-1252"])
def test_elements_become_rows(read: Any, chunk: int, encoding: str) -> None:
    """Children, attributes, own text, namespaces and repeated elements come by path, in any encoding."""
    two = '<claim id="8" note="&gt; > é"/>'
    data = export(ONE, two, head=f'<?xml version="1.0" encoding="{encoding}"?>').encode(encoding)
    found = read(CLAIMS, data, chunk)
    assert found.rows["claim"] == [ROW, dict.fromkeys(ROW) | {"id": 8, "payments": []}]
    narrow = encoding.replace("utf-16", "utf-16-le")
    assert found.places["claim"][0] == (1, data.index("<claim id".encode(narrow)))
    assert not found.problems and not found.rejects


def test_nil_absent_and_empty(read: Any) -> None:
    """A nil or absent element is null; an empty one is null too unless the settings keep empty texts."""
    xsi = "http://www.w3.org/2001/XMLSchema-instance"
    nil = f'<claim id="1" xmlns:i="{xsi}"><person><last i:nil="true"/></person></claim>'
    empty = '<claim id="2"><person><last/></person></claim>'
    data = export(nil, empty, '<claim id="3"/>').encode()
    assert [row["surname"] for row in read(CLAIMS, data).rows["claim"]] == [None, None, None]
    kept = read(CLAIMS.replace("[xml]", "[xml]\nnull = []"), data)
    assert [row["surname"] for row in kept.rows["claim"]] == [None, "", None]


def test_bad_records_become_rejects_with_their_bytes(read: Any) -> None:
    """Each bad element is a reject with its bytes, path and reason; its neighbours flow on."""
    bad = [
        '<claim id="x"/>',
        "<claim><amount>1</amount></claim>",
        '<claim id="3"><amount>1</amount><amount>2</amount></claim>',
        '<claim id="4"><since><year>2026</year></since></claim>',
        '<claim id="5" t=">"><payment on="2026-01-01">1</payment><payment on="?">1</payment></claim >',
    ]
    found = read(CLAIMS, export(*bad, '<claim id="6"/>').encode())
    assert [row["id"] for row in found.rows["claim"]] == [6]
    assert found.reasons == [
        (1, "id", "character U+0078 is no digit"),
        (2, "id", "the key is empty"),
        (3, "amount", "2 elements where one is expected"),
        (4, "since", "elements where a text is expected"),
        (5, "payments[2].on", "not a date of the form yyyy-mm-dd"),
    ]
    assert [r.raw.decode() for r in found.rejects] == bad
    assert [r.key_text for r in found.rejects] == [None, None, "3", "4", "5"]


@pytest.mark.parametrize(
    ("cut", "what", "raw"),
    [
        ('<claim id="2"><amount>1', "no element found", b'<claim id="2"><amount>1'),
        ('<claim id="2"', "unclosed token", b""),
        ('<claim id="2"><b></c></claim>', "mismatched tag", b'<claim id="2"><b></c></claim>'),
        ('<claim id="2">&nbsp;</claim>', "undefined entity", b'<claim id="2">&nbsp;</claim>'),
        ("\x01", "not well-formed (invalid token)", b"\x01"),
        ("</claims></export><more/>", "junk after document element", b"<more/>"),
    ],
)
@pytest.mark.parametrize("chunk", [11, 1 << 20])
def test_a_broken_document(read: Any, cut: str, what: str, raw: bytes, chunk: int) -> None:
    """Records before the break are read; it makes the extract incomplete, and a reject with its bytes."""
    data = export(ONE).split("</claims>")[0].encode() + cut.encode()
    found = read(CLAIMS, data, chunk)
    assert found.rows["claim"] == [ROW]
    assert len(found.problems) == 1
    assert found.problems[0].startswith("broken XML at byte ") and found.problems[0].endswith(f": {what}")
    (reject,) = found.rejects
    assert reject.key_text is None and reject.raw[: len(raw)] == raw[: len(reject.raw)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "DTD"),
        ('<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd"><a/>', "DTD"),
        ("<a>" * 100, "nest deeper than 64"),
        ("<a " + " ".join(f'b{i}=""' for i in range(300)) + "/>", "300 attributes"),
        (export('<claim id="1">' + "x" * 3000), "a record has more than 1000 bytes"),
    ],
)
def test_hostile_documents_fail(read: Any, data: str, message: str) -> None:
    """DTDs are never read, and depth, attributes and size have limits: such a file fails, quickly."""
    with pytest.raises(Terminal, match=message):
        read(CLAIMS.replace("[xml]", "[xml]\nmax_record = 1000"), data.encode(), 256)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('from = "person/last"', 'from = "person//last"'), "is no path"),
        (('from = "x:code"', 'from = "y:code"'), "prefix 'y'"),
        (('"/export/claims/claim"', '"/export/@claim"'), "names no elements"),
    ],
)
def test_wrong_paths_name_the_field(read: Any, change: tuple[str, str], message: str) -> None:
    """A path that is none is refused before any file is read."""
    with pytest.raises(SettingsError, match=message):
        read(CLAIMS.replace(*change), b"")


def test_records_may_be_anywhere(read: Any) -> None:
    """`//claim` finds records at any depth, and not those inside records."""
    found = read(
        CLAIMS.replace("/export/claims/claim", "//claim"),
        b'<a><claim id="1"/><b><claim id="2"><claim id="3"/></claim></b></a>',
    )
    assert [row["id"] for row in found.rows["claim"]] == [1, 2]


def test_memory_is_flat() -> None:
    """A file ten times as long takes no more memory."""
    reader = FormatSpec.model_validate(tomllib.loads(CLAIMS)).read_as(Path(), system="legacy")

    class Long(io.RawIOBase):
        def __init__(self, n: int) -> None:
            self.left = iter(
                [export().split("\n")[0].encode(), *[ONE.encode() * 100] * n, b"</claims></export>"]
            )

        def read(self, size: int = -1) -> bytes:
            del size
            return next(self.left, b"")

    peaks = []
    for count in (2, 20):
        tracemalloc.start()
        rows = sum(
            part.batch.num_rows
            for chunk in reader.reading("x", 0).chunks(Long(count))  # type: ignore[arg-type]
            for part in chunk.rows
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert rows == count * 100
    assert peaks[1] < peaks[0] * 1.3
