"""What `services.json` says about services that some process started, checked against living processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from hub.embedded.child import started_at
from hub.embedded.claim import is_same

#: Kafka closes its logs within a second or two; after this it is killed, which loses nothing either.
_GRACE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Running:
    """Services of a state folder: where they are and which of their processes are alive."""

    bootstrap: str
    registry_url: str
    #: True when `banyan up` started them, False when they end with their owner.
    detached: bool
    owner: int | None
    #: Living processes by service name.
    pids: dict[str, int]


def running(state: Path) -> Running | None:
    """Return what runs on a state folder; None when nothing does (any more)."""
    try:
        facts = json.loads((state / "services.json").read_text(encoding="utf-8"))
        alive = {
            n: int(p["pid"]) for n, p in facts["processes"].items() if is_same(int(p["pid"]), p["started"])
        }
        found = Running(facts["bootstrap"], facts["registry"], bool(facts["detached"]), facts["owner"], alive)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return found if alive else None


def end_leftovers(state: Path) -> None:
    """End services whose owner is gone, and forget them. The caller holds the claim on the folder."""
    if found := running(state):
        end(found)
    (state / "services.json").unlink(missing_ok=True)


def end(found: Running) -> None:
    """End processes that are not children of this one: SIGTERM, then SIGKILL."""
    for pid in found.pids.values():
        _signal(pid, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_SECONDS
    while any(_alive(pid) for pid in found.pids.values()):
        if time.monotonic() > deadline:
            for pid in found.pids.values():
                _signal(pid, signal.SIGKILL)
        time.sleep(0.05)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _alive(pid: int) -> bool:
    return started_at(pid) is not None
