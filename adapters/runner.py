"""Run an estate's adapters: one thread each, supervised, so that one source's trouble stays its own."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.loop import HEARTBEAT_SECONDS, AdapterLoop
from adapters.publish import TRANSACTION_EVENTS
from adapters.spec import AdapterSpec
from adapters.status import AdapterStatus
from connectors.links import Links
from schemas.errors import SettingsError


@dataclass(frozen=True, slots=True)
class RunReport:
    """How each adapter stands when `run` returns."""

    adapters: dict[str, AdapterStatus]

    @property
    def ok(self) -> bool:
        """True if no adapter ended in an error and no extract failed."""
        return not any(status.error or status.failed for status in self.adapters.values())


def run(
    specs: Sequence[tuple[AdapterSpec, Path]],
    links: Links,
    *,
    once: bool = False,
    stop: threading.Event | None = None,
    transaction_events: int = TRANSACTION_EVENTS,
    heartbeat_seconds: float = HEARTBEAT_SECONDS,
    statuses: dict[str, AdapterStatus] | None = None,
) -> RunReport:
    """Publish what the sources hold, until `stop` is set, or once through if `once`.

    Args:
        specs: each adapter's settings and the folder where its `adapter.toml` stands.
        links: the hub.
        once: look at every source one time, with a few retries, and return.
        stop: set it to end; every adapter finishes its transaction first.
        transaction_events: most events of one Kafka transaction.
        heartbeat_seconds: an unchanged poll says so at most this often.
        statuses: filled with each adapter's live status by name, for whoever wants to look.

    Raises:
        SettingsError: two adapters have one name.
    """
    names = [spec.name for spec, _ in specs]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise SettingsError(
            f"two adapters are called {sorted(repeated)[0]!r}", where="adapters/", fix="rename one of them"
        )
    stop = stop or threading.Event()
    loops = [
        AdapterLoop(
            spec,
            folder,
            links,
            stop=stop,
            once=once,
            transaction_events=transaction_events,
            heartbeat_seconds=heartbeat_seconds,
        )
        for spec, folder in specs
    ]
    live = {loop.status.name: loop.status for loop in loops}
    if statuses is not None:
        statuses |= live
    threads = [threading.Thread(target=loop.run, name=f"adapter-{loop.status.name}") for loop in loops]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            # A join without time-out cannot be interrupted by Ctrl-C on every platform.
            while thread.is_alive():
                thread.join(0.5)
    except BaseException:
        stop.set()
        for thread in threads:
            thread.join()
        raise
    return RunReport(live)
