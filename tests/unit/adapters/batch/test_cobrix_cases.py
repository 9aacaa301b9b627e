"""Public Cobrix cases, through the reader; docs/cobrix-cases.md lists and explains each difference."""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.batch.codepage import CodePage
from adapters.batch.conversion.place import Places
from adapters.batch.format_spec import FormatSpec
from adapters.extract import Reject
from schemas.errors import Terminal

CORPORA = os.environ.get("BANYAN_CORPORA", "")
pytestmark = pytest.mark.skipif(
    not CORPORA, reason="BANYAN_CORPORA is not set: the corpora are not in this repo"
)
FOLDER = Path(CORPORA) / "cobrix"
Row = dict[str, Any]
#: What `banyan decode --places --segments` adds, and which option of it makes Cobrix's columns.
PLACES, SEGMENTED = "", "SEGMENT-ID=C,P"


def read(
    data: str, copybook: str, places: str | None = None, **settings: Any
) -> tuple[list[Row], list[Reject], list[str]]:
    """Return the rows of a file in its order, without nulls, with the rejects and problems.

    With `places` they have Cobrix's own columns.
    """
    added = None if places is None else Places.parse(places or None)
    given = {"dialect": "cobrix", "code_page": "common", "copybook": copybook, **settings}
    if "records" not in settings:
        given["entity"] = "row"
    spec = FormatSpec.model_validate(given)
    path = FOLDER / data
    path = next(path.iterdir()) if path.is_dir() else path
    rows: dict[int, Row] = {}
    rejects: list[Reject] = []
    reading = spec.read_as(FOLDER, system="s").reading(path.name, path.stat().st_size)
    with spec.opened(path) as stream:
        for chunk in reading.chunks(stream):
            rejects += chunk.rejects
            chunk = chunk if added is None else added.placed(chunk)
            for part in chunk.rows:
                rows |= zip(part.record.tolist(), part.batch.to_pylist(), strict=True)
    found = [some(rows[n]) for n in sorted(rows)]
    return [row if added is None else generated(row) for row in found], rejects, reading.problems()


def generated(row: Row) -> Row:
    """Return a row whose place is told in Cobrix's columns: numbers from 0, and ids with a prefix."""
    number, length, _ = row.pop("_record"), row.pop("_length"), row.pop("_offset")
    row |= {"File_Id": 0, "Record_Id": number - 1, "Record_Byte_Length": length}
    for level in (0, 1):
        if (path := row.pop(f"_segment_{level}", None)) is not None:
            root, _, ordinal = path.partition(".")
            row[f"Seg_Id{level}"] = f"A_0_{int(root) - 1}" + (f"_L1_{ordinal}" if level else "")
    return row


def some(value: Any) -> Any:
    """Return a value without nulls in records."""
    if isinstance(value, dict):
        return {k: some(v) for k, v in value.items() if v is not None}
    return [some(v) for v in value] if isinstance(value, list) else value


def flat(row: Row) -> Row:
    """Return an expected row without its groups, as our rows are; tables stay."""
    out: Row = {}
    for name, value in row.items():
        if isinstance(value, dict):
            out |= flat(value)
        else:
            out[name] = (
                [flat(v) if isinstance(v, dict) else v for v in value] if isinstance(value, list) else value
            )
    return out


def expected(name: str) -> list[Row]:
    text = (FOLDER / name).read_text(encoding="utf-8")
    if text.startswith("["):
        return [flat(row) for row in json.loads(text, parse_float=Decimal)]
    return [flat(json.loads(line, parse_float=Decimal)) for line in text.split("\n") if line]


def signed(rows: list[Row]) -> list[Row]:
    return [r for r in rows if r["SIGNATURE"] == "S9276511"][:60]


LITTLE = {"rdw_byte_order": "little", "rdw_inclusive": False}
SEGMENTS = {"framing": "rdw", "short_records": "null", "redefinitions": ["CONTACTS", "TAXPAYER-NUM"]}
COUNTED = {"redefinitions": ["COMPANY-ID-STR", "ACCOUNT-TYPE-X"], "key": ["COMPANY-ID-NUM"]}


@pytest.mark.parametrize(("case", "places"), [("test1", None), ("test1b", PLACES)])
def test_case_1_has_redefinitions_and_a_counted_table(case: str, places: str | None) -> None:
    """Cases 1 and 1b: COMP, COMP-3, REDEFINES, and OCCURS DEPENDING ON at its greatest size; record ids."""
    found, rejects, problems = read("test1_data", "test1_copybook.cob", places, **COUNTED)
    assert found == expected(f"{case}_expected/{case}.txt")
    assert (rejects, problems) == ([], [])


