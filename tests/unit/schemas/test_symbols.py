"""Symbols for codes."""

from __future__ import annotations

import re

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.symbols import codes_of, enum_type, symbol

CODES = st.text(alphabet="aA_x01f2/-. é") | st.sampled_from(["_unknown", "_empty", "_x2f_", "_1", "1", ""])


@given(st.lists(CODES, min_size=1, unique=True))
def test_symbols_are_legal_and_different(codes: list[str]) -> None:
    """Each code has a legal symbol that no other code has, whatever stands beside it."""
    symbols = [symbol(code) for code in codes]
    assert all(re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", made) for made in symbols)
    assert len(set(symbols)) == len(codes)


@given(st.lists(CODES.filter(lambda code: code != "_unknown"), min_size=1, unique=True))
def test_the_schema_leads_back_to_the_codes(codes: list[str]) -> None:
    """The codes come back from the schema alone, which Avro takes."""
    enum = enum_type("E", codes)
    assert enum is not None
    fastavro.parse_schema(enum, {})
    assert codes_of(enum) == (*codes, "_unknown")


@pytest.mark.parametrize(
    ("code", "made"),
    [("OPEN", "OPEN"), ("01", "_01"), ("N/A", "N_x2f_A"), ("_01", "_x5f_01"), ("", "_empty")],
)
def test_examples(code: str, made: str) -> None:
    """A legal code is its own symbol; others are escaped so that they can be read."""
    assert symbol(code) == made


def test_a_code_that_is_the_default() -> None:
    """Where `_unknown` itself is a code there is no enum."""
    assert enum_type("E", ["A", "_unknown"]) is None
