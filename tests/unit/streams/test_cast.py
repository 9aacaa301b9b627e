"""Casts: whole columns and one value at a time agree on what fits and what it becomes."""

from datetime import date
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import SettingsError
from streams.cast import Uncastable, cast_of

_TEXTS = (
    st.text("0123456789+-. ", max_size=22)
    | st.integers(-(10**19), 10**19).map(str)
    | st.dates().map(date.isoformat)
    | st.dates().map(lambda d: d.strftime("%d%m%Y"))
    | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", fullmatch=True)
    | st.from_regex(r"[+-]?[0-9]{1,8}(\.[0-9]{1,3})?", fullmatch=True)
    | st.sampled_from(["", "\n1", "1\n", "\u0661", "1e3", "NaN", "0x1F", "é", "00000000", "99999999"])
)
_TARGETS = st.sampled_from(
    ["text", "integer", "decimal(9,2)", "decimal(3,3)", "decimal(5,0)", "date", "date(DDMMYYYY)"]
)


def agree(cast, array):
    columns, bad = cast.column(array)
    for value, got, wrong in zip(array.to_pylist(), columns.to_pylist(), bad.tolist(), strict=True):
        try:
            want = cast.one(value)
        except Uncastable:
            assert wrong and got is None, value
        else:
            assert not wrong and got == want and type(got) is type(want), value


@given(_TARGETS, st.lists(st.none() | _TEXTS, max_size=6))
def test_columns_cast_texts_as_one_value_is(target, texts):
    """A column of texts and its values one by one become the same, and fail at the same places."""
    agree(cast_of(target, "here"), pa.array(texts, pa.string()))


@given(
    st.sampled_from(["text", "integer", "decimal(9,2)", "decimal(5,0)", "decimal(38,0)"]),
    st.lists(st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-200_000, 200_000), max_size=6),
)
def test_columns_cast_integers_as_one_value_is(target, values):
    """The same for integers."""
    agree(cast_of(target, "here"), pa.array(values, pa.int64()))


@given(
    st.sampled_from(["text", "integer", "decimal(9,2)", "decimal(9,3)", "decimal(4,1)"]),
    st.lists(st.none() | st.decimals(-9_999_999, 9_999_999, places=2), max_size=6),
)
def test_columns_cast_decimals_as_one_value_is(target, values):
    """The same for decimals."""
    agree(cast_of(target, "here"), pa.array(values, pa.decimal128(9, 2)))


def test_sentinels_are_no_dates():
    """00000000 and 99999999 are not guessed to mean anything: they cannot be cast."""
    _, bad = cast_of("date(YYYYMMDD)", "here").column(pa.array(["00000000", "99999999", "20240229"]))
    assert bad.tolist() == [True, True, False]


def test_values_stay_out_of_the_message():
    """The message names the target and never the value."""
    with pytest.raises(Uncastable) as caught:
        cast_of("integer", "here").one("QQ123456C")
    assert "QQ" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    ["varchar", "decimal", "decimal(0,0)", "decimal(39,2)", "decimal(2,3)", "date(YYMMDD)", "text(3)", ""],
)
def test_what_is_no_cast_is_refused(wrong):
    """An unknown target, an impossible decimal and a date form without its parts are wrong settings."""
    with pytest.raises(SettingsError) as caught:
        cast_of(wrong, "here")
    assert caught.value.fix


def test_a_kind_that_never_fits_is_refused():
    """A field whose kind can never become the target is a wrong setting, not an event that fails."""
    with pytest.raises(SettingsError, match="timestamp cannot be cast to date"):
        cast_of("date", "here").check("timestamp", "here")


def test_both_twins_read_a_decimal():
    """A text with blanks around becomes a decimal of the declared scale."""
    column, bad = cast_of("decimal(9,2)", "here").column(pa.array([" +7.5 "]))
    assert column.to_pylist() == [Decimal("7.50")] and not np.any(bad)