def test_case_1a_trims_each_record() -> None:
    """Case 1a: two bytes before and 27 behind each record are no part of it."""
    frame = {"record_start": 2, "record_end": 27}
    found, rejects, problems = read("test1_data", "test1a_copybook.cob", frame=frame, **COUNTED)
    assert found == expected("test1a_expected/test1a.txt")
    assert (rejects, problems) == ([], [])


@pytest.mark.parametrize(
    ("trim", "name"),
    [
        ("none", "test3_trim_none"),
        ("both", "test3_trim_both"),
        (None, "test3"),
        ("padding", "test3_trim_right"),
        ("left", "test3_trim_left"),
    ],
)
def test_case_3_trims_as_told(trim: str | None, name: str) -> None:
    """Case 3: DISPLAY text, a digit and a scaled BINARY, with each kind of trimming."""
    found, _, _ = read("test3_data", "test3_copybook.cob", trim=trim, key=["COMPANY-ID"])
    assert signed(found) == expected(f"test3_expected/{name}.txt")


def printable(row: Row) -> Row:
    """Return a row whose texts lack control characters."""
    drop = dict.fromkeys(range(0x20))
    return {k: v.translate(drop) if isinstance(v, str) else v for k, v in row.items()}


def test_case_4_has_little_endian_lengths() -> None:
    """Case 4: an ASCII file with reversed RDWs; control characters stay, which Cobrix drops."""
    found, rejects, problems = read(
        "test4_data",
        "test4_copybook.cob",
        SEGMENTED,
        code_page="ascii",
        frame=LITTLE,
        key=["COMPANY-ID"],
        **SEGMENTS,
    )
    wanted = expected("test4_expected/test4.txt")
    found = [printable(row) for row in found]
    for ours, theirs in zip(found, wanted, strict=False):
        for name, value in list(theirs.items()):
            if "\ufffd" in str(value):
                assert name not in ours  # no ASCII: null for us
                del theirs[name]
    assert found[: len(wanted)] == wanted
    assert (len(found), rejects, problems) == (1000, [], [])


def test_case_4a_has_a_latin_page() -> None:
    """Case 4a: the same in ISO 8859-1; text behind a record's end is null for us, empty for Cobrix."""
    found, rejects, problems = read(
        "test4a_data",
        "test4_copybook.cob",
        SEGMENTED,
        code_page="latin-1",
        frame=LITTLE,
        key=["COMPANY-ID"],
        **SEGMENTS,
    )
    wanted = expected("test4_expected/test4a.txt")
    for ours, theirs in zip(found[: len(wanted)], wanted, strict=True):
        said = {k: v for k, v in theirs.items() if v != "" or k in ours}
        assert printable(ours) == said
    assert (rejects, problems) == ([], [])


#: Our names of FILLERs (all are counted) by those that case 7d gives.
AFTER = {
    "FILLER_AFTER_RECORD": "FILLER_1",
    "FILLER_AFTER_COMPANY_PREFIX": "FILLER_2",
    "FILLER_AFTER_FILLER_AFTER_COMPANY_PREFIX": "FILLER_3",
    "FILLER_AFTER_STR2": "FILLER_4",
    "FILLER_AFTER_STR4": "FILLER_5",
    "FILLER_AFTER_FILL_FIELD": "FILLER_6",
    "FILLER_AFTER_FILLER_AFTER_FILL_FIELD": "FILLER_7",
}


@pytest.mark.parametrize(
    ("case", "fillers", "groups"),
    [
        ("7", "drop", False),
        ("7a", "drop", True),
        ("7b", "name", False),
        ("7c", "name", True),
        ("7d", "name", True),
    ],
)
def test_case_7_keeps_fillers_as_told(case: str, fillers: str, groups: bool) -> None:
    """Cases 7 to 7d: FILLERs are dropped or named; only the names differ, as ours are counted."""
    more = ["STR1", "STR4"] if groups else []
    found, _, _ = read(
        "test7_data", "test7_fillers.cob",
        fillers=fillers, redefinitions=["CONTACT_PERSON", *more], key=["AMOUNT"],
    )  # fmt: skip
    wanted = [
        {AFTER.get(name, name.replace("FILLER_P", "FILLER_")): value for name, value in row.items()}
        for row in expected(f"test7_expected/test{case}.txt")
    ]
    assert sorted(found, key=lambda r: r["AMOUNT"])[:100] == wanted


