"""Texts to values: by column and, as twin, one by one."""

from __future__ import annotations

import datetime
import re
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.batch.dates import DateFormat
from adapters.batch.fields.convert import convert
from adapters.batch.fields.parse import parse
from adapters.batch.fields.value_type import ValueType, declared
from adapters.batch.moments import MomentFormat
from adapters.batch.reference import BadValueError
from schemas.errors import SettingsError

NUMBERS = [
    ValueType("integer", 9),
    ValueType("integer", 18),
    ValueType("integer", 38),
    ValueType("decimal", 5, 2),
    ValueType("decimal", 3, 3),
    ValueType("decimal", 20, 4, null=("", "NULL", "0")),
    ValueType("decimal", 11, 2, decimal=",", grouping="."),
    ValueType("decimal", 11, 2, decimal=",", grouping="\u00a0"),
]
NOISY = st.text(alphabet="0019+-., \u00a0()CRDBEe\0N٣", max_size=9)
REAL = st.decimals(-(10**12), 10**12, places=2, allow_nan=False).map(str)
GROUPED = st.integers(-(10**9), 10**9).map(lambda n: f"{n:,}".replace(",", ".") + ",50")


def one_by_one(texts: list[str | None], kind: ValueType) -> list[object]:
    out: list[object] = []
    for text in texts:
        try:
            out.append(None if text is None else parse(text, kind))
        except BadValueError:
            out.append("bad")
    return out


def by_column(texts: list[str | None], kind: ValueType) -> list[object]:
    array, bad = convert(pa.array(texts, pa.string()), kind)
    return ["bad" if wrong else v for v, wrong in zip(array.to_pylist(), bad.tolist(), strict=True)]


@settings(max_examples=150)
@given(st.lists(st.none() | NOISY | REAL | GROUPED, max_size=8), st.sampled_from(NUMBERS))
def test_numbers_by_column_equal_numbers_one_by_one(texts: list[str | None], kind: ValueType) -> None:
    """The kernel reads what the twin reads, and refuses what it refuses."""
    assert by_column(texts, kind) == one_by_one(texts, kind)


FORMS = ["yyyy-mm-dd", "ddmmyy", "d.m.yyyy", "dd-mmm-yyyy", "yyyyddd", "d mmm yy"]
DAYS = st.dates(datetime.date(1950, 1, 1), datetime.date(2049, 12, 31))


@given(
    st.lists(DAYS, max_size=4), st.lists(st.text("0123456789-. JANjan", max_size=11)), st.sampled_from(FORMS)
)
def test_dates_of_any_form(days: list[datetime.date], noise: list[str], form: str) -> None:
    """Dates of every form come back as they were written, and both ways refuse the same texts."""
    made = DateFormat.parse(form, 50, where="x", loose=True)
    kind = ValueType("date", date=made)
    texts: list[str | None] = [*(made.format(day) for day in days), *noise]
    assert by_column(texts, kind)[: len(days)] == days
    assert by_column(texts, kind) == one_by_one(texts, kind)


@settings(max_examples=25, deadline=None)
@pytest.mark.parametrize("zone", ["UTC", "Europe/London", "America/St_Johns", "Australia/Lord_Howe"])
@given(
    moments=st.lists(
        st.datetimes(datetime.datetime(1970, 1, 2), datetime.datetime(2037, 12, 31)), max_size=5
    ),
    ambiguous=st.sampled_from(["reject", "earlier", "later"]),
    form=st.sampled_from(["yyyy-mm-ddThh:mi:ss.ffffff", "dd/mm/yyyy hh:mi", "yyyymmddhhmiss", "iso"]),
)
def test_time_stamps_in_declared_zones(
    zone: str, moments: list[datetime.datetime], ambiguous: str, form: str
) -> None:
    """A local time is the same instant by column and one by one, clock changes included."""
    made = MomentFormat.parse(form, None, zone, where="x", ambiguous=ambiguous)  # type: ignore[arg-type]
    kind = ValueType("timestamp", 6, moment=made)
    style = {"dd/mm/yyyy hh:mi": "%d/%m/%Y %H:%M", "yyyymmddhhmiss": "%Y%m%d%H%M%S"}
    changes = [datetime.datetime(2026, 10, 25, 1, 30), datetime.datetime(2026, 3, 29, 1, 30)]
    texts: list[str | None] = [
        m.strftime(style.get(form, "%Y-%m-%dT%H:%M:%S.%f")) for m in [*moments, *changes]
    ]
    assert by_column([*texts, "99", "2026-13-01T00:00:00.000000"], kind) == one_by_one(
        [*texts, "99", "2026-13-01T00:00:00.000000"], kind
    )


