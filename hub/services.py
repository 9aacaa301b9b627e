"""The Kafka and registry of an estate: embedded ones are started and ended, others only looked at."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hub.estate import Estate
from hub.supervise import Say
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
    from hub.embedded import TerminalProgress, start, status

    if status(estate.state).healthy:
        say("Kafka and the registry run already")
        yield
        return
    began = time.monotonic()
    running = start(estate.state, ports=ports(estate), progress=TerminalProgress())
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
