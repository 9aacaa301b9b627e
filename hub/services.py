"""The Kafka and registry of an estate: embedded ones are started and ended, others only looked at."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any

from hub.estate import Estate
from hub.supervise import Say
from schemas.errors import BanyanError, SettingsError


@contextlib.contextmanager
def services(estate: Estate, *, say: Say) -> Iterator[None]:
    """Run the embedded Kafka and registry inside the block, unless others are named or `up` did it."""
    if not estate.settings.is_embedded:
        links = estate.links()
        say(f"Kafka {links.kafka.bootstrap}, registry {links.registry_url} (from banyan.toml)")
        yield
        return
    if service_status(estate)["kafka"]["answers"]:
        say("Kafka and registry run already (banyan up)")
        yield
        return
    yield


def service_status(estate: Estate) -> dict[str, Any]:
    """Return where Kafka and the registry are and whether their ports answer."""
    try:
        links = estate.links()
    except BanyanError:
        nothing = {"at": None, "answers": False}
        return {"embedded": estate.settings.is_embedded, "kafka": nothing, "registry": nothing}
    kafka, registry = links.kafka.bootstrap.split(",")[0], links.registry_url
    return {
        "embedded": estate.settings.is_embedded,
        "kafka": {"at": links.kafka.bootstrap, "answers": _answers(kafka)},
        "registry": {"at": registry, "answers": _answers(registry.partition("://")[2].partition("/")[0])},
    }


def start_detached(estate: Estate) -> dict[str, Any]:
    """Start the embedded services so that they outlive this process; return where they are."""
    _refuse_foreign(estate)
    raise NotImplementedError


def stop_detached(estate: Estate) -> bool:
    """End the embedded services; return whether there were any."""
    _refuse_foreign(estate)
    raise NotImplementedError


def _refuse_foreign(estate: Estate) -> None:
    if not estate.settings.is_embedded:
        raise SettingsError(
            "this estate uses a cluster of its own, which Banyan does not start or end",
            where=str(estate.path / "banyan.toml"),
            fix="take `bootstrap` out to use the embedded Kafka",
        )


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with contextlib.suppress(OSError, ValueError), socket.create_connection((host, int(port)), timeout=1):
        return True
    return False


def read_services(estate: Estate) -> dict[str, Any]:
    """Return what `services.json` says."""
    found: dict[str, Any] = json.loads((estate.state / "services.json").read_text(encoding="utf-8"))
    return found
