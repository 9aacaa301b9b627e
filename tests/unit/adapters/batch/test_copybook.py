"""The copybook parser: the language, both source formats, and the place of every mistake."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.batch.copybook import CopybookError, Slot, layouts, parse
from adapters.batch.dialect import PROFILES
from schemas.errors import SettingsError


def slots(text: str) -> dict[str, Slot]:
    (layout,) = layouts(parse(text))
    return {slot.path: slot for slot in layout.record.walk()}


def places(text: str) -> dict[str, tuple[int, int]]:
    return {path: (slot.offset, slot.length) for path, slot in slots(text).items()}


def test_fixed_format_ignores_sequence_numbers_identification_comments_and_directives() -> None:
    """Columns 1-6 and 73-80, comment lines, EJECT and TITLE say nothing about the data."""
    text = "\n".join(
        [
            "000100*  A COMMENT WITH 05 NOTHING PIC X.",
            "000200 01  REC.                                                         REC00001",
            "           EJECT",
            "       TITLE 'PAGE TWO'",
            "000300     05  A            PIC 9(3).                                   REC00002",
            "      /  another comment",
            "      D    05  DEBUG-ONLY   PIC X(99).",
            "000400     05  B            PIC X(4). *> and a comment to the end",
        ]
    )
    assert places(text) == {"REC": (0, 7), "A": (0, 3), "B": (3, 4)}


def test_free_format_is_recognised() -> None:
    """Entries that start in column 1 are free format; lines may be longer than 72."""
    text = f"01 REC.\n  05 A PIC X(2).{' ' * 80}05 B PIC X(3).\n* comment\n"
    assert places(text) == {"REC": (0, 5), "A": (0, 2), "B": (2, 3)}


def test_words_and_literals_continue_over_lines() -> None:
    """A hyphen in column 7 continues a word, and a literal from column 72 on."""
    text = "\n".join(
        [
            "       01  REC.",
            "           05  LONG-NA",
            "      -        ME   PIC X(3).",
            "           05  B PIC X(80) VALUE '" + "x" * 38,
            "      -    'yz'.",
        ]
    )
    assert set(slots(text)) == {"REC", "LONG-NAME", "B"}
    assert slots(text)["B"].item.value == "x" * 38 + "yz"


def test_every_clause_is_read() -> None:
    """All clauses of a data description may stand in any order, with their optional words."""
    text = """
       01  REC IS GLOBAL.
           05  A  PICTURE IS S9(3)V99 PACKED-DECIMAL VALUE IS ZERO.
           05  B  SIGN IS LEADING SEPARATE CHARACTER PIC S9(4).
           05  C  PIC X(9) JUSTIFIED RIGHT, VALUE 'it''s'.
           05  D  REDEFINES C PIC 9(9) BLANK WHEN ZEROES.
           05  E  OCCURS 2 TO 5 TIMES DEPENDING ON A
               ASCENDING KEY IS F INDEXED BY I, J.
               10  F  PIC 9(4) USAGE IS COMP-4.
           05  G  COMP-1 SYNC.
           05     PIC X.
           05  FILLER PIC X.
               88  YES VALUES ARE 'Y' 'J', 'O' THRU 'Q'.
       77  LONE PIC 9.
       66  AB RENAMES A THRU B.
    """
    with pytest.raises(CopybookError, match="RENAMES A: no such item"):
        parse(text)  # a level 66 belongs to the record above it, which is LONE
    book = parse(text.replace("77  LONE PIC 9.\n       66  AB RENAMES A THRU B.", "66 AB RENAMES A THRU B."))
    record = book.records[0]
    by_name = {item.name: item for item in record.walk() if item.name}
    assert record.renames[0].last == ("B",)
    assert by_name["B"].sign is not None and by_name["B"].sign.separate and by_name["B"].sign.leading
    assert by_name["C"].justified and by_name["C"].value == "it's"
    assert by_name["D"].redefines == "C" and by_name["D"].blank_when_zero
    assert by_name["E"].occurs is not None and by_name["E"].occurs.depending_on == "A"
    assert by_name["G"].usage == "COMP-1" and by_name["G"].sync
    assert str(record.children[-1].conditions[0]) == "YES: Y, J, O to Q"


def test_usage_and_sign_of_a_group_reach_its_items() -> None:
    """USAGE and SIGN on a group hold for every item below it that has none."""
    found = slots("01 R. 05 G COMP-3. 10 A PIC S9(3). 05 H SIGN LEADING SEPARATE. 10 B PIC S9(3).")
    assert found["G.A"].length == 2
    assert found["H.B"].length == 4


def test_redefinitions_share_their_storage() -> None:
    """Redefinitions, also of redefinitions and nested ones, start where the first item starts."""
    assert places(
        "01 R. 05 A PIC X(6). 05 B REDEFINES A. 10 C PIC X(2). 10 D PIC 9(4). 10 E REDEFINES D PIC X(4)."
        " 05 F REDEFINES B PIC X(3). 05 G PIC X."
    ) == {
        "R": (0, 7), "A": (0, 6), "B": (0, 6), "B.C": (0, 2), "B.D": (2, 4), "B.E": (2, 4), "F": (0, 3),
        "G": (6, 1),
    }  # fmt: skip


def test_occurs_multiplies_and_nests() -> None:
    """Offsets after a table count all its occurrences, at the greatest size for DEPENDING ON."""
    found = slots(
        "01 R. 05 N PIC 9. 05 T OCCURS 0 TO 3 DEPENDING ON N. 10 U PIC XX OCCURS 2. 10 V PIC X. 05 Z PIC X."
    )
    assert (found["T"].offset, found["T"].length, found["T"].count) == (1, 5, 3)
    assert found["T.V"].offset == 5
    assert found["Z"].offset == 16


def test_sync_inserts_slack_bytes() -> None:
    """SYNC aligns binaries and floats; a table's element is padded so that each one is aligned."""
    found = slots(
        "01 R. 05 A PIC X. 05 B PIC 9(4) COMP SYNC. 05 C PIC X. 05 D PIC 9(9) COMP SYNC. 05 E PIC X."
        " 05 F COMP-2 SYNC. 05 G PIC X. 05 T OCCURS 2. 10 H PIC 9(9) COMP SYNC. 10 I PIC X."
        " 05 Z PIC 9(18) COMP SYNC."
    )
    assert {p: found[p].offset for p in "ABCDEFGTZ"} == {
        "A": 0, "B": 2, "C": 4, "D": 8, "E": 12, "F": 16, "G": 24, "T": 28, "Z": 44,
    }  # fmt: skip
    assert found["T"].length == 8