@pytest.mark.parametrize(
    ("page", "trim", "name"), [("common", "all", "printable"), ("common_extended", "none", "non_printable")]
)
def test_case_8_has_cobrixs_own_pages(page: str, trim: str, name: str) -> None:
    """Case 8: both pages that Cobrix made."""
    found, _, _ = read("test8_data", "test8_copybook.cob", code_page=page, trim=trim, key=["COMPANY-ID"])
    wanted = expected(f"test8_expected/test8_{name}.txt")
    assert signed(found) == wanted


def shown(value: Any) -> str:
    """Return text with control characters as blanks, trimmed: not every expected file shows them."""
    return "".join(" " if unicodedata.category(c) == "Cc" else c for c in str(value)).strip()


@pytest.mark.parametrize("page", ["cp037", "cp037_ext", "cp273", "cp500", "cp1140", "cp1141", "cp1148"])
def test_case_9_has_each_code_page(page: str) -> None:
    """Case 9: every character of each page that is no control character, and no difference but one."""
    found, _, _ = read(
        "test9_data",
        "test9_copybook.cob",
        code_page=page.removesuffix("_ext"),
        trim="none",
        key=["COMPANY-ID"],
    )
    for ours, theirs in zip(signed(found), expected(f"test9_expected/test9_{page}.txt"), strict=True):
        # 0xBC of page 273: an overline in Python's table, a macron in Java's.
        assert {k: shown(v).replace("\u203e", "\u00af") for k, v in ours.items()} == {
            k: shown(v) for k, v in theirs.items()
        }


def test_case_9_has_a_page_of_ones_own(tmp_path: Path) -> None:
    """Case 9, custom: the page that Cobrix's test has as a Java class, as a table of ours."""
    # It is `common` with the cases of letters changed, and blanks for quotes, backslash and line ends.
    small = CodePage.named("common").characters.swapcase().translate(dict.fromkeys(b"\"'\\\r\n", " "))
    lines = [f"0x{byte:02X}\t0x{ord(character):04X}" for byte, character in enumerate(small)]
    (tmp_path / "small.txt").write_text("\n".join(lines))
    found, _, _ = read(
        "test9_data", "test9_copybook.cob", code_page=f"file:{tmp_path / 'small.txt'}", trim="none",
        key=["COMPANY-ID"],
    )  # fmt: skip
    assert [r for r in found if r["SIGNATURE"] == "s9276511"][:60] == expected(
        "test9_expected/test9_cp_custom.txt"
    )


def test_case_10_keeps_groups_whole() -> None:
    """Case 10: NAME and ACCOUNT-NO are read as groups and, beside that, as one text each."""
    found, _, _ = read(
        "test10_data", "test10_copybook.cob", code_page="ascii", keep_whole=["NAME", "ACCOUNT-NO"],
        rename={"NAME": "NAME_NT", "ACCOUNT-NO": "ACCOUNT_NO_NT"}, key=["FIRST-6"],
    )  # fmt: skip
    assert found == expected("test10_expected/test10.txt")


def unlike_unsigned(found: list[Row], wanted: list[Row]) -> Iterator[tuple[Row, Row]]:
    """Yield pairs of rows without what the table of differences explains: see `docs/cobrix-cases.md`."""
    for ours, theirs in zip(found, wanted, strict=False):
        if "TAXPAYER_NUM" not in theirs and ours.get("TAXPAYER_NUM", 0) >= 1 << 31:
            del ours["TAXPAYER_NUM"]
        yield ours, {k: v for k, v in theirs.items() if v != "" or k in ours}


@pytest.mark.parametrize(
    ("data", "copybook", "name", "settings"),
    [
        (
            "test11_data", "test11_copybook.cob", "test11_expected/test11.txt",
            SEGMENTS | {
                "framing": "header",
                "frame": {"header_length": 5, "valid": {"b0": 1}, "length": "b3 + 256 * b4"},
            },
        ),
        (
            "test13b_data", "test13b_vrl_file_headers.cob", "test13_expected/test13b.txt",
            SEGMENTS | {"frame": {"file_header": 100, "file_trailer": 120, "rdw_inclusive": False}},
        ),
    ],
)  # fmt: skip
def test_cases_11_and_13b_have_headers(data: str, copybook: str, name: str, settings: dict[str, Any]) -> None:
    """Case 11: a header of its own before each record; 13b: RDWs between a file header and trailer."""
    found, rejects, problems = read(data, copybook, SEGMENTED, key=["COMPANY-ID"], **settings)
    wanted = expected(name)
    if "test11" in name:  # was written without the length and without ids of segments
        for row in found:
            for column in ("Record_Byte_Length", "Seg_Id0", "Seg_Id1"):
                row.pop(column, None)
    assert len(found) >= len(wanted)
    for ours, theirs in unlike_unsigned(found, wanted):
        assert ours == theirs
    assert (rejects, problems) == ([], [])


