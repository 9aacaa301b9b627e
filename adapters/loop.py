"""One adapter's life: look at the source, prepare, publish, wait; and what to do when any of it fails."""

from __future__ import annotations

import random
import threading
from functools import partial
from pathlib import Path

import structlog

from adapters.arriving import Arriving
from adapters.channel import Channel, open_channels, topics_of
from adapters.extract import Adapter
from adapters.folder_lock import FolderLock
from adapters.intake import Intake, Stopped
from adapters.lifecycle import ExtractState
from adapters.publish import Publisher
from adapters.remembering import Remembering
from adapters.spec import AdapterSpec
from adapters.status import AdapterStatus
from connectors.admin import Admin
from connectors.kafka import Fenced
from connectors.key_secret import fingerprint
from connectors.links import Links
from connectors.registry import Registry
from schemas.errors import BanyanError, SettingsError, Transient, described

#: How often an unchanged poll says so: "complete to" then lags by no more than this.
HEARTBEAT_SECONDS = 10.0
#: First and longest pause after an error, in seconds; doubled in between.
_BACKOFF = (0.5, 30.0)
#: With `once`, a source or broker that is still starting gets about 0.5 + 1 + 2 seconds.
_ONCE_ATTEMPTS = 4

log = structlog.get_logger("banyan.adapter")


class AdapterLoop:
    """Runs one adapter until it is stopped, fenced, or its settings prove wrong."""

    def __init__(
        self,
        spec: AdapterSpec,
        folder: Path,
        links: Links,
        *,
        stop: threading.Event,
        once: bool,
        transaction_events: int,
        heartbeat_seconds: float,
    ) -> None:
        self.status = AdapterStatus(spec.name)
        self._spec, self._folder, self._links = spec, folder, links
        self._stop, self._once = stop, once
        self._transaction_events = transaction_events
        # A kind of adapter may have its own beat (SOAP: heartbeat_seconds in adapter.toml).
        own_beat: float | None = getattr(spec, "heartbeat_seconds", None)
        self._home = links.state / "adapters" / spec.name
        self._registry = Registry(links.registry_url)
        self._adapter: Adapter | None = None
        self._publisher: Publisher | None = None
        self._channels: dict[str, Channel] = {}
        #: What was told last, so that a retry does not tell it again.
        self._told = ""
        self._intake = Intake(
            spec,
            links,
            self.status,
            stop=stop,
            heartbeat_seconds=heartbeat_seconds if own_beat is None else own_beat,
        )

    def run(self) -> None:
        """Work until told to stop. Never raises: errors are in `status` and on the lifecycle topic."""
        try:
            with FolderLock(self._home / "lock"):
                self._supervise()
        except BanyanError as error:
            self.status.error = str(error)
            log.error("adapter ended", adapter=self._spec.name, error=str(error))
        finally:
            self._detach()
            if isinstance(self._adapter, Arriving | Remembering):
                self._adapter.close()
            self.status.phase = "ended"

    def _supervise(self) -> None:
        failures = 0
        while not self._stop.is_set():
            pause = self._spec.every_seconds
            try:
                self.status.phase = "polling"
                adapter, publisher = self._attach()
                self._intake.look(adapter, publisher, partial(self._open_channels, adapter, publisher))
                # Only places of files know of what is not whole yet.
                self.status.unready = dict(getattr(adapter, "unready", {}))
                failures, self.status.error, self._told = 0, "", ""
                self.status.phase = "waiting"
                if self._once:
                    return
            except Stopped:
                return
            except (Fenced, SettingsError):
                raise
            except Exception as error:
                failures += 1
                pause = self._trouble(error, failures)
                if self._once and (not isinstance(error, Transient) or failures >= _ONCE_ATTEMPTS):
                    return
            self._rest(pause)

    def _rest(self, pause: float) -> None:
        """Wait; a source that was sent something ends the pause, unless it is one after an error."""
        if isinstance(self._adapter, Remembering) and not self.status.error:
            self._adapter.rest(self._stop, pause)
        else:
            self._stop.wait(pause)

    def _attach(self) -> tuple[Adapter, Publisher]:
        """Open the source and take over its topics; after an error both start from Kafka's state again."""
        if (adapter := self._adapter) is None:
            adapter = self._adapter = self._spec.open(self._folder)
            if isinstance(adapter, Arriving):
                adapter.move_in(self._home)
        if self._publisher is None:
            Admin(self._links.kafka).ensure(topics_of(self._spec, adapter.entities, self._links))
            self._publisher = Publisher(
                self._links, self._spec.name, transaction_events=self._transaction_events
            )
            if (spool := self._publisher.unfinished(self._intake.spools)) is not None:
                self._intake.resume(self._publisher, spool)
            if snapshot := self._publisher.state.snapshot:
                self._intake.snapshots.read(snapshot)  # missing here is this host's fault, not an extract's
            self._intake.tidy(self._publisher)
        return adapter, self._publisher

    def _trouble(self, error: Exception, failures: int) -> float:
        """Report an error once, let go of Kafka, and return how long to pause."""
        text = str(error) if isinstance(error, BanyanError) else _unexpected(error)
        first, longest = _BACKOFF
        # A Terminal error waits for a person, who may mend the source while this runs: it is tried again too.
        pause = min(longest, first * 2.0 ** min(failures - 1, 10))
        if text != self._told:
            log.warning("adapter in trouble", adapter=self._spec.name, error=text, attempt=failures)
            self._tell_trouble("retrying" if isinstance(error, Transient) else "failed", text)
        self.status.phase, self.status.error = "retrying", text
        self._detach()
        # Half to full: several adapters that lost one broker do not come back in step.
        return pause * random.uniform(0.5, 1.0)  # noqa: S311

    def _tell_trouble(self, state: ExtractState, text: str) -> None:
        if self._publisher is None:
            return
        try:
            self._intake.tell(self._publisher, "", state, problems=(text,))
            self._told = text
        except BanyanError:
            log.info("the lifecycle topic cannot be reached either", adapter=self._spec.name)

    def _open_channels(self, adapter: Adapter, publisher: Publisher) -> dict[str, Channel]:
        if not self._channels:
            secret = publisher.state.secret
            channels = open_channels(self._spec, adapter.entities, self._links, self._registry)
            now = {fingerprint(c.secret) for c in channels.values() if c.secret}
            if secret and now and now != {secret}:
                raise Transient(
                    "the key secret is not the one behind the keys on Kafka: every key would change",
                    where=str(self._links.state / "secrets"),
                    fix="put key_hmac back from a backup",
                )
            self._channels = channels
        return self._channels

    def _detach(self) -> None:
        if self._publisher is not None:
            self._publisher.close()
            self._publisher = None


def _unexpected(error: Exception) -> str:
    return f"internal error: {described(error)}\n  → report it with the version of Banyan"