def test_slack_before_a_group_whose_first_item_is_sync() -> None:
    """Slack bytes for the first item of a group stand before the group, not inside it."""
    assert places("01 L. 05 M PIC X(5). 05 N PIC XX. 05 O. 10 P PIC S9(6) COMP SYNC.")["O"] == (8, 4)


@pytest.mark.parametrize(
    ("clauses", "length", "avro"),
    [
        ("PIC 9(9)", 9, "int"), ("PIC 9(10)", 10, "long"), ("PIC 9(18)", 18, "long"),
        ("PIC 9(19)", 19, ("decimal", 19, 0)), ("PIC S9(10)V99", 12, ("decimal", 12, 2)),
        ("PIC S9(7)V99 COMP-3", 5, ("decimal", 9, 2)), ("PIC 9(4) COMP-3", 3, "int"),
        ("PIC S9(4) COMP", 2, "int"), ("PIC 9(9) BINARY", 4, "int"), ("PIC S9(18) COMP-4", 8, "long"),
        ("PIC 9(4) COMP-5", 2, "int"), ("PIC 9(9) COMP-5", 4, "long"),
        ("PIC 9(18) COMP-5", 8, ("decimal", 20, 0)),
        ("COMP-1", 4, "float"), ("COMP-2", 8, "double"), ("PIC VPP99", 2, ("decimal", 4, 4)),
        ("PIC 99PP", 2, "int"), ("PIC S9PPV", 1, "int"),
        ("PIC SV99", 2, ("decimal", 2, 2)), ("PIC PP9", 1, ("decimal", 3, 3)), ("PIC S9(5)V", 5, "int"),
        ("PIC A(3)", 3, "string"), ("PIC ZZ,ZZ9.99-", 10, "string"),
    ],
)  # fmt: skip
def test_lengths_and_types_follow_picture_and_usage(clauses: str, length: int, avro: object) -> None:
    """Each PICTURE and USAGE has its length in bytes and its Avro type."""
    slot = slots(f"01 R. 05 A {clauses}.")["A"]
    assert slot.storage is not None
    found = slot.storage.avro
    shown = (found["logicalType"], found["precision"], found["scale"]) if isinstance(found, dict) else found
    assert (slot.length, shown) == (length, avro)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("01 R.\n05 A PIC X(3)\n05 B PIC X.", 3, 1, "the entry of line 2, which has no period"),
        ("01 R.\n05 A PIC X(3) REDEFNES B.", 2, 15, "did you mean REDEFINES"),
        ("01 R.\n05 A PIC Q9.", 2, 10, "not a valid character string"),
        ("01 R.\n05 A PIC 9(39).", 2, 10, "38 are the limit"),
        ("01 R.\n05 A PIC X(.", 2, 10, "repetition"),
        ("01 R.\n05 A PIC 9V9P.", 2, 10, "not a valid character string"),
        ("01 R.\n05 A PIC +9(3)E+99.", 2, 10, "external floating-point"),
        ("01 R.\n05 A.\n05 B PIC X.", 2, 1, "neither a PICTURE nor items"),
        ("01 R.\n05 A PIC X.\n10 B PIC X.", 2, 1, "a PICTURE and items below"),
        ("01 R.\n05 A REDEFINES Z PIC X.", 2, 1, "no item before it"),
        ("01 R.\n05 A PIC X OCCURS 3 TO 5.", 2, 12, "no DEPENDING ON"),
        ("01 R.\n05 A PIC X OCCURS 1 TO 5 DEPENDING ON N.", 2, 1, "which is no item before it"),
        ("01 R PIC X OCCURS 3.", 1, 1, "cannot stand at level 01"),
        ("01 R.\n50 A PIC X.", 2, 1, "no level 50"),
        ("01 R.\n05 A PIC X VALUE 'abc.", 2, 18, "not closed"),
        ("01 R.\n05 A PIC X PIC X.", 2, 12, "given twice"),
        ("01 R.\nCOPY OTHER.", 2, 1, "no folder is known"),
        ("01 R.\n05 A PIC 9(4) USAGE COMP-0.", 2, 21, "is not read"),
        ("01 R.\n05 A PIC X COMP-3.", 2, 1, "not numeric"),
        ("01 R.\n05 A PIC 9(19) COMP.", 2, 1, "18 are the limit"),
        ("01 R.\n05 A COMP-1 PIC 9.", 2, 1, "cannot have a PICTURE"),
        ("01 R.\n05 A PIC X", 2, 10, "the copybook ends"),
        ("", 1, 1, "describes no data item"),
        ("       01 R.\n      ?  05 A PIC X.", 2, 7, "no indicator"),
        ("88 C VALUE 1.", 1, 1, "needs an item above"),
    ],
)  # fmt: skip
def test_mistakes_name_line_and_column(text: str, line: int, column: int, message: str) -> None:
    """Each mistake is one error with source, line, column, and what to do."""
    with pytest.raises(CopybookError, match=message) as caught:
        layouts(parse(text, source="x.cpy"))
    assert (caught.value.line, caught.value.column) == (line, column)
    assert caught.value.where == f"x.cpy:{line}:{column}"


