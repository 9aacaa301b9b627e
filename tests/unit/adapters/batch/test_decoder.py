"""Record decoding: the column decoder equals its per-record twin, and rows carry their faults."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import fastavro
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.batch.codec import RecordCodec
from adapters.batch.codepage import CodePage
from adapters.batch.copybook import layouts, parse
from adapters.batch.dates import DateFormat
from adapters.batch.decoder import decode
from adapters.batch.dialect import PROFILES
from adapters.batch.encode import EncodeError
from adapters.batch.plan import Marks, RecordPlan, plan
from adapters.batch.record_twin import decode_record
from adapters.batch.reference import BadValueError
from schemas.errors import SettingsError

PAGE = CodePage.named("cp285")
COPYBOOK = """
       01  REC.
           05  ID                  PIC 9(4).
           05  NAME                PIC X(6).
           05  BORN                PIC 9(8).
           05  SEEN                PIC X(10).
           05  PAID                PIC S9(5) COMP-3.
           05  N                   PIC 9 COMP-3.
           05  ITEMS OCCURS 0 TO 3 DEPENDING ON N.
               10  M               PIC 9.
               10  CODES PIC X(2)  OCCURS 0 TO 2 DEPENDING ON M.
               10  AMOUNT          PIC S9(3)V99.
           05  RATES               PIC S9(4) COMP OCCURS 2.
           05  BOTH.
               10  LEFT-PART       PIC X(3).
               10  RIGHT-PART      PIC X(3).
           05  WHOLE REDEFINES BOTH PIC X(6).
           05  FILLER              PIC X(3).
"""
LAYOUT = layouts(parse(COPYBOOK))[0]
MARKS = Marks(
    rename={"RATES": "rate_list"},
    dates={"BORN": DateFormat("yyyymmdd"), "SEEN": DateFormat("dd/mm/yyyy")},
    sentinels={
        "BORN": ("00000000", "99999999"),
        "SEEN": ("",),
        "PAID": ("0", "LOW-VALUES"),
        "NAME": ("N/A",),
    },
    classification={"ID": "public"},
)
CODEC = RecordCodec(COPYBOOK, code_page="cp285")


def the_plan(**changes: Any) -> RecordPlan:
    return plan(LAYOUT, **({"system": "s", "entity": "e", "key": ["ID"], "marks": MARKS} | changes))


def rows(*raws: bytes) -> np.ndarray:
    return np.frombuffer(b"".join(raws), np.uint8).reshape(len(raws), LAYOUT.length)


RECORDS = st.fixed_dictionaries(
    {"ID": st.integers(0, 9999)},
    optional={
        "NAME": st.sampled_from(["", "N/A", "J\xf6rg", "\xa35", "ABCDEF"]),
        "BORN": st.sampled_from(["00000000", "99999999", "19990228", "19990229", "20001301", "20240229"]),
        "SEEN": st.sampled_from(["", "31/12/1999", "31-12-1999", "00/12/1999", "1/1/2000"]),
        "PAID": st.integers(-99999, 99999),
        "N": st.integers(0, 9),
        "ITEMS": st.lists(
            st.fixed_dictionaries(
                {"M": st.integers(0, 4), "AMOUNT": st.decimals(-999, 999, places=2)},
                optional={"CODES": st.lists(st.sampled_from(["", "A", "BC"]), max_size=2)},
            ),
            max_size=3,
        ),
        "RATES": st.lists(st.integers(-9999, 9999), max_size=2),
        "LEFT-PART": st.sampled_from(["x", "yyy"]),
    },
)


DAMAGE = st.lists(st.tuples(st.integers(0, LAYOUT.length - 1), st.integers(0, 255)), max_size=2)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(RECORDS, DAMAGE), min_size=1, max_size=8))
def test_the_column_decoder_equals_its_twin(
    records: list[tuple[dict[str, Any], list[tuple[int, int]]]],
) -> None:
    """Rows decode by column to what the per-record twin says, damaged bytes included."""
    raws = []
    for values, damage in records:
        raw = bytearray(CODEC.encode(values))
        for at, byte in damage:
            raw[at] = byte
        raws.append(bytes(raw))
    found = decode(rows(*raws), the_plan(), PAGE)
    for index, (raw, row) in enumerate(zip(raws, found.batch.to_pylist(), strict=True)):
        try:
            expected: Any = decode_record(raw, the_plan(), PAGE)
        except BadValueError as error:
            assert index in found.bad
            assert str(error).endswith(found.bad[index].reason) or ":" in str(error)
        else:
            assert index not in found.bad
            assert row == expected


def test_values_come_back_by_name() -> None:
    """A record's values are typed: dates by declaration, sentinels null, decimals exact, tables as lists."""
    raw = CODEC.encode(
        {"ID": 7, "NAME": "J\xf6rg", "BORN": "19991231", "SEEN": "", "PAID": -5, "N": 1,
         "ITEMS": [{"M": 2, "CODES": ["A", "BC"], "AMOUNT": "-1.50"}], "RATES": [1, -2], "LEFT-PART": "ab"}
    )  # fmt: skip
    found = decode(rows(raw), the_plan(), PAGE)
    assert not found.bad
    assert found.batch.to_pylist() == [
        {
            "ID": 7, "NAME": "J\xf6rg", "BORN": datetime.date(1999, 12, 31), "SEEN": None, "PAID": -5, "N": 1,
            "ITEMS": [{"M": 2, "CODES": ["A", "BC"], "AMOUNT": Decimal("-1.50")}], "rate_list": [1, -2],
            "LEFT_PART": "ab", "RIGHT_PART": "",
        }
    ]  # fmt: skip
    schema = the_plan().entity.value_schema("p.s.e")
    by_name = {f["name"]: f for f in schema["fields"]}
    assert by_name["ID"]["type"] == "int" and by_name["ID"]["classification"] == "public"
    assert by_name["BORN"]["type"] == ["null", {"type": "int", "logicalType": "date"}]
    assert by_name["rate_list"]["legacy.name"] == "RATES"


