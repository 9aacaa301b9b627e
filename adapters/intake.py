"""What becomes of each extract that a look shows: taken in its turn, prepared, published, held, failed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import structlog

from adapters.arriving import Arriving
from adapters.channel import Channel
from adapters.extract import Adapter, Extract, NotYet
from adapters.holding import Holding
from adapters.lifecycle import ExtractState, LifecycleEvent
from adapters.orders import Orders
from adapters.prepare import prepare
from adapters.publish import Publisher
from adapters.remembering import Remembering, began_ms
from adapters.samples import samples
from adapters.snapshot import Snapshots
from adapters.spec import AdapterSpec
from adapters.spool import Manifest, Spool, keep_spools
from adapters.state import Blocked
from adapters.status import AdapterStatus
from adapters.turn import fault_of, number_of, superseded, turn
from adapters.watching import tell_drift
from connectors.key_secret import key_secret
from connectors.links import Links
from schemas.errors import BanyanError, Terminal, described

#: So often one file may meet an unexpected error, and so long it pauses after the first (doubled then),
#: before it is failed: enough for a moment's shortage of memory, short for the files behind it.
_ATTEMPTS, _PAUSE = 3, 0.5

#: Of so many files that wait the next process knows that it was told; a record on Kafka has a limit.
_REMEMBERED = 200

log = structlog.get_logger("banyan.adapter")

Channels = Callable[[], Mapping[str, Channel]]


class Stopped(Exception):
    """Told to stop between two transactions: no error, the next start goes on at the spool position."""


class Intake:
    """One adapter's extracts, and what this process remembers of them between two looks."""

    def __init__(
        self,
        spec: AdapterSpec,
        links: Links,
        status: AdapterStatus,
        *,
        stop: threading.Event,
        heartbeat_seconds: float,
    ) -> None:
        self._spec, self._links, self._status, self._stop = spec, links, status, stop
        self._heartbeat_seconds = heartbeat_seconds
        self._home = links.state / "adapters" / spec.name
        self._holding = Holding(links, spec.name, self.spools)
        self._orders = Orders(links, spec.name)
        self._orders_from = -1
        #: Extracts that failed in this process, oldest first: a newer full one supersedes them.
        self._failed: dict[str, Extract] = {}
        #: File name → the extract it held last, where files stay in their folder.
        self._read: dict[str, str] = {}
        self._stays = bool(getattr(spec, "read_only", False))
        #: What was told last of an extract that waits or is refused, so that a look does not tell it again.
        self._waits: dict[str, str] = {}
        self._resumed = False
        #: What is true already and is told with what comes next.
        self._later: list[LifecycleEvent] = []
        self._told = ""
        #: Extracts of the last look that were told to have started.
        self._started: set[str] = set()
        #: The state holds something that is not written down yet; it may wait for the next transaction.
        self._dirty = False
        self._last_beat = float("-inf")

    def __repr__(self) -> str:
        return f"<Intake {self._spec.name}>"

    @property
    def spools(self) -> Path:
        """Folder of the adapter's spools."""
        return self._home / "spool"

    @cached_property
    def snapshots(self) -> Snapshots:
        """The adapter's snapshots; one object, which has a thread."""
        return Snapshots(self._home / "snapshot")

    def look(self, adapter: Adapter, publisher: Publisher, channels: Channels) -> None:
        """Do what people have ordered, then take what waits at the source.

        Args:
            adapter: the source.
            publisher: the adapter's publisher.
            channels: opens each entity's way to Kafka; what it raises as Terminal fails the extract.

        Raises:
            Transient: source, Kafka or registry do not answer.
            Stopped: told to stop.
        """
        if not self._resumed:
            self._waits |= publisher.state.waits
            self._resumed = True
        self._settle_held(publisher)
        self._obey(adapter, publisher)
        tell_drift(adapter, publisher, self._status)
        if isinstance(adapter, Remembering):
            # Kafka is the authority: a person may have approved, rejected or skipped since the last look.
            adapter.resume(publisher.state.memory, self._home, first=not publisher.state.snapshot)
        seen: set[str] = set()
        stuck = ""
        try:
            for extract in adapter.poll():
                if self._stop.is_set():
                    break
                if not seen:
                    self._tell_windows(adapter, publisher)
                seen.add(extract.id)
                stuck = self._take(adapter, publisher, channels, extract, stuck) or stuck
            else:
                self._look_ended(publisher, seen)
        finally:
            # A place that does not answer all morning is a file that is late, too.
            if not seen:
                with suppress(BanyanError):
                    self._tell_windows(adapter, publisher)
        if self._later or self._dirty:
            self._say(publisher)

    def resume(self, publisher: Publisher, spool: Spool) -> None:
        """Publish the rest of a spool that an earlier process has half published."""
        self._publish(publisher, spool, spool.manifest.arrival_ms)

    def tidy(self, publisher: Publisher) -> None:
        """Remove what the state in Kafka no longer names; runs only after a commit or at the start."""
        state = publisher.state
        held = state.held
        keep_spools(self.spools, [held.spool] if held else [])
        self.snapshots.keep([s for s in (state.snapshot, held.snapshot if held else "") if s])

    def tell(self, publisher: Publisher, extract: str, state: ExtractState, **more: object) -> None:
        """Put one event on record, with what was left to be told."""
        self._say(publisher, LifecycleEvent.now(self._spec.name, extract, state, **more))

    def _take(
        self,
        adapter: Adapter,
        publisher: Publisher,
        channels: Channels,
        extract: Extract,
        stuck: str,
    ) -> str:
        """Take one extract as far as it goes now; return why parts behind it must wait, if they must."""
        file = extract.origin.file
        before = self._read.get(file, "") if file is not None else ""
        if self._stays and file is not None:
            self._read[file] = extract.id
        its = turn(extract, publisher.state, failed=self._failed, stuck=stuck, older=self._spec.guard.older)
        if its.kind == "known":
            self._known(adapter, publisher, extract, before)
        elif its.kind == "wait":
            self._wait(publisher, extract, its.reason)
            return its.reason if extract.partial else ""
        elif its.kind == "refuse":
            self._refuse(publisher, extract, its.reason)
            return its.reason if extract.partial and fault_of(extract) else ""
        elif its.kind == "pass":
            self._pass_over(adapter, publisher, extract, its.reason)
        elif its.kind == "take":
            return self._read_and_settle(adapter, publisher, channels, extract, its.doubts)
        elif extract.partial:
            return f"{file or extract.id} before it in the sequence is not done"
        return ""

    def _read_and_settle(
        self,
        adapter: Adapter,
        publisher: Publisher,
        channels: Channels,
        extract: Extract,
        doubts: tuple[str, ...],
    ) -> str:
        read_from_ms = began_ms(extract) or _now_ms()
        file = extract.origin.file
        part = f"{file or extract.id} before it in the sequence is not done" if extract.partial else ""
        try:
            if file is not None and extract.id not in self._started:
                facts = {"file": file, "sequence": number_of(extract)}
                begun: tuple[ExtractState, ...] = ("started", "reading")
                events = [LifecycleEvent.now(self._spec.name, extract.id, s, **facts) for s in begun]
                self._say(publisher, *events)
                self._started.add(extract.id)
            ways = channels()
            spool = self._prepare(publisher, ways, extract, doubts)
        except NotYet as error:
            self._wait(publisher, extract, error.what)
            return part
        except Terminal as error:
            self._fail(publisher, extract, error)
            return part
        if spool.manifest.hold:
            self._hold(publisher, spool, ways)
            return part
        self._settle(publisher, spool, read_from_ms)
        self._put_away(adapter, publisher, extract)
        return ""

    def _prepare(
        self,
        publisher: Publisher,
        channels: Mapping[str, Channel],
        extract: Extract,
        doubts: tuple[str, ...],
    ) -> Spool:
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
                    snapshots=self.snapshots,
                    base=publisher.state.snapshot,
                    spools=self.spools,
                    dead_letters=self._links.topics.dlq(self._spec.system).name,
                    secret=self._secret,
                    told=publisher.state.letters,
                    doubts=doubts,
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
                if self._stop.wait(_PAUSE * 2 ** (attempt - 1)):
                    raise Stopped from error
                attempt += 1

    @property
    def _secret(self) -> bytes:
        return key_secret(self._links.state / "secrets")

    def _settle(self, publisher: Publisher, spool: Spool, read_from_ms: int) -> None:
        manifest = spool.manifest
        quiet = manifest.file is None and not manifest.rows and manifest.snapshot == manifest.base
        if not quiet or superseded(manifest, publisher.state, self._failed):
            self._publish(publisher, spool, read_from_ms)
        elif self._news(publisher, manifest) or self._beat_due:
            publisher.heartbeat(manifest, read_from_ms=read_from_ms)
            self._last_beat = time.monotonic()
        self.tidy(publisher)

    @property
    def _beat_due(self) -> bool:
        return time.monotonic() - self._last_beat >= self._heartbeat_seconds

    def _news(self, publisher: Publisher, manifest: Manifest) -> bool:
        """Whether a poll without events has something to remember: messages that changed nothing."""
        return manifest.memory is not None and manifest.memory != publisher.state.memory

    def _publish(self, publisher: Publisher, spool: Spool, read_from_ms: int) -> None:
        replaced = superseded(spool.manifest, publisher.state, self._failed)
        if (held := publisher.state.held) and held.extract in replaced:
            self._holding.let_go(publisher, spool.manifest)
        state = publisher.publish(spool, read_from_ms=read_from_ms, superseded=replaced, stop=self._stop)
        if not state.done:
            raise Stopped
        self._replaced(replaced)
        self._status.committed.append(spool.manifest.extract)
        self._last_beat = time.monotonic()
        log.info(
            "extract committed",
            adapter=self._spec.name,
            extract=spool.manifest.extract,
            **spool.manifest.counts,
        )

    def _hold(self, publisher: Publisher, spool: Spool, channels: Mapping[str, Channel]) -> None:
        replaced = superseded(spool.manifest, publisher.state, self._failed)
        shown = samples(spool, channels, self._secret)
        if self._holding.hold(publisher, spool, replaced, shown):
            self._replaced(replaced)
            self._status.held.append(spool.manifest.extract)
        self.tidy(publisher)

    def _replaced(self, replaced: list[str]) -> None:
        for extract in replaced:
            self._failed.pop(extract, None)

    def _settle_held(self, publisher: Publisher) -> None:
        if publisher.state.held is None:
            return
        if (approved := self._holding.settle(publisher)) is not None:
            self._publish(publisher, approved, approved.manifest.arrival_ms)
        if publisher.state.held is None:
            self.tidy(publisher)

    def _fail(self, publisher: Publisher, extract: Extract, error: Terminal) -> None:
        """Put a failed extract on record. A file is tried again by a new process; a poll by the next one."""
        file, state = extract.origin.file, publisher.state
        if file is not None:
            self._failed[extract.id] = extract
        if file is not None or self._told != str(error):
            self._status.failed.append(extract.id)
            number = number_of(extract)
            event = LifecycleEvent.now(
                self._spec.name, extract.id, "failed", file=file, problems=(str(error),), sequence=number
            )
            blocked = Blocked(extract=extract.id, file=file, sequence=number)
            update: dict[str, object] = {"again": tuple(e for e in state.again if e != extract.id)}
            self._say(publisher, event, **update, **({"blocked": blocked} if extract.partial else {}))
            log.error("extract failed", adapter=self._spec.name, extract=extract.id, error=str(error))
        self._told = str(error) if file is None else self._told
        self.tidy(publisher)

    def _wait(
        self, publisher: Publisher, extract: Extract, reason: str, state: ExtractState = "waiting"
    ) -> None:
        """Say once why an extract is not taken now."""
        if extract.origin.file is None:
            return
        self._status.waiting[extract.origin.file] = reason
        if self._waits.get(extract.id) == reason:
            return
        self._waits[extract.id] = reason
        self.tell(
            publisher, extract.id, state, file=extract.origin.file, reason=reason, sequence=number_of(extract)
        )

    def _refuse(self, publisher: Publisher, extract: Extract, reason: str) -> None:
        """Say once why a file is not even read. It lies where it is until a person mends or moves it."""
        if extract.id not in self._status.failed:
            self._status.failed.append(extract.id)
            log.error("extract invalid", adapter=self._spec.name, extract=extract.id, error=reason)
        self._wait(publisher, extract, reason, "invalid")

    def _known(self, adapter: Adapter, publisher: Publisher, extract: Extract, before: str) -> None:
        """Put a file away that needs no more work; say so where nobody could know it."""
        if fault_of(extract):
            return
        if extract.id in publisher.state.unarchived:
            self._put_away(adapter, publisher, extract)
            return
        self._status.skipped += 1
        # In a folder that must not be touched a read file stays: it comes again only after another content.
        if not self._stays or before not in ("", extract.id):
            reason = "the same bytes under this name were taken before; nothing of it is published"
            self.tell(publisher, extract.id, "skipped", file=extract.origin.file, reason=reason)
        self._put_away(adapter, publisher, extract)

    def _pass_over(self, adapter: Adapter, publisher: Publisher, extract: Extract, reason: str) -> None:
        """Put an older full extract on record that arrives after a newer one was committed."""
        event = LifecycleEvent.now(
            self._spec.name, extract.id, "superseded", file=extract.origin.file, reason=reason
        )
        self._say(publisher, event, known=publisher.state.remember(extract.id))
        self._status.skipped += 1
        self._put_away(adapter, publisher, extract)

    def _put_away(self, adapter: Adapter, publisher: Publisher, extract: Extract) -> None:
        """Archive a settled extract's file. One that cannot be archived stays, and stops nobody."""
        file = extract.origin.file
        try:
            archived = adapter.done(extract)
        except (BanyanError, OSError) as error:
            if file is None:
                raise
            what = error.what if isinstance(error, BanyanError) else error.strerror
            self._wait(publisher, extract, f"it cannot be archived: {what}", "retrying")
            return
        self._dirty = self._waits.pop(extract.id, None) is not None or self._dirty
        if file is not None:
            self._status.waiting.pop(file, None)
            self._lies_no_more(publisher, extract.id)
        if archived:
            self._later.append(LifecycleEvent.now(self._spec.name, extract.id, "archived", file=file))

    def _lies_no_more(self, publisher: Publisher, extract: str) -> None:
        """Take an extract out of those that lie in their place; it is written down with what is told next."""
        left = tuple(e for e in publisher.state.unarchived if e != extract)
        self._dirty = self._dirty or left != publisher.state.unarchived
        publisher.state = publisher.state.model_copy(update={"unarchived": left})

    def _obey(self, adapter: Adapter, publisher: Publisher) -> None:
        """Carry out what people have ordered since the last look."""
        start = max(self._orders_from, publisher.state.orders_from)
        orders, self._orders_from = self._orders.new(start)
        for order in orders:
            if order.state == "skipped":
                self._skip(publisher, order)
            else:
                self._again(adapter, publisher, order)
        if orders:
            self._say(publisher, orders_from=self._orders_from)

    def _skip(self, publisher: Publisher, order: LifecycleEvent) -> None:
        state = publisher.state
        numbers = [n for n in (state.sequence, order.sequence) if n is not None]
        update: dict[str, object] = {"sequence": max(numbers, default=None)}
        if order.extract:
            self._failed.pop(order.extract, None)
            update |= {"known": state.remember(order.extract), "unarchived": state.lie(order.extract)}
        blocked = state.blocked
        if blocked and (blocked.extract == order.extract or blocked.sequence == order.sequence is not None):
            update["blocked"] = None
        if state.held is not None and state.held.extract == order.extract:
            self._holding.drop(publisher, refused=state.held.snapshot, **update)
            self.tidy(publisher)
        else:
            publisher.state = state.model_copy(update=update)
        log.warning("skipped on order", adapter=self._spec.name, extract=order.extract, by=order.by)

    def _again(self, adapter: Adapter, publisher: Publisher, order: LifecycleEvent) -> None:
        state = publisher.state
        self._failed.pop(order.extract, None)
        self._waits.pop(order.extract, None)
        self._started.discard(order.extract)
        if state.held is not None and state.held.extract == order.extract:
            return
        if isinstance(adapter, Arriving) and not adapter.recall(order.extract):
            log.info("its file is not in the archive", adapter=self._spec.name, extract=order.extract)
        publisher.state = state.model_copy(
            update={
                "known": tuple(e for e in state.known if e != order.extract),
                "again": (*(e for e in state.again if e != order.extract), order.extract),
                "refused": "",
            }
        )
        log.warning("processed again on order", adapter=self._spec.name, extract=order.extract, by=order.by)

    def _tell_windows(self, adapter: Adapter, publisher: Publisher) -> None:
        """Say which expected files came, are late or are missing."""
        if not isinstance(adapter, Arriving):
            return
        awaited, steps = adapter.windows(publisher.state.awaited, _now_ms())
        if awaited == publisher.state.awaited:
            return
        events = [
            LifecycleEvent.now(self._spec.name, "", s.state, due_ms=s.due_ms, reason=s.reason) for s in steps
        ]
        for step in steps:
            self._status.expected = step.reason if step.state in ("late", "missing") else ""
            if step.state in ("late", "missing"):
                log.warning(f"expected file {step.state}", adapter=self._spec.name, reason=step.reason)
        self._say(publisher, *events, awaited=awaited)

    def _look_ended(self, publisher: Publisher, seen: set[str]) -> None:
        """Draw the sum of a whole look: what an earlier process archived without a word is told now."""
        for extract in publisher.state.unarchived:
            if extract not in seen:
                if not self._stays:
                    file = extract.partition("-")[2]
                    gone = LifecycleEvent.now(self._spec.name, extract, "archived", file=file)
                    self._later.append(gone)
                self._lies_no_more(publisher, extract)
        for extract in [e for e in self._waits if e not in seen]:
            file = extract.partition("-")[2]
            reason = "it went away, or was replaced, before it was taken"
            event = LifecycleEvent.now(self._spec.name, extract, "skipped", file=file, reason=reason)
            if extract not in publisher.state.known:
                self._later.append(event)
            del self._waits[extract]
            self._status.waiting.pop(file, None)
        self._started &= seen

    def _say(self, publisher: Publisher, *events: LifecycleEvent, **update: object) -> None:
        """Tell events and a changed state in one transaction, with what was left to be told."""
        later = list(self._later)
        update["waits"] = dict(list(self._waits.items())[-_REMEMBERED:])
        publisher.tell(*later, *events, state=publisher.state.model_copy(update=update))
        del self._later[: len(later)]
        self._dirty = False


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
