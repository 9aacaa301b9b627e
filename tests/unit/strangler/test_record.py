"""The canonical record's maps: lossless both ways, and absent, nil and empty stay three things."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strangler.operation import avro_type
from strangler.record import FieldMap, MappingError, RecordMap, jsonable, typed

TYPES = {
    "text": "string",
    "count": "long",
    "flag": "boolean",
    "amount": avro_type("decimal(9,2)"),
    "day": avro_type("date"),
    "moment": avro_type("timestamp-millis"),
    "raw": "bytes",
    "status": "string",
}
CODES = {"1": "OPEN", "2": "CLOSED"}
FIELDS = {name: FieldMap(("top", "inner", name)) for name in TYPES} | {
    "status": FieldMap(("state", "code"), CODES)
}

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.text(min_size=1),
    "count": st.integers(-(2**63), 2**63 - 1),
    "flag": st.booleans(),
    "amount": st.decimals(-9_999_999, 9_999_999, places=2, allow_nan=False),
    "day": st.dates(),
    "moment": st.datetimes(timezones=st.just(UTC)).map(
        lambda d: d.replace(microsecond=d.microsecond // 1000 * 1000)
    ),
    "raw": st.binary(min_size=1),
    "status": st.sampled_from(sorted(CODES.values())),
}


def records() -> st.SearchStrategy[dict[str, Any]]:
    fields = {name: values | st.none() | st.just("") for name, values in VALUES.items()}
    return st.fixed_dictionaries({}, optional=fields)


@given(records())
def test_reading_what_was_written_gives_the_record(record: dict[str, Any]) -> None:
    """read(write(r)) is r for every record, with absent, nil and empty fields kept apart."""
    side = RecordMap(TYPES, FIELDS)
    back = side.read(side.write(record))
    assert back == record
    assert back.keys() == record.keys()


@given(records())
def test_a_record_survives_json(record: dict[str, Any]) -> None:
    """A record written as JSON values is read back as the same typed values."""
    side = RecordMap(TYPES, FIELDS)
    texts = {name: jsonable(TYPES[name], value) for name, value in record.items()}
    assert side.read(side.write(texts)) == record


@pytest.mark.parametrize("means", ["absent", "nil", "empty"])
def test_a_null_means_what_the_side_says(means: Any) -> None:
    """A side's null is read as absent, nil or empty by declaration, and written back as null."""
    side = RecordMap({"note": "string"}, {"note": FieldMap(("note",), null=means)})
    record = side.read({"note": None})
    assert record == {"absent": {}, "nil": {"note": None}, "empty": {"note": ""}}[means]
    assert side.write(record) == {"note": None}


def test_a_side_without_nil_refuses_to_write_one() -> None:
    """A side whose null means absent cannot write a nil field, and says so."""
    side = RecordMap({"note": "string"}, {"note": FieldMap(("note",), null="absent")})
    with pytest.raises(MappingError, match="nil"):
        side.write({"note": None})


def test_an_unknown_code_is_an_error_without_its_value() -> None:
    """A code that the map does not know is refused; the message does not show it."""
    side = RecordMap(TYPES, FIELDS)
    with pytest.raises(MappingError) as caught:
        side.read({"state": {"code": "77"}})
    assert caught.value.path == "status"
    assert "77" not in str(caught.value)


@pytest.mark.parametrize(
    ("avro", "value"),
    [
        ("long", "1.5"),
        ("long", True),
        ("string", 5),
        (avro_type("decimal(9,2)"), 1.5),
        (avro_type("decimal(9,2)"), "NaN"),
        (avro_type("decimal(9,2)"), True),
        (avro_type("date"), "31/12/2026"),
        (avro_type("date"), datetime(2026, 1, 1)),
        (avro_type("timestamp-millis"), "yesterday"),
        ("bytes", "not base64!"),
        ({"type": "array", "items": "string"}, "x"),
    ],
)
def test_a_value_of_another_type_is_refused(avro: Any, value: Any) -> None:
    """A value that is not of the field's type is a mapping error, never a guess."""
    with pytest.raises(MappingError):
        typed(avro, value)


def test_json_has_the_declared_forms() -> None:
    """Decimals are strings at their scale, dates ISO, times RFC 3339 in Z."""
    assert jsonable(avro_type("decimal(9,2)"), Decimal("1.5")) == "1.50"
    assert jsonable(avro_type("decimal(9,2)"), Decimal("1.505")) == "1.505"
    assert jsonable(avro_type("decimal(9,0)"), Decimal("1E+3")) == "1000"
    assert jsonable(avro_type("date"), date(2026, 1, 2)) == "2026-01-02"
    moment = datetime.fromisoformat("2026-07-01T13:00:00+01:00")
    assert jsonable(avro_type("timestamp-millis"), moment) == "2026-07-01T12:00:00Z"


def test_records_inside_lists_are_typed() -> None:
    """The items of an array of records are converted by their own types."""
    item = {
        "type": "record",
        "name": "P",
        "fields": [{"name": "amount", "type": ["null", avro_type("decimal(5,2)")]}],
    }
    found = typed({"type": "array", "items": item}, [{"amount": "1.20"}, {"amount": None}, {}])
    assert found == [{"amount": Decimal("1.20")}, {"amount": None}, {}]
