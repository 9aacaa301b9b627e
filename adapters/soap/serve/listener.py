"""An ASGI application on a port, in a thread of its own: for parts that live in threads themselves."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from adapters.soap.serve.tls import ListenTlsSpec
from schemas.errors import Transient

#: Seconds in which a server has to answer its first connection, and to end.
_STARTS, _ENDS = 10.0, 5.0


class Listener:
    """Serves `app` at host and port (0 = any free one) until it is closed; with `tls` under TLS only.

    Raises:
        Transient: the port is taken, or the server does not start.
    """

    def __init__(self, app: Any, host: str, port: int, tls: ListenTlsSpec | None = None) -> None:
        self.host, self.port = host, _free(host, port)
        self._app = app
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: Any = None
        self._thread = threading.Thread(target=self._run, name=f"soap-{self.port}", daemon=True)
        options: AbstractContextManager[dict[str, Any]] = (
            tls.options("change.tls") if tls is not None else nullcontext({})
        )
        with options as self._options:
            self._thread.start()
            self._await_start()

    def __repr__(self) -> str:
        return f"<Listener {self.host}:{self.port}>"

    def close(self) -> None:
        """Stop serving."""
        if self._loop is not None and self._server is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._server.stop)
            self._thread.join(_ENDS)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        from granian.constants import Interfaces
        from granian.server.embed import Server

        self._loop = asyncio.get_running_loop()
        make: Any = Server
        self._server = make(
            self._app,
            address=self.host,
            port=self.port,
            interface=Interfaces.ASGI,
            websockets=False,
            log_access=False,
            log_enabled=False,
            **self._options,
        )
        await self._server.serve()

    def _await_start(self) -> None:
        deadline = threading.Event()
        for _ in range(int(_STARTS / 0.05)):
            with socket.socket(_family(self.host)) as probe:
                if probe.connect_ex((self.host, self.port)) == 0:
                    return
            if not self._thread.is_alive():
                break
            deadline.wait(0.05)
        raise Transient("the SOAP server does not start", where=f"{self.host}:{self.port}", fix="see the log")


def _free(host: str, port: int) -> int:
    """Return a port that nobody listens at; Granian would share it, and each server take half the calls."""
    with socket.socket(_family(host)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Transient(
                f"the SOAP server cannot listen: {error.strerror}",
                where=f"{host}:{port}",
                fix="stop the other process, or set [change] port",
            ) from None
        found: int = probe.getsockname()[1]
        return found


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
