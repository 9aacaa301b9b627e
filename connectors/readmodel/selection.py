"""What is asked of a read model's rows, and its SQL, which both stores understand.

Pages go by key set, never by OFFSET: a page begins after the last row of the one before, whatever was written
in between. Null sorts last in both directions, so a page over a sorted column has two parts: the rows with a
value, then those without. Each part is one range of one index in both stores.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from connectors.readmodel.statements import LINEAGE, ordered, quoted
from connectors.readmodel.table import Column, Table
from connectors.readmodel.values import ordinal

Operator = Literal["eq", "gt", "gte", "lt", "lte", "any", "null"]
COMPARISONS: dict[str, str] = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
#: Stands for a parameter; no identifier can hold it. A store puts its own mark there.
MARK = "\0"


@dataclass(frozen=True, slots=True)
class Condition:
    """One filter: `any` has a tuple of values, `null` a boolean; the others one value as stored."""

    column: Column
    operator: Operator
    value: Any


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows, in which order, from where, and which of their columns.

    Attributes:
        table: the table as it is now.
        where: all of these must hold.
        sort: a column before the key; None = in key order.
        descending: of both, column and key.
        after: the last row of the page before: its sort value (where there is a sort), then its key.
        limit: at most so many rows.
        columns: names to read; empty = all.
    """

    table: Table
    where: tuple[Condition, ...] = ()
    sort: Column | None = None
    descending: bool = False
    after: tuple[Any, ...] | None = None
    limit: int | None = None
    columns: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the columns to read, in the table's order."""
        return tuple(n for n in self.table.names if not self.columns or n in self.columns)

    def parts(self) -> Iterator[tuple[str, list[Any]]]:
        """Yield statements and their values; their rows one after another are the answer."""
        if self.sort is None:
            yield self._part([], [], self.after, [])
            return
        value, key = (self.after[0], self.after[1:]) if self.after is not None else (None, None)
        name = quoted(self.sort.name)
        if key is None or value is not None:
            at = None if key is None else (ordinal(value, self.sort), *key)
            yield self._part([f"{name} IS NOT NULL"], [], at, [ordered(self.sort)])
        yield self._part([f"{name} IS NULL"], [], key if value is None else None, [])

    def _part(
        self, terms: list[str], values: list[Any], after: Sequence[Any] | None, first: list[str]
    ) -> tuple[str, list[Any]]:
        for condition in self.where:
            term, given = _term(condition)
            terms.append(term)
            values.extend(given)
        order = [*first, *(quoted(k) for k in self.table.key)]
        if after is not None:
            marks = ", ".join([MARK] * len(order))
            terms.append(f"({', '.join(order)}) {'<' if self.descending else '>'} ({marks})")
            values.extend(after)
        where = f" WHERE {' AND '.join(terms)}" if terms else ""
        way = " DESC" if self.descending else ""
        most = f" LIMIT {int(self.limit)}" if self.limit is not None else ""
        text = f"SELECT {self._listed()} FROM rows{where} ORDER BY {', '.join(o + way for o in order)}{most}"  # noqa: S608
        return text, values

    def _listed(self) -> str:
        """Columns to show, lineage, key, and what is sorted by."""
        extra = (*self.table.key, *((self.sort.name,) if self.sort else ()))
        return ", ".join([*(quoted(n) for n in self.names), *LINEAGE, *(quoted(n) for n in extra)])


def by_key(table: Table, key: Sequence[Any], columns: tuple[str, ...] = ()) -> Selection:
    """Return the selection of the one row with this key."""
    pairs = zip(table.key, key, strict=True)
    return Selection(table, tuple(Condition(table.column(k), "eq", v) for k, v in pairs), columns=columns)


def _term(condition: Condition) -> tuple[str, Sequence[Any]]:
    name, column = quoted(condition.column.name), condition.column
    match condition.operator:
        case "eq":
            return f"{name} = {MARK}", [condition.value]
        case "any":
            return f"{name} IN ({', '.join([MARK] * len(condition.value))})", condition.value
        case "null":
            return f"{name} IS {'' if condition.value else 'NOT '}NULL", []
        case comparison:
            return f"{ordered(column)} {COMPARISONS[comparison]} {MARK}", [ordinal(condition.value, column)]
