"""What a registry lets pass and we do not (DESIGN 10.13)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from schemas.entity_schema import value_schema_of
from schemas.envelope import KEY
from schemas.errors import Terminal


def violations(old: Any, new: Any) -> list[str]:
    """Return the reasons why `new` must not follow `old`; empty where it may.

    * Avro resolves a decimal by its bytes alone: a new scale would silently move the point in every old
      event.
    * A key that changes puts a record's events under two keys, and on two partitions.
    * A field that is not nullable cannot be added or taken away later, whichever side is upgraded first.

    Args:
        old: the newest registered schema as Avro JSON; None where there is none yet.
        new: the schema that is to be registered.
    """
    return [*_moved_points(old, new), *_changed_key(old, new), *_required(new)]


def _moved_points(old: Any, new: Any) -> list[str]:
    before = dict(_decimals(old, ""))
    return [
        f"{path}: decimal scale {before[path]} → {scale}"
        for path, scale in _decimals(new, "")
        if path in before and before[path] != scale
    ]


def _changed_key(old: Any, new: Any) -> list[str]:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return []
    if KEY in old and KEY in new and list(old[KEY]) != list(new[KEY]):
        return [f"key fields {_names(old[KEY])} → {_names(new[KEY])}"]
    if old.get("name") != "Key" or new.get("name") != "Key":
        return []
    before = [(f["name"], _bare(f["type"])) for f in old.get("fields", ())]
    after = [(f["name"], _bare(f["type"])) for f in new.get("fields", ())]
    if [name for name, _ in before] != [name for name, _ in after]:
        return [f"key fields {_names(n for n, _ in before)} → {_names(n for n, _ in after)}"]
    return [
        f"{name}: the type of a key field changes from {was} to {now}"
        for (name, was), (_, now) in zip(before, after, strict=True)
        if was != now
    ]


def _required(new: Any) -> list[str]:
    if not isinstance(new, dict) or KEY not in new:
        return []
    try:
        value = value_schema_of(new)
    except Terminal as error:
        return [error.what]
    return [
        f"{field['name']}: a field outside the key must be nullable with default null"
        for field in value["fields"]
        if field["name"] not in new[KEY] and not _optional(field)
    ]


def _optional(field: dict[str, Any]) -> bool:
    kind = field["type"]
    return isinstance(kind, list) and kind[:1] == ["null"] and field.get("default", "") is None


def _decimals(schema: Any, path: str) -> Iterator[tuple[str, int]]:
    """Yield (path, scale) of every decimal below `schema`."""
    if isinstance(schema, list):
        for branch in schema:
            yield from _decimals(branch, path)
    elif isinstance(schema, dict):
        if schema.get("logicalType") == "decimal":
            yield path, schema.get("scale", 0)
        for field in schema.get("fields", ()):
            yield from _decimals(field["type"], f"{path}.{field['name']}".lstrip("."))
        if "items" in schema:
            yield from _decimals(schema["items"], f"{path}[]")
        if "values" in schema:
            yield from _decimals(schema["values"], f"{path}{{}}")
        if isinstance(schema.get("type"), (dict, list)):
            yield from _decimals(schema["type"], path)


def _bare(kind: Any) -> Any:
    """Return what of a type decides its bytes, for comparison and for the message."""
    if not isinstance(kind, dict):
        return kind
    parts = {k: kind[k] for k in ("type", "logicalType", "precision", "scale", "size", "items") if k in kind}
    return parts["type"] if len(parts) == 1 else parts


def _names(names: Any) -> str:
    return ", ".join(names)
