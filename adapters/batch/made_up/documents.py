"""Made-up documents: XML and JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast
from xml.etree import ElementTree

import orjson

from adapters.batch.fields.field_spec import NestedFieldSpec, ValueSpec
from adapters.batch.format_spec import FormatSpec
from adapters.batch.json.spec import LINES
from adapters.batch.made_up.values import MadeUp, records

#: Occurrences of what repeats, and the element where a path says any.
_TIMES, _ANY = 2, "any"


def xml_file(spec: FormatSpec, n: int) -> bytes:
    """Return an XML document whose records stand at their path."""
    table = spec.xml
    assert table is not None  # the format says so
    steps = [_tag(step, table.namespaces) for step in table.records.lstrip("/").split("/")]
    above = steps[:-1] or ["file"]
    root = above_all = ElementTree.Element(above[0])
    for step in above[1:]:
        above_all = ElementTree.SubElement(above_all, step)
    for made in records(spec, table, {"": table.fields}, n):
        _fill(ElementTree.SubElement(above_all, steps[-1]), table.fields, made, table, table.namespaces)
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def json_file(spec: FormatSpec, n: int) -> bytes:
    """Return JSON lines, or a document with an array of records."""
    table = spec.json_
    assert table is not None  # the format says so
    rows = [_object(table.fields, made, table) for made in records(spec, table, {"": table.fields}, n)]
    if table.records == LINES:
        return b"".join(orjson.dumps(row) + b"\n" for row in rows)
    document: Any = rows
    for name in reversed(table.records.removesuffix("[]").split(".") if table.records != "[]" else []):
        document = {name: document}
    return orjson.dumps(document) + b"\n"


def _fill(
    node: ElementTree.Element,
    fields: Sequence[NestedFieldSpec],
    made: MadeUp,
    values: ValueSpec,
    namespaces: Mapping[str, str],
) -> None:
    """Put fields into an element, each at its path."""
    for field in fields:
        *steps, last = str(field.source or field.name).split("/")
        at = node
        for step in (_tag(step, namespaces) for step in steps):
            found = at.find(step)
            at = ElementTree.SubElement(at, step) if found is None else found
        if last.startswith("@"):
            at.set(_tag(last[1:], namespaces), made.text(field, values))
            continue
        for _ in range(_TIMES if field.many else 1):
            below = at if last == "." else ElementTree.SubElement(at, _tag(last, namespaces))
            if field.fields:
                _fill(below, cast("Sequence[NestedFieldSpec]", field.fields), made, values, namespaces)
            else:
                below.text = made.text(field, values)


def _tag(step: str, namespaces: Mapping[str, str]) -> str:
    """Return a step of a path as ElementTree has names."""
    prefix, colon, name = step.rpartition(":")
    name = _ANY if name == "*" else name
    return f"{{{namespaces[prefix]}}}{name}" if colon else name


def _object(fields: Sequence[NestedFieldSpec], made: MadeUp, values: ValueSpec) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for field in fields:
        *steps, last = str(field.source or field.name).split(".")
        at = row
        for step in steps:
            at = at.setdefault(step, {})
        if field.fields:
            one: Any = _object(cast("Sequence[NestedFieldSpec]", field.fields), made, values)
        else:
            one = _value(field, made, values)
        at[last] = [one] * _TIMES if field.many else one
    return row


def _value(field: NestedFieldSpec, made: MadeUp, values: ValueSpec) -> Any:
    """Return a value as JSON has it: whole numbers as numbers, all else as text."""
    text = made.text(field, values)
    return int(text) if field.type.startswith("integer") else text
