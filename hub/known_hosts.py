"""Answer only requests that name this host: a foreign web page must not reach it by DNS rebinding.

A page of another site can make its own name resolve to 127.0.0.1 and then read, as "same origin", what
listens there. The browser still says that name in the Host header, so the header tells such a page apart.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, MutableMapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from hub.settings import ListenTable
from strangler.exchange import problem, respond

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class KnownHosts:
    """An ASGI application that hands on what is meant for this host and refuses the rest.

    Answers 421 (RFC 9110, 15.5.20) to a host that it does not know, and 400 to a request without one, or with
    several (RFC 9112, 3.2).

    Args:
        app: the application behind it.
        listen: where it listens and what else it is called.
        part: the table of banyan.toml that `listen` comes from.
    """

    def __init__(self, app: Any, listen: ListenTable, part: str) -> None:
        self._app, self._part = app, part
        self._names = frozenset({"localhost", listen.host.lower(), *listen.other_hosts()})
        self._any_address = listen.binds_every_address

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Hand on, or refuse."""
        if scope["type"] != "lifespan":
            named = [value for name, value in scope["headers"] if name.lower() == b"host"]
            if len(named) != 1:
                await respond(send, problem("host", 400, "a request names one host"))
                return
            if not knows(named[0].decode("latin-1"), self._names, any_address=self._any_address):
                # The name is not repeated: somebody else chose it.
                detail = f"this host is not called so; add the name to allowed_hosts of [{self._part}]"
                await respond(send, problem("host", 421, detail))
                return
        await self._app(scope, receive, send)


def knows(header: str, names: Collection[str], *, any_address: bool) -> bool:
    """Return whether a Host header names this host: loopback, or one of `names`.

    Args:
        header: `name`, `name:port` or `[IPv6]:port`.
        names: lower-case names and addresses, without port.
        any_address: take every address written as digits: no name is resolved for it, so none is rebound.
    """
    try:
        parts = urlsplit(f"//{header}")
        host = parts.hostname or ""
        if parts.port is None and header.endswith(":"):
            return False
    except ValueError:
        return False
    if parts.netloc != header or "@" in header:
        return False
    host = host.removesuffix(".")
    if not host:
        return False
    if host in names:
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return any_address or address.is_loopback
