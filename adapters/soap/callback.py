"""Replies that come later: an endpoint that services post to, and who waits for which reply."""

from __future__ import annotations

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

from adapters.soap.addressing import Addresses, read_headers
from adapters.soap.envelope import CONTENT_TYPES, SoapFault, fault_element, wrap
from adapters.soap.errors import BrokenAnswer
from adapters.soap.safe_xml import MAX_ANSWER_BYTES, parse_answer
from schemas.errors import BanyanError, Transient, described

#: A service may post a reply twice; so many that were taken are remembered.
_REMEMBERED = 10_000

log = structlog.get_logger("banyan.soap")

#: Takes a reply; what it returns from has been kept, what it raises is told to the service.
OnReply = Callable[[Addresses, bytes], Awaitable[None]]


class UnexpectedReply(BanyanError):
    """A reply to a request that nobody here waits for."""


class CallbackEndpoint:
    """An HTTP server for asynchronous replies, each acknowledged (202) only after `on_reply` has kept it.

    Args:
        on_reply: gets the addressing headers and the envelope, unchecked beyond being safe XML; a signature
            is checked by it (`Security.check`).
        path: of the endpoint.
    """

    def __init__(self, on_reply: OnReply, path: str = "/soap/callback") -> None:
        self._on_reply, self._path = on_reply, path
        self._runner: web.AppRunner | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> str:
        """Listen; return the address."""
        app = web.Application(client_max_size=MAX_ANSWER_BYTES)
        app.router.add_post(self._path, self._posted)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=tls)
        await site.start()
        bound = self._runner.addresses[0][1]
        return f"{'https' if tls else 'http'}://{host}:{bound}{self._path}"

    async def close(self) -> None:
        """Stop listening, after the replies under way."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _posted(self, request: web.Request) -> web.Response:
        version = "1.2" if request.content_type == "application/soap+xml" else "1.1"
        try:
            content = await request.read()
            addresses = read_headers(parse_answer(content, "callback"))
            if not addresses.relates_to:
                raise BrokenAnswer("the reply relates to no request (no wsa:RelatesTo)", where="callback")
            await self._on_reply(addresses, content)
        except UnexpectedReply as error:
            return _fault(version, "Client", error.what)
        except Transient as error:
            code = "Client" if isinstance(error, BrokenAnswer) else "Server"
            return _fault(version, code, error.what)
        except BanyanError as error:
            return _fault(version, "Client", error.what)
        except web.HTTPException:
            raise
        except Exception as error:
            log.error("a reply could not be taken", error=described(error))
            return _fault(version, "Server", "the reply could not be taken; send it again")
        return web.Response(status=202)


class Correlator:
    """Who waits for which reply, in memory; `take` is an `OnReply`."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[bytes]] = {}
        self._taken: OrderedDict[str, None] = OrderedDict()

    @asynccontextmanager
    async def waiting(self, message_id: str) -> AsyncIterator[Awaitable[bytes]]:
        """Wait for the reply to `message_id` from here on: begin before the request is sent.

        Await what is given, for instance by `asyncio.wait_for`.
        """
        future = asyncio.get_running_loop().create_future()
        self._waiting[message_id] = future
        try:
            yield future
        finally:
            self._waiting.pop(message_id, None)
            future.cancel()

    async def take(self, addresses: Addresses, content: bytes) -> None:
        """Hand a reply to who waits for it; one that was taken before is taken again without effect.

        Raises:
            UnexpectedReply: nobody waits for it.
        """
        for message_id in addresses.relates_to:
            if message_id in self._taken:
                return
            future = self._waiting.get(message_id)
            if future is not None and not future.done():
                self._taken[message_id] = None
                if len(self._taken) > _REMEMBERED:
                    self._taken.popitem(last=False)
                future.set_result(content)
                return
        raise UnexpectedReply("nobody waits for a reply to this request")


def _fault(version: str, code: str, text: str) -> web.Response:
    body = wrap(version, fault_element(SoapFault(code, text), version))
    media = CONTENT_TYPES[version].partition(";")[0]
    return web.Response(status=500, body=body, content_type=media, charset="utf-8")
