"""The Kafka and registry of an estate: embedded ones are started and ended, others only looked at."""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hub.estate import Estate
from hub.supervise import Say
from hub.terminal import INTERRUPTED
from schemas.errors import BanyanError, SettingsError

if TYPE_CHECKING:
    from hub.embedded import Ports, Services
    from hub.embedded.commands import Status

#: How often a dead embedded service is looked for. Kafka itself is back in about a second, clients retry.
LOOK_SECONDS = 0.5
#: The shortest time between two tries to bring one back: a full disk should not become a busy loop.
REVIVE_SECONDS = 5.0


@contextlib.contextmanager
def services(estate: Estate, *, say: Say) -> Iterator[None]:
    """Run the embedded Kafka and registry inside the block, unless others are named or `banyan up` did it."""
    if not estate.settings.is_embedded:
        links = estate.links()
        say(f"Kafka {links.kafka.bootstrap}, registry {links.registry_url}, as banyan.toml says")
        yield
        return
    began = time.monotonic()
    with _signals_end_it():
        running = _started(estate)
    if running is None:
        say("Kafka and the registry run already")
        yield
        return
    say(f"Apache Kafka and the schema registry answer after {time.monotonic() - began:.1f} s")
    ended = threading.Event()
    keeper = threading.Thread(target=_keep, args=(running, ended, say), name="keep services", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        ended.set()
        keeper.join()
        running.stop()


def _started(estate: Estate) -> Services | None:
    """Start them; None where they run already."""
    from hub.embedded import TerminalProgress, start, status

    if status(estate.state).healthy:
        return None
    return start(estate.state, ports=ports(estate), progress=TerminalProgress())


def ports(estate: Estate) -> Ports:
    """The ports of the estate's `[embedded]` table."""
    from hub.embedded import Ports

    return Ports(**estate.settings.embedded.model_dump())


def embedded_only(estate: Estate) -> None:
    """Refuse an estate whose Kafka is not ours to start or end.

    Raises:
        SettingsError: it names a cluster of its own.
    """
    if not estate.settings.is_embedded:
        raise SettingsError(
            "this estate uses a cluster of its own, which Banyan does not start or end",
            where=str(estate.path / "banyan.toml"),
            fix="take `bootstrap` out to use the embedded Kafka",
        )


def service_status(estate: Estate) -> Status:
    """Return where Kafka and the registry are and whether they answer."""
    from hub.embedded import status
    from hub.embedded.commands import ServiceStatus, Status

    if estate.settings.is_embedded:
        return status(estate.state)
    links = estate.links()
    kafka, registry = links.kafka.bootstrap, links.registry_url
    found = {
        "kafka": (kafka, _listens(kafka.split(",")[0])),
        "registry": (registry, _listens(registry.partition("://")[2].partition("/")[0])),
    }
    return Status(
        str(estate.state),
        "external",
        None,
        tuple(ServiceStatus(name, at, None, ok, None, "") for name, (at, ok) in found.items()),
    )


@contextlib.contextmanager
def _signals_end_it() -> Iterator[None]:
    """Let SIGINT and SIGTERM end the block where it stands, and the command with exit code 130.

    A start may download for minutes and does not give way to the event loop, whose own signal handling
    would come to its turn only afterwards.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(*_: object) -> None:
        raise SystemExit(INTERRUPTED)

    before = {number: signal.signal(number, end) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _keep(running: Services, ended: threading.Event, say: Say) -> None:
    """Start a service again that died; what it held is on disk, and every client retries."""
    while not ended.wait(LOOK_SECONDS):
        dead = running.dead
        if not dead:
            continue
        say(f"{' and '.join(dead)} ended unexpectedly; starting again")
        try:
            running.revive()
        except BanyanError as error:
            say(f"{error}")
            ended.wait(REVIVE_SECONDS)


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with contextlib.suppress(OSError, ValueError), socket.create_connection((host, int(port)), timeout=1):
        return True
    return False