def test_case_13a_has_a_file_header_and_trailer() -> None:
    """Case 13a: with the two trims every record is read; without them the file is refused."""
    frame = {"file_header": 10, "file_trailer": 12}
    found, rejects, problems = read(
        "test13a_data", "test13a_file_header_footer.cob", frame=frame, key=["COMPANY-ID"]
    )
    wanted = expected("test13_expected/test13a.txt")
    order: Callable[[Row], Any] = lambda r: (r["COMPANY_ID"], r["AMOUNT"])  # noqa: E731  (the file is sorted)
    assert sorted(found, key=order) == sorted(wanted, key=order)
    assert (rejects, problems) == ([], [])
    with pytest.raises(Terminal, match="does not fit"):
        read(
            "test13a_data",
            "test13a_file_header_footer.cob",
            dialect="ibm",
            code_page="cp037",
            key=["COMPANY-ID"],
        )
    _, _, problems = read("test13a_data", "test13a_file_header_footer.cob", key=["COMPANY-ID"])
    assert "truncated: the last record has 22 of 45 bytes" in problems[0]


@pytest.mark.parametrize("frame", [{"rdw_inclusive": True}, {"rdw_inclusive": False, "rdw_adjustment": -4}])
def test_case_14_counts_the_descriptor_word(frame: dict[str, Any]) -> None:
    """Case 14: an RDW that counts itself, said in two ways; each segment has its own redefinition."""
    records = [
        {"entity": "company", "key": ["COMPANY-ID"], "when": {"field": "SEGMENT-ID", "equals": "C"},
         "group": "STATIC-DETAILS", "redefinitions": ["TAXPAYER-NUM"]},
        {"entity": "contact", "key": ["PHONE-NUMBER"], "when": {"field": "SEGMENT-ID", "equals": "P"},
         "group": "CONTACTS"},
    ]  # fmt: skip
    found, rejects, problems = read(
        "test14_data", "test14_copybook.cob", PLACES, framing="rdw", short_records="null", records=records,
        frame={"rdw_byte_order": "little", **frame},
    )  # fmt: skip
    for ours, theirs in unlike_unsigned(found, expected("test14_expected/test14.txt")):
        # Two entities here, which a parent's key would join; ids of segments are for files of one.
        assert ours == {name: value for name, value in theirs.items() if not name.startswith("Seg_Id")}
    assert (len(found), rejects, problems) == (100, [], [])


def test_case_21_has_shifted_tables() -> None:
    """Case 21: nested OCCURS DEPENDING ON; records follow each other, and only their counters tell where."""
    found, rejects, problems = read(
        "test21_data", "test21_copybook.cob", code_page="ascii", odo="shift", key=["COUNT"]
    )
    assert found == expected("test21_expected/test21.txt")
    assert (rejects, problems) == ([], [])


def mended(text: str) -> str:
    """Return case 40's copybook in COBOL; docs/cobrix-cases.md says what Cobrix takes that is none."""
    text = text.replace("COMP-0", "COMP  ")
    for name, old, new in (
        ("NUM-BIN-INT12", "9(19)", "S9(19)"), ("NUM-BIN-DEC09", "9(17)V99", "S9(17)V99"),
        ("NUM-SL-STR-DEC01", "99V99", "S99V99"), ("NUM-ST-STR-DEC01", "99V99", "S99V99"),
    ):  # fmt: skip
        text = re.sub(rf"({name}\s+PIC ){re.escape(old)}", rf"\g<1>{new}", text)
    return text


@pytest.mark.parametrize("ending", ["", ".gz", ".bz2"])
def test_case_40_has_every_usage_plain_and_compressed(ending: str, tmp_path: Path) -> None:
    """Case 40: 190 fields of every kind with IEEE floats; plain, gzip and bzip2 give the same rows."""
    (tmp_path / "mended.cob").write_text(mended((FOLDER / "test40_copybook.cob").read_text()))
    found, rejects, problems = read(
        f"test40_data/example.dat{ending}", str(tmp_path / "mended.cob"),
        dialect_options={"hex_floats": False}, key=["ID"],
    )  # fmt: skip
    wanted = expected("test40_expected/test40.txt")
    for ours, theirs in zip(found, wanted, strict=False):
        ours["FLOAT_01"], theirs["FLOAT_01"] = (
            np.float32(ours["FLOAT_01"]),
            np.float32(str(theirs["FLOAT_01"])),
        )
        theirs["DOUBLE_01"] = float(theirs["DOUBLE_01"])
    assert found[: len(wanted)] == wanted
    assert (len(found), rejects, problems) == (100, [], [])
