"""A contract served over HTTP: an ASGI application."""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any, Final
from urllib.parse import parse_qsl

from adapters.soap.contract import Contract
from adapters.soap.envelope import CONTENT_TYPES
from adapters.soap.serve.description import Description
from adapters.soap.serve.endpoint import Answer, Handler, SoapEndpoint
from adapters.soap.serve.faults import fault
from adapters.soap.serve.guard import Guard
from adapters.soap.serve.room import Place, Room

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

#: The largest request, unless the server is told otherwise. A decoded tree takes some ten times as much.
MAX_REQUEST_BYTES: Final = 4 << 20
#: A caller that needs longer for its request holds a connection for nothing.
BODY_SECONDS: Final = 30.0
#: Of all requests at one time, unless the server is told otherwise.
MAX_WAITING_BYTES: Final = 64 << 20
_TEXT: Final = "text/plain; charset=utf-8"
_MEDIA: Final = frozenset(t.partition(";")[0] for t in CONTENT_TYPES.values())


class SoapServer:
    """Serves one contract at one path: POST a message, GET `?wsdl` (and what that imports).

    Args:
        contract: what is served.
        handler: see `SoapEndpoint`.
        path: of the address.
        address: what `?wsdl` tells callers to call; empty = the address that they asked at.
        only: operations that are served; all if empty.
        understood: namespaces of headers that are understood.
        max_bytes: of a request.
        waiting_bytes: of all requests that are being read or answered at one time; beyond it callers are sent
            away (503). A decoded request takes some ten times its bytes.
        guard: what every message must prove; see `SoapEndpoint`.
        user, password: what callers must give (HTTP Basic); empty = nothing.
    """

    def __init__(
        self,
        contract: Contract,
        handler: Handler,
        *,
        path: str = "/",
        address: str = "",
        only: Collection[str] = (),
        understood: Collection[str] = (),
        max_bytes: int = MAX_REQUEST_BYTES,
        waiting_bytes: int = MAX_WAITING_BYTES,
        guard: Guard | None = None,
        user: str = "",
        password: str = "",
    ) -> None:
        self.endpoint = SoapEndpoint(contract, handler, only=only, understood=understood, guard=guard)
        self._room = Room(waiting_bytes)
        self._description = Description(contract.documents)
        self._path, self._address, self._max_bytes = path, address, max_bytes
        secret = base64.b64encode(f"{user}:{password}".encode())
        self._authorization = b"Basic " + secret if user else b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or run the lifespan."""
        if scope["type"] == "lifespan":
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})
        elif scope["type"] == "http":
            answer, more = await self._answer(scope, receive)
            headers = [(b"content-length", b"%d" % len(answer.body)), *more]
            if answer.content_type:
                headers.append((b"content-type", answer.content_type.encode()))
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope, receive: Receive) -> tuple[Answer, list[tuple[bytes, bytes]]]:
        headers = [(name.lower(), value) for name, value in scope["headers"]]
        if scope["path"] != self._path:
            return Answer(404, _TEXT, b"no service has this address\n"), []
        said = next((v for k, v in headers if k == b"authorization"), b"")
        if self._authorization and not hmac.compare_digest(said, self._authorization):
            challenge = [(b"www-authenticate", b'Basic realm="banyan"')]
            return Answer(401, _TEXT, b"user and password are needed\n"), challenge
        match scope["method"]:
            case "GET" | "HEAD":
                return self._describe(scope, headers), []
            case "POST":
                return await self._message(scope, receive, headers), []
            case _:
                return Answer(405, _TEXT, b"POST a message, or GET ?wsdl\n"), [(b"allow", b"GET, POST")]

    def _describe(self, scope: Scope, headers: list[tuple[bytes, bytes]]) -> Answer:
        query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True))
        asked = {k.lower(): v for k, v in query.items()}
        number = 0 if "wsdl" in asked else int(n) if (n := asked.get("document", "")).isdigit() else -1
        address = self._address or _asked_at(scope, headers)
        if (content := self._description.document(number, address)) is None:
            return Answer(404, _TEXT, b"GET ?wsdl describes this service\n")
        return Answer(200, CONTENT_TYPES["1.1"], content)

    async def _message(self, scope: Scope, receive: Receive, headers: list[tuple[bytes, bytes]]) -> Answer:
        media = next((v for k, v in headers if k == b"content-type"), b"").decode("latin-1")
        if media.partition(";")[0].strip().lower() not in _MEDIA:
            return Answer(
                415, _TEXT, f"the content type must be one of: {', '.join(sorted(_MEDIA))}\n".encode()
            )
        if any(k == b"content-encoding" and v.lower() != b"identity" for k, v in headers):
            return Answer(415, _TEXT, b"compressed requests are not accepted\n")
        with self._room.place() as place:
            body = await read_body(receive, headers, self._max_bytes, place)
            return body if isinstance(body, Answer) else await self.endpoint.answer(body, headers)


async def read_body(
    receive: Receive, headers: list[tuple[bytes, bytes]], most: int, place: Place
) -> bytes | Answer:
    """Return a request's body, or the answer for a caller whose body is too large, late or broken off."""
    too_large = Answer(413, CONTENT_TYPES["1.1"], fault("1.1", "Client", f"a request may have {most} bytes"))
    declared = next((v for k, v in headers if k == b"content-length"), b"0")
    if declared.isdigit() and int(declared) > most:
        return too_large
    full = Answer(503, CONTENT_TYPES["1.1"], fault("1.1", "Server", "too much waits; send it again later"))
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return Answer(400, _TEXT, b"the request broke off\n")
                part = message.get("body", b"")
                if len(body) + len(part) > most:
                    return too_large
                if not place.take(len(part)):
                    return full
                body += part
                if not message.get("more_body"):
                    return bytes(body)
    except TimeoutError:
        return Answer(408, _TEXT, b"the request did not arrive in time\n")


def _asked_at(scope: Scope, headers: list[tuple[bytes, bytes]]) -> str:
    host = next((v for k, v in headers if k == b"host"), b"").decode("latin-1")
    if not host and scope.get("server"):
        host = ":".join(str(part) for part in scope["server"])
    return f"{scope.get('scheme', 'http')}://{host}{scope['path']}"
