"""What `banyan layout` says."""

from __future__ import annotations

import json

from adapters.batch.commands import layout_rows

COPYBOOK = """
       01  REC.
           05  ID        PIC 9(3).
           05  N         PIC 9.
           05  TABLE-A   OCCURS 0 TO 2 DEPENDING ON N.
               10  AMT   PIC S9(3)V99 COMP-3.
           05  BORN      PIC X(2).
               88  OLD   VALUE '19'.
           05  B2 REDEFINES BORN PIC 99.
"""


def test_layout_rows_tell_each_item() -> None:
    """Each item has its level, place, length with all occurrences, picture, usage and type."""
    rows = {row["path"]: row for row in layout_rows(COPYBOOK)}
    assert list(rows) == ["REC", "ID", "N", "TABLE-A", "TABLE-A.AMT", "BORN", "B2"]
    table = rows["TABLE-A"]
    assert (table["offset"], table["length"], table["occurs"], table["depends_on"]) == (4, 6, "0 to 2", "N")
    assert rows["TABLE-A.AMT"]["type"] == "decimal(5, 2)"
    assert rows["TABLE-A.AMT"]["usage"] == "COMP-3"
    assert rows["B2"]["redefines"] == "BORN"
    assert rows["BORN"]["conditions"] == ["OLD: 19"]
    json.dumps(layout_rows(COPYBOOK))