def test_a_bad_value_in_a_table_has_its_full_path() -> None:
    """A fault names the occurrence of each table that it lies in, and the row keeps its neighbours."""
    good = CODEC.encode({"ID": 1, "N": 2, "BORN": "00000000"})
    bad = bytearray(good)
    items = next(s for s in LAYOUT.record.walk() if s.path == "ITEMS")
    amount = next(s for s in LAYOUT.record.walk() if s.path == "ITEMS.AMOUNT")
    bad[amount.offset + items.length + 1] = 0x00
    found = decode(rows(good, bytes(bad), good), the_plan(), PAGE)
    assert {row: (b.path, b.reason) for row, b in found.bad.items()} == {
        1: ("ITEMS[2].AMOUNT", "byte 0x00 at position 2 is no digit")
    }
    assert list(found.bad_fields) == ["ITEMS"]


def test_a_counter_beyond_its_table_is_a_fault() -> None:
    """A DEPENDING ON item above the table's size rejects the record instead of reading past the table."""
    found = decode(rows(CODEC.encode({"ID": 1, "N": 4, "BORN": "00000000"})), the_plan(), PAGE)
    assert found.bad[0].reason == "N is beyond the 3 occurrences of ITEMS"


def test_a_redefinition_is_chosen_or_added() -> None:
    """The first item of an area counts, unless `group` chooses another or `redefinitions` adds it."""
    assert [c.name for c in the_plan().columns][-2:] == ["LEFT_PART", "RIGHT_PART"]
    assert [c.name for c in the_plan(group="WHOLE").columns][-1] == "WHOLE"
    added = [c.name for c in the_plan(redefinitions=["WHOLE"]).columns]
    assert added[-3:] == ["LEFT_PART", "RIGHT_PART", "WHOLE"]
    with pytest.raises(SettingsError, match="neither redefines"):
        the_plan(group="NAME")


def test_names_that_collide_are_refused() -> None:
    """Two items with one Avro name are an error that says which to rename; renaming one is enough."""
    layout = layouts(parse("01 R. 05 G. 10 A PIC X. 05 H. 10 A PIC X."))[0]
    with pytest.raises(SettingsError, match="would both be called 'A'"):
        plan(layout, system="s", entity="e", key=["G.A"])
    made = plan(layout, system="s", entity="e", key=["G.A"], marks=Marks(rename={"H.A": "A2"}))
    assert [c.name for c in made.columns] == ["A", "A2"]


def test_nested_records_have_names_of_their_own() -> None:
    """Tables of one name in different groups become Avro records of different names."""
    tables = " ".join(f"05 {name} OCCURS 2. 10 T OCCURS 2. 15 {name}1 PIC X." for name in "AB")
    layout = layouts(parse(f"01 R. 05 K PIC X. {tables}"))[0]
    made = plan(layout, system="s", entity="e", key=["K"])
    fastavro.parse_schema(made.entity.value_schema("p.s.e"))


