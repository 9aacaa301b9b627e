"""Column kernels equal their per-record twin, on valid values, arbitrary bytes and every code page."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.batch import iconv
from adapters.batch.codepage import CodePage
from adapters.batch.copybook import layouts, parse
from adapters.batch.copybook.storage import Storage
from adapters.batch.dialect import PROFILES, Dialect
from adapters.batch.encode import EncodeError, encode_value
from adapters.batch.kernels.column import column
from adapters.batch.reference import BadValueError, decode_value
from tests.unit.adapters.batch.strategies import value_of

PAGES = [
    "cp285",
    "cp037",
    "cp1047",
    "cp1146",
    "cp500",
    "ascii",
    "latin-1",
    "common",
    "cp290",
    "utf-8",
    "cp932",
]
#: Mixed pages, where the C library has them.
PAGES += [name for name in ("cp930", "cp939", "cp1364", "cp1388") if iconv.available(name)]
TRIMS = ["padding", "left", "both", "all", "none"]
NATIVE = Dialect("native", little_endian_native=True, hex_floats=False, binary_full_range=True)
#: Every setting that a kernel knows, at a value that no profile has it at.
OTHERS = [
    Dialect("zeros", blank_numbers="zero", nul_numbers="null", packed_sign=False, edited="number"),
    Dialect("nulls", blank_numbers="null", nul_numbers="zero", nul_text="null", long_binaries="16",
            little_endian=True, overpunch="realia", decimal_comma=True, edited="number"),
    Dialect("loose", loose_digits=True, bad_values="null", long_binaries="fewest", binary_sizes="1-8",
            strict_signs=True, little_endian_floats=True, little_endian_national=True),
]  # fmt: skip
EDITED = [
    "Z(5)9.99",
    "-(6)9",
    "$$,$$9.99CR",
    "+++9.9",
    "**,**9",
    "ZZZ.ZZ",
    "9(3)/99",
    "ZB9,9DB",
    "99V99-",
    "ZZ9,99",
]


def storage(clauses: str, dialect: Dialect = PROFILES["ibm"]) -> Storage:
    """Return the storage of one item, by the real parser."""
    layout = layouts(parse(f"01 R. 05 A {clauses}."), dialect)[0]
    found = layout.record.children[0].storage
    assert found is not None
    return found


@st.composite
def storages(draw: st.DrawFn) -> Storage:
    digits, scale = draw(st.integers(1, 38)), draw(st.integers(0, 10))
    signed = "S" if draw(st.booleans()) else ""
    picture = f"PIC {signed}9({digits})"
    if 0 < scale < digits:
        picture = f"PIC {signed}9({digits - scale})V9({scale})"
    elif draw(st.booleans()) and digits + 3 <= 38:
        picture = draw(st.sampled_from([f"PIC {signed}9({digits})PPP", f"PIC {signed}VPP9({digits})"]))
    usages = ["DISPLAY", "COMP-3", "DISPLAY SIGN LEADING", "DISPLAY BLANK WHEN ZERO"]
    usages += ["DISPLAY SIGN TRAILING SEPARATE", "DISPLAY SIGN LEADING SEPARATE"]
    usages += ["NATIONAL SIGN LEADING SEPARATE"]
    if not signed:
        usages += ["COMP-6"]
    dialect = draw(st.sampled_from([*PROFILES.values(), NATIVE, *OTHERS]))
    if digits <= 18 or dialect.long_binaries != "refuse":
        usages += ["COMP", "COMP-5", "COMP-X", "COMP-N", "COMP-9"]
    bare = [
        "COMP-1",
        "COMP-2",
        "INDEX",
        "POINTER",
        "BINARY-CHAR",
        "BINARY-DOUBLE UNSIGNED",
        "PIC X(3) COMP-X",
    ]
    texts = ["PIC X(7)", "PIC X(5) JUSTIFIED", "PIC N(4)", "PIC N(3) JUSTIFIED", "PIC G(2) DISPLAY-1"]
    edited = f"PIC {draw(st.sampled_from(EDITED))}"
    groups = [[f"{picture} {u}" for u in usages], bare, texts, [edited, f"{edited} BLANK WHEN ZERO"]]
    return storage(draw(st.sampled_from(draw(st.sampled_from([groups[0], *groups])))), dialect)


def twin(raw: bytes, kind: Storage, page: CodePage, trim: Any) -> Any:
    try:
        return decode_value(raw, kind, page, trim)
    except BadValueError:
        return BadValueError


@settings(max_examples=100, deadline=None)
@given(st.data(), storages(), st.sampled_from(PAGES), st.sampled_from(TRIMS))
def test_kernels_equal_the_twin_on_arbitrary_bytes(
    data: st.DataObject, kind: Storage, name: str, trim: Any
) -> None:
    """A kernel gives the twin's value, or marks bad what the twin refuses, for any bytes at all."""
    page = CodePage.named(name)
    likely = st.sampled_from(
        [
            *page.encode("0123456789+-{}AJ .,/$CRDB*py"),
            0,
            0x0C,
            0x1D,
            0x20,
            0x30,
            0x99,
            0xC1,
            0xD1,
            0xD8,
            0xF0,
        ]
    )
    byte = st.one_of(likely, likely, likely, st.integers(0, 255))
    same = st.sampled_from([0, page.space, 0xFF]).map(lambda b: bytes([b]) * kind.length)
    mixed = st.lists(byte, min_size=kind.length, max_size=kind.length).map(bytes)
    raws = data.draw(st.lists(st.one_of(mixed, mixed, same, _near(kind, page)), min_size=1, max_size=6))
    _compare(raws, kind, page, trim)


