"""Fields of XML elements and JSON objects: flat where there is one of each, lists where something repeats."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from adapters.batch.inspect.separated import kind_of

Column = Mapping[str, Any]


@dataclass(slots=True)
class Columns:
    """Fields of one kind of record, and what cannot be one.

    Attributes:
        found: name, path and type of each; `many` and `fields` where it repeats.
        left_out: why something in the records is no field.
    """

    found: list[Column] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def add(self, name: str, path: str, cells: Sequence[str], **more: Any) -> None:
        """Add a field with these texts; its type is the one that all of them have."""
        kind, form = kind_of(cells)
        scales = [len(c.strip()) - 1 - max(c.rfind("."), c.rfind(",")) for c in cells if c.strip()]
        scale = max(scales, default=0) if kind == "decimal" else 0
        self._put(
            name, path, {"type": kind, "format": form, "distinct": len(set(cells)), "scale": scale} | more
        )

    def group(self, name: str, path: str, inner: Columns) -> None:
        """Add a list of records."""
        if inner.found:
            kind = {"type": "list", "format": "", "distinct": 0, "scale": 0, "many": True}
            self._put(name, path, kind | {"fields": inner.found})
        self.left_out += [f"{path}: {why}" for why in inner.left_out]

    def _put(self, name: str, path: str, more: Mapping[str, Any]) -> None:
        wanted = re.sub(r"\W+", "_", name).strip("_") or "value"
        taken = {column["name"] for column in self.found}
        free = (f"{wanted}_{n}" for n in range(2, len(taken) + 3))
        unique = wanted if wanted not in taken else next(n for n in free if n not in taken)
        self.found.append({"name": unique, "path": path, **more})


def xml_columns(record: str, leaves: Mapping[str, Sequence[str]], repeated: Set[str]) -> Columns:
    """Return the fields of an element.

    Args:
        record: its path.
        leaves: texts by path, of elements without elements, and of attributes (`/a/b/@c`).
        repeated: paths of elements that come several times in one element.
    """
    made = Columns()
    below: dict[str, dict[str, Sequence[str]]] = {}
    for path, cells in leaves.items():
        if not path.startswith(f"{record}/"):
            continue
        steps = path[len(record) + 1 :].split("/")
        heads = ("/".join((record, *steps[:n])) for n in range(1, len(steps) + 1))
        first = next((head for head in heads if head in repeated), None)
        inside = path[len(record) + 1 :]
        if first is None or first == path:
            made.add(inside, inside, cells, **({"many": True} if first else {}))
        else:
            below.setdefault(first, {})[path] = cells
    for head, inner in below.items():
        inside = head[len(record) + 1 :]
        made.group(inside, inside, xml_columns(head, inner, repeated))
    return made


def json_columns(
    objects: Sequence[Mapping[str, Any]], above: str = "", made: Columns | None = None
) -> Columns:
    """Return the fields of objects; those of an object inside each are named after it: `name.first`."""
    made = Columns() if made is None else made
    for name in dict.fromkeys(key for one in objects for key in one):
        path = f"{above}.{name}" if above else name
        values = [one[name] for one in objects if one.get(name) is not None]
        if set(name) & set(".[]") or not name:
            made.left_out.append(f"the name {name!r} cannot stand in a path")
        elif values and all(isinstance(v, dict) for v in values):
            json_columns(values, path, made)
        elif values and all(isinstance(v, list) for v in values):
            _list(made, path, [item for value in values for item in value if item is not None])
        elif any(isinstance(v, dict | list) for v in values):
            made.left_out.append(f"{path} is now a value, now a list or an object")
        else:
            made.add(path, path, [_text(one.get(name)) for one in objects], **_kind(values))
    return made


def _list(made: Columns, path: str, items: Sequence[Any]) -> None:
    if items and all(isinstance(item, dict) for item in items):
        made.group(path, path, json_columns(items))
    elif any(isinstance(item, dict | list) for item in items):
        made.left_out.append(f"{path} is a list of lists, or of values and objects")
    else:
        made.add(path, path, [_text(item) for item in items], **({"many": True} | _kind(items)))


def _kind(values: Sequence[Any]) -> dict[str, Any]:
    """Return the type where JSON itself tells it and its text does not: digits in quotes are no number."""
    if values and all(isinstance(v, bool) for v in values):
        return {"type": "boolean"}
    digits = any(isinstance(v, str) for v in values) and kind_of(list(map(_text, values)))[0] == "integer"
    return {"type": "text"} if digits else {}


def _text(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)
