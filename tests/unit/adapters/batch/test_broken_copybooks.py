"""Broken copybooks: each with what is wrong, where, and what to do."""

from __future__ import annotations

import pytest

from adapters.batch.copybook import CopybookError, layouts, parse

#: Text of a record's entries, from line 2 on; line and column; words of the message; words of the remedy.
BROKEN = [
    ("05 A PIC X(3)\n05 B PIC X.", 3, 1, "entry of line 2, which has no period", "line 2 by a period"),
    ("05 A PIC X(3)", 2, 10, "the copybook ends where a clause", "was it cut off"),
    ("05 A PIC X(3).\n05", 3, 1, "the copybook ends", "period"),
    ("05 A PIC.", 2, 9, "stands where a PICTURE character string", ""),
    ("05 A PIC X(3.", 2, 10, "repetition", "check the PICTURE"),
    ("05 A PIC X(0).", 2, 10, "a repetition of 0", "check the PICTURE"),
    ("05 A PIC S9(39).", 2, 10, "39 digits; 38 are the limit", "check the PICTURE"),
    ("05 A PIC 9V9V9.", 2, 10, "not a valid character string", "check the PICTURE"),
    ("05 A PIC S99-.", 2, 10, "edited has + or - instead of S", "check the PICTURE"),
    ("05 A PIC X9Z.", 2, 10, "letters and a number's editing", "check the PICTURE"),
    ("05 A PIC 9C.", 2, 10, "not a valid character string", "check the PICTURE"),
    ("05 A PIC +9.9E+99.", 2, 10, "external floating-point", "check the PICTURE"),
    ("05 A PIC U(4).", 2, 10, "UTF-8 items", "check the PICTURE"),
    ("05 A PIC 1(4).", 2, 10, "bits", "check the PICTURE"),
    ("05 A PIK X.", 2, 6, "'PIK' is no clause", "did you mean PIC"),
    ("05 A PIC X SINC.", 2, 12, "'SINC' is no clause", "SYNC"),
    ("05 A PIC X PIC X.", 2, 12, "given twice", "keep one"),
    ("05 A PIC X USAGE WRONG.", 2, 18, "there is no USAGE", "use one of"),
    ("05 A PIC X COMP-3.", 2, 1, "not numeric", "check USAGE"),
    ("05 A COMP-2 PIC 9.", 2, 1, "cannot have a PICTURE", "drop the PICTURE"),
    ("05 A PIC S9(4) COMP-6.", 2, 1, "has no sign", "COMP-3"),
    ("05 A PIC S9(4) NATIONAL.", 2, 1, "without SIGN", "SEPARATE"),
    ("05 A PIC X NATIONAL.", 2, 1, "is NATIONAL but", "PIC N"),
    ("05 A PIC X(4) DISPLAY-1.", 2, 1, "is DISPLAY-1 but", "PIC G"),
    ("05 A PIC 9(19) COMP.", 2, 1, "18 are the limit of dialect ibm", "check the PICTURE"),
    ("05 A PIC S9(4) COMP SIGN LEADING SEPARATE.", 2, 1, "only for USAGE DISPLAY", "drop SIGN"),
    ("05 A PIC 9 SIGN MIDDLE.", 2, 17, "LEADING or TRAILING", ""),
    ("05 A PIC X JUSTIFIED.\n05 B PIC 9 JUST.", 3, 1, "JUSTIFIED but not text", "drop"),
    ("05 A PIC X BLANK WHEN ZERO.", 2, 1, "not a number", "drop"),
    ("05 A PIC 9 BLANK.", 2, 12, "without WHEN ZERO", "BLANK WHEN ZERO"),
    ("05 A.\n05 B PIC X.", 2, 1, "neither a PICTURE nor items", "level numbers"),
    ("05 A PIC X.\n10 B PIC X.", 2, 1, "a PICTURE and items below", "level numbers"),
    ("05 A REDEFINES Z PIC X.", 2, 1, "no item before it", "stands above"),
    ("05 A PIC X OCCURS 5 TO 3 DEPENDING ON N.", 2, 12, "is not possible", "greater"),
    ("05 A PIC X OCCURS 1 TO 3.", 2, 12, "has no DEPENDING ON", "add DEPENDING ON"),
    ("05 A PIC X OCCURS 1 TO UNBOUNDED DEPENDING ON N.", 2, 24, "no greatest size", "greatest number"),
    ("05 A PIC X OCCURS 1 TO 3 DEPENDING ON N.", 2, 1, "which is no item before it", "same record"),
    ("05 N PIC X.\n05 A PIC X OCCURS 1 TO 3 DEPENDING ON N.", 3, 1, "no whole number", "PIC 9"),
    ("05 N PIC 9 OCCURS 2.\n05 A PIC X OCCURS 1 TO 3 DEPENDING ON N.", 3, 1, "occurs several times", "table"),
    ("05 A PIC X OCCURS many.", 2, 19, "the number of occurrences", ""),
    ("05 A PIC X VALUE.", 2, 17, "a literal is missing", "remove VALUE"),
    ("05 A PIC X VALUE 'abc.", 2, 18, "not closed", "close the quote"),
    ("05 A PIC X.\n88 B.", 3, 5, "has no VALUE", "add VALUE"),
    ("05 A PIC X.\n88 B VALUE.", 3, 11, "has no value", "literal"),
    ("05 A PIC X.\n66 B RENAMES Z.", 3, 1, "no such item", "record above"),
    ("05 A PIC X.\n05 C PIC X.\n66 B RENAMES C THRU A.", 4, 1, "stands before it", "first item first"),
    ("05 A PIC X OCCURS 2.\n66 B RENAMES A.", 3, 1, "is a table", "redefine"),
    ("50 A PIC X.", 2, 1, "no level 50", "01 to 49"),
    ("78 MAX VALUE 10.", 2, 1, "no level 78", "constant"),
    ("05 A PIC X..", 2, 11, "several periods", "leave one"),
    ("05 A PIC X. .", 2, 13, "level number should", "second period"),
    ("IDENTIFICATION DIVISION.", 2, 1, "level number should", "this is a program"),
    ("COPY OTHER.", 2, 1, "no folder is known", "--copy-path"),
    ("EXEC CICS READ END-EXEC.", 2, 1, "does not describe data", "SQL INCLUDE"),
    ("05 A TYPE OTHER.", 2, 6, "TYPE is not read", "name the items"),
    ("05 A PIC X ANY LENGTH.", 2, 12, "ANY is not read", "PICTURE"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "column", "what", "fix"), BROKEN, ids=[case[0] for case in BROKEN])
def test_each_mistake_says_what_where_and_what_to_do(
    text: str, line: int, column: int, what: str, fix: str
) -> None:
    """A broken copybook is one error with its file, line and column, what is wrong, and the remedy."""
    with pytest.raises(CopybookError) as caught:
        layouts(parse(f"01 R.\n{text}", source="r.cpy"))
    error = caught.value
    assert what in error.what and fix in (error.fix or "")
    assert error.where == f"r.cpy:{line}:{column}"


def test_a_continuation_of_nothing_is_an_error() -> None:
    """A hyphen in column 7 needs a line above."""
    with pytest.raises(CopybookError, match="no line above to continue"):
        parse("      -    05 A PIC X.")
