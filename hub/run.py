"""`banyan run`: the embedded services and every part of an estate, on one machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

from hub.estate import Estate
from hub.serve import refuse_taken_port
from hub.services import services
from hub.settings import ListenTable, ProcessTable
from hub.supervise import Part, Say, Supervisor
from hub.terminal import INTERRUPTED
from hub.terminal import say as say_line
from schemas.errors import Transient

#: Parts of a Banyan that was killed a moment ago still end by themselves; they close their ports first.
CLOSING_SECONDS = 5.0


async def run_estate(estate: Estate, *, say: Say = say_line) -> None:
    """Run `estate` until SIGINT or SIGTERM."""
    stop = stop_on_signal()
    async with running(estate, say=say, stop=stop):
        settings = estate.settings
        say(f"{estate.title} is running. API {settings.api.url}  façade {settings.facade.url}")
        say(f"Console {settings.console.url}  logs {estate.state / 'logs'}  Ctrl-C ends it")
        await stop.wait()
        say("ending")
    say("all parts have ended")


def stop_on_signal() -> asyncio.Event:
    """Return an event that SIGINT and SIGTERM set."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop


@contextlib.asynccontextmanager
async def running(estate: Estate, *, say: Say, stop: asyncio.Event) -> AsyncIterator[Supervisor]:
    """Start everything of `estate`, yield its supervisor, and end everything on leaving."""
    await _refuse_taken_ports(estate)
    await asyncio.sleep(0)  # lets a signal that came while modules were loaded be seen
    if stop.is_set():
        raise SystemExit(INTERRUPTED)
    with services(estate, say=say):
        env = os.environ | {"BANYAN_STATE": str(estate.state), "PYTHONUNBUFFERED": "1"}
        async with Supervisor(estate.state / "logs", env=env, say=say) as supervisor:
            began = time.monotonic()
            if not stop.is_set():
                # At once, because imports dominate; as two groups, so that legacy ends after what reads it.
                groups = (legacy_parts(estate), own_parts(estate))
                starting = asyncio.gather(*(supervisor.start(group) for group in groups if group))
                await _unless(stop, starting)
            say(f"{len(supervisor.pids)} parts started in {time.monotonic() - began:.1f} s")
            yield supervisor


async def _refuse_taken_ports(estate: Estate) -> None:
    """Say at once, not after a minute of vain starts, that another program (or this estate) is there already.

    Raises:
        Transient: a port of this estate's parts is taken.
    """
    deadline = time.monotonic() + CLOSING_SECONDS
    while True:
        try:
            for part, listen in _listening(estate):
                refuse_taken_port(listen, part)
        except Transient:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
        else:
            return


def _listening(estate: Estate) -> list[tuple[str, ListenTable]]:
    settings = estate.settings
    found: list[tuple[str, ListenTable]] = [("console", settings.console)]
    if estate.projections:
        found.append(("api", settings.api))
    if estate.operations:
        found.append(("facade", settings.facade))
    return found


async def _unless(stop: asyncio.Event, starting: asyncio.Future[list[None]]) -> None:
    """Wait for a start to come to its end, or leave it at a signal."""
    stopping = asyncio.ensure_future(stop.wait())
    both: set[asyncio.Future[Any]] = {starting, stopping}
    await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if starting.done():
        starting.result()
        return
    starting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await starting


def legacy_parts(estate: Estate) -> list[Part]:
    """The processes that the estate's own `[[process]]` tables name."""
    return [_process(estate, table) for table in estate.settings.process]


def own_parts(estate: Estate) -> list[Part]:
    """The parts of Banyan that this estate needs, in the order in which they start."""
    settings = estate.settings
    parts = []
    if estate.adapters:
        parts.append(_banyan(estate, "adapter", "adapter", "run"))
    if estate.projections:
        parts.append(_banyan(estate, "worker", "worker"))
        parts.append(_banyan(estate, "api", "api", ready=f"{settings.api.url}/health/live"))
    if estate.operations:
        parts.append(_banyan(estate, "facade", "facade", ready=f"{settings.facade.url}/health/live"))
    if any(o.step_down.enabled or o.gate.automatic for o in estate.operations):
        parts.append(_banyan(estate, "controller", "controller"))
    parts.append(_banyan(estate, "console", "console", ready=f"{settings.console.url}/health/live"))
    return parts


def _banyan(estate: Estate, name: str, *arguments: str, ready: str | None = None) -> Part:
    command = (sys.executable, "-m", "hub.cli", *arguments, str(estate.path))
    return Part(name, command, estate.path, ready)


def _process(estate: Estate, table: ProcessTable) -> Part:
    places = {"python": sys.executable, "estate": str(estate.path), "state": str(estate.state)}
    command = tuple(_filled(argument, places) for argument in table.command)
    return Part(table.name, command, estate.path, table.ready)


def _filled(argument: str, places: dict[str, str]) -> str:
    for name, value in places.items():
        argument = argument.replace(f"{{{name}}}", value)
    return argument
