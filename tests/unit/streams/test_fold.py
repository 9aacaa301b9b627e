"""The row fold by column is the fold event by event, whatever the batches, on the way into either store."""

from __future__ import annotations

import struct
from datetime import date
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.readmodel.rows import Rows
from schemas.entity import Field
from schemas.errors import SettingsError
from streams.batch import Blobs
from streams.cast import Uncastable
from streams.decoding import EventDecoder
from streams.fold import fold, row_keys
from streams.projection import row_projection
from streams.shape import table_of
from tests.unit.streams.events import Book, Writer, batch, entity, envelope

FIELDS = (Field("NINO", "string"), Field("SEQ", "int"), Field("AMOUNT", "string"), Field("STATUS", "string"))
PROJECTION = row_projection(
    "claim",
    source="esa.claim",
    collection="claims",
    select=["AMOUNT"],
    rename={"AMOUNT": "pounds"},
    cast={"AMOUNT": "decimal(5,2)"},
    where=[("STATUS", "in", ["LIVE", "HELD"])],
)
OF = entity(FIELDS, ("NINO", "SEQ"))
TABLE = table_of(PROJECTION, envelope(OF), OF.key_schema("uc.esa.claim"))
IMAGES = st.fixed_dictionaries(
    {
        "NINO": st.sampled_from(["A", "B", "Ä"]),
        "SEQ": st.integers(1, 2),
        "AMOUNT": st.sampled_from(["1", "2.50", "-3", "12345", "x", ""]),
        "STATUS": st.sampled_from(["LIVE", "HELD", "GONE"]),
    }
)
EVENTS = st.lists(st.tuples(st.sampled_from("crudx"), IMAGES, st.booleans()), max_size=14)


def one_by_one(rows, events, first, bad):
    """Fold the obvious way: an event a turn, its row in or out."""
    for place, (op, image, there) in enumerate(events):
        key = (image["NINO"], image["SEQ"])
        if op not in "crud" or not there:
            bad.add(first + place)
            continue
        stays = op != "d" and all(c.holds(image) for c in PROJECTION.where)
        try:
            value = PROJECTION.cast["AMOUNT"].one(image["AMOUNT"]) if stays else None
        except Uncastable:
            bad.add(first + place)
            continue
        rows.pop(key, None)
        if stays:
            rows[key] = (*key, format(value, "f"), 0, first + place, 1_700_000_000_000)


@settings(max_examples=120, deadline=None)
@given(EVENTS, st.lists(st.integers(0, 14), max_size=3), st.booleans())
def test_columns_fold_as_events_one_by_one(events, cuts, columnar):
    """Casts, conditions, deletes and senseless events give the same rows and bad places in any batches."""
    book = Book()
    writer, decoder = Writer(book, OF), EventDecoder(book.by_id)
    want: dict = {}
    want_bad: set = set()
    one_by_one(want, events, 0, want_bad)
    got: dict = {}
    got_bad: set = set()
    edges = sorted({0, len(events), *(c for c in cuts if c < len(events))})
    for first, last in pairwise(edges):
        records = []
        for op, image, there in events[first:last]:
            before, after = (
                (image if there else None, None) if op == "d" else (None, image if there else None)
            )
            records.append((writer.key(image), writer.event(op, before, after)))
        part = batch(records, first=first)
        values = Blobs(pa.array(part.values, pa.large_binary())) if columnar else part.values
        decoded = decoder.decode(values, np.arange(len(part)))
        folded = fold(PROJECTION, TABLE, part, decoded, {})
        got_bad |= {first + place for place in folded.bad}
        assert list(folded.upserts) == sorted(
            folded.upserts, key=lambda r: tuple(str(v).encode() for v in r[:2])
        )
        for key in folded.deletes:
            got.pop(key, None)
        got |= {row[:2]: row for row in folded.upserts}
        assert len({row[:2] for row in folded.upserts} | set(folded.deletes)) == len(folded.upserts) + len(
            folded.deletes
        )
        flat = [value for row in folded.upserts for value in row]
        assert isinstance(folded.upserts, Rows) and folded.upserts.flat() == flat
    assert (got, got_bad) == (want, want_bad)


