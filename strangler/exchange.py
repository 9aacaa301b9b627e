"""HTTP messages as plain values, and the one way in which they go over ASGI."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

#: The largest request body; a SOAP request of a read operation has a few kilobytes.
MAX_REQUEST_BYTES: Final = 1024 * 1024
#: A caller that needs longer for a megabyte holds a connection for nothing.
BODY_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer: status, headers (without content-length), body."""

    status: int
    headers: Headers
    body: bytes


class BodyRefusedError(Exception):
    """The request's body is too large or does not arrive; carries the answer for the caller."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def json_response(document: Any, status: int = 200) -> Response:
    """Return `document` as an answer in JSON."""
    body = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    return Response(status, [(b"content-type", b"application/json")], body)


def problem(kind: str, status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return an RFC 9457 problem: `kind` ends its type URI; `detail` must hold no personal data."""
    document = {
        "type": f"urn:banyan:problem:{kind}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    more = [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()]
    body = json.dumps(document, separators=(",", ":")).encode()
    return Response(status, [(b"content-type", b"application/problem+json"), *more], body)


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """Return the request's body.

    Raises:
        BodyRefusedError: larger than `MAX_REQUEST_BYTES`, not here in `BODY_SECONDS`, or broken off.
    """
    declared = next((v for k, v in scope["headers"] if k == b"content-length"), b"0")
    if declared.isdigit() and int(declared) > MAX_REQUEST_BYTES:
        raise BodyRefusedError(_too_large())
    chunks, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise BodyRefusedError(problem("incomplete", 400, "the request broke off"))
                chunk = message.get("body", b"")
                size += len(chunk)
                if size > MAX_REQUEST_BYTES:
                    raise BodyRefusedError(_too_large())
                chunks.append(chunk)
                if not message.get("more_body"):
                    return b"".join(chunks)
    except TimeoutError:
        raise BodyRefusedError(problem("slow", 408, "the request body did not arrive in time")) from None


async def respond(send: Send, response: Response) -> None:
    """Send a whole answer."""
    headers = [*response.headers, (b"content-length", b"%d" % len(response.body))]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


def _too_large() -> Response:
    return problem("too-large", 413, f"a request body may have {MAX_REQUEST_BYTES} bytes")
