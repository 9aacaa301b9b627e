"""One adapter's life: look at the source, prepare, publish, wait; and what to do when any of it fails."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import structlog

from adapters.channel import Channel, open_channels, topics_of
from adapters.extract import Adapter, Extract
from adapters.folder_lock import FolderLock
from adapters.holding import Holding
from adapters.lifecycle import ExtractState, LifecycleEvent
from adapters.prepare import prepare
from adapters.publish import Publisher
from adapters.snapshot import Snapshots
from adapters.spec import AdapterSpec
from adapters.spool import Manifest, Spool, keep_spools
from adapters.state import AdapterState
from connectors.admin import Admin
from connectors.kafka import Fenced
from connectors.key_secret import fingerprint, key_secret
from connectors.links import Links
from connectors.registry import Registry
from schemas.errors import BanyanError, SettingsError, Terminal, Transient, described

#: How often an unchanged poll says so: "complete to" then lags by no more than this.
HEARTBEAT_SECONDS = 10.0
#: First and longest pause after an error, in seconds; doubled in between.
_BACKOFF = (0.5, 30.0)
#: With `once`, a source or broker that is still starting gets about 0.5 + 1 + 2 seconds.
_ONCE_ATTEMPTS = 4
#: So often one file may meet an unexpected error (with 0.5 and 1 second between) before it is failed: enough
#: for a moment's shortage of memory, short for the files behind it.
_ATTEMPTS = 3

log = structlog.get_logger("banyan.adapter")


@dataclass(slots=True)
class AdapterStatus:
    """How an adapter stands now; one thread writes it, anyone may read it."""

    name: str
    phase: Literal["starting", "polling", "waiting", "retrying", "ended"] = "starting"
    committed: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    skipped: int = 0
    error: str = ""


class _Stopped(Exception):
    """Told to stop between two transactions: no error, the next start goes on at the spool position."""


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
        self._heartbeat_seconds = heartbeat_seconds if own_beat is None else own_beat
        self._home = links.state / "adapters" / spec.name
        self._registry = Registry(links.registry_url)
        self._adapter: Adapter | None = None
        self._publisher: Publisher | None = None
        self._channels: dict[str, Channel] = {}
        #: Full extracts that failed in this process, oldest first: a newer one supersedes them.
        self._failed: dict[str, Extract] = {}
        #: File name → the extract it held last, where files stay in their folder.
        self._read: dict[str, str] = {}
        self._stays = bool(getattr(spec, "read_only", False))
        #: Extracts settled in this process while their files still lay in the folder.
        self._settled: set[str] = set()
        self._holding = Holding(links, spec.name, self._spools)
        #: What was told last, so that a retry does not tell it again.
        self._told = self._started = ""
        self._last_beat = float("-inf")

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
            self.status.phase = "ended"

    def _supervise(self) -> None:
        failures = 0
        while not self._stop.is_set():
            pause = self._spec.every_seconds
            try:
                self.status.phase = "polling"
                self._cycle(*self._attach())
                failures, self.status.error, self._told = 0, "", ""
                self.status.phase = "waiting"
                if self._once:
                    return
            except _Stopped:
                return
            except (Fenced, SettingsError):
                raise
            except Exception as error:
                failures += 1
                pause = self._trouble(error, failures)
                if self._once and (not isinstance(error, Transient) or failures >= _ONCE_ATTEMPTS):
                    return
            self._stop.wait(pause)

    def _attach(self) -> tuple[Adapter, Publisher]:
        """Open the source and take over its topics; after an error both start from Kafka's state again."""
        adapter = self._adapter = self._adapter or self._spec.open(self._folder)
        if self._publisher is None:
            Admin(self._links.kafka).ensure(topics_of(self._spec, adapter.entities, self._links))
            self._publisher = Publisher(
                self._links, self._spec.name, transaction_events=self._transaction_events
            )
            if (spool := self._publisher.unfinished(self._spools)) is not None:
                self._publish(self._publisher, spool, spool.manifest.arrival_ms)
            if snapshot := self._publisher.state.snapshot:
                self._snapshots.read(snapshot)  # missing here is this host's fault, not an extract's
            self._tidy(self._publisher)
        return adapter, self._publisher

    def _cycle(self, adapter: Adapter, publisher: Publisher) -> None:
        self._settle_held(publisher)
        for extract in adapter.poll():
            if self._stop.is_set():
                return
            self._take(adapter, publisher, extract)

    def _take(self, adapter: Adapter, publisher: Publisher, extract: Extract) -> None:
        state, origin = publisher.state, extract.origin
        if origin.file is not None:
            before = self._read.get(origin.file, "")
            if self._stays:
                self._read[origin.file] = extract.id
            if extract.id in state.known:
                self._skip(publisher, extract, before)
                adapter.done(extract)
                return
        if extract.id in self._failed or (state.held and state.held.extract == extract.id):
            return
        if extract.partial and (self._failed or (state.held and state.held.partial)):
            return  # a later part of a sequence waits for the one before it (10.3)
        held_ms = state.held.ts_ms if state.held else 0
        if not extract.partial and origin.ts_kind == "business" and origin.ts_ms < held_ms:
            return  # an older picture counts only if the newer one, which is held, is rejected
        if not extract.partial and origin.ts_kind == "business" and origin.ts_ms < state.ts_ms:
            self._pass_over(publisher, extract)
            adapter.done(extract)
            return
        read_from_ms = _now_ms()
        try:
            channels = self._open_channels(adapter, state.secret)
            if origin.file is not None and extract.id != self._started:
                publisher.tell(self._event(extract.id, "started", file=origin.file))
                self._started = extract.id
            spool = self._prepare(extract, channels, state)
        except Terminal as error:
            self._fail(publisher, extract, error)
            return
        if spool.manifest.hold:
            self._hold(publisher, spool)
            return
        self._settle(publisher, spool, read_from_ms)
        adapter.done(extract)

    def _prepare(self, extract: Extract, channels: dict[str, Channel], state: AdapterState) -> Spool:
        """Prepare an extract; one file that makes the program stumble again and again is that file's failure.

        A poll needs no such end: the next one is another extract.

        Raises:
            Terminal: it cannot be read, or not without an unexpected error, `_ATTEMPTS` times.
        """
        attempt = 1
        while True:
            try:
                return prepare(
                    extract,
                    spec=self._spec,
                    channels=channels,
                    snapshots=self._snapshots,
                    base=state.snapshot,
                    spools=self._spools,
                    dead_letters=self._links.topics.dlq(self._spec.system).name,
                    secret=key_secret(self._links.state / "secrets"),
                    told=state.letters,
                )
            except (BanyanError, OSError):
                raise  # a full disk is this host's trouble, which the extract behind this one would have too
            except Exception as error:
                if extract.origin.file is None:
                    raise
                if attempt == _ATTEMPTS:
                    raise Terminal(
                        f"internal error, {attempt} times: {described(error)}",
                        where=extract.origin.file,
                        fix="report it with the version of Banyan; the file is tried again at the next start",
                    ) from error
                if self._stop.wait(_BACKOFF[0] * 2 ** (attempt - 1)):
                    raise _Stopped from error
                attempt += 1

    def _settle(self, publisher: Publisher, spool: Spool, read_from_ms: int) -> None:
        manifest = spool.manifest
        quiet = manifest.file is None and not manifest.rows and manifest.snapshot == manifest.base
        if not quiet or self._superseded(publisher, manifest):
            self._publish(publisher, spool, read_from_ms)
        elif time.monotonic() - self._last_beat >= self._heartbeat_seconds:
            publisher.heartbeat(manifest, read_from_ms=read_from_ms)
            self._last_beat = time.monotonic()
        self._tidy(publisher)

    def _publish(self, publisher: Publisher, spool: Spool, read_from_ms: int) -> None:
        superseded = self._superseded(publisher, spool.manifest)
        if (held := publisher.state.held) and held.extract in superseded:
            self._holding.let_go(publisher, spool.manifest)
        state = publisher.publish(spool, read_from_ms=read_from_ms, superseded=superseded, stop=self._stop)
        if not state.done:
            raise _Stopped
        self._replaced(superseded)
        self.status.committed.append(spool.manifest.extract)
        self._last_beat = time.monotonic()
        log.info(
            "extract committed",
            adapter=self._spec.name,
            extract=spool.manifest.extract,
            **spool.manifest.counts,
        )

    def _hold(self, publisher: Publisher, spool: Spool) -> None:
        superseded = self._superseded(publisher, spool.manifest)
        if self._holding.hold(publisher, spool, superseded):
            self._replaced(superseded)
            self.status.held.append(spool.manifest.extract)
        self._tidy(publisher)

    def _replaced(self, superseded: list[str]) -> None:
        self._settled.update(superseded)
        for extract in superseded:
            self._failed.pop(extract, None)

    def _settle_held(self, publisher: Publisher) -> None:
        if (held := publisher.state.held) is None:
            return
        if (approved := self._holding.settle(publisher)) is not None:
            self._publish(publisher, approved, approved.manifest.arrival_ms)
        if publisher.state.held is None:
            self._settled.add(held.extract)
            self._tidy(publisher)

    def _fail(self, publisher: Publisher, extract: Extract, error: Terminal) -> None:
        """Put a failed extract on record. A file is tried again by a new process; a poll by the next one."""
        file = extract.origin.file
        if file is not None:
            self._failed[extract.id] = extract
        if file is not None or self._told != str(error):
            self.status.failed.append(extract.id)
            publisher.tell(self._event(extract.id, "failed", file=file, problems=(str(error),)))
            log.error("extract failed", adapter=self._spec.name, extract=extract.id, error=str(error))
        self._told = str(error) if file is None else self._told
        self._tidy(publisher)

    def _pass_over(self, publisher: Publisher, extract: Extract) -> None:
        """Put an older full extract on record that arrives after a newer one was committed."""
        state = publisher.state
        reason = "its business time is before that of the extract committed last"
        publisher.tell(
            self._event(extract.id, "superseded", file=extract.origin.file, reason=reason),
            state=state.model_copy(update={"known": state.remember(extract.id)}),
        )
        self.status.skipped += 1

    def _skip(self, publisher: Publisher, extract: Extract, before: str) -> None:
        """Put on record that a file came again which needs no more work: nobody shall wait for its events."""
        self.status.skipped += 1
        # In a folder that must not be touched a read file stays: it comes again only after another content.
        if self._stays and before in ("", extract.id):
            return
        if extract.id in self._settled:
            self._settled.discard(extract.id)  # it still waited to be put away after what was told of it
            return
        reason = "the same bytes under this name were taken before; nothing of it is published"
        publisher.tell(self._event(extract.id, "skipped", file=extract.origin.file, reason=reason))

    def _superseded(self, publisher: Publisher, manifest: Manifest) -> list[str]:
        """Return the failed and held extracts that this full one replaces (10.3)."""
        if manifest.partial:
            return []
        held = publisher.state.held
        # By business time a failed one may be newer than this, which came late: then it stays.
        ids = [e.id for e in self._failed.values() if not e.partial and not _newer(e, manifest)]
        ids += [held.extract] if held and not held.partial else []
        return [e for e in dict.fromkeys(ids) if e != manifest.extract]

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
            self._publisher.tell(self._event("", state, problems=(text,)))
            self._told = text
        except BanyanError:
            log.info("the lifecycle topic cannot be reached either", adapter=self._spec.name)

    def _open_channels(self, adapter: Adapter, secret: str) -> dict[str, Channel]:
        if not self._channels:
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

    def _event(self, extract: str, state: ExtractState, **more: object) -> LifecycleEvent:
        return LifecycleEvent.now(self._spec.name, extract, state, **more)

    def _tidy(self, publisher: Publisher) -> None:
        """Remove what the state in Kafka no longer names; runs only after a commit or at the start."""
        state = publisher.state
        held = state.held
        keep_spools(self._spools, [held.spool] if held else [])
        self._snapshots.keep([s for s in (state.snapshot, held.snapshot if held else "") if s])

    def _detach(self) -> None:
        if self._publisher is not None:
            self._publisher.close()
            self._publisher = None

    @property
    def _spools(self) -> Path:
        return self._home / "spool"

    @property
    def _snapshots(self) -> Snapshots:
        return Snapshots(self._home / "snapshot")


def _newer(extract: Extract, manifest: Manifest) -> bool:
    origin = extract.origin
    return origin.ts_kind == "business" and origin.ts_ms > manifest.business_ms > 0


def _unexpected(error: Exception) -> str:
    return f"internal error: {described(error)}\n  → report it with the version of Banyan"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
