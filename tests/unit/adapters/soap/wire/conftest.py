"""A server that answers as a test says, and a client with clocks that the test turns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from adapters.soap.wire.client import WireClient
from adapters.soap.wire.clocks import Clocks
from adapters.soap.wire.spec import WireSpec

Handler = Callable[["Served", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Served:
    """One request that came: its head and body."""

    number: int
    head: str
    body: bytes

    def header(self, name: str) -> str | None:
        for line in self.head.split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return None


@dataclass
class Service:
    """A raw HTTP server on loopback: the test writes the very bytes."""

    handler: Any = None
    seen: list[Served] = field(default_factory=list)
    url: str = ""
    busy: int = 0
    busiest: int = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                served = Served(len(self.seen) + 1, head, b"")
                served.body = await reader.readexactly(int(served.header("Content-Length") or 0))
                self.seen.append(served)
                self.busy += 1
                self.busiest = max(self.busiest, self.busy)
                try:
                    await self.handler(served, writer)
                finally:
                    self.busy -= 1
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()


def http(body: bytes, status: str = "200 OK", *headers: str, length: int | None = None) -> bytes:
    """A whole HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}"]
    if not any(h.lower().startswith("content-type") for h in headers):
        lines.append("Content-Type: text/xml; charset=utf-8")
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    made = Service()
    server = await asyncio.start_server(made.connected, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/s"
    yield made
    server.close()


class Fake:
    """Clocks that stand still until somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)

    def clocks(self) -> Clocks:
        return Clocks(lambda: self.now, lambda: self.now, self.sleep, lambda: 0.0)


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture
async def client_of(make_contract, service, fake, tmp_path) -> AsyncIterator[Callable[..., WireClient]]:
    """Make a client of the test WSDL's contract (operation Ask, answer with one element `a`)."""
    contract = make_contract('<xs:sequence><xs:element name="a" type="xs:string"/></xs:sequence>')
    made: list[WireClient] = []

    def make(
        *, seconds: float = 5.0, concurrency: int = 2, per_second: float = 1e6, **wire: Any
    ) -> WireClient:
        client = WireClient(
            contract,
            service.url,
            WireSpec.model_validate(wire),
            seconds=seconds,
            concurrency=concurrency,
            per_second=per_second,
            folder=tmp_path,
            clocks=fake.clocks(),
        )
        made.append(client)
        return client

    yield make
    for client in made:
        await client.close()
