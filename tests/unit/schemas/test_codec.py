"""The column codec against its reference twin, on random schemas, rows and damage."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.codec import Decoder, Encoder, Unencodable, reference
from tests.unit.schemas.avro_cases import batches

#: Where the columns refuse what the reference lets pass: values that their declared type cannot hold.
STRICTER = (
    "more than 64 bits",
    "out of the range",
    "neither 0 nor 1",
    "digits",
    "no such branch",
    "more items than",
    "length that is negative",
)


@settings(max_examples=60, deadline=None)
@given(batches())
def test_decodes_as_the_reference(case: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    """Every row of every schema comes out as it went in, from Python bytes and from Arrow."""
    schema, rows = case
    encoded = reference.encode(rows, schema)
    decoder = Decoder(schema)
    assert decoder.columnar
    for values in (encoded, pa.array(encoded, pa.binary()), pa.array(encoded, pa.large_binary())):
        decoded = decoder.decode(values)
        decoded.batch.validate(full=True)
        assert decoded.errors == []
        assert decoded.rows.tolist() == list(range(len(rows)))
        assert decoded.batch.to_pylist() == list(reference.decode(encoded, schema))


@settings(max_examples=60, deadline=None)
@given(batches())
def test_encodes_as_the_reference(case: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    """A batch is encoded to the reference's bytes, whole, sliced and with a prefix."""
    schema, rows = case
    encoded = reference.encode(rows, schema)
    batch = Decoder(schema).decode(encoded).batch
    assert Encoder(schema).encode(batch).to_pylist() == encoded
    assert Encoder(schema, prefix=b"\0\1").encode(batch.slice(1)).to_pylist() == [
        b"\0\1" + v for v in encoded[1:]
    ]


@pytest.mark.parametrize("number", [-(2 ** (8 * n - 1)) for n in range(1, 9)])
def test_a_decimal_has_the_shortest_form(number: int) -> None:
    """-128 takes one byte, as Java writes it; fastavro writes two, and reads both."""
    kind = {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 0}
    schema = {"type": "record", "name": "R", "fields": [{"name": "d", "type": kind}]}
    (slow,) = reference.encode([{"d": Decimal(number)}], schema)
    batch = Decoder(schema).decode([slow]).batch
    (fast,) = Encoder(schema).encode(batch).to_pylist()
    assert len(fast) == len(slow) - 1
    for value in (slow, fast):
        assert Decoder(schema).decode([value]).batch.to_pylist() == [{"d": Decimal(number)}]
        assert list(reference.decode([value], schema)) == [{"d": Decimal(number)}]


@settings(max_examples=60, deadline=None)
@given(batches(), st.data())
def test_damage_is_reported_where_it_is(
    case: tuple[dict[str, Any], list[dict[str, Any]]], data: st.DataObject
) -> None:
    """A damaged message is an error at its index, its neighbours are unharmed, and nothing is raised."""
    schema, rows = case
    values = [damaged(data, v) if data.draw(st.booleans()) else v for v in reference.encode(rows, schema)]
    decoded = Decoder(schema).decode(values)
    decoded.batch.validate(full=True)
    errors, expected = dict(decoded.errors), reference.decode(values, schema)
    got = dict(zip(decoded.rows.tolist(), decoded.batch.to_pylist(), strict=True))
    assert sorted([*errors, *got]) == list(range(len(values)))
    for i, want in enumerate(expected):
        if isinstance(want, Exception):
            assert i in errors, (values[i], want)
        elif i in errors:
            assert any(word in errors[i] for word in STRICTER), (values[i], errors[i], want)
        else:
            assert repr(got[i]) == repr(want) or got[i] == want


def damaged(data: st.DataObject, value: bytes) -> bytes:
    """Cut, lengthen, or overwrite a byte."""
    how = data.draw(st.integers(0, 3))
    at = data.draw(st.integers(0, max(len(value) - 1, 0)))
    if how == 0:
        return value[:at]
    if how == 1:
        return value + data.draw(st.binary(min_size=1, max_size=3))
    byte = bytes([data.draw(st.integers(0, 255) | st.sampled_from([0x7F, 0x80, 0xFF]))])
    return value[:at] + byte + value[at + 1 :] if how == 2 else value[:at] + byte * 11


ROW = {
    "type": "record",
    "name": "Row",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "text", "type": ["null", "string"], "default": None},
        {
            "name": "part",
            "type": ["null", {"type": "record", "name": "Part", "fields": [{"name": "n", "type": "int"}]}],
        },
    ],
}
ROWS = [
    {"id": i, "text": None if i % 3 else f"tëxt {i}", "part": None if i % 2 else {"n": -i}} for i in range(9)
]


def test_only_wanted_fields() -> None:
    """With `fields` the batch has those columns only, in the schema's order."""
    decoded = Decoder(ROW, fields=["part", "id"]).decode(reference.encode(ROWS, ROW))
    assert decoded.batch.to_pylist() == [{"id": r["id"], "part": r["part"]} for r in ROWS]


