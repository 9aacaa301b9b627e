"""What a URL asks of a list: filters, sort, sparse fields, a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from connectors.readmodel.selection import COMPARISONS, Condition, Selection
from connectors.readmodel.table import Column, Table
from connectors.readmodel.values import as_stored, is_ordered
from streams.api.cursor import Cursors
from streams.api.message import Problem

DEFAULT_LIMIT, MOST = 100, 1000
#: Values of one `any`: more make a statement that takes long to prepare.
_MOST_VALUES = 100
#: Parameters that are no filters; a field of that name is filtered on as `name[eq]`.
WORDS = ("limit", "after", "sort", "fields", "wait")


@dataclass(frozen=True, slots=True)
class Question:
    """A list request: what is selected, and the words of it that a cursor is bound to."""

    selection: Selection
    bound: str
    kept: tuple[tuple[str, str], ...]

    def following(self, base: str, cursor: str) -> str:
        """Return the path of the next page."""
        return f"{base}?{urlencode([*self.kept, ('after', cursor)])}"


def filter_names(table: Table) -> tuple[str, ...]:
    """Return what a list may be filtered on: key columns and indexes."""
    names = dict.fromkeys((*table.key, *(n for n in table.indexes if n in table.names)))
    return tuple(n for n in names if table.column(n).kind != "json")


def sort_names(table: Table) -> tuple[str, ...]:
    """Return what a list may be sorted by: the key's first column, which is the key's order, and indexes."""
    names = dict.fromkeys((table.key[0], *(n for n in table.indexes if n in table.names)))
    return tuple(n for n in names if n == table.key[0] or is_ordered(table.column(n)))


def question(
    query: Sequence[tuple[str, str]], table: Table, cursors: Cursors, collection: str, *, paged: bool = True
) -> Question:
    """Return what the parameters of a list ask.

    Args:
        query: the parameters.
        table: the table as it is now.
        cursors: of this estate.
        collection: whose list it is.
        paged: False for an export, which has no pages.

    Raises:
        Problem: an unknown parameter, or a value that does not fit (400).
    """
    given: dict[str, list[str]] = {}
    for name, text in query:
        given.setdefault(name, []).append(text)
    words = {name: _one(name, given.pop(name)) for name in WORDS if name in given}
    if not paged and (extra := sorted({"limit", "after"} & set(words))):
        raise Problem(400, f"an export has no pages: leave out {extra[0]}")
    sort, descending = _sort(words.get("sort"), table)
    where = tuple(condition for name, texts in given.items() for condition in _filter(name, texts, table))
    limit = _limit(words["limit"]) if "limit" in words else DEFAULT_LIMIT
    selection = Selection(
        table,
        where,
        sort,
        descending,
        limit=limit if paged else None,
        columns=_fields(words.get("fields"), table),
    )
    filters = sorted((n, t) for n, texts in given.items() for t in texts)
    fixed = [("collection", collection), ("key", ",".join(table.key)), ("sort", words.get("sort", ""))]
    bound = urlencode([*fixed, *filters])
    if "after" in words:
        selection = replace(selection, after=cursors.read(bound, words["after"], selection))
    return Question(selection, bound, tuple((n, t) for n, t in query if n not in ("after", "wait")))


def row_fields(query: Sequence[tuple[str, str]], table: Table) -> tuple[str, ...]:
    """Return the columns that a request for one row names; empty = all.

    Raises:
        Problem: an unknown field or parameter (400).
    """
    for name, _ in query:
        if name not in ("fields", "wait"):
            raise Problem(400, f"unknown parameter {name!r}; one row takes: fields, wait")
    texts = [text for name, text in query if name == "fields"]
    return _fields(_one("fields", texts) if texts else None, table)


def _one(name: str, texts: Sequence[str]) -> str:
    if len(texts) > 1:
        raise Problem(400, f"{name} is given {len(texts)} times")
    return texts[0]


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > len(str(MOST)) or not 1 <= int(text) <= MOST:
        raise Problem(400, f"limit must be a number from 1 to {MOST}")
    return int(text)


def _sort(text: str | None, table: Table) -> tuple[Column | None, bool]:
    if text is None:
        return None, False
    name = text.removeprefix("-")
    if name not in sort_names(table):
        known = ", ".join(sort_names(table))
        raise Problem(
            400, f"cannot sort by {name!r}; choose from: {known}, with - before it for the way down"
        )
    return (None if name == table.key[0] else table.column(name)), text.startswith("-")


def _fields(text: str | None, table: Table) -> tuple[str, ...]:
    if text is None:
        return ()
    names = tuple(text.split(","))
    for name in names:
        if name not in table.names:
            raise Problem(400, f"unknown field {name!r}; fields: {', '.join(table.names)}")
    return names


def _filter(name: str, texts: Sequence[str], table: Table) -> list[Condition]:
    field, bracket, operator = name.partition("[")
    operator = operator.removesuffix("]") if bracket else "eq"
    allowed = filter_names(table)
    if field not in allowed or (bracket and not name.endswith("]")):
        raise Problem(400, f"unknown parameter {name!r}; filters: {', '.join(allowed)}")
    column = table.column(field)
    if operator == "null":
        if (text := _one(name, texts)) not in ("true", "false"):
            raise Problem(400, f"{name} is true or false")
        return [Condition(column, "null", text == "true")]
    if operator == "eq":
        if len(texts) > _MOST_VALUES:
            raise Problem(400, f"at most {_MOST_VALUES} values of {field}")
        values = tuple(_value(text, column) for text in texts)
        return [Condition(column, "eq", values[0]) if len(values) == 1 else Condition(column, "any", values)]
    if operator not in COMPARISONS:
        raise Problem(400, f"unknown filter {name!r}; in brackets: eq, {', '.join(COMPARISONS)}, null")
    if not is_ordered(column):
        raise Problem(400, f"{field} has no order to compare by")
    return [Condition(column, operator, _value(text, column)) for text in texts]  # type: ignore[arg-type]


def _value(text: str, column: Column) -> object:
    try:
        return as_stored(text, column)
    except (ValueError, OverflowError):
        raise Problem(400, f"the value of {column.name} is no {column.kind}") from None
