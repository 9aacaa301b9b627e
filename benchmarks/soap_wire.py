"""SOAP calls under 32 at a time: our client, alone and behind threads, beside zeep in threads.

A service in a process of its own answers the demo's GetCase. Rates are per second of the client's processor
time (user and system), best of three passes; on a machine with the service's share to spare they are also
what the clock says. Run: python benchmarks/soap_wire.py [calls]
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from aiohttp import web

from adapters.soap.contract import Contract
from adapters.soap.wire.blocking import BlockingWire
from adapters.soap.wire.client import WireClient
from adapters.soap.wire.spec import WireSpec
from adapters.soap.zeep_wire import ZeepWire

WSDL = Path(__file__).resolve().parents[1] / "examples/universal_credit/legacy/casework.wsdl"
REQUEST = {"caseId": "C00001"}
PASSES, WIDTH = 3, 32
CASE = {
    "caseId": "C00001",
    "nino": "QQ123456A",
    "status": "OPEN",
    "openedOn": date(2026, 2, 3),
    "weeklyAward": Decimal("7.50"),
    "lastContact": datetime(2026, 2, 3, 10, tzinfo=UTC),
    "caseworker": None,
    "note": "came in person",
}


def serve() -> None:
    """Answer every POST with the same case; print the port."""
    body = sys.stdin.buffer.read()

    async def answer(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(body=body, content_type="text/xml", charset="utf-8")

    async def run() -> None:
        app = web.Application()
        app.router.add_post("/", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()

    asyncio.run(run())


def best(work: Callable[[], None]) -> tuple[float, float]:
    """Return (processor seconds, seconds) of the best pass."""
    found = []
    for _ in range(PASSES):
        clock, processor = time.perf_counter(), time.process_time()
        work()
        found.append((time.process_time() - processor, time.perf_counter() - clock))
    return min(found)


def ours(contract: Contract, url: str, calls: int, folder: Path) -> Callable[[], None]:
    """Our client in one event loop."""

    async def run() -> None:
        options = {"concurrency": WIDTH, "per_second": 1e9, "folder": folder}
        async with WireClient(contract, url, WireSpec.model_validate({}), **options) as client:
            waiting = iter(range(calls))

            async def caller() -> None:
                for _ in waiting:
                    await client.call("GetCase", REQUEST)

            await asyncio.gather(*(caller() for _ in range(WIDTH)))

    return lambda: asyncio.run(run())


def threads(contract: Contract, wire: ZeepWire | BlockingWire, calls: int) -> Callable[[], None]:
    """A driver in threads, as an adapter's detail calls use it, answers decoded by us."""

    def one(_: int) -> None:
        with wire.call("GetCase", REQUEST) as parts:
            contract.decode_response("GetCase", b"".join(parts))

    def run() -> None:
        with ThreadPoolExecutor(WIDTH) as pool:
            list(pool.map(one, range(calls)))

    return run


def main() -> None:
    """Print `name value unit` lines."""
    if sys.argv[1:] == ["serve"]:
        serve()
        return
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    contract = Contract.from_wsdl(WSDL)
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, __file__, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as service,
    ):
        assert service.stdin is not None
        assert service.stdout is not None
        service.stdin.write(contract.encode_response("GetCase", {"case": CASE}))
        service.stdin.close()
        url = f"http://127.0.0.1:{int(service.stdout.readline())}/"
        try:
            client = WireClient(
                contract,
                url,
                WireSpec.model_validate({}),
                concurrency=WIDTH,
                per_second=1e9,
                folder=Path(folder),
            )
            blocking = BlockingWire(contract, client)
            runs = {
                "banyan": ours(contract, url, calls, Path(folder)),
                "banyan_threads": threads(contract, blocking, calls),
                "zeep_threads": threads(contract, ZeepWire(contract, url, 30.0), calls),
            }
            for name, run in runs.items():
                processor, clock = best(run)
                print(f"{name}_calls {calls / processor:.0f} calls/cpu-s")
                print(f"{name}_clock {calls / clock:.0f} calls/s")
            blocking.close()
        finally:
            service.kill()


if __name__ == "__main__":
    main()
