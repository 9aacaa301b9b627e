"""The façade: an ASGI application in front of both worlds; each operation's stage changes while it serves."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import time
import uuid
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from connectors.links import Links
from schemas.errors import SettingsError, described
from strangler.exchange import (
    BodyRefusedError,
    Receive,
    Response,
    Scope,
    Send,
    json_response,
    problem,
    read_body,
    respond,
)
from strangler.mark_watch import MarkWatch
from strangler.meter import Meter
from strangler.operation import Operation
from strangler.operations_page import operations_page
from strangler.router import NoRoute, Router
from strangler.secret import managed_secret
from strangler.served import Served
from strangler.shadow import Shadow
from strangler.side import LegacySide, ModernSide
from strangler.stage_watch import StageWatch
from strangler.verdict_log import VerdictLog

log = logging.getLogger(__name__)
#: Paths that the façade keeps for itself.
RESERVED: Final = ("/health", "/metrics", "/soap", "/_banyan")


def create_app(operations: Sequence[Operation], links: Links) -> Facade:
    """Return the ASGI application for `operations`; its background work begins with the lifespan.

    Raises:
        SettingsError: an operation stands on a path of the façade's own, or its WSDL has no such operation.
    """
    for operation in operations:
        if operation.rest.path.startswith(RESERVED):
            raise SettingsError(
                f"the path {operation.rest.path} belongs to the façade itself",
                where=f"operation {operation.name}: [rest] path",
                fix=f"use a path that does not begin with {', '.join(RESERVED)}",
            )
    return Facade(operations, links)


class Facade:
    """Routes calls to operations; holds the watches that tell it each one's stage."""

    def __init__(self, operations: Sequence[Operation], links: Links) -> None:
        self._router = Router(operations)
        self._watch = StageWatch(links, [o.name for o in operations])
        self._marks, self._verdicts = MarkWatch(links), VerdictLog(links)
        self._token = managed_secret(links.state, "facade_token")
        secret = managed_secret(links.state, "verdict_key")
        self._served = {o.name: self._serve(o, secret) for o in operations}
        self._meter = Meter(self._page)
        self._process = uuid.uuid4().hex
        self._tasks: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run the lifespan."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            path: bytes = scope.get("raw_path") or scope["path"].encode()
            route = self._router.find(scope["method"], path)
            if not isinstance(route, NoRoute):
                started = time.perf_counter()
                served = self._served[route.operation]
                stage, response = await served.rest(route.parameters)
                await respond(send, response)
                self._note(served, "rest", stage.value, response.status, started)
            elif route.bad:
                await respond(send, problem("bad-parameter", 400, f"{route.bad} cannot be used as it is"))
            elif route.allow:
                allow = {"Allow": ", ".join(route.allow)}
                await respond(send, problem("method", 405, "the path has other methods", allow))
            else:
                await self._own_path(path, scope, receive, send)

    async def _own_path(self, path: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        try:
            if path.startswith(b"/soap/"):
                await self._soap(path.removeprefix(b"/soap/").decode("latin-1"), scope, receive, send)
                return
            match (method, path):
                case ("GET", b"/health/live"):
                    response = json_response({"status": "live"})
                case ("GET", b"/health/ready"):
                    response = self._ready()
                case ("GET", b"/metrics"):
                    content_type = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")
                    response = Response(200, [content_type], self._meter.text())
                case ("GET", b"/_banyan/operations"):
                    response = json_response(self._page())
                case ("GET", b"/_banyan/tallies"):
                    response = json_response(self._tallies())
                case ("POST", b"/_banyan/kill" | b"/_banyan/restore"):
                    response = await self._switch(path.endswith(b"kill"), scope, receive)
                case _:
                    response = problem("no-route", 404, "no operation has this path")
        except BodyRefusedError as error:
            response = error.response
        await respond(send, response)

    async def _soap(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        if (served := self._served.get(name)) is None:
            await respond(send, problem("no-route", 404, "no operation has this path"))
        elif scope["method"] == "GET" and (document := _described(scope)) is not None:
            found = served.describe(document, _address(scope))
            described = [(b"content-type", b"text/xml; charset=utf-8")]
            nothing = problem("no-route", 404, "the contract has no such document")
            await respond(send, nothing if found is None else Response(200, described, found))
        elif scope["method"] != "POST":
            await respond(send, problem("method", 405, "SOAP calls are POSTs; GET ?wsdl", {"Allow": "POST"}))
        else:
            started = time.perf_counter()
            body = await read_body(scope, receive)
            stage, response = await served.soap(list(scope["headers"]), body)
            await respond(send, response)
            self._note(served, "soap", stage.value, response.status, started)

    def _note(self, served: Served, form: str, stage: str, status: int, started: float) -> None:
        seconds = time.perf_counter() - started
        served.latency["caller"].add(seconds)
        self._meter.call(served.operation.name, form, stage, status, seconds)

    def _ready(self) -> Response:
        """Ready even without Kafka where the stages are known: the façade serves on the last known ones."""
        if any(task.done() for task in self._tasks):
            return problem("not-ready", 503, "a background task has ended; the log says why; start again")
        if self._watch.source == "default":
            return problem("not-ready", 503, "no stage is known yet; every operation is served by legacy")
        return json_response({"status": "ready", "stages_from": self._watch.source})

    async def _switch(self, kill: bool, scope: Scope, receive: Receive) -> Response:
        said = next((v for k, v in scope["headers"] if k == b"authorization"), b"")
        if not hmac.compare_digest(said, b"Bearer " + self._token):
            return problem(
                "unauthorized", 401, "the façade's token is needed", {"WWW-Authenticate": "Bearer"}
            )
        try:
            order = json.loads(await read_body(scope, receive))
            operation, by, reason = (str(order[k]) for k in ("operation", "by", "reason"))
        except (ValueError, KeyError, TypeError):
            return problem("bad-order", 400, "a JSON object with operation, by and reason is needed")
        if operation not in self._served:
            return problem("no-operation", 404, "there is no such operation here")
        act = self._watch.kill if kill else self._watch.restore
        try:
            entry = act(operation, by=by, reason=reason)
        except OSError as error:
            return problem("not-kept", 500, f"this host cannot keep the order: {error.strerror}")
        log.warning("operation %s: %s by %s", operation, "killed" if kill else "restored", by)
        return json_response({"operation": operation, "killed": kill, "at_ms": entry["at_ms"]})

    def _page(self) -> dict[str, Any]:
        return operations_page(self._served.values(), self._watch, self._verdicts)

    def _tallies(self) -> dict[str, Any]:
        """Return what the controller polls: counts of this process, which has a name of its own."""
        found = {
            name: {"stage": self._watch.stage(name).value}
            | {side: tally.to_json() for side, tally in served.tallies.items()}
            for name, served in self._served.items()
        }
        return {"process": self._process, "operations": found}

    def _serve(self, operation: Operation, secret: bytes) -> Served:
        legacy, modern = LegacySide(operation), ModernSide(operation)
        shadow = Shadow(operation, legacy, modern, self._marks, self._verdicts, secret)
        return Served(operation, lambda: self._watch.serving(operation.name), legacy, modern, shadow)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        runs = [self._watch.run(), self._marks.run(), self._verdicts.run()]
        runs += [s.shadow.run() for s in self._served.values()]
        self._tasks = [asyncio.create_task(_kept_running(run)) for run in runs]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for served in self._served.values():
            await served.close()
        await send({"type": "lifespan.shutdown.complete"})


async def _kept_running(run: Any) -> None:
    try:
        await run
    except Exception as error:
        log.error(
            "a background task of the façade ended; its work stands still until a restart: %s",
            described(error),
        )
        raise


def _described(scope: Scope) -> int | None:
    """Return the number of the document that `?wsdl` or `?document=N` asks for; None if neither is there."""
    asked = {
        k.lower(): v
        for k, v in parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True)
    }
    if "wsdl" in asked:
        return 0
    return int(asked["document"]) if asked.get("document", "").isdigit() else None


def _address(scope: Scope) -> str:
    host = next((v for k, v in scope["headers"] if k == b"host"), b"").decode("latin-1")
    return f"{scope.get('scheme', 'http')}://{host}{scope['path']}"