@settings(max_examples=100, deadline=None)
@given(st.data(), storages(), st.sampled_from(PAGES))
def test_values_survive_encode_and_decode(data: st.DataObject, kind: Storage, name: str) -> None:
    """decode(encode(v)) is v for every valid v, in the twin and in the kernel."""
    page = CodePage.named(name)
    value = data.draw(value_of(kind, page))
    raw = encode_value(value, kind, page)
    assert len(raw) == kind.length
    if kind.nul_is_null and not any(raw):
        return  # a dialect that reads LOW-VALUES as null cannot tell them from a value of zeros
    assert decode_value(raw, kind, page) == value
    _compare([raw, raw], kind, page, "padding")


@st.composite
def _near(draw: st.DrawFn, kind: Storage, page: CodePage) -> bytes:
    """Return a valid value's bytes, perhaps with one byte changed to another that often stands there."""
    raw = bytearray(encode_value(draw(value_of(kind, page)), kind, page))
    if draw(st.booleans()):
        at = draw(st.integers(0, len(raw) - 1))
        raw[at] = draw(st.sampled_from([page.space, 0, *page.encode("09-+CDR*$"), 0x0F, 0x0B]))
    return bytes(raw)


def _compare(raws: list[bytes], kind: Storage, page: CodePage, trim: Any) -> None:
    # A record around the item: kernels must take views with strides.
    records = np.frombuffer(b"".join(b"\x01" + raw + b"\x02\x03" for raw in raws), np.uint8)
    view = records.reshape(len(raws), kind.length + 3)[:, 1:-2]
    array, bad = column(view, kind, page, trim)
    for raw, value, is_bad in zip(raws, array.to_pylist(), bad.tolist(), strict=True):
        expected = twin(raw, kind, page, trim)
        assert is_bad == (expected is BadValueError), raw.hex()
        if not is_bad:
            assert value == expected and type(value) is type(expected), raw.hex()


@pytest.mark.parametrize(
    ("clauses", "raw", "reason"),
    [
        ("PIC S9(3) COMP-3", "1A3C", "nibble A is no digit"),
        ("PIC S9(3) COMP-3", "1234", "nibble 4 is no sign"),
        ("PIC S9(4) COMP-3", "12345C", "more than 4 digits"),
        ("PIC 9(3) COMP-3", "123D", "negative value in an unsigned"),
        ("PIC 9(3)", "F1C2F3", "byte 0xC2 at position 2 is no digit"),
        ("PIC 9(3)", "404040", "a number is blank"),
        ("PIC S9(3) SIGN TRAILING SEPARATE", "F1F2F3F4", "is no sign"),
        ("PIC S9(3) COMP", "7FFF", "more than 3 digits"),
    ],
)  # fmt: skip
def test_each_bad_value_has_its_reason(clauses: str, raw: str, reason: str) -> None:
    """A rejected value says which byte or nibble is wrong, and why."""
    with pytest.raises(BadValueError, match=reason):
        decode_value(bytes.fromhex(raw), storage(clauses), CodePage.named("cp285"))


@pytest.mark.parametrize(
    ("clauses", "value", "reason"),
    [
        ("PIC X(3)", "ABCD", "4 characters do not fit"),
        ("PIC X(3)", "€", "is not in code page"),
        ("PIC 9(3)", 1000, "more than 3 digits"),
        ("PIC 9(3)", -1, "negative value"),
        ("PIC 9(3)V99", Decimal("1.234"), "more than 2 decimals"),
        ("PIC 9(3)", "twelve", "no number"),
        ("COMP-1", 1e300, "outside hexadecimal"),
    ],
)  # fmt: skip
def test_values_that_do_not_fit_are_refused(clauses: str, value: Any, reason: str) -> None:
    """Nothing is cut off silently on the way back."""
    with pytest.raises(EncodeError, match=reason) as caught:
        encode_value(value, storage(clauses), CodePage.named("cp285"), where="A")
    assert str(value) not in str(caught.value) or str(value) in ("-1",)


def test_known_bytes_have_known_values() -> None:
    """Golden values: the bytes that z/Architecture manuals print."""
    page = CodePage.named("cp285")
    golden = [
        ("PIC S9(3)V99 COMP-3", "12345D", Decimal("-123.45")),
        ("PIC S9(4)", "F1F2F3D4", -1234),
        ("PIC S9(4)", "F1F2F3C4", 1234),
        ("PIC S9(4) COMP", "FF85", -123),
        ("COMP-1", "C276A000", -118.625),
        ("COMP-2", "4276A00000000000", 118.625),
        ("PIC X(3)", "5BC1C2", "£AB"),
    ]  # fmt: skip
    for clauses, raw, value in golden:
        assert decode_value(bytes.fromhex(raw), storage(clauses), page) == value
        _compare([bytes.fromhex(raw)], storage(clauses), page, "padding")