def test_the_newest_wins_across_schemas_and_tombstones():
    """Of events under two schemas and a tombstone, the last in the batch decides each key."""
    book = Book()
    old = Writer(book, entity(FIELDS[:3], ("NINO", "SEQ")))
    new = Writer(book, OF)
    projection = row_projection("claim", source="esa.claim", collection="claims")
    table = table_of(projection, envelope(OF), OF.key_schema("uc.esa.claim"))

    def image(nino, amount):
        return {"NINO": nino, "SEQ": 1, "AMOUNT": amount, "STATUS": "LIVE"}

    told = [
        (new, "C", "1"),
        (old, "A", "2"),
        (new, "A", "3"),
        (new, "B", "4"),
        (old, "B", "5"),
        (old, "D", "6"),
    ]
    records = [(w.key(image(n, a)), w.event("c", None, image(n, a))) for w, n, a in told]
    part = batch(records)
    decoded = EventDecoder(book.by_id).decode(part.values, np.arange(len(part)))
    folded = fold(projection, table, part, decoded, {6: ("D", 1)})
    assert [row[:4] for row in folded.upserts] == [
        ("A", 1, "3", "LIVE"),
        ("B", 1, "5", None),
        ("C", 1, "1", "LIVE"),
    ]
    assert list(folded.deletes) == [("D", 1)]
    assert row_keys(table, decoded.groups[1])[0] == ("C", 1)


_TYPES = ("text", "bytea", "int8", "int4", "int2", "float8")
_ROWS = st.lists(
    st.tuples(
        st.none() | st.text(max_size=4),
        st.none() | st.binary(max_size=4),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.integers(-(2**31), 2**31 - 1),
        st.none() | st.integers(0, 1),
        st.none() | st.floats(allow_nan=False),
    ),
    max_size=6,
)
_PACKED = {"int8": ">q", "int4": ">i", "int2": ">h", "float8": ">d"}


def copied_slowly(rows):
    """The bytes of COPY in binary, field by field."""
    out = [b"PGCOPY\n\xff\r\n\0", bytes(8)]
    for row in rows:
        out.append(struct.pack(">h", len(row)))
        for value, kind in zip(row, _TYPES, strict=True):
            if value is None:
                out.append(struct.pack(">i", -1))
                continue
            body = struct.pack(_PACKED[kind], value) if kind in _PACKED else value
            body = body.encode() if isinstance(body, str) else body
            out.append(struct.pack(">i", len(body)) + body)
    return b"".join([*out, b"\xff\xff"])


@given(_ROWS)
def test_bytes_of_a_copy_are_those_of_its_fields(rows):
    """COPY's bytes made by column are those made field by field, nulls and empty texts apart."""
    kinds = (pa.string(), pa.binary(), pa.int64(), pa.int64(), pa.int8(), pa.float64())
    columns = [pa.array(c, k) for c, k in zip(zip(*rows, strict=True), kinds, strict=True)] if rows else []
    if not rows:
        columns = [pa.array([], k) for k in kinds]
    made = Rows(columns, len(rows))
    assert made.copied(_TYPES).to_pybytes() == copied_slowly(rows)
    assert list(made) == rows and made.flat() == [value for row in rows for value in row]


def test_texts_can_be_replaced():
    """A text is replaced in every text, and other columns stay."""
    rows = Rows([pa.array(["a\0b", None]), pa.array([1, 2])], 2)
    assert list(rows.replaced("\0", "?")) == [("a?b", 1), (None, 2)]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"cast": {"NINO": "integer"}}, "is a key field"),
        ({"cast": {"NOPE": "integer"}}, "is not a field"),
        ({"where": [("NOPE", "=", "x")]}, "is not a field"),
        ({"where": [("STATUS", "=", 3)]}, "of another type"),
        ({"where": [("SEQ", "in", [1, "x"])]}, "of another type"),
    ],
)
def test_declarations_that_do_not_fit_the_schema_are_refused(wrong, said):
    """A cast of a key, of no field, and a condition on no field or another type are wrong settings."""
    projection = row_projection("claim", source="esa.claim", collection="claims", **wrong)
    with pytest.raises(SettingsError, match=said):
        table_of(projection, envelope(OF), OF.key_schema("uc.esa.claim"))


def test_a_date_and_a_decimal_are_compared_as_such():
    """Conditions compare decimals and dates with Python's, not as texts."""
    fields = (
        Field("NINO", "string"),
        Field("PAID", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}),
        Field("FROM", {"type": "int", "logicalType": "date"}),
    )
    of = entity(fields)
    book = Book()
    writer = Writer(book, of)
    projection = row_projection(
        "claim",
        source="esa.claim",
        collection="claims",
        where=[("PAID", ">=", Decimal("10.00")), ("FROM", "<", date(2020, 1, 1))],
    )
    table = table_of(projection, envelope(of), of.key_schema("uc.esa.claim"))
    told = [("A", "9.99", 2019), ("B", "10.00", 2019), ("C", "10.00", 2020)]
    images = [{"NINO": n, "PAID": Decimal(p), "FROM": date(y, 1, 1)} for n, p, y in told]
    part = batch([(writer.key(i), writer.event("c", None, i)) for i in images])
    folded = fold(projection, table, part, EventDecoder(book.by_id).decode(part.values, np.arange(3)), {})
    assert [row[0] for row in folded.upserts] == ["B"]
    assert [key[0] for key in folded.deletes] == ["A", "C"]
