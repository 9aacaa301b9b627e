"""Façade: requests/s and added latency of pass-through, beside a bare granian + aiohttp proxy.

Every part is one process with one worker: the upstream, the proxy under test, the load. On a machine with
few cores they share them, so only the ratios of one run mean something. Rounds alternate between the
targets, and the best of each counts.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

CONNECTIONS = 32
NS = "urn:example:casework:2009"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
REQUEST = (
    f'<s:Envelope xmlns:s="{SOAP}"><s:Body><GetCase xmlns="{NS}"><caseId>C0001</caseId></GetCase>'
    "</s:Body></s:Envelope>"
).encode()
REPLY = (
    f'<s:Envelope xmlns:s="{SOAP}"><s:Body><GetCaseResponse xmlns="{NS}"><case><caseId>C0001</caseId>'
    "<nino>QQ100001A</nino><status>OPEN</status><openedOn>2024-05-06</openedOn><weeklyAward>112.50"
    "</weeklyAward><lastContact>2026-07-01T12:00:00Z</lastContact><caseworker>A. Example</caseworker>"
    "<note>synthetic</note></case></GetCaseResponse></s:Body></s:Envelope>"
).encode()
ROW = (
    b'{"case_id":"C0001","nino":"QQ100001A","status":"OPEN","opened_on":"2024-05-06","weekly_award":"112.50",'
    b'"last_contact":"2026-07-01T12:00:00.000Z","caseworker":"A. Example","note":"synthetic"}'
)
HOP = {b"host", b"connection", b"keep-alive", b"transfer-encoding", b"te", b"upgrade", b"content-length"}


class Upstream:
    """Answers POST with the SOAP reply and GET with the row, at once."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
            return
        body, kind = (REPLY, b"text/xml") if scope["method"] == "POST" else (ROW, b"application/json")
        if scope["method"] == "POST":
            while (await receive()).get("more_body"):
                pass
        headers = [(b"content-type", kind), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class BareProxy:
    """The least that a proxy in Python can do: aiohttp's client with kept connections, whole bodies."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.session: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await lifespan(receive, send)
            return
        import aiohttp

        if self.session is None:
            connector = aiohttp.TCPConnector(limit=256)
            self.session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in scope["headers"] if k not in HOP]
        url = self.upstream + scope["path"]
        call = self.session.request(scope["method"], url, headers=headers, data=body or None)
        async with call as answer:
            content = await answer.read()
            kept = [(k.lower(), v) for k, v in answer.raw_headers if k.lower() not in HOP]
        kept.append((b"content-length", b"%d" % len(content)))
        await send({"type": "http.response.start", "status": answer.status, "headers": kept})
        await send({"type": "http.response.body", "body": content})


async def lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def facade(upstream: str, stage: str, state: Path) -> Any:
    """The façade with all it does on a call: routing, the operation's check, stage, headers, metrics."""
    from connectors.kafka import KafkaSettings
    from connectors.links import Links
    from strangler.control import StageState
    from strangler.facade import create_app
    from strangler.operation import load_operations
    from strangler.stage import Stage

    folder = state / "facade"
    folder.mkdir(parents=True)
    known = StageState(Stage(stage), 0, "benchmark", "benchmark", 0, "0" * 64)
    (folder / "get_case.json").write_bytes(known.to_bytes())
    os.environ["BANYAN_CASEWORK_PORT"] = os.environ["BANYAN_API_PORT"] = upstream.rpartition(":")[2]
    operations = load_operations(ROOT / "examples" / "universal_credit" / "operations")
    nowhere = KafkaSettings(bootstrap=f"127.0.0.1:{free_port()}")
    return create_app(operations, Links("bench", nowhere, "", state))


def serve(role: str, port: int, upstream: str, state: Path) -> None:
    from granian.constants import Interfaces
    from granian.server.embed import Server

    if role == "upstream":
        app: Any = Upstream()
    elif role == "bare":
        app = BareProxy(upstream)
    else:
        app = facade(upstream, role, state)
    server = Server(app, "127.0.0.1", port, interface=Interfaces.ASGI, websockets=False, log_enabled=False)
    asyncio.run(server.serve())


class Caller(asyncio.Protocol):
    """One kept connection that asks again as soon as it has the answer; checks status and length."""

    def __init__(self, request: bytes, took: list[float], ended: asyncio.Future[None], until: float) -> None:
        self.request, self.took, self.ended, self.until = request, took, ended, until
        self.buffer = bytearray()
        self.sent = 0.0
        self.transport: Any = None

    def connection_made(self, transport: Any) -> None:
        """Ask for the first time."""
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        """Send the request."""
        self.sent = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """Take a piece of the answer; note its time when it is whole."""
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self.buffer[:end]).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(self.buffer) < end + 4 + length:
            return
        if not head.startswith(b"http/1.1 200") and not self.ended.done():
            self.ended.set_exception(RuntimeError(head.splitlines()[0].decode()))
            return
        now = time.perf_counter()
        self.took.append(now - self.sent)
        self.buffer.clear()
        if now < self.until:
            self.ask()
        elif not self.ended.done():
            self.transport.close()
            self.ended.set_result(None)


