"""The estate of these tests: the real casework service, a read API stand-in that can lag or lie, a façade."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from granian.constants import Interfaces
from granian.server.embed import Server

from connectors.admin import Admin
from connectors.kafka import KafkaSettings, TransactionalProducer
from connectors.links import Links
from strangler.facade import create_app
from strangler.operation import Operation, load_operations

EXAMPLE = Path(__file__).parents[3] / "examples" / "universal_credit"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def dead_kafka() -> KafkaSettings:
    """Settings of a broker that is not there."""
    return KafkaSettings(bootstrap=f"127.0.0.1:{free_port()}")


@pytest.fixture
def casework_port(tmp_path: Path) -> Iterator[int]:
    command = [sys.executable, str(EXAMPLE / "legacy" / "casework.py"), "--port", "0", "--cases", "8"]
    process = subprocess.Popen(
        [*command, "--state", str(tmp_path / "cases.json")], stdout=subprocess.PIPE, text=True
    )
    try:
        line = process.stdout.readline()
        yield int(line.split("127.0.0.1:")[1].split("/")[0])
    finally:
        process.terminate()
        process.wait(10)


class ReadApi:
    """A read API over HTTP as Banyan's: rows, 404s and `/v1/_status`; its content is moved by the test."""

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, Any]] = {}
        self.next = 0
        self.topic = "t.casework.case"
        self.delay = 0.0
        self.broken = False
        #: Every row is looked for at a wrong place, as with a misspelt collection.
        self.lost = False
        self.calls = 0
        self.port = 0

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/v1/cases/{case_id}", self.case)
        app.router.add_get("/v1/_status", self.status)
        return app

    async def case(self, request: web.Request) -> web.Response:
        self.calls += 1
        await asyncio.sleep(self.delay)
        if self.broken:
            return web.json_response({"title": "Service Unavailable"}, status=503)
        row = self.rows.get(request.match_info["case_id"])
        if row is None or self.lost:
            return web.json_response(
                {"status": 404},
                status=404,
                content_type="application/problem+json",
                headers={} if self.lost else {"Banyan-Not-Found": "row"},
            )
        return web.json_response(row)

    async def status(self, _: web.Request) -> web.Response:
        row = {"projection": "case", "version": 1, "topic": self.topic, "offsets": {"0": self.next}}
        return web.json_response([row])


@pytest.fixture
async def read_api() -> AsyncIterator[ReadApi]:
    api = ReadApi()
    runner = web.AppRunner(api.app(), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    api.port = runner.addresses[0][1]
    yield api
    await runner.cleanup()


class World:
    """The two sides, the operation between them, and a hand on each."""

    def __init__(self, links: Links, casework: str, api: ReadApi, session: aiohttp.ClientSession) -> None:
        self.links, self.casework, self.api, self.session = links, casework, api, session
        self.operations: list[Operation] = []
        self.extracts = 0

    async def control(self, action: str, **values: Any) -> None:
        async with self.session.post(f"{self.casework}/_demo/{action}", json=values) as answer:
            assert answer.status == 200, await answer.text()

    async def cases(self) -> list[dict[str, Any]]:
        async with self.session.get(f"{self.casework}/_demo/cases") as answer:
            return list((await answer.json())["cases"])

    async def project(self) -> None:
        """Let the read model hold what casework holds now, and publish the END that says so."""
        began = time.time_ns() // 1_000_000
        self.api.rows = {case["case_id"]: {"note": None} | case for case in await self.cases()}
        self.extracts += 1
        last = self.api.next + 4
        await self.end(began, {self.api.topic: {"0": last}})
        self.api.next = last + 1

    async def end(self, read_from_ms: int, offsets: dict[str, dict[str, int]]) -> None:
        record = {
            "status": "END",
            "id": f"x{self.extracts}",
            "adapter": "cases",
            "extract": f"x{self.extracts}",
            "offsets": offsets,
            "read_from_ms": read_from_ms,
        }
        await asyncio.to_thread(self._publish, json.dumps(record).encode())

    def _publish(self, value: bytes) -> None:
        topic = self.links.topics.transaction
        Admin(self.links.kafka).ensure([topic])
        producer = TransactionalProducer(self.links.kafka, f"{self.links.prefix}.cases")
        producer.begin()
        producer.send(topic.name, 0, b"cases", value)
        producer.flush()
        producer.commit()
        producer.close()


@pytest.fixture
async def world(
    links: Links, casework_port: int, read_api: ReadApi, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    monkeypatch.setenv("BANYAN_CASEWORK_PORT", str(casework_port))
    monkeypatch.setenv("BANYAN_API_PORT", str(read_api.port))
    async with aiohttp.ClientSession() as session:
        world = World(links, f"http://127.0.0.1:{casework_port}", read_api, session)
        world.operations = load_operations(EXAMPLE / "operations")
        world.api.rows = {case["case_id"]: {"note": None} | case for case in await world.cases()}
        yield world


class RunningFacade:
    """A façade served by granian in this process, and a client for it."""

    def __init__(self, url: str, session: aiohttp.ClientSession, state: Path) -> None:
        self.url, self.session, self.state = url, session, state

    async def get(self, path: str) -> tuple[int, Any, Any]:
        async with self.session.get(f"{self.url}{path}") as answer:
            return answer.status, await answer.json(content_type=None), answer.headers

    async def page(self) -> dict[str, Any]:
        _, page, _ = await self.get("/_banyan/operations")
        return dict(page["operations"][0])

    async def until(self, what: Callable[[dict[str, Any]], object], seconds: float = 20.0) -> dict[str, Any]:
        """Return the operation's row of the page once `what` holds of it."""
        async with asyncio.timeout(seconds):
            while True:
                page = await self.page()
                if what(page):
                    return page
                await asyncio.sleep(0.02)

    def token(self) -> str:
        return (self.state / "secrets" / "facade_token").read_text()


Serve = Callable[..., contextlib.AbstractAsyncContextManager[RunningFacade]]


@pytest.fixture
def serve() -> Serve:
    @contextlib.asynccontextmanager
    async def running(operations: list[Operation], links: Links) -> AsyncIterator[RunningFacade]:
        port = free_port()
        server = Server(
            create_app(operations, links),
            address="127.0.0.1",
            port=port,
            interface=Interfaces.ASGI,
            log_enabled=False,
        )
        task = asyncio.create_task(server.serve())
        async with aiohttp.ClientSession() as session:
            facade = RunningFacade(f"http://127.0.0.1:{port}", session, links.state)
            await _answers(lambda: facade.get("/health/live"))
            try:
                yield facade
            finally:
                server.stop()
                await task

    return running


async def _answers(ask: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                await ask()
                return
            await asyncio.sleep(0.02)
