"""Some records in a row, and where the next one starts: what the two ways of splitting both return."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a record has no cells: what is wrong, and the unit at which the offending cell opens."""

    reason: str
    at: int


@dataclass(slots=True)
class Piece:
    """n records with m cells; arrays or lists.

    Attributes:
        token: the first token behind the records.
        place: the first unit behind them.
        begin: m; see `Structure`, as for the other five.
        end: m.
        quoted: m.
        escaped: m.
        start: n.
        stop: n.
        counts: n numbers of cells.
        faults: record → why it has no cells.
        violated: the record that follows breaks a rule.
        unfinished: the record that follows is not all there.
    """

    token: int
    place: int
    begin: Any = field(default_factory=list)
    end: Any = field(default_factory=list)
    quoted: Any = field(default_factory=list)
    escaped: Any = field(default_factory=list)
    counts: Any = field(default_factory=list)
    start: Any = field(default_factory=list)
    stop: Any = field(default_factory=list)
    faults: dict[int, Fault] = field(default_factory=dict)
    violated: bool = False
    unfinished: bool = False