def test_an_unknown_dialect_is_refused() -> None:
    """A dialect is one of the profiles."""
    from adapters.batch.dialect import Dialect

    with pytest.raises(SettingsError, match="no dialect"):
        Dialect.named("cobol-85")
    assert Dialect.named("ibm") is PROFILES["ibm"]


CLAUSES = """PIC X(3)|PIC 9(4)|PIC S9V99|PIC 9(5)PP|PIC X(|PIC 9(0)|PIC ZZ9.|COMP|COMP-3|COMP-1|USAGE POINTER
OCCURS 2|OCCURS 0 TO 3 TIMES DEPENDING ON A|OCCURS 3 TO 1|REDEFINES A|REDEFINES B
RENAMES A THRU B|VALUE 'x'|VALUE 'y
SIGN LEADING SEPARATE|SYNC|JUST|BLANK WHEN ZERO|IS GLOBAL|NONSENSE|*> c|,|.|""".replace("\n", "|").split("|")
ENTRY = st.builds(
    lambda level, name, clauses, end: " ".join([level, name, *clauses]) + end,
    st.sampled_from(["01", "05", "05", "10", "15", "66", "77", "88", "50"]),
    st.sampled_from(["A", "B", "C-1", "FILLER", ""]),
    st.lists(st.sampled_from(CLAUSES), max_size=3),
    st.sampled_from([".\n", ". ", ".\n      -", " "]),
)


@settings(max_examples=120, deadline=None)
@given(st.lists(ENTRY, max_size=12), st.sampled_from(["", "01 R.\n", "       01 R.\n       "]))
def test_no_text_makes_the_parser_fall(entries: list[str], start: str) -> None:
    """Any text is a layout or a CopybookError, never another exception."""
    with contextlib.suppress(CopybookError):
        for layout in layouts(parse(start + "".join(entries))):
            assert layout.length >= 0


def test_gnucobols_slack_before_the_last_item_stays_inside_its_group() -> None:
    """A group grows round the item that GnuCOBOL moves; one that would lie over the next entry is refused."""
    inside = "01 R. 05 N1 PIC X(5). 05 T OCCURS 2. 10 G BINARY SYNC. 15 A PIC S9(4)."
    found = layouts(parse(inside), PROFILES["gnucobol"])[0]
    assert [(s.path, s.offset, s.length) for s in found.record.walk()][2:] == [
        ("T", 5, 4), ("T.G", 5, 4), ("T.G.A", 7, 2),
    ]  # fmt: skip
    over = "01 R. 05 N PIC X. 05 T OCCURS 2. 10 A PIC X. 10 U OCCURS 3. 15 B PIC S9(4) COMP SYNC. 15 C PIC X."
    with pytest.raises(CopybookError, match="over the next entry"):
        layouts(parse(over), PROFILES["gnucobol"])
