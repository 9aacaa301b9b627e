"""The read API: made from the projections, served from their read models."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlencode

from fastapi import FastAPI, Request
from starlette.responses import Response

from connectors.links import Links
from connectors.readmodel.reader import NotReady, Row, RowReader, as_stored, in_range
from connectors.readmodel.table import Table
from schemas.errors import SettingsError
from streams.document import Document
from streams.join import assemble
from streams.models import LiveModels
from streams.openapi import describe, filter_names
from streams.problems import Problem, handle_problems
from streams.projection import Projection

_DEFAULT_LIMIT, _MOST = 100, 1000
#: Tells "this key has no row" from the 404 of a URL that is not there at all: only the first is an answer.
_NO_ROW = {"Banyan-Not-Found": "row"}


def create_app(projections: Sequence[Projection], documents: Sequence[Document], links: Links) -> FastAPI:
    """Return the API; it works before the worker has made any read model (503 until then).

    Raises:
        SettingsError: a document names a projection that is not there, or two things share a collection.
    """
    _check(projections, documents)
    readers = LiveModels(projections, links)
    # The docs pages of FastAPI load scripts from other hosts; /openapi.json is what tools need.
    app = FastAPI(title=f"{links.prefix} read API", docs_url=None, redoc_url=None, openapi_url=None)
    handle_problems(app)
    for name in readers:
        _serve_projection(app, name, readers)
    for document in documents:
        _serve_document(app, document, readers)
    _serve_operations(app, documents, readers, links)
    return app


def _serve_projection(app: FastAPI, name: str, readers: LiveModels) -> None:
    base = f"/v1/{readers.live(name).collection}"

    @app.get(base)
    async def list_rows(request: Request) -> Response:
        reader = readers[name]
        table = reader.table
        filters, limit, after = _query(request, table)
        rows = reader.rows(filters, after=after, limit=limit + 1)
        more = len(rows) > limit
        rows = rows[:limit]
        following = None
        if more:
            kept = [(k, v) for k, v in request.query_params.multi_items() if k != "after"]
            following = f"{base}?{urlencode([*kept, ('after', _cursor(rows[-1].key))])}"
        return _json({"items": [r.values for r in rows], "next": following})

    @app.get(base + "/{key:path}")
    async def one_row(request: Request) -> Response:
        projection, reader = readers.open(name)
        table = reader.table
        row = _row(reader, table, _segments(request, base))
        # Version and width are in it, because the same event shows differently under another shape.
        etag = f'"{projection.version}-{row.partition}-{row.offset}-{len(table.columns)}"'
        return _conditional(request, etag, row, row.values)


def _serve_document(app: FastAPI, document: Document, readers: Mapping[str, RowReader]) -> None:
    base = f"/v1/{document.collection}"

    @app.get(base + "/{key:path}")
    async def one_document(request: Request) -> Response:
        root = readers[document.root]
        row = _row(root, root.table, _segments(request, base))
        values = assemble(document, row, readers)
        digest = hashlib.sha256(_dump(values)).hexdigest()[:32]
        return _conditional(request, f'"{digest}"', row, values)


def _serve_operations(
    app: FastAPI,
    documents: Sequence[Document],
    readers: LiveModels,
    links: Links,
) -> None:
    @app.get("/v1/_status")
    async def status() -> Response:
        return _json([_status(p, readers[p.name], links) for p in readers.lives()])

    @app.get("/health/live")
    async def live() -> Response:
        return _json({"status": "live"})

    @app.get("/health/ready")
    async def ready() -> Response:
        waiting = [name for name in readers if _table(readers[name]) is None]
        if waiting:
            raise Problem(503, f"no read model yet: {', '.join(waiting)}", headers={"Retry-After": "1"})
        return _json({"status": "ready"})

    @app.get("/openapi.json")
    async def openapi() -> Response:
        return _json(describe(app.title, [(p, _table(readers[p.name])) for p in readers.lives()], documents))


def _status(projection: Projection, reader: RowReader, links: Links) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "projection": projection.name,
        "version": projection.version,
        "collection": projection.collection,
        "topic": projection.topic(links.prefix),
    }
    try:
        return facts | {"ready": _table(reader) is not None} | reader.status()
    except NotReady:
        return facts | {"ready": False, "offsets": {}, "rows": 0, "parked": 0, "events": 0}


def _table(reader: RowReader) -> Table | None:
    try:
        return reader.table
    except NotReady:
        return None


def _query(request: Request, table: Table) -> tuple[dict[str, Any], int, list[Any] | None]:
    """Return filters, limit and cursor of a list request.

    Raises:
        Problem: an unknown parameter or a value that does not fit (422).
    """
    allowed = filter_names(table)
    filters: dict[str, Any] = {}
    limit, after = _DEFAULT_LIMIT, None
    for name, text in request.query_params.multi_items():
        if name == "limit":
            if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MOST:
                raise Problem(422, f"limit must be a number from 1 to {_MOST}")
            limit = int(text)
        elif name == "after":
            after = _after(text, table)
        elif name in allowed:
            try:
                filters[name] = as_stored(text, table.column(name))
            except ValueError:
                raise Problem(422, f"the value of {name} is no {table.column(name).kind}") from None
        else:
            raise Problem(422, f"unknown parameter {name!r}; filters: {', '.join(allowed)}")
    return filters, limit, after


def _row(reader: RowReader, table: Table, segments: Sequence[str]) -> Row:
    if len(segments) != len(table.key):
        raise Problem(404, f"the key has {len(table.key)} parts: {'/'.join(table.key)}")
    try:
        key = [as_stored(text, table.column(k)) for text, k in zip(segments, table.key, strict=True)]
    except ValueError:
        raise Problem(404, "no row has this key", headers=_NO_ROW) from None
    row = reader.row(key)
    if row is None:
        raise Problem(404, "no row has this key", headers=_NO_ROW)
    return row


def _segments(request: Request, base: str) -> list[str]:
    """Return the key parts of the path; the raw path keeps an escaped slash inside a part."""
    raw: bytes | None = request.scope.get("raw_path")
    if raw and (path := raw.split(b"?")[0].decode("ascii", "replace")).startswith(base + "/"):
        return [unquote(part) for part in path[len(base) + 1 :].split("/")]
    return str(request.path_params["key"]).split("/")


def _conditional(request: Request, etag: str, row: Row, values: dict[str, Any]) -> Response:
    headers = {
        "ETag": etag,
        "Cache-Control": "no-cache",
        "Banyan-Source-Offset": f"{row.topic}:{row.partition}:{row.offset}",
    }
    asked = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if etag in asked or "*" in asked:
        return Response(status_code=304, headers=headers)
    return _json(values, headers)


def _cursor(key: Sequence[Any]) -> str:
    plain = [{"b": base64.b64encode(v).decode()} if isinstance(v, bytes) else v for v in key]
    return base64.urlsafe_b64encode(_dump(plain)).decode().rstrip("=")


def _after(text: str, table: Table) -> list[Any]:
    try:
        key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        values = [base64.b64decode(v["b"]) if isinstance(v, dict) else v for v in key]
        if len(values) != len(table.key) or any(isinstance(v, list) for v in values):
            raise ValueError
        for value in values:
            if isinstance(value, int):
                in_range(value)
            elif isinstance(value, str):
                value.encode()  # JSON can spell half a surrogate pair, which no store takes
    except (ValueError, TypeError, KeyError, RecursionError):
        raise Problem(422, "after is no cursor of this list; take it from `next`") from None
    return values


def _json(body: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(_dump(body), headers=headers, media_type="application/json")


def _dump(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _check(projections: Sequence[Projection], documents: Sequence[Document]) -> None:
    names = {p.name for p in projections}
    collections = list({p.name: p.collection for p in projections}.values()) + [
        d.collection for d in documents
    ]
    for document in documents:
        for wanted in (document.root, *(e.projection for e in document.embed)):
            if wanted not in names:
                raise SettingsError(
                    f"the document {document.document!r} reads the projection {wanted!r}, which is not there",
                    where=f"documents/{document.document}.toml",
                    fix=f"choose from: {', '.join(sorted(names))}",
                )
    if doubled := sorted({c for c in collections if collections.count(c) > 1}):
        raise SettingsError(
            f"two things are served at /v1/{doubled[0]}", where="projections", fix="rename one collection"
        )
