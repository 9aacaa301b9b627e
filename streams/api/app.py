"""The read API as an ASGI application: routes, errors, conditions, encodings.

Raw ASGI, because that is what makes the speed (`benchmarks/read_api.py`): a router over two path segments
needs no framework.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from connectors.key_secret import key_secret
from connectors.links import Links
from connectors.readmodel.reader import NotReady, RowReader
from connectors.readmodel.store import Place
from connectors.readmodel.table import Table
from schemas.errors import SettingsError, Transient, described
from streams.api.cursor import Cursors
from streams.api.encoding import chosen, encoded, encoder
from streams.api.export import FORMATS
from streams.api.message import JSON, Answer, Problem, Receive, Request, Scope, Send, dumped
from streams.api.openapi import describe
from streams.api.position import patience, reached, wanted
from streams.api.resources import Collection, DocumentResource
from streams.document import Document
from streams.models import LiveModels
from streams.projection import Projection

log = logging.getLogger("banyan.api")
T = TypeVar("T")

#: Requests that read at once besides those that take microseconds; more wait their turn.
_THREADS = 8
#: A client that takes no bytes of an export for so long has left; it holds a snapshot.
_SLOWEST_SECONDS = 60.0
_METHODS = {"GET", "HEAD"}


def create_app(
    projections: Sequence[Projection], documents: Sequence[Document], links: Links, *, contact: str = ""
) -> ReadApi:
    """Return the API; it works before the worker has made any read model (503 until then).

    Args:
        projections: all declared versions; the live one of each answers.
        documents: what is joined from them.
        links: where the read models are.
        contact: e-mail address or URL of whoever answers for the API, for its description.

    Raises:
        SettingsError: a document names a projection that is not there, or two things share a collection.
    """
    _check(projections, documents)
    return ReadApi(LiveModels(projections, links), documents, links, contact)


class ReadApi:
    """Answers GET and HEAD."""

    def __init__(self, models: LiveModels, documents: Sequence[Document], links: Links, contact: str) -> None:
        self._models, self._documents, self._links = models, documents, links
        self._contact = contact
        self.title = f"{links.prefix} read API"
        # A shared database may block, so nothing of it is asked from the event loop.
        self._quick = not links.read_model_url
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="read")
        cursors = Cursors(lambda: key_secret(links.state / "secrets"))
        collections = {name: models.live(name).collection for name in models}
        self._collections = {c: Collection(n, f"/v1/{c}", models, cursors) for n, c in collections.items()}
        self._document = {d.collection: DocumentResource(d, models) for d in documents}
        self._own: dict[tuple[str, ...], Callable[[], Answer]] = {
            ("v1", "_status"): self._status,
            ("health", "live"): lambda: Answer(dumped({"status": "live"})),
            ("health", "ready"): self._ready,
            ("openapi.json",): self._openapi,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection's request."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        request = Request(scope)
        try:
            answer = await self._answer(request)
        except Problem as problem:
            answer = problem.answer()
        except NotReady as error:
            answer = Problem(503, f"{error.what} ({error.where})", headers={"Retry-After": "1"}).answer()
        except Transient as error:
            answer = Problem(503, error.what, headers={"Retry-After": "5"}).answer()
        except Exception as error:
            # The path may hold a key, which may be personal: only kind and place of the error are logged.
            log.error("request failed: %s", described(error))
            answer = Problem(500, "the request failed inside the service").answer()
        if answer.stream is not None:
            await _send_stream(request, answer, receive, send)
        else:
            await _send_whole(request, answer, send)

    async def _answer(self, request: Request) -> Answer:
        if request.method not in _METHODS:
            raise Problem(405, "this API is for reading", headers={"Allow": "GET, HEAD"})
        segments = request.segments
        if len(segments) < 2 or segments[0] != "v1" or segments[1] == "_status":
            if own := self._own.get(tuple(segments)):
                return await self._in_thread(own)
            raise _nothing()
        name, key = segments[1], segments[2:]
        if not key:
            stem, _, suffix = name.partition(".")
            if (rows := self._collections.get(stem)) is None or (suffix and suffix not in FORMATS):
                raise _nothing()
            await self._await_position(request, [rows.name])
            if kind := suffix or _accepted(request, list(FORMATS)):
                return await self._export(request, rows, kind)
            return await self._in_thread(lambda: rows.page(request))
        if (collection := self._collections.get(name)) is not None:
            _accepted(request, [])
            await self._await_position(request, [collection.name])
            if self._quick:
                return collection.row(request, key)
            return await self._in_thread(lambda: collection.row(request, key))
        if (document := self._document.get(name)) is not None:
            _accepted(request, [])
            d = document.document
            await self._await_position(request, [d.root, *(e.projection for e in d.embed)])
            return await self._in_thread(lambda: document.one(request, key))
        raise _nothing()

    async def _await_position(self, request: Request, names: Sequence[str]) -> None:
        asked = wanted(request)
        if not asked:
            return

        def look() -> dict[Place, int]:
            return {place: n for name in names for place, n in self._models[name].facts.next.items()}

        def topics() -> set[str]:  # which version is live may stand in a database
            return {self._models.live(name).topic(self._links.prefix) for name in names}

        await reached(asked, await self._in_thread(topics), lambda: self._in_thread(look), patience(request))

    async def _export(self, request: Request, collection: Collection, kind: str) -> Answer:
        if request.method == "HEAD":
            return Answer(kind=FORMATS[kind])
        made, headers = await self._in_thread(lambda: collection.export(request, kind))
        first = await self._in_thread(lambda: next(made, b""))  # what fails, fails before the status is sent
        return Answer(kind=FORMATS[kind], headers=headers, stream=self._pieces(first, made))

    async def _pieces(self, first: bytes, made: Iterator[bytes]) -> AsyncIterator[bytes]:
        try:
            piece: bytes | None = first
            while piece is not None:
                yield piece
                piece = await self._in_thread(lambda: next(made, None))
        finally:
            await self._in_thread(made.close)  # type: ignore[attr-defined]

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _status(self) -> Answer:
        return Answer(dumped([_status(p, self._models[p.name], self._links) for p in self._models.lives()]))

    def _ready(self) -> Answer:
        if waiting := [name for name in self._models if _table(self._models[name]) is None]:
            raise Problem(503, f"no read model yet: {', '.join(waiting)}", headers={"Retry-After": "1"})
        return Answer(dumped({"status": "ready"}))

    def _openapi(self) -> Answer:
        tables = [(p, _table(self._models[p.name])) for p in self._models.lives()]
        return Answer(dumped(describe(self.title, tables, self._documents, self._contact)))


def _accepted(request: Request, formats: Sequence[str]) -> str:
    """Return the format of an export that an Accept header names first; empty for JSON.

    Raises:
        Problem: it takes nothing that there is (406).
    """
    header = request.header(b"accept")
    if not header or header == "*/*":
        return ""
    by_type = {FORMATS[f]: f for f in formats}
    for part in header.lower().split(","):
        kind, _, rest = part.partition(";")
        if rest.replace(" ", "").startswith("q=0") and not rest.strip("q=0. "):
            continue
        if (kind := kind.strip()) in ("*/*", "application/*", JSON, "application/problem+json"):
            return ""
        if kind in by_type:
            return by_type[kind]
    raise Problem(406, f"there is: {', '.join([JSON, *by_type])}")


async def _send_whole(request: Request, answer: Answer, send: Send) -> None:
    headers, body = dict(answer.headers), answer.body
    encoding = chosen(request.header(b"accept-encoding"))
    tag = headers.get("ETag")
    if tag and answer.status == 200:
        headers["Vary"] = "Accept, Accept-Encoding"
        if _matches(request.header(b"if-none-match"), tag):
            await _start(send, 304, headers)
            await send({"type": "http.response.body", "body": b""})
            return
    if encoding and (small := encoded(body, encoding)) is not None:
        body, headers["Content-Encoding"] = small, encoding
        if tag:  # a strong ETag names bytes, and these are others
            headers["ETag"] = f'{tag[:-1]}-{encoding}"'
    await _start(send, answer.status, headers, answer.kind, len(body))
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else body})


async def _send_stream(request: Request, answer: Answer, receive: Receive, send: Send) -> None:
    """Send an answer while it is made, until its end or until the client has left."""
    assert answer.stream is not None
    encoding = "" if answer.kind == FORMATS["parquet"] else chosen(request.header(b"accept-encoding"))
    headers = answer.headers | {"Vary": "Accept, Accept-Encoding"}
    if encoding:
        headers["Content-Encoding"] = encoding
    packed = encoder(encoding) if encoding else None
    left = asyncio.ensure_future(_left(receive))
    try:
        await _start(send, answer.status, headers, answer.kind)
        async for piece in answer.stream:
            if left.done():
                return
            if data := packed.compress(piece) if packed else piece:
                async with asyncio.timeout(_SLOWEST_SECONDS):
                    await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": packed.flush() if packed else b""})
    except Exception as error:
        # The status is sent: only a body without an end tells the client. The server makes that of an error.
        log.error("an export broke off: %s", described(error))
        raise
    finally:
        left.cancel()
        await answer.stream.aclose()  # type: ignore[attr-defined]


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _start(
    send: Send, status: int, headers: dict[str, str], kind: str = "", length: int | None = None
) -> None:
    sent = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    if kind:
        sent.append((b"content-type", kind.encode()))
    if length is not None:
        sent.append((b"content-length", str(length).encode()))
    await send({"type": "http.response.start", "status": status, "headers": sent})


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


def _matches(header: str, tag: str) -> bool:
    """Return whether If-None-Match names this ETag, in whichever encoding it was sent."""
    if not header:
        return False
    asked = {part.strip().removeprefix("W/") for part in header.split(",")}
    return "*" in asked or any(one in asked for one in (tag, f'{tag[:-1]}-gzip"', f'{tag[:-1]}-zstd"'))


def _nothing() -> Problem:
    return Problem(404, "nothing is served here; /openapi.json says what is")


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


def _check(projections: Sequence[Projection], documents: Sequence[Document]) -> None:
    names = {p.name for p in projections}
    collections = list({p.name: p.collection for p in projections}.values()) + [
        d.collection for d in documents
    ]
    for document in documents:
        for wanted_name in (document.root, *(e.projection for e in document.embed)):
            if wanted_name not in names:
                raise SettingsError(
                    f"the document {document.document!r} reads the projection {wanted_name!r}, which is not "
                    "there",
                    where=f"documents/{document.document}.toml",
                    fix=f"choose from: {', '.join(sorted(names))}",
                )
    if doubled := sorted({c for c in collections if collections.count(c) > 1}):
        raise SettingsError(
            f"two things are served at /v1/{doubled[0]}", where="projections", fix="rename one collection"
        )
