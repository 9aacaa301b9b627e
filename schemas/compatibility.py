"""What a registry lets pass and we do not (DESIGN 10.13).

Avro resolves a decimal by its bytes alone: a new scale would silently move the point in every old event.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def violations(old: Any, new: Any) -> list[str]:
    """Return the reasons why `new` must not follow `old`; empty where it may.

    Args:
        old: the newest registered schema, as Avro JSON.
        new: the schema that is to be registered.
    """
    before = dict(_decimals(old, ""))
    return [
        f"{path}: decimal scale {before[path][1]} → {scale}"
        for path, (_, scale) in _decimals(new, "")
        if path in before and before[path][1] != scale
    ]


def _decimals(schema: Any, path: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Yield (path, (precision, scale)) of every decimal below `schema`."""
    if isinstance(schema, list):
        for branch in schema:
            yield from _decimals(branch, path)
    elif isinstance(schema, dict):
        if schema.get("logicalType") == "decimal":
            yield path, (schema["precision"], schema.get("scale", 0))
        for field in schema.get("fields", ()):
            yield from _decimals(field["type"], f"{path}.{field['name']}".lstrip("."))
        if "items" in schema:
            yield from _decimals(schema["items"], f"{path}[]")
        if "values" in schema:
            yield from _decimals(schema["values"], f"{path}{{}}")
        if isinstance(schema.get("type"), (dict, list)):
            yield from _decimals(schema["type"], path)