def test_a_key_must_be_one_value() -> None:
    """A key that is unknown, repeated or may be null is refused."""
    for key, message in (
        ("IDD", "did you mean 'ID'"),
        ("RATES", "a key is one value"),
        ("PAID", "a key is one"),
    ):
        with pytest.raises(SettingsError) as caught:
            the_plan(key=[key])
        assert message in str(caught.value)


@pytest.mark.parametrize(
    ("text", "pivot", "message"),
    [
        ("yyyymm", None, "no date format"),
        ("yymmdd", None, "year of two digits"),
        ("ddTmmTyyyy", None, "no date"),
    ],
)
def test_a_date_format_is_checked(text: str, pivot: int | None, message: str) -> None:
    """A format lacks nothing: a year, a month and a day, and a century where the year is short."""
    with pytest.raises(SettingsError, match=message):
        DateFormat.parse(text, pivot, where="adapter.toml")


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["yyyymmdd", "yyyy-mm-dd", "ddmmyy", "yyyyddd", "yyddd", "dd.mm.yyyy"]),
    st.dates(datetime.date(1950, 1, 1), datetime.date(2049, 12, 31)),
    st.text(st.sampled_from("0123456789-. "), min_size=5, max_size=10),
)
def test_dates_by_column_equal_dates_one_by_one(text: str, day: datetime.date, noise: str) -> None:
    """Formatting and parsing a date gives it back, and both decoders agree on anything else."""
    made = DateFormat.parse(text, 50, where="x")
    assert made.value(made.format(day)) == day
    for candidate in (made.format(day), noise.ljust(len(text))[: len(text)]):
        found = [made.characters(np.frombuffer(candidate.encode(), np.uint8).reshape(1, -1))]
        if candidate.isdigit() and text.isalpha():
            found.append(made.numbers(np.array([int(candidate)])))
        for days, bad in found:
            try:
                assert datetime.date(1970, 1, 1) + datetime.timedelta(int(days[0])) == made.value(candidate)
                assert not bad[0]
            except BadValueError:
                assert bad[0]


def test_encoding_refuses_what_is_no_item() -> None:
    """A misspelt name, too many occurrences and a value that does not fit are errors, not silence."""
    for values, message in (
        ({"NAMME": "x"}, "did you mean 'NAME'"),
        ({"RATES": [1, 2, 3]}, "3 values for OCCURS 2"),
        ({"ITEMS": [{"X": 1}]}, "no item 'X'"),
        ({"ID": 12345}, "more than 4 digits"),
    ):
        with pytest.raises(EncodeError) as caught:
            CODEC.encode(values)
        assert message in str(caught.value)


def test_encoding_writes_the_redefinition_that_is_named() -> None:
    """The names given decide which redefinition is written."""
    whole = RecordCodec(COPYBOOK, code_page="cp285", group="WHOLE")
    assert whole.decode(CODEC.encode({"WHOLE": "abcdef", "BORN": 20000101}))["WHOLE"] == "abcdef"
    assert CODEC.decode(whole.encode({"RIGHT_PART": "x"}))["RIGHT_PART"] == "x"


def test_a_counter_that_is_null_counts_nothing() -> None:
    """Where a dialect reads a DEPENDING ON item as null, the table is empty, and nothing is bad."""
    text = "01 R. 05 ID PIC X. 05 N PIC 9. 05 T PIC X OCCURS 0 TO 2 DEPENDING ON N."
    layout = layouts(parse(text), PROFILES["cobrix"])[0]
    made = plan(layout, system="s", entity="e", key=["ID"])
    raw = PAGE.encode("A?BC")
    found = decode(np.frombuffer(raw, np.uint8).reshape(1, 4), made, PAGE)
    assert found.bad == {}
    assert found.batch.to_pylist() == [{"ID": "A", "N": None, "T": []}] == [decode_record(raw, made, PAGE)]


def test_null_is_written_as_the_bytes_that_mean_it() -> None:
    """None is LOW-VALUES where a dialect reads those as null; a value that is not given is blank."""
    codec = RecordCodec(
        "01 R. 05 A PIC X(2). 05 B PIC 9(2). 05 C PIC X.", dialect="cobrix", code_page="cp285"
    )
    assert codec.encode({"A": None, "B": None}) == b"\0\0\0\0\x40"
    assert codec.decode(b"\0\0\0\0\x40") == {"A": None, "B": None, "C": ""}
    assert RecordCodec("01 R. 05 A PIC X(2).", code_page="cp285").encode({"A": None}) == b"\x40\x40"
