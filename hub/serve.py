"""Serve an ASGI application in this very process, so that a signal to its pid is a signal to the server."""

from __future__ import annotations

import asyncio
import signal
import socket
from typing import Any

from hub.ending import end_soon
from hub.known_hosts import KnownHosts
from hub.settings import ListenTable
from schemas.errors import Transient


async def serve(app: Any, listen: ListenTable, *, part: str) -> None:
    """Serve `app` to callers that name this host, until SIGINT or SIGTERM.

    Raises:
        Transient: the port is taken.
    """
    from granian.constants import Interfaces
    from granian.server.embed import Server

    refuse_taken_port(listen, part)
    server: Any = Server(
        KnownHosts(app, listen, part),
        address=listen.host,
        port=listen.port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_access=False,
        log_enabled=False,
    )

    def end() -> None:
        server.stop()
        end_soon()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end)
    await server.serve()


def refuse_taken_port(listen: ListenTable, part: str) -> None:
    """Granian binds with SO_REUSEPORT, so a second server would silently take half of the requests.

    Raises:
        Transient: somebody listens there.
    """
    with socket.socket(socket.AF_INET6 if ":" in listen.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listen.host, listen.port))
        except OSError as error:
            raise Transient(
                f"the {part} cannot listen: {error.strerror}",
                where=f"{listen.host}:{listen.port}",
                fix=f"stop the other process, or set [{part}] port in banyan.toml",
            ) from None
