"""The OpenAPI 3.1 description of the read API, from the tables as they are now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.readmodel.table import Column, Kind, Table
from streams.api.question import filter_names
from streams.document import Document
from streams.projection import Projection

_TYPES: dict[Kind, dict[str, Any]] = {
    "text": {"type": "string"},
    "integer": {"type": "integer", "format": "int64"},
    "real": {"type": "number", "format": "double"},
    "boolean": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "timestamp": {"type": "string", "format": "date-time"},
    "bytes": {"type": "string", "contentEncoding": "base64"},
    "json": {},
}
_PROBLEM = {
    "description": "What is wrong",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
_NOT_FOUND = _PROBLEM | {
    "headers": {
        "Banyan-Not-Found": {
            "description": "There is no row with this key; absent where the URL itself is wrong",
            "schema": {"type": "string", "const": "row"},
        }
    }
}
_ERRORS = {"404": _NOT_FOUND, "422": _PROBLEM, "503": _PROBLEM}
_PAGING = [
    {
        "name": "limit",
        "in": "query",
        "description": "Rows a page.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
    },
    {
        "name": "after",
        "in": "query",
        "description": "Cursor: take it from `next` of the page before.",
        "schema": {"type": "string"},
    },
]


def describe(
    title: str,
    tables: Sequence[tuple[Projection, Table | None]],
    documents: Sequence[Document],
) -> dict[str, Any]:
    """Return the OpenAPI document; a projection without a table yet has rows of any shape."""
    schemas: dict[str, Any] = {"Problem": _problem_schema()}
    paths: dict[str, Any] = {}
    by_name = {p.name: (p, t) for p, t in tables}
    for projection, table in tables:
        schemas[_title(projection.name)] = _row(table)
        paths[f"/v1/{projection.collection}"] = {"get": _list(projection, table)}
        paths[f"/v1/{projection.collection}/{_key_path(table)}"] = {
            "get": _one(f"get_{projection.name}", f"One {projection.name}", _title(projection.name), table)
        }
    for document in documents:
        _, table = by_name[document.root]
        schemas[_title(document.document)] = _document(document, table)
        paths[f"/v1/{document.collection}/{_key_path(table)}"] = {
            "get": _one(
                f"get_{document.document}", f"One {document.document}", _title(document.document), table
            )
        }
    paths["/v1/_status"] = {"get": _plain("status", "Offsets, counts and freshness of every projection")}
    paths["/health/live"] = {"get": _plain("live", "The process answers")}
    paths["/health/ready"] = {"get": _plain("ready", "Every read model can be read", {"503": _PROBLEM})}
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1"},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _row(table: Table | None) -> dict[str, Any]:
    if table is None:
        return {"type": "object"}
    return {
        "type": "object",
        "required": list(table.names),
        "properties": {c.name: _property(c) for c in table.columns},
    }


def _property(column: Column) -> dict[str, Any]:
    if column.kind == "decimal":
        sign_digits = r"^-?\d+" + (rf"\.\d{{{column.scale}}}$" if column.scale else "$")
        schema: dict[str, Any] = {"type": "string", "pattern": sign_digits}
    else:
        schema = dict(_TYPES[column.kind])
    if column.nullable and "type" in schema:
        schema["type"] = [schema["type"], "null"]
    if column.doc:
        schema["description"] = column.doc
    return schema


def _document(document: Document, table: Table | None) -> dict[str, Any]:
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


def _list(projection: Projection, table: Table | None) -> dict[str, Any]:
    filters = [
        {"name": name, "in": "query", "schema": {"type": "string"}}
        for name in (filter_names(table) if table else projection.indexes)
    ]
    page = {
        "type": "object",
        "required": ["items", "next"],
        "properties": {
            "items": {
                "type": "array",
                "items": {"$ref": f"#/components/schemas/{_title(projection.name)}"},
            },
            "next": {"type": ["string", "null"]},
        },
    }
    return {
        "operationId": f"list_{projection.name}",
        "summary": f"{projection.collection} in key order",
        "parameters": [*_PAGING, *filters],
        "responses": {"200": _ok(page), "422": _PROBLEM, "503": _PROBLEM},
    }


def _one(operation: str, summary: str, schema: str, table: Table | None) -> dict[str, Any]:
    keys = table.key if table else ("key",)
    parameters: list[dict[str, Any]] = [
        {"name": k, "in": "path", "required": True, "schema": {"type": "string"}} for k in keys
    ]
    parameters.append({"name": "If-None-Match", "in": "header", "schema": {"type": "string"}})
    ok = _ok({"$ref": f"#/components/schemas/{schema}"})
    ok["headers"] = {
        "ETag": {"schema": {"type": "string"}},
        "Banyan-Source-Offset": {
            "description": "topic:partition:offset of the row's newest event",
            "schema": {"type": "string"},
        },
    }
    return {
        "operationId": operation,
        "summary": summary,
        "parameters": parameters,
        "responses": {"200": ok, "304": {"description": "You have it already"}, **_ERRORS},
    }


def _plain(operation: str, summary: str, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"operationId": operation, "summary": summary, "responses": {"200": _ok({}), **(more or {})}}


def _ok(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": "OK", "content": {"application/json": {"schema": dict(schema)}}}


def _key_path(table: Table | None) -> str:
    return "/".join(f"{{{k}}}" for k in (table.key if table else ("key",)))


def _title(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _problem_schema() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "required": ["type", "title", "status"],
        "properties": {"type": text, "title": text, "status": {"type": "integer"}, "detail": text},
    }
