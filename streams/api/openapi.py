"""The OpenAPI 3.1 description of the read API, from the tables as they are now.

It keeps the rules of the linter for UK government APIs (info, licence, semantic version, 406, unique ids of
operations, no `X-` headers, paths in kebab case where collections are): a test checks them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.readmodel.table import Column, Kind, Table
from connectors.readmodel.values import is_ordered
from streams.api.export import FORMATS
from streams.api.question import DEFAULT_LIMIT, MOST, filter_names, sort_names
from streams.document import Document
from streams.projection import Projection

Json = dict[str, Any]

_TYPES: dict[Kind, Json] = {
    "text": {"type": "string"},
    "integer": {"type": "integer", "format": "int64"},
    "real": {"type": "number", "format": "double"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "timestamp": {"type": "string", "format": "date-time"},
    "bytes": {"type": "string", "contentEncoding": "base64"},
    "json": {},
}
_COMPARED = {"gt": "Greater than.", "gte": "At least.", "lt": "Less than.", "lte": "At most."}
_ROWS, _OPERATIONS = "Rows", "Operations"


def _problem(description: str, headers: Json | None = None) -> Json:
    schema = {"$ref": "#/components/schemas/Problem"}
    found: Json = {"description": description, "content": {"application/problem+json": {"schema": schema}}}
    return found | ({"headers": headers} if headers else {})


def _header(description: str, **schema: Any) -> Json:
    return {"description": description, "schema": {"type": "string"} | schema}


_RETRY = {"Retry-After": _header("Seconds to wait before asking again.")}
_ERRORS = {
    "400": _problem("The question is wrong; `detail` says where."),
    "406": _problem("There is nothing of a type that you take."),
    "503": _problem("The rows cannot be read now.", _RETRY),
    "504": _problem("The rows have not got as far as you asked for.", _RETRY),
}
_NOT_FOUND = _problem(
    "There is no such row, or no such place.",
    {"Banyan-Not-Found": _header("No row has this key; absent where the URL itself is wrong.", const="row")},
)
_NEWS = {
    "ETag": _header("Names this answer; send it back as If-None-Match."),
    "Banyan-Position": _header("How far the rows are; send it back as Banyan-Min-Position."),
}
_ORIGIN = {"Banyan-Source-Offset": _header("topic:partition:offset of the row's newest event.")}
_ASKED: list[Json] = [
    {
        "name": "If-None-Match",
        "in": "header",
        "description": "The ETag of an answer that you have: 304 where it is still the same.",
        "schema": {"type": "string"},
    },
    {
        "name": "Banyan-Min-Position",
        "in": "header",
        "description": "Answer from rows at least as new: the Banyan-Position of an earlier answer.",
        "schema": {"type": "string"},
    },
    {
        "name": "Banyan-Min-Offset",
        "in": "header",
        "description": "Answer from rows that have this event: topic:partition:offset, several by commas.",
        "schema": {"type": "string"},
    },
    {
        "name": "wait",
        "in": "query",
        "description": "How many seconds to wait for that.",
        "schema": {"type": "number", "minimum": 0, "maximum": 30, "default": 5},
    },
]
_FIELDS = {
    "name": "fields",
    "in": "query",
    "description": "Only these fields.",
    "style": "form",
    "explode": False,
    "schema": {"type": "array", "items": {"type": "string"}},
}


def describe(
    title: str,
    tables: Sequence[tuple[Projection, Table | None]],
    documents: Sequence[Document],
    contact: str = "",
) -> Json:
    """Return the OpenAPI document; a projection without a table yet has rows of any shape.

    Args:
        title: of the API.
        tables: the live version of each projection, and its table.
        documents: what is joined from them.
        contact: e-mail address or URL of whoever answers for it.
    """
    schemas: Json = {"Problem": _problem_schema()}
    paths: Json = {}
    by_name = {p.name: t for p, t in tables}
    for projection, table in tables:
        schemas[_title(projection.name)] = _row(table)
        base = f"/v1/{projection.collection}"
        paths[base] = {"get": _list(projection, table)}
        paths[f"{base}/{_key_path(table)}"] = {"get": _one(projection.name, table, fields=True)}
        for suffix, kind in FORMATS.items():
            paths[f"{base}.{suffix}"] = {"get": _export(projection, table, suffix, kind)}
    for document in documents:
        table = by_name[document.root]
        schemas[_title(document.document)] = _document(document, table)
        paths[f"/v1/{document.collection}/{_key_path(table)}"] = {"get": _one(document.document, table)}
    paths["/health/live"] = {"get": _plain("live", "The process answers.")}
    paths["/health/ready"] = {
        "get": _plain("ready", "Every read model can be read.", {"503": _ERRORS["503"]})
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": "1.0.0",
            "description": "Rows made from the change events of legacy systems, for reading. "
            "Errors are problem documents (RFC 9457).",
            **({"contact": {"url" if "://" in contact else "email": contact}} if contact else {}),
            "license": {"name": "Apache License 2.0", "identifier": "Apache-2.0"},
        },
        "tags": [
            {"name": _ROWS, "description": "What the systems hold."},
            {"name": _OPERATIONS, "description": "Whether this service is well."},
        ],
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _row(table: Table | None) -> Json:
    if table is None:
        return {"type": "object", "description": "A row of a read model that is not there yet."}
    return {
        "type": "object",
        "description": "A row. With `fields`, only those.",
        "properties": {c.name: _property(c) for c in table.columns},
    }


def _property(column: Column) -> Json:
    schema = _schema(column)
    if column.nullable and "type" in schema:
        schema["type"] = [schema["type"], "null"]
    if column.doc:
        schema["description"] = column.doc
    return schema


def _schema(column: Column) -> Json:
    if column.kind != "decimal":
        return dict(_TYPES[column.kind])
    return {"type": "string", "pattern": r"^-?\d+" + (rf"\.\d{{{column.scale}}}$" if column.scale else "$")}


def _document(document: Document, table: Table | None) -> Json:
    schema = _row(table)
    properties = schema.setdefault("properties", {})
    for embed in document.embed:
        if embed.through and embed.nest:
            continue
        row = {"$ref": f"#/components/schemas/{_title(embed.projection)}"}
        properties[embed.name] = (
            {"type": "array", "items": row} if embed.many else {"oneOf": [row, {"type": "null"}]}
        )
    return schema


def _question(projection: Projection, table: Table | None) -> list[Json]:
    """Return the parameters that a list and its exports share."""
    if table is None:
        names = [_parameter(name, {"type": "string"}, "Filter.") for name in projection.indexes]
        return [*names, _FIELDS]
    found: list[Json] = []
    for name in filter_names(table):
        column = table.column(name)
        listed = {"type": "array", "items": _schema(column)}
        found.append(_parameter(name, listed, "Any of these values.") | {"style": "form", "explode": True})
        if is_ordered(column):
            found.extend(_parameter(f"{name}[{op}]", _schema(column), text) for op, text in _COMPARED.items())
        if column.nullable:
            found.append(_parameter(f"{name}[null]", {"type": "boolean"}, "Has no value, or has one."))
    ways = [way + name for name in sort_names(table) for way in ("", "-")]
    sort = _parameter("sort", {"type": "string", "enum": ways}, "Order, then by key; null comes last.")
    return [*found, sort, _FIELDS]


def _list(projection: Projection, table: Table | None) -> Json:
    limit = {"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT_LIMIT}
    paging = [
        _parameter("limit", limit, "Rows a page."),
        _parameter("after", {"type": "string"}, "Cursor: it is in `next` of the page before."),
    ]
    items = {"type": "array", "items": {"$ref": f"#/components/schemas/{_title(projection.name)}"}}
    page = {
        "type": "object",
        "required": ["items", "next"],
        "properties": {"items": items, "next": {"type": ["string", "null"]}},
    }
    text = f"A page of {projection.collection}."
    return _operation(f"list_{projection.name}", text, [*paging, *_question(projection, table), *_ASKED],
                      _ok("application/json", page, _NEWS))  # fmt: skip


def _export(projection: Projection, table: Table | None, suffix: str, kind: str) -> Json:
    text = f"All {projection.collection} of one moment as {suffix}."
    ok = _ok(kind, {"type": "string"}, {"Banyan-Position": _NEWS["Banyan-Position"]})
    asked = [*_question(projection, table), *_ASKED[1:]]
    return _operation(f"export_{projection.name}_{suffix}", text, asked, ok)


def _one(name: str, table: Table | None, *, fields: bool = False) -> Json:
    keys = table.key if table else ("key",)
    part = {"in": "path", "required": True, "description": "Part of the key.", "schema": {"type": "string"}}
    parameters: list[Json] = [{"name": k, **part} for k in keys]
    ok = _ok("application/json", {"$ref": f"#/components/schemas/{_title(name)}"}, _NEWS | _ORIGIN)
    more = [_FIELDS] if fields else []
    return _operation(f"get_{name}", f"One {name}.", [*parameters, *more, *_ASKED], ok, {"404": _NOT_FOUND})


def _operation(
    name: str, description: str, parameters: list[Json], ok: Json, more: Mapping[str, Any] | None = None
) -> Json:
    return {
        "operationId": name,
        "summary": description.rstrip("."),
        "description": description,
        "tags": [_ROWS],
        "parameters": parameters,
        "responses": {"200": ok, "304": {"description": "You have it already."}, **(more or {}), **_ERRORS},
    }


def _plain(operation: str, summary: str, more: Mapping[str, Any] | None = None) -> Json:
    return {
        "operationId": operation,
        "summary": summary.rstrip("."),
        "description": summary,
        "tags": [_OPERATIONS],
        "responses": {"200": _ok("application/json", {}), "406": _ERRORS["406"], **(more or {})},
    }


def _ok(kind: str, schema: Mapping[str, Any], headers: Json | None = None) -> Json:
    found: Json = {"description": "OK", "content": {kind: {"schema": dict(schema)}}}
    return found | ({"headers": headers} if headers else {})


def _parameter(name: str, schema: Json, description: str) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _key_path(table: Table | None) -> str:
    return "/".join(f"{{{k}}}" for k in (table.key if table else ("key",)))


def _title(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _problem_schema() -> Json:
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "What is wrong (RFC 9457).",
        "required": ["type", "title", "status"],
        "properties": {"type": text, "title": text, "status": {"type": "integer"}, "detail": text},
    }
