"""The four loopback ports of the embedded services, and a clear word when one is taken."""

from __future__ import annotations

import dataclasses
import random
import socket
import time
from dataclasses import dataclass

import psutil

from schemas.errors import Terminal

HOST = "127.0.0.1"
#: Below Linux's default range for outgoing connections (32768 on): there a client that retries a stopped
#: broker's port can be given that very port as its own and connect to itself, which then blocks the broker.
_FREE_RANGE = range(20_000, 32_000)
_CLOSING_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Ports:
    """TCP ports on 127.0.0.1; each field is a key of `[embedded]` in banyan.toml."""

    kafka_port: int = 19092
    controller_port: int = 19093
    registry_port: int = 18081
    management_port: int = 18082

    @classmethod
    def free(cls) -> Ports:
        """Return four ports that nobody listens on now (tests)."""
        found: list[int] = []
        while len(found) < 4:
            port = random.choice(_FREE_RANGE)  # noqa: S311 - not a secret
            if port not in found and is_free(port):
                found.append(port)
        return cls(*found)

    def check(self) -> None:
        """Make sure that all four can be listened on.

        Raises:
            Terminal: one is taken; names the port, its setting, and the process if it can be seen.
        """
        for field in dataclasses.fields(self):
            port = getattr(self, field.name)
            # A killed JVM counts as gone a moment before the kernel has closed its sockets.
            deadline = time.monotonic() + _CLOSING_SECONDS
            while not (free := is_free(port)) and time.monotonic() < deadline:
                time.sleep(0.05)
            if not free:
                raise Terminal(
                    f"the port is taken{_taker(port)}",
                    where=f"{HOST}:{port}",
                    fix=f"end that process, or set another {field.name} under [embedded] in banyan.toml",
                )


def is_free(port: int) -> bool:
    """Return whether a server could listen on `port` now (connections in TIME_WAIT do not count)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def listens(pid: int, port: int) -> bool:
    """Return whether the process `pid` listens on `port`; True where the system does not tell."""
    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True
    return any(c.status == psutil.CONN_LISTEN and c.laddr[1:] == (port,) for c in connections)


def _taker(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,) and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass  # only root sees other users' sockets everywhere
    return ""
