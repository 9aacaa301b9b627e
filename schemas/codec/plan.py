"""An Avro schema read once into a tree that the column kernels walk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from schemas.codec.branches import branch_name, distinguishable
from schemas.symbols import codes_of

#: Kinds whose bytes are one zigzag varint.
VARINTS = frozenset({"int", "long", "enum"})
_PRIMITIVES: dict[str, tuple[pa.DataType, int]] = {
    "null": (pa.null(), 0),
    "boolean": (pa.bool_(), 1),
    "int": (pa.int32(), 1),
    "long": (pa.int64(), 1),
    "float": (pa.float32(), 4),
    "double": (pa.float64(), 8),
    "bytes": (pa.binary(), 1),
    "string": (pa.string(), 1),
}
_LOGICAL: dict[tuple[str, str], pa.DataType] = {
    ("int", "date"): pa.date32(),
    ("int", "time-millis"): pa.time32("ms"),
    ("long", "time-micros"): pa.time64("us"),
    ("long", "timestamp-millis"): pa.timestamp("ms", tz="UTC"),
    ("long", "timestamp-micros"): pa.timestamp("us", tz="UTC"),
    ("long", "local-timestamp-millis"): pa.timestamp("ms"),
    ("long", "local-timestamp-micros"): pa.timestamp("us"),
}
#: The widest decimal of Arrow's decimal128.
_DIGITS = 38


class NoColumns(Exception):
    """The schema has a shape that the column kernels do not take."""


@dataclass(frozen=True, slots=True)
class Node:
    """One type in the tree.

    Attributes:
        kind: the Avro type's name, `decimal` (bytes or fixed below), or `union` (of several types
            besides null).
        arrow: the Arrow type of its column.
        null_branch: position of null in `["null", T]` or `[T, "null"]`; None where it cannot be null.
        names: field names of a record, or of the branches of a union.
        children: fields of a record, branches of a union, or the one item type of an array.
        size: bytes of a fixed, 0 otherwise.
        symbols: of an enum, as the codes that they stand for.
        branches: positions of a union's branches.
        least: fewest bytes that a value takes.
        most_zero: most bytes that are read when every byte is zero.
        aliases: old names by field name (for reader schemas).
        defaults: default by field name.
    """

    kind: str
    arrow: pa.DataType
    null_branch: int | None = None
    names: tuple[str, ...] = ()
    children: tuple[Node, ...] = ()
    size: int = 0
    symbols: tuple[str, ...] = ()
    branches: tuple[int, ...] = ()
    least: int = 0
    most_zero: int = 0
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)


def plan(schema: Any) -> Node:
    """Return the tree of a schema.

    Raises:
        NoColumns: a map, a union of types that values do not tell apart, recursion, or a logical type without
            a column.
    """
    return _Planner().node(schema, "", ())


class _Planner:
    def __init__(self) -> None:
        self.named: dict[str, tuple[Any, str]] = {}

    def node(self, schema: Any, space: str, inside: tuple[str, ...]) -> Node:
        if isinstance(schema, list):
            return self.union(schema, space, inside)
        if isinstance(schema, str):
            if schema in _PRIMITIVES:
                return self.primitive(schema, {})
            full = schema if "." in schema or not space else f"{space}.{schema}"
            full = full if full in self.named else schema
            if full in inside or full not in self.named:
                raise NoColumns(f"recursion or unknown name {schema!r}")
            return self.node(*self.named[full], inside)
        kind = schema["type"]
        if isinstance(kind, (dict, list)):
            return self.node(kind, space, inside)
        if kind in ("record", "enum", "fixed"):
            return self.of_name(schema, kind, space, inside)
        if kind == "array":
            return self.array(schema, space, inside)
        if kind in _PRIMITIVES:
            return self.primitive(kind, schema)
        if kind == "map":
            raise NoColumns("a map")
        return self.node(kind, space, inside)

    def primitive(self, kind: str, schema: Mapping[str, Any]) -> Node:
        arrow, least = _PRIMITIVES[kind]
        logical = schema.get("logicalType")
        if logical == "decimal" and kind == "bytes":
            return self.decimal(schema, 0)
        if logical == "uuid":
            raise NoColumns("the logical type uuid")
        return Node(kind, _LOGICAL.get((kind, str(logical)), arrow), least=least, most_zero=least)

    def decimal(self, schema: Mapping[str, Any], size: int) -> Node:
        precision, scale = schema["precision"], schema.get("scale", 0)
        if precision > _DIGITS:
            raise NoColumns(f"a decimal of {precision} digits")
        width = size or 1
        return Node("decimal", pa.decimal128(precision, scale), size=size, least=width, most_zero=width)

    def of_name(self, schema: Mapping[str, Any], kind: str, space: str, inside: tuple[str, ...]) -> Node:
        name, given = schema["name"], schema.get("namespace", space)
        full = name if "." in name or not given else f"{given}.{name}"
        here = full.rpartition(".")[0]
        self.named[full] = (schema, here)
        if kind == "enum":
            return Node("enum", pa.string(), symbols=codes_of(schema), least=1, most_zero=1)
        if kind == "fixed":
            size = schema["size"]
            if schema.get("logicalType") == "decimal":
                return self.decimal(schema, size)
            return Node("fixed", pa.binary(size), size=size, least=size, most_zero=size)
        fields = schema["fields"]
        children = tuple(self.node(f["type"], here, (*inside, full)) for f in fields)
        return Node(
            "record",
            pa.struct([pa.field(f["name"], c.arrow) for f, c in zip(fields, children, strict=True)]),
            names=tuple(f["name"] for f in fields),
            children=children,
            least=sum(c.least for c in children),
            most_zero=sum(c.most_zero for c in children),
            aliases={f["name"]: tuple(f.get("aliases", ())) for f in fields},
            defaults={f["name"]: f["default"] for f in fields if "default" in f},
        )

    def array(self, schema: Mapping[str, Any], space: str, inside: tuple[str, ...]) -> Node:
        item = self.node(schema["items"], space, inside)
        if not item.least:
            raise NoColumns("an array of items without bytes: its length has no bound")
        return Node("array", pa.list_(item.arrow), children=(item,), least=1, most_zero=1 + item.most_zero)

    def union(self, branches: list[Any], space: str, inside: tuple[str, ...]) -> Node:
        if len(branches) != 2 or branches.count("null") != 1:
            return self.several(branches, space)
        at = branches.index("null")
        inner = self.node(branches[1 - at], space, inside)
        if inner.null_branch is not None:
            raise NoColumns("a union in a union")
        return replace(inner, null_branch=at, least=1, most_zero=inner.most_zero + 1)

    def several(self, branches: list[Any], space: str) -> Node:
        places = [i for i, branch in enumerate(branches) if branch != "null"]
        if not distinguishable([branches[i] for i in places]):
            raise NoColumns("a union of types that values do not tell apart")
        known = [str(branch_name(branches[i])) for i in places]
        children = tuple(self.node(branches[i], space, ()) for i in places)
        return Node(
            "union",
            pa.struct([pa.field(name, child.arrow) for name, child in zip(known, children, strict=True)]),
            null_branch=branches.index("null") if "null" in branches else None,
            names=tuple(known),
            children=children,
            branches=tuple(places),
            least=1,
            most_zero=1 + max(child.most_zero for child in children),
        )
