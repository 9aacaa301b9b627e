"""Level 88 as a check: by column as one by one, and what settings say about it."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.batch.codepage import CodePage
from adapters.batch.columns import Marks
from adapters.batch.conditions import is_named, named
from adapters.batch.copybook import Storage, layouts, parse
from adapters.batch.decoder import decode
from adapters.batch.format_spec import FormatSpec
from adapters.batch.plan import plan
from schemas.errors import SettingsError

COPYBOOK = """
       01  CLAIM.
           05  ID        PIC 9(3).
           05  STATUS    PIC X(2).
               88  OPEN      VALUE 'A' 'B1'.
               88  SHUT      VALUE 'S0' THRU 'S9'.
               88  UNKNOWN   VALUE SPACES.
           05  GRADE     PIC S9(2)V9 COMP-3.
               88  LOW       VALUE 0 THRU 1.5.
               88  HIGH      VALUES ARE 9.9, -3.
           05  NOTE      PIC X(2).
"""
PAGE = CodePage.named("cp037")


def read(rows: list[tuple[str, str]], **marks: object) -> tuple[list[dict[str, object]], dict[int, str]]:
    """Return the decoded rows of (status, packed grade in hexadecimal), and the reasons of bad ones."""
    raw = b"".join(
        f"{n:03}{status}".encode("cp037") + bytes.fromhex(grade) + b"\x40\x40"
        for n, (status, grade) in enumerate(rows)
    )
    (layout,) = layouts(parse(COPYBOOK))
    made = plan(layout, system="s", entity="e", key=["ID"], marks=Marks(**marks))  # type: ignore[arg-type]
    found = decode(np.frombuffer(raw, np.uint8).reshape(len(rows), -1), made, PAGE)
    return found.batch.to_pylist(), {at: f"{bad.path}: {bad.reason}" for at, bad in found.bad.items()}


def test_values_without_a_name_are_bad() -> None:
    """Single values, ranges in the page's order, figurative constants and numbers decide; others are bad."""
    rows = [("A ", "015c"), ("B1", "099c"), ("S5", "030d"), ("  ", "000c"), ("SA", "001c"), ("A ", "016c")]
    _, bad = read(rows, check_conditions=["*"])
    reason = "no level 88 of the item names this value"
    assert bad == {4: f"STATUS: {reason}", 5: f"GRADE: {reason}"}
    assert read(rows)[1] == {}


def test_a_policy_may_make_them_null() -> None:
    """A value that no condition names follows the field's policy for bad values."""
    rows, bad = read([("X ", "000c")], check_conditions=["STATUS"], bad_values={"STATUS": "null"})
    assert (rows[0]["STATUS"], rows[0]["GRADE"], bad) == (None, Decimal(0), {})


def test_only_fields_with_conditions_can_be_checked(tmp_path) -> None:
    """A field without a level 88 is a settings error that names one which has some."""
    (tmp_path / "claim.cpy").write_text(COPYBOOK)
    given_settings = {"copybook": "claim.cpy", "entity": "claim", "key": ["ID"]}
    spec = FormatSpec.model_validate({**given_settings, "check_conditions": ["NOTE"]})
    with pytest.raises(SettingsError, match="no field with a level 88"):
        spec.read_as(tmp_path, system="s")
    FormatSpec.model_validate({**given_settings, "check_conditions": ["status"]}).read_as(
        tmp_path, system="s"
    )


_LITERAL = st.one_of(
    st.text("AB19 ", max_size=3),
    st.sampled_from(["SPACES", "LOW-VALUES", "HIGH-VALUES", "ZERO", "ALL A", "é"]),
)
_RANGES = st.lists(st.tuples(_LITERAL, st.none() | _LITERAL), min_size=1, max_size=4).map(tuple)


@given(st.lists(st.text("AB19 \0", min_size=2, max_size=2), max_size=20), _RANGES)
def test_texts_by_column_equal_texts_one_by_one(texts: list[str], ranges: tuple) -> None:
    """The mask of a column is what its twin says of each value."""
    storage = Storage("text", 2)
    raws = [text.encode("cp037") for text in texts]
    view = np.frombuffer(b"".join(raws), np.uint8).reshape(len(raws), 2)
    found = named(view, pa.array(texts, pa.string()), ranges, storage, PAGE)
    assert found.tolist() == [
        is_named(raw, text, ranges, storage, PAGE) for raw, text in zip(raws, texts, strict=True)
    ]


_NUMBER = st.decimals(-150, 150, places=2).map(str) | st.sampled_from(["ZERO", "99999999999999999999", "x"])


@given(
    st.lists(st.integers(-99, 99), max_size=20),
    st.lists(st.tuples(_NUMBER, st.none() | _NUMBER), min_size=1, max_size=4).map(tuple),
    st.sampled_from([pa.int32(), pa.int64(), pa.decimal128(4, 1), pa.float64()]),
)
def test_numbers_by_column_equal_numbers_one_by_one(
    numbers: list[int], ranges: tuple, kind: pa.DataType
) -> None:
    """The same for whole numbers, decimals and floats."""
    exact = [Decimal(n) / 10 if pa.types.is_decimal(kind) else n for n in numbers]
    values = pa.array([float(n) if pa.types.is_floating(kind) else n for n in exact], kind)
    view = np.zeros((len(numbers), 2), np.uint8)
    storage = Storage("packed", 2, 3)
    singly = [is_named(b"", n, ranges, storage, PAGE) for n in exact]
    assert named(view, values, ranges, storage, PAGE).tolist() == singly
