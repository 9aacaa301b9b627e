"""Single-key GETs of the read API on one core, beside a bare FastAPI handler over the same SQLite file.

Each server is a process of its own, bound to one core where the system can; sixteen kept connections ask for
random keys from another. Processor time counts (requests a second of the server's processor): the machine may
be busy. Latency is taken at 1,000 requests a second, asked for evenly, from when a request was due.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from connectors.kafka import KafkaSettings
from connectors.links import Links
from connectors.readmodel.store import Change
from connectors.readmodel.table import Column, Table
from streams.projection import row_projection

CLAIM = row_projection("claim", source="esa.claim", collection="claims", indexes=["status"])
TABLE = Table(
    (
        Column("nino", "NINO", "text", nullable=False),
        Column("surname", "SURNAME", "text"),
        Column("born", "BORN", "date"),
        Column("status", "STATUS", "text"),
        Column("amount", "AMOUNT", "decimal", precision=9, scale=2),
        Column("payments", "PAYMENTS", "integer"),
        Column("changed", "CHANGED", "timestamp"),
    ),
    ("nino",),
    ("status",),
)
CONNECTIONS, WARM_UP, STEADY = 16, 2_000, 1_000


def main(argv: list[str] | None = None) -> None:
    """Print requests a second of one core and latencies, ours and the peer's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000, help="rows in the read model")
    parser.add_argument("--requests", type=int, default=30_000, help="requests of a measurement")
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many")
    parser.add_argument("--serve", nargs=3, metavar=("WHAT", "PORT", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.serve:
        what, port, folder = options.serve
        serve(what, int(port), Path(folder))
        return
    with tempfile.TemporaryDirectory() as folder:
        fill(Path(folder), options.rows)
        for what in ("banyan", "fastapi"):
            best = max((measure(what, folder, options) for _ in range(options.rounds)), key=lambda m: m[0])
            rate, p50, p99 = best
            print(f"read_api_{what}_gets_a_core {rate:.0f} requests/s")
            print(f"read_api_{what}_p50 {p50 * 1e3:.2f} ms")
            print(f"read_api_{what}_p99 {p99 * 1e3:.2f} ms")


def links(folder: Path) -> Links:
    """Links without Kafka: reading needs none."""
    return Links("uc", KafkaSettings(bootstrap="127.0.0.1:1"), "http://127.0.0.1:1", folder)


def fill(folder: Path, rows: int) -> None:
    """Write the read model as its worker does."""
    store = links(folder).read_models.writer("claim", 1, topic="uc.esa.claim")
    at = store.claim([("uc.esa.claim", 0)])["uc.esa.claim", 0]
    upserts = [
        (key(i), f"SURNAME{i % 977}", "1960-05-17", "OPEN" if i % 3 else "CLOSED", f"{i % 10_000}.50", i % 50,
         "2026-11-24T17:00:00.000Z", 0, i, 1_700_000_000_000)
        for i in range(rows)
    ]  # fmt: skip
    store.apply(Change(("uc.esa.claim", 0), at, rows, TABLE, upserts))
    store.close()


def key(i: int) -> str:
    """The i-th key."""
    return f"QQ{i:07d}"


def serve(what: str, port: int, folder: Path) -> None:
    """Serve one of the applications until it is ended."""
    from granian.constants import Interfaces
    from granian.server.embed import Server

    app = bare(folder) if what == "fastapi" else banyan(folder)
    server = Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGI, websockets=False,
                    log_access=False, log_enabled=False)  # fmt: skip
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    asyncio.run(server.serve())


def banyan(folder: Path):
    """The read API."""
    from streams.api import create_app

    return create_app([CLAIM], [], links(folder))


def bare(folder: Path):
    """What one would write by hand: no ETag, no position, no look whether the file was replaced."""
    import sqlite3

    from fastapi import FastAPI, HTTPException

    app = FastAPI()
    db = sqlite3.connect(links(folder).read_models.file("claim", 1), check_same_thread=False)
    db.row_factory = sqlite3.Row
    names = ", ".join(TABLE.names)

    @app.get("/v1/claims/{nino}")
    async def claim(nino: str) -> dict:
        row = db.execute(f"SELECT {names} FROM rows WHERE nino = ?", (nino,)).fetchone()
        if row is None:
            raise HTTPException(404)
        return dict(row)

    return app


def measure(what: str, folder: str, options: argparse.Namespace) -> tuple[float, float, float]:
    """Return requests a second of the server's processor time, and p50 and p99 in seconds."""
    port = free_port()
    command = [sys.executable, __file__, "--serve", what, str(port), folder]
    server = subprocess.Popen(command)
    try:
        sockets = connect(port)
        most = options.rows
        as_fast_as_it_goes(sockets, WARM_UP, most)
        before = cpu_seconds(server.pid)
        as_fast_as_it_goes(sockets, options.requests, most)
        rate = options.requests / (cpu_seconds(server.pid) - before)
        waits = sorted(evenly(sockets, options.requests // 3, STEADY, most))
        return rate, waits[len(waits) // 2], waits[int(len(waits) * 0.99)]
    finally:
        server.terminate()
        server.wait(15)


def as_fast_as_it_goes(sockets: list[socket.socket], count: int, most: int) -> None:
    """Ask `count` times, each connection again as soon as it is answered."""
    with selectors.DefaultSelector() as selector:
        asked = done = 0
        for one in sockets:
            selector.register(one, selectors.EVENT_READ)
            one.send(request(most))
            asked += 1
        while done < count:
            for ready, _ in selector.select():
                answered(ready.fileobj)
                done += 1
                if asked < count:
                    ready.fileobj.send(request(most))
                    asked += 1


def evenly(sockets: list[socket.socket], count: int, rate: float, most: int) -> list[float]:
    """Ask `count` times at `rate` a second; return how long each answer came after its request was due."""
    idle, due, waits = list(sockets), {}, []
    with selectors.DefaultSelector() as selector:
        for one in sockets:
            selector.register(one, selectors.EVENT_READ)
        began, asked = time.perf_counter(), 0
        while len(waits) < count:
            now = time.perf_counter()
            while idle and asked < count and began + asked / rate <= now:
                one = idle.pop()
                due[one] = began + asked / rate
                one.send(request(most))
                asked += 1
            for ready, _ in selector.select(max(0.0, min(0.001, began + asked / rate - now))):
                answered(ready.fileobj)
                waits.append(time.perf_counter() - due[ready.fileobj])
                idle.append(ready.fileobj)
    return waits


def request(most: int) -> bytes:
    """A request for a random key."""
    return f"GET /v1/claims/{key(random.randrange(most))} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def answered(one: socket.socket) -> None:
    """Take an answer, which is small enough to come whole."""
    data = one.recv(65536)
    if not data.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"an unexpected answer: {data[:40]!r}")


def connect(port: int, patience: float = 30.0) -> list[socket.socket]:
    """Open the connections once the server listens."""
    deadline = time.monotonic() + patience
    while True:
        try:
            sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
        except ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            for one in sockets:
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sockets


def cpu_seconds(pid: int) -> float:
    """Processor time of a process so far."""
    import psutil

    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
