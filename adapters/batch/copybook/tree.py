"""The data description tree of a copybook, as written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from adapters.batch.copybook.picture import Picture

Usage = Literal[
    "DISPLAY", "BINARY", "COMP-1", "COMP-2", "COMP-3", "COMP-5", "COMP-6", "COMP-9", "COMP-X", "COMP-N",
    "NATIONAL", "DISPLAY-1", "POINTER", "PROCEDURE-POINTER", "FUNCTION-POINTER", "OBJECT", "INDEX",
    "BINARY-CHAR", "BINARY-SHORT", "BINARY-LONG", "BINARY-DOUBLE",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Copybook:
    """Everything a copybook describes: its 01 and 77 items in order."""

    records: tuple[Item, ...]
    source: str = "<copybook>"


@dataclass(frozen=True, slots=True)
class Sign:
    """SIGN clause: where the sign of a DISPLAY number is."""

    leading: bool = False
    separate: bool = False


@dataclass(frozen=True, slots=True)
class Occurs:
    """OCCURS clause: `least` to `most` times, by `depending_on` where they differ.

    `qualifiers` are the groups that OF or IN names after the counter, innermost first.
    """

    most: int
    least: int
    depending_on: str | None = None
    qualifiers: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """A level-88 condition name: single values and THRU ranges as written, without quotes."""

    name: str
    values: tuple[tuple[str, str | None], ...]

    def __str__(self) -> str:
        shown = (a if b is None else f"{a} to {b}" for a, b in self.values)
        return f"{self.name}: {', '.join(shown)}"


@dataclass(frozen=True, slots=True)
class Renames:
    """A level-66 item: another name for `first` to `last`, each with its qualifiers after it."""

    name: str
    first: tuple[str, ...]
    last: tuple[str, ...]
    line: int = 0
    column: int = 0
    source: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """One data description entry with its subordinate entries; `name` is '' for FILLER.

    `line` and `column` are places in `source`, the copybook itself or a file that it copies.
    """

    level: int
    name: str
    line: int
    column: int
    source: str = ""
    picture: Picture | None = None
    usage: Usage = "DISPLAY"
    unsigned: bool = False
    sign: Sign | None = None
    occurs: Occurs | None = None
    redefines: str | None = None
    sync: bool = False
    justified: bool = False
    blank_when_zero: bool = False
    value: str | None = None
    conditions: tuple[Condition, ...] = ()
    renames: tuple[Renames, ...] = ()
    children: tuple[Item, ...] = field(default=())

    @property
    def is_group(self) -> bool:
        """True if it has subordinate items."""
        return bool(self.children)

    def walk(self) -> Iterator[Item]:
        """Yield this item and all below it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()
