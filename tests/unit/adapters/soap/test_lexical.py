"""XSD text ↔ Python values."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.soap.lexical import BUILTINS, parse, render


@pytest.mark.parametrize(
    ("type_name", "text", "value"),
    [
        ("string", "  a  b ", "  a  b "),
        ("token", "  a  b ", "a b"),
        ("boolean", " 1 ", True),
        ("boolean", "false", False),
        ("int", "-007", -7),
        ("decimal", "+12.50", Decimal("12.50")),
        ("decimal", ".5", Decimal("0.5")),
        ("double", "1e3", 1000.0),
        ("double", "-INF", float("-inf")),
        ("date", "2024-02-29", date(2024, 2, 29)),
        ("date", "2024-02-29Z", date(2024, 2, 29)),
        ("dateTime", "2024-01-01T10:00:00+01:00", datetime(2024, 1, 1, 9, tzinfo=UTC)),
        ("dateTime", "2024-01-01T10:00:00.1200Z", datetime(2024, 1, 1, 10, 0, 0, 120_000, tzinfo=UTC)),
        ("base64Binary", "AA\nEC", b"\x00\x01\x02"),
        ("hexBinary", "0aFF", b"\x0a\xff"),
        ("duration", "P1D", "P1D"),
    ],
)
def test_parse(type_name, text, value):
    """A text in the lexical space gives its value."""
    assert parse(BUILTINS[type_name], text, None) == value


@pytest.mark.parametrize(
    ("type_name", "text"),
    [
        ("boolean", "yes"),
        ("int", "1.0"),
        ("int", "٣"),
        ("int", "9" * 200),
        ("decimal", "1e3"),
        ("decimal", "NaN"),
        ("decimal", ""),
        ("date", "2023-02-29"),
        ("date", "00000000"),
        ("dateTime", "2024-01-01"),
        ("dateTime", "2024-13-01T00:00:00Z"),
        ("dateTime", "2024-01-01T00:00:00.0001Z"),
        ("dateTime", "0001-01-01T00:00:00+14:00"),
        ("base64Binary", "?"),
        ("hexBinary", "abc"),
    ],
)
def test_parse_refuses(type_name, text):
    """A text outside the lexical space is refused, and the reason does not quote it."""
    with pytest.raises(ValueError) as caught:
        parse(BUILTINS[type_name], text, None)
    assert not text or text not in str(caught.value)


def test_zone_is_declared_not_guessed():
    """A dateTime without zone is readable only where a zone is declared, summer time included."""
    with pytest.raises(ValueError, match="declare"):
        parse(BUILTINS["dateTime"], "2024-07-01T10:00:00", None)
    assert parse(BUILTINS["dateTime"], "2024-07-01T10:00:00", ZoneInfo("Europe/London")) == datetime(
        2024, 7, 1, 9, tzinfo=UTC
    )


_MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(
    lambda d: d.replace(microsecond=d.microsecond // 1000 * 1000, tzinfo=UTC)
)


@given(
    st.one_of(
        st.tuples(st.just("decimal"), st.decimals(allow_nan=False, allow_infinity=False, places=4)),
        st.tuples(st.just("integer"), st.integers(-(10**90), 10**90)),
        st.tuples(st.just("boolean"), st.booleans()),
        st.tuples(st.just("double"), st.floats(allow_nan=False)),
        st.tuples(st.just("date"), st.dates()),
        st.tuples(st.just("dateTime"), _MOMENTS),
        st.tuples(st.just("base64Binary"), st.binary()),
        st.tuples(st.just("hexBinary"), st.binary()),
        st.tuples(st.just("string"), st.text()),
    )
)
def test_round_trip(typed):
    """Every value comes back from its own text."""
    type_name, value = typed
    assert parse(BUILTINS[type_name], render(BUILTINS[type_name], value), None) == value


@pytest.mark.parametrize(
    ("type_name", "value"), [("int", True), ("boolean", 1), ("date", datetime.now(UTC)), ("string", 5)]
)
def test_render_refuses_another_type(type_name, value):
    """A value of another Python type is never silently converted."""
    with pytest.raises(ValueError):
        render(BUILTINS[type_name], value)


def test_dates_render_iso():
    """Moments are written in UTC with Z and without empty fractions."""
    moment = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(milliseconds=250)
    assert render(BUILTINS["dateTime"], moment) == "2024-01-01T00:00:00.25Z"
    assert render(BUILTINS["date"], date(987, 1, 2)) == "0987-01-02"