def test_the_hour_that_comes_twice_is_a_decision() -> None:
    """Without a declaration a time that clocks show twice is refused; with one it is the earlier or later."""
    read = {}
    for choice in ("reject", "earlier", "later"):
        form = MomentFormat.parse("yyyy-mm-dd hh:mi", None, "Europe/London", where="x", ambiguous=choice)  # type: ignore[arg-type]
        read[choice] = by_column(
            ["2026-10-25 01:30", "2026-03-29 01:30"], ValueType("timestamp", moment=form)
        )
    utc = datetime.UTC
    assert read["reject"] == ["bad", "bad"]
    assert read["earlier"] == [datetime.datetime(2026, 10, 25, 0, 30, tzinfo=utc), "bad"]
    assert read["later"] == [datetime.datetime(2026, 10, 25, 1, 30, tzinfo=utc), "bad"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.234.567,89", Decimal("1234567.89")),
        ("12,34-", Decimal("-12.34")),
        ("12,34 CR", Decimal("-12.34")),
        ("12,34DB", Decimal("-12.34")),
        ("(12,34)", Decimal("-12.34")),
        ("+,5", Decimal("0.50")),
        ("0000012,3400", Decimal("12.34")),
        ("1,5E3", Decimal("1500.00")),
        (" 7 ", Decimal("7.00")),
    ],
)
def test_numbers_as_legacy_writes_them(text: str, value: Decimal) -> None:
    """Decimal commas, groups, signs behind, CR and DB, parentheses, leading zeros are all read exactly."""
    kind = ValueType("decimal", 11, 2, decimal=",", grouping=".")
    assert by_column([text], kind) == [value] == [parse(text, kind)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("12.34.5", "signs and digits do not make a number"),
        ("1,234", "more than 2 digits after the decimal mark"),
        ("1234567890", "more than 9 digits before the decimal mark"),
        ("-1-", "more than one sign"),
        ("12x", "character U+0078 is no digit"),
        ("1.23,4", "signs and digits do not make a number"),
    ],
)
def test_bad_numbers_say_why(text: str, why: str) -> None:
    """A reason tells what is wrong and shows nothing of the value."""
    with pytest.raises(BadValueError, match=re.escape(why)):
        parse(text, ValueType("decimal", 11, 2, decimal=",", grouping="."))


@given(
    st.lists(st.none() | st.text(" \0\tabé,", max_size=5)),
    st.sampled_from(["padding", "left", "both", "all", "none"]),
)
def test_texts_by_column_equal_texts_one_by_one(texts: list[str | None], trim: str) -> None:
    """Trimming and null spellings are the same both ways."""
    kind = ValueType("text", trim=trim, null=("", "a"))  # type: ignore[arg-type]
    assert by_column(texts, kind) == one_by_one(texts, kind)


def test_booleans_are_declared_words() -> None:
    """Words for true and false are read in any case; others are bad."""
    kind = ValueType("boolean", true=("j", "ja"), false=("n",))
    assert by_column(["J", "ja ", "n", "yes", "", None], kind) == [True, True, False, "bad", None, None]


@pytest.mark.parametrize(
    "words", ["texts", "decimal", "decimal(2,3)", "integer(39)", "timestamp(4)", "date(3)"]
)
def test_what_is_no_type_is_refused(words: str) -> None:
    """A misspelt type is a settings error that lists the types."""
    with pytest.raises(SettingsError, match="is no type"):
        declared(words, where="adapter.toml")
