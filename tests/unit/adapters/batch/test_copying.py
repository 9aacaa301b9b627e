"""COPY, REPLACING, REPLACE, RENAMES and counters: text from several files, and items that name others."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.batch.commands import layout_rows
from adapters.batch.copybook import CopybookError, CopyLibrary, Slot, layouts, parse
from adapters.batch.dialect import PROFILES
from adapters.batch.dialect_options import DialectOptions
from adapters.batch.dialect_table import PAGE, rewritten


@pytest.fixture
def library(tmp_path: Path) -> CopyLibrary:
    (tmp_path / "Cust.CPY").write_text(
        "           05  :TAG:-ID    PIC 9(4).\n           05  :TAG:-NAME  PIC X(LEN).\n"
    )
    (tmp_path / "plain").write_text("05 A PIC X.\n")
    (tmp_path / "loop.cob").write_text("COPY again.\n")
    (tmp_path / "again.cob").write_text("\nCOPY LOOP.\n")
    (tmp_path / "bad.cpy").write_text("05 A PIC X.\n05 B PIC Q.\n")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "plain.cpy").write_text("05 L PIC XX.\n")
    return CopyLibrary((tmp_path,))


def named(text: str, library: CopyLibrary | None = None) -> dict[str, Slot]:
    (layout,) = layouts(parse(text, library=library))
    return {slot.path: slot for slot in layout.record.walk()}


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("01 R. COPY CUST REPLACING ==:TAG:== BY ==C== ==LEN== BY ==7==.", {"R", "C-ID", "C-NAME"}),
        ("01 R. COPY plain.", {"R", "A"}),
        ("01 R. COPY PLAIN OF LIB SUPPRESS.", {"R", "L"}),
        ("01 R. COPY PLAIN IN NOWHERE.", {"R", "A"}),
        ("01 R. COPY 'plain' REPLACING A BY NEW-NAME.", {"R", "NEW-NAME"}),
        ("01 R. COPY PLAIN REPLACING ==PIC X== BY ====  ==A== BY ==B COMP-1==.", {"R", "B"}),
        ("01 R. COPY CUST REPLACING ==:TAG:== BY ==Y== LEN BY 2.", {"R", "Y-ID", "Y-NAME"}),
        ("01 R. REPLACE ==AA== BY ==BB==. 05 AA PIC X. REPLACE OFF. 05 AA PIC X.", {"R", "BB", "AA"}),
        ("01 R. REPLACE TRAILING ==-OLD== BY ==-NEW==. 05 A-OLD PIC X.", {"R", "A-NEW"}),
        ("01 R. EXEC SQL INCLUDE PLAIN END-EXEC.", {"R", "A"}),
        ("EXEC SQL DECLARE T TABLE (C CHAR(4) NOT NULL) END-EXEC. 01 R. 05 A PIC X.", {"R", "A"}),
        ("01 R.\n++INCLUDE plain", {"R", "A"}),
        ("01 R.\n-INC PLAIN", {"R", "A"}),
        ("DATA DIVISION. FILE SECTION. FD F. 01 R. 05 A PIC X. PROCEDURE DIVISION. STOP.", {"R", "A"}),
    ],
)  # fmt: skip
def test_copied_text_is_part_of_the_copybook(text: str, paths: set[str], library: CopyLibrary) -> None:
    """Members are found in any case and with any ending, replaced, and read as if written there."""
    assert set(named(text, library)) == paths


def test_a_replaced_length_counts(library: CopyLibrary) -> None:
    """A word inside the parentheses of a PICTURE is replaced too."""
    found = named("01 R. COPY CUST REPLACING ==:TAG:== BY ==C== ==LEN== BY ==7==.", library)
    assert (found["C-NAME"].offset, found["C-NAME"].length) == (4, 7)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("01 R.\nCOPY NONE.", "<copybook>:2:6", "there is no copybook NONE"),
        ("01 R. COPY LOOP.", "again.cob:2:6", "copies itself: loop.cob copies again.cob copies loop.cob"),
        ("01 R. COPY BAD.", "bad.cpy:2:10", "PICTURE Q"),
        ("01 R. COPY '../plain'.", "<copybook>:1:12", "there is no copybook"),
        ("01 R. COPY PLAIN", "<copybook>:1:12", "the copybook ends where the period"),
    ],
)
def test_a_mistake_in_copied_text_names_its_own_place(
    text: str, place: str, message: str, library: CopyLibrary
) -> None:
    """An error is where the user can mend it: in the copied file, or at the COPY."""
    with pytest.raises(CopybookError) as caught:
        parse(text, library=library)
    assert message in caught.value.what and caught.value.where == place


def test_renames_are_aliases_with_their_place() -> None:
    """A level 66 of one item has its storage, of a range it is text; neither is in the record's tree."""
    text = (
        "01 R. 05 A PIC 9(3) COMP-3. 05 G. 10 B PIC X(4). 10 C PIC 9."
        " 66 ONE RENAMES A. 66 ALL-OF RENAMES A THRU C OF G."
    )
    (layout,) = layouts(parse(text))
    one, several = layout.aliases
    assert one.storage is not None and (one.storage.kind, one.offset, one.length) == ("packed", 0, 2)
    assert several.storage is not None
    assert (several.storage.kind, several.offset, several.length) == ("text", 0, 7)
    assert [row["name"] for row in layout_rows(text)][-2:] == ["ONE", "ALL-OF"]
    assert layout_rows(text)[-1]["renames"] == "A THRU C OF G"


def test_a_counter_may_be_qualified_and_the_nearest_is_meant() -> None:
    """DEPENDING ON N OF G finds that N; without OF the one that shares most groups with the table."""
    text = "01 R. 05 G. 10 N PIC 9. 05 H. 10 N PIC 9. 10 T PIC X OCCURS 1 TO 3 DEPENDING ON N{}."
    assert named(text.format(""))["H.T"].counter == "H.N"
    assert named(text.format(" OF G"))["H.T"].counter == "G.N"


def test_slack_is_shown_where_it_is() -> None:
    """Slack stands before an aligned item, and at the end of each occurrence, as in IBM's manual."""
    rows = layout_rows(
        "01 W. 05 CODE-X PIC X. 05 T OCCURS 10. 10 K PIC X. 10 PAY PIC S9(4)V99 COMP SYNC."
        " 10 HRS PIC S9(3) COMP SYNC. 10 NAME PIC X(5)."
    )
    places = [(row["name"], row["offset"], row["occurrence"]) for row in rows]
    assert places == [
        ("W", 0, 161), ("CODE-X", 0, 1), ("T", 1, 16), ("K", 1, 1), ("(slack)", 2, 2), ("PAY", 4, 4),
        ("HRS", 8, 2), ("NAME", 10, 5), ("(slack)", 15, 2),
    ]  # fmt: skip


def test_options_override_a_profile() -> None:
    """A setting that is given replaces the profile's; the others stay."""
    made = DialectOptions.model_validate({"sync_doubleword": 8, "edited": "number"}).applied(PROFILES["ibm"])
    assert (made.sync_doubleword, made.edited, made.hex_floats) == (8, "number", True)
    settings = {name for name in PROFILES["ibm"].__slots__ if name != "name"}
    assert set(DialectOptions.model_fields) == settings


def test_the_dialect_table_is_the_data() -> None:
    """docs/dialects.md says what the code does."""
    page = PAGE.read_text(encoding="utf-8")
    assert rewritten(page) == page, "run python -m adapters.batch.dialect_table"