async def load(port: int, request: bytes, connections: int, seconds: float) -> list[float]:
    loop = asyncio.get_running_loop()
    took: list[float] = []
    until = time.perf_counter() + seconds
    ends = [loop.create_future() for _ in range(connections)]
    for end in ends:
        await loop.create_connection(lambda e=end: Caller(request, took, e, until), "127.0.0.1", port)
    await asyncio.gather(*ends)
    return took


def http(method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-type: text/xml; charset=utf-8\r\n"
    if body:
        head += f'soapaction: "{NS}/GetCase"\r\ncontent-length: {len(body)}\r\n'
    return head.encode() + b"\r\n" + body


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(stack: ExitStack, role: str, upstream: str = "") -> int:
    port = free_port()
    state = stack.enter_context(tempfile.TemporaryDirectory())
    arguments = ["--role", role, "--port", str(port), "--upstream", upstream, "--state", state]
    process = subprocess.Popen([sys.executable, __file__, *arguments])
    stack.callback(process.wait)
    stack.callback(process.terminate)
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return port
        except OSError:
            if time.monotonic() > deadline or process.poll() is not None:
                raise
            time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=3)
    for hidden in ("--role", "--upstream", "--state"):
        parser.add_argument(hidden, default="", help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role:
        serve(options.role, options.port, options.upstream, Path(options.state))
        return
    with ExitStack() as stack:
        upstream = start(stack, "upstream")
        origin = f"http://127.0.0.1:{upstream}"
        bare, legacy, modern = (start(stack, role, origin) for role in ("bare", "legacy", "modern"))
        soap = http("POST", "/soap/get_case", REQUEST)
        targets = {
            "direct": (upstream, soap),
            "bare_proxy": (bare, soap),
            "facade_soap_through": (legacy, soap),
            "facade_rest_from_soap": (legacy, http("GET", "/cases/C0001")),
            "facade_rest_from_modern": (modern, http("GET", "/cases/C0001")),
        }
        rates: dict[str, float] = {}
        middles: dict[str, float] = {}
        for port, request in targets.values():
            asyncio.run(load(port, request, CONNECTIONS, 0.5))
        for _ in range(options.rounds):
            for name, (port, request) in targets.items():
                rate = len(asyncio.run(load(port, request, CONNECTIONS, options.seconds))) / options.seconds
                rates[name] = max(rate, rates.get(name, 0.0))
                p50 = statistics.median(asyncio.run(load(port, request, 1, options.seconds / 3)))
                middles[name] = min(p50, middles.get(name, p50))
    for name in targets:
        print(f"{name} {rates[name]:.0f} requests/s")
        if name != "direct":
            print(f"{name}_added_p50 {(middles[name] - middles['direct']) * 1000:.3f} ms")
    print(f"facade_to_bare_proxy {rates['facade_soap_through'] / rates['bare_proxy']:.3f} ratio")
    more = (middles["facade_soap_through"] - middles["bare_proxy"]) * 1000
    print(f"facade_p50_over_bare_proxy {more:.3f} ms")


if __name__ == "__main__":
    main()
