"""Unions of several types as columns: a struct with a field for each branch, of which one is set.

Arrow's own unions have no Parquet form and few kernels. A field is called after its branch with a colon
before it (`:long`, `:date`), which no Avro field can be called: so a union is known by its column alone.
Only branches whose Python values differ in type are taken, so that a value says which branch it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

MARK = ":"
_FAMILIES: dict[str, type] = {
    "boolean": bool,
    "int": int,
    "long": int,
    "float": float,
    "double": float,
    "decimal": Decimal,
    "timestamp-millis": datetime,
    "timestamp-micros": datetime,
    "date": date,
    "bytes": bytes,
    "string": str,
    "enum": str,
}


def branch_name(schema: Any) -> str | None:
    """Return the field's name of a branch; None for one that has no place in such a column."""
    kind = schema if isinstance(schema, str) else schema.get("logicalType") or schema.get("type")
    return MARK + kind if isinstance(kind, str) and kind in _FAMILIES else None


def tag(schema: Any) -> Any:
    """Return what tells a branch from its siblings (Avro 1.11, "Unions"): its type, or a named one's name.

    fastavro takes a pair of this and the value; a value alone it may put into another branch (a text that
    looks like a date).
    """
    if isinstance(schema, str):
        return schema
    return schema["name"] if schema["type"] in ("enum", "fixed", "record") else schema["type"]


def distinguishable(branches: Sequence[Any]) -> bool:
    """Return whether a Python value says which of these branches it is, and Avro allows them together."""
    names = [branch_name(branch) for branch in branches]
    families = [_FAMILIES[name.removeprefix(MARK)] for name in names if name is not None]
    tags = {tag(branch) for branch in branches if branch_name(branch) is not None}
    return len(set(families)) == len(tags) == len(branches) > 0


def chosen(names: Sequence[str], value: Any) -> dict[str, Any]:
    """Return a value as a row of the column.

    Raises:
        TypeError: no branch is of its type.
    """
    for name in names:
        if type(value) is _FAMILIES[name.removeprefix(MARK)]:
            return {name: value}
    raise TypeError(f"no branch of the union takes a {type(value).__name__}")


def plain(value: Any) -> Any:
    """Return a cell with each union in it as its value alone."""
    if isinstance(value, Mapping):
        if is_union(value):
            return next((v for v in value.values() if v is not None), None)
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def is_union(value: Mapping[str, Any]) -> bool:
    """Return whether a struct's value is that of a union."""
    return any(key.startswith(MARK) for key in value)
