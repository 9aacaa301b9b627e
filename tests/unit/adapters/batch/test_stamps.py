"""Time stamps of copybook items: by column as one by one, in a zone, with bad values, and back."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.batch.codec import RecordCodec
from adapters.batch.codepage import CodePage
from adapters.batch.columns import Marks
from adapters.batch.copybook import layouts, parse
from adapters.batch.dates import DateFormat
from adapters.batch.decoder import Decoded, decode
from adapters.batch.encode import EncodeError
from adapters.batch.format_spec import FormatSpec
from adapters.batch.moments import MomentFormat
from adapters.batch.plan import RecordPlan, plan
from adapters.batch.record_twin import decode_record
from adapters.batch.reference import BadValueError
from schemas.errors import SettingsError

PAGE = CodePage.named("cp285")
UTC = datetime.UTC
DB2 = "yyyy-mm-dd-hh.mi.ss.ffffff"
#: An item, its form, and what holds a time in it.
ITEMS = [
    ("PIC 9(14)", "yyyymmddhhmiss"),
    ("PIC S9(15) COMP-3", "yyyymmddhhmiss"),
    ("PIC 9(17) COMP", "yyyymmddhhmissfff"),
    ("PIC 9(20)", "yyyymmddhhmissffffff"),
    ("PIC 9(12)", "yymmddhhmiss"),
    ("PIC X(26)", DB2),
    ("PIC X(30) JUSTIFIED", DB2),
    ("PIC X(20)", "yyyy-mm-ddthh:mi"),
    ("PIC X(30)", "iso"),
    ("PIC X(26)", "dd/mm/yyyy hh:mi:ss zz"),
    ("PIC N(19)", "yyyy-mm-dd hh:mi:ss"),
]


def planned(clauses: str, form: str, **marks: Any) -> tuple[RecordPlan, Marks]:
    layout = layouts(parse(f"01 R. 05 ID PIC X. 05 AT {clauses}."))[0]
    zone, ambiguous = marks.pop("zone", "Europe/London"), marks.pop("ambiguous", "reject")
    made = MomentFormat.parse(form, 50, zone, where="x", ambiguous=ambiguous)
    said = Marks(moments={"AT": made}, **marks)
    return plan(layout, system="s", entity="e", key=["ID"], marks=said), said


def decoded(made: RecordPlan, *raws: bytes) -> Decoded:
    view = np.frombuffer(b"".join(b"\xc1" + raw for raw in raws), np.uint8)
    return decode(view.reshape(len(raws), made.length), made, PAGE)


MOMENTS = st.datetimes(datetime.datetime(1950, 1, 2), datetime.datetime(2049, 12, 30), timezones=st.just(UTC))


@given(
    st.sampled_from(ITEMS), st.lists(MOMENTS, min_size=1, max_size=4), st.data(),
    st.sampled_from(["UTC", "Europe/London", "America/St_Johns"]),
)  # fmt: skip
def test_by_column_as_one_by_one_and_back(
    item: tuple[str, str], moments: list[datetime.datetime], data: st.DataObject, zone: str
) -> None:
    """What is written is read, by column as by the twin, and damaged bytes are bad for both."""
    made, marks = planned(*item, zone=zone, ambiguous="earlier")
    codec = RecordCodec.of(layouts(parse(f"01 R. 05 ID PIC X. 05 AT {item[0]}."))[0], PAGE, marks=marks)
    finest = 1 if "ffffff" in item[1] or item[1] == "iso" else 1000 if "fff" in item[1] else 60_000_000
    raws, wanted = [], []
    for moment in moments:
        micro = moment.hour * 3_600_000_000 + moment.minute * 60_000_000 + moment.second * 1_000_000
        rest = (micro + moment.microsecond) % finest
        moment -= datetime.timedelta(microseconds=rest)
        try:
            raws.append(codec.encode({"ID": "A", "AT": moment}))
        except EncodeError as error:
            assert "cannot tell" in str(error)  # the later one of a time that clocks show twice
        else:
            assert codec.encode({"ID": "A", "AT": moment.isoformat()}) == raws[-1]
            wanted.append(moment)
    found = [decode(np.frombuffer(raw, np.uint8).reshape(1, -1), made, PAGE) for raw in raws]
    assert [f.batch.to_pylist()[0]["AT"] for f in found] == wanted
    damage = st.tuples(st.integers(1, made.length - 1), st.sampled_from([0x00, 0x40, 0xF0, 0xF9, 0x60, 0x99]))
    for raw in raws:
        hurt = bytearray(raw)
        for at, byte in data.draw(st.lists(damage, max_size=3)):
            hurt[at] = byte
        both = decode(np.frombuffer(bytes(hurt), np.uint8).reshape(1, -1), made, PAGE)
        try:
            expected = decode_record(bytes(hurt), made, PAGE)
        except BadValueError as error:
            assert str(error) == f"AT: {both.bad[0].reason}"
        else:
            assert both.bad == {}
            assert both.batch.to_pylist() == [expected]


@pytest.mark.parametrize(
    ("clauses", "form", "text", "reason"),
    [
        ("PIC 9(14)", "yyyymmddhhmiss", "20260230101500", "no time of the calendar"),
        ("PIC 9(14)", "yyyymmddhhmiss", "20261124241500", "no time of the calendar"),
        ("PIC 9(14)", "yyyymmddhhmiss", "2026112410150X", "no digit"),
        ("PIC 9(14)", "yyyymmddhhmiss", "20260329013000", "Europe/London skips"),
        ("PIC 9(14)", "yyyymmddhhmiss", "20261025013000", "Europe/London has twice"),
        ("PIC 9(15)", "yyyymmddhhmiss", "120261025013000", "not a time stamp of the form"),
        ("PIC X(19)", "yyyy-mm-dd hh:mi:ss", "2026-11-24-10:15:00", "not a time stamp of the form"),
        ("PIC X(19)", "yyyy-mm-dd hh:mi:ss", "".ljust(19), "not a time stamp of the form"),
        ("PIC X(20)", "iso", "2026-11-24T10:15Zx".ljust(20), "not a time stamp of the form"),
    ],
)
def test_each_bad_time_stamp_has_its_reason(clauses: str, form: str, text: str, reason: str) -> None:
    """Digits that are no time, a time that clocks skip or show twice, and other forms tell why."""
    made, _ = planned(clauses, form)
    found = decoded(made, PAGE.encode(text))
    assert reason in found.bad[0].reason
    assert text.strip() not in found.bad[0].reason or not text.strip()


def test_sentinels_and_policies_hold() -> None:
    """Zeros and blanks that mean nothing are null; a bad time is kept as raw bytes, or fails the file."""
    made, _ = planned("PIC 9(14)", "yyyymmddhhmiss", sentinels={"AT": ("0", "99999999999999", "SPACES")})
    raws = [PAGE.encode(text) for text in ("0" * 14, "9" * 14, " " * 14, "20261124101500")]
    assert decoded(made, *raws).batch.column("AT").to_pylist() == [
        None, None, None, datetime.datetime(2026, 11, 24, 10, 15, tzinfo=UTC),
    ]  # fmt: skip
    bad = PAGE.encode("2" * 14)
    made, _ = planned("PIC 9(14)", "yyyymmddhhmiss", bad_values={"AT": "raw"})
    assert decoded(made, bad).batch.to_pylist() == [{"ID": "A", "AT": None, "AT_raw": bad.hex()}]
    made, _ = planned("PIC 9(14)", "yyyymmddhhmiss", bad_values={"AT": "fail"})
    assert decoded(made, bad).fatal is not None


def test_milliseconds_or_microseconds_by_the_form() -> None:
    """The Avro type follows from the fraction that the form has."""
    kinds = {form: planned("PIC X(26)", form)[0].entity["AT"].type for form in ("yyyymmddhhmiss", DB2, "iso")}
    assert [kind["logicalType"] for kind in kinds.values()] == [
        "timestamp-millis", "timestamp-micros", "timestamp-micros",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("clauses", "form", "fix"),
    [
        ("PIC 9(14)", "yyyy-mm-dd hh:mi:ss", "digits alone"),
        ("PIC 9(14)", "iso", "digits alone"),
        ("PIC 9(14)V99", "yyyymmddhhmiss", "whole number"),
        ("COMP-2", "yyyymmddhhmiss", "whole number"),
        ("PIC X(13)", "yyyymmddhhmiss", "longer"),
        ("PIC N(10)", "yyyy-mm-dd hh:mi", "longer"),
        ("PIC X(15)", "iso", "longer"),
    ],
)
def test_an_item_that_cannot_hold_the_form_is_refused(clauses: str, form: str, fix: str) -> None:
    """A form that can never stand in its item is an error of settings, not of each record."""
    with pytest.raises(SettingsError, match="AT cannot be a time stamp") as caught:
        planned(clauses, form)
    assert fix in caught.value.fix


def test_dates_may_be_national() -> None:
    """A date in UTF-16 characters is read as one in bytes is."""
    layout = layouts(parse("01 R. 05 ID PIC X. 05 D PIC N(12)."))[0]
    marks = Marks(dates={"D": DateFormat("yyyy-mm-dd")})
    made = plan(layout, system="s", entity="e", key=["ID"], marks=marks)
    raws = [b"\xc1" + text.ljust(12).encode("utf-16-be") for text in ("2026-11-24", "2026-02-30")]
    found = decode(np.frombuffer(b"".join(raws), np.uint8).reshape(2, -1), made, PAGE)
    assert found.batch.to_pylist()[0]["D"] == datetime.date(2026, 11, 24)
    assert found.bad[1].reason == "no day of the calendar in the form yyyy-mm-dd"


def test_settings_declare_time_stamps(tmp_path: Path) -> None:
    """`timestamps`, `zone` and `ambiguous` stand in adapter.toml; a time that says no zone needs one."""
    (tmp_path / "r.cpy").write_text("01 R. 05 ID PIC X. 05 AT PIC 9(14).")
    base = {"copybook": "r.cpy", "entity": "e", "key": ["ID"], "code_page": "285"}
    base |= {"timestamps": {"AT": "yyyymmddhhmiss"}}
    spec = FormatSpec.model_validate(base | {"zone": "Europe/London", "ambiguous": "later"})
    raw = PAGE.encode("A20261025013000")
    (tmp_path / "data").write_bytes(raw)
    with spec.opened(tmp_path / "data") as stream:
        reading = spec.read_as(tmp_path, system="s").reading("data", len(raw))
        (chunk,) = reading.chunks(stream)
    assert chunk.rows[0].batch.to_pylist() == [
        {"ID": "A", "AT": datetime.datetime(2026, 10, 25, 1, 30, tzinfo=UTC)}
    ]
    with pytest.raises(SettingsError, match="say no zone"):
        FormatSpec.model_validate(base).read_as(tmp_path, system="s")
    with pytest.raises(SettingsError, match="timestamps: 'NO' is no field"):
        FormatSpec.model_validate(base | {"timestamps": {"NO": "iso"}}).read_as(tmp_path, system="s")
    delimited = {"format": "delimited", "delimited": {"fields": ["id", "n"]}, "entity": "e", "key": ["id"]}
    with pytest.raises(SettingsError, match="zone is for COBOL records") as caught:
        FormatSpec.model_validate(delimited | {"zone": "UTC"}).read_as(tmp_path, system="s")
    assert "delimited.zone" in caught.value.fix