def test_many_turns() -> None:
    """A batch that is longer than one turn of the kernels keeps its order and its error places."""
    encoded = reference.encode(ROWS, ROW) * 5000
    encoded[40_000] = b"\x80"
    decoded = Decoder(ROW).decode([b"\0\0\0\0\1" + v for v in encoded], skip=5)
    assert [i for i, _ in decoded.errors] == [40_000]
    assert decoded.batch.num_rows == len(encoded) - 1
    assert decoded.rows[40_000] == 40_001
    assert decoded.batch.slice(36_000, 9).to_pylist() == ROWS


def test_shorter_than_the_header() -> None:
    """A value that ends inside the header is an error, not a row of zeros."""
    decoded = Decoder(ROW).decode([b"\0\0", b"", b"\0\0\0\0\1\2\0\0"], skip=5)
    assert [i for i, _ in decoded.errors] == [0, 1]
    assert decoded.batch.to_pylist() == [{"id": 1, "text": None, "part": None}]


READERS: list[dict[str, Any]] = [
    {"fields": [*ROW["fields"], {"name": "new", "type": ["null", "string"], "default": None}]},
    {"fields": [{"name": "new", "type": "string", "default": "x"}, *ROW["fields"][:2]]},
    {"fields": [ROW["fields"][2], ROW["fields"][0]]},
    {"fields": [{"name": "key", "aliases": ["id"], "type": "double"}, ROW["fields"][1]]},
    {"fields": [{"name": "id", "type": ["null", "long"]}]},
    {
        "fields": [
            {
                "name": "part",
                "type": [
                    "null",
                    {
                        "type": "record",
                        "name": "Part",
                        "fields": [
                            {"name": "m", "type": ["null", "string"], "default": None},
                            {"name": "n", "type": "long"},
                        ],
                    },
                ],
            }
        ]
    },
]


@pytest.mark.parametrize("reader", READERS)
def test_resolution(reader: dict[str, Any]) -> None:
    """Fields added, removed, reordered, renamed and promoted are resolved as the reference does."""
    reader = {"type": "record", "name": "Row"} | reader
    encoded = reference.encode(ROWS, ROW)
    found = Decoder(ROW, reader).decode(encoded).batch.to_pylist()
    wanted = reference.decode(encoded, ROW, reader)
    assert found == wanted


def test_resolution_without_columns() -> None:
    """A reader whose union has a type that the writer had alone is left to the reference."""
    reader = {"type": "record", "name": "Row", "fields": [{"name": "id", "type": ["null", "long", "string"]}]}
    decoder = Decoder(ROW, reader)
    assert not decoder.columnar
    assert decoder.decode(reference.encode(ROWS[:2], ROW)).batch.to_pylist() == [
        {"id": {":long": 0, ":string": None}},
        {"id": {":long": 1, ":string": None}},
    ]


FALLBACK = {
    "type": "record",
    "name": "Odd",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "tags", "type": {"type": "map", "values": "int"}},
        {"name": "either", "type": ["null", "int", "string"]},
    ],
}


def test_fallback() -> None:
    """Shapes without column kernels go through the reference, row errors included."""
    rows = [{"id": 1, "tags": {"a": 1}, "either": None}, {"id": 2, "tags": {}, "either": {":string": "x"}}]
    decoder = Decoder(FALLBACK)
    assert not decoder.columnar
    decoded = decoder.decode([*reference.encode(rows, FALLBACK), b"\x02"])
    assert decoded.batch.to_pylist() == [
        {"id": 1, "tags": '{"a": 1}', "either": None},
        {"id": 2, "tags": "{}", "either": {":int": None, ":string": "x"}},
    ]
    assert [i for i, _ in decoded.errors] == [2]


def test_null_in_a_required_field() -> None:
    """A null that the schema does not allow is refused, with the field's name."""
    batch = pa.record_batch({"id": [1, None], "text": ["a", "b"], "part": pa.nulls(2)})
    with pytest.raises(Unencodable, match="id: null where"):
        Encoder(ROW).encode(batch)


def test_a_missing_column_is_named() -> None:
    """A batch without one of the schema's columns is refused."""
    with pytest.raises(Unencodable, match="'part'"):
        Encoder(ROW).encode(pa.record_batch({"id": [1], "text": ["a"]}))


def test_null_slots_with_content_are_not_written() -> None:
    """Bytes that Arrow keeps under a null do not reach the message."""
    text = pa.Array.from_buffers(
        pa.string(),
        2,
        [pa.py_buffer(b"\x02"), pa.array([0, 3, 6], pa.int32()).buffers()[1], pa.py_buffer(b"abcdef")],
    )
    batch = pa.record_batch([pa.array([1, 2]), text, pa.nulls(2)], names=["id", "text", "part"])
    rows = [{"id": 1, "text": None, "part": None}, {"id": 2, "text": "def", "part": None}]
    assert Encoder(ROW).encode(batch).to_pylist() == reference.encode(rows, ROW)
