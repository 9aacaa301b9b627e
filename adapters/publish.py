"""Phase 2: send a spool in Kafka transactions that carry their own progress (DESIGN 10.2).

Kafka is the only commit point. Each transaction holds events and the spool position after them; the
last one also END, the lifecycle event and the new snapshot's id. Whatever dies, the next publisher
fences this one, reads the state `read_committed` and goes on at the position that it names.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from adapters import state as adapter_state
from adapters.ahead import ahead
from adapters.dead_letter import kafka_headers
from adapters.lifecycle import LifecycleEvent
from adapters.marks import BeginMark, CollectionCount, EndMark
from adapters.spool import Manifest, Piece, Spool
from adapters.state import AdapterState, Offsets
from connectors.kafka import TRANSACTION_MS, BrokerUnavailable, Fenced, TransactionalProducer
from connectors.links import Links
from schemas.errors import BanyanError

#: A transaction's readers see nothing before its commit, so it must stay short; a commit costs about
#: 60 ms, so 50,000 events (an eighth of a second of sending) lose little to it.
TRANSACTION_EVENTS = 50_000
#: On a slow line the time bounds it. The broker gives up at 60 s (connectors.kafka.TRANSACTION_MS).
TRANSACTION_SECONDS = 10.0


class Publisher:
    """The one writer of an adapter's topics. Making it fences any older one and reads the state."""

    def __init__(self, links: Links, adapter: str, *, transaction_events: int = TRANSACTION_EVENTS) -> None:
        self._links = links
        self._adapter = adapter
        self._events = transaction_events
        self._producer = TransactionalProducer(links.kafka, f"{links.prefix}.{adapter}")
        try:
            self.state = adapter_state.read(links, adapter)
        except BanyanError:
            self._producer.close()
            raise

    def __repr__(self) -> str:
        return f"<Publisher {self._adapter}>"

    def close(self) -> None:
        """Free the producer. An open transaction is aborted by the next publisher or by its time-out."""
        self._producer.close()

    def unfinished(self, spools: Path) -> Spool | None:
        """Return the spool that was half published, if there is one.

        Raises:
            Terminal: it is not on this host.
        """
        return None if self.state.done else Spool(spools / self.state.spool)

    def publish(
        self,
        spool: Spool,
        *,
        read_from_ms: int,
        superseded: Iterable[str] = (),
        stop: threading.Event | None = None,
    ) -> AdapterState:
        """Send the spool from its committed position on; return the state after its last transaction.

        Args:
            spool: what to send; its base must be the committed snapshot.
            read_from_ms: when reading the source began (goes into END).
            superseded: ids of held and failed extracts that this one replaces (10.3).
            stop: once set, no further transaction is begun; the state then says that it is not done.

        Raises:
            Transient: the transaction is undecided or aborted. Make a new Publisher and go on.
            Fenced: a newer publisher took over.
        """
        resumed = not self.state.done and self.state.spool == spool.id
        replaced = tuple(dict.fromkeys([*superseded, *(self.state.superseded if resumed else ())]))
        position = self.state.position if resumed else 0
        offsets: Offsets = self.state.offsets if resumed else {}
        while True:
            with self._transaction():
                first = position == 0
                position = self._send(spool, position)
                offsets = _merge(offsets, self._producer.flush())
                # Marks and state come last: an open transaction holds back all readers of the shared topics.
                if first:
                    self._begin_mark(spool.manifest)
                    self._lifecycle(self._completed(spool.manifest))
                if position == spool.manifest.rows:
                    state = self._end(spool, offsets, read_from_ms, replaced)
                else:
                    state = self._progress(spool, position, offsets, replaced)
                self._put_state(state)
            self.state = state
            if state.done or (stop is not None and stop.is_set()):
                return state

    def publish_letters(self, spool: Spool) -> None:
        """Send the dead letters of the held extract and nothing else of it, each once.

        Raises:
            Transient: the transaction is undecided or aborted. Make a new Publisher and go on.
            Fenced: a newer publisher took over.
        """
        first, rows = spool.manifest.letters_from, spool.manifest.rows
        while (held := self.state.held) is not None and first + held.letters < rows:
            with self._transaction():
                sent = self._send(spool, first + held.letters) - first
                self._producer.flush()
                state = self.state.model_copy(update={"held": held.model_copy(update={"letters": sent})})
                self._put_state(state)
            self.state = state

    def tell(self, *events: LifecycleEvent, state: AdapterState | None = None) -> None:
        """Put lifecycle events, and a new state if there is one, in a transaction of their own."""
        with self._transaction():
            self._lifecycle(events)
            if state is not None:
                self._put_state(state)
        self.state = state or self.state

    def heartbeat(self, manifest: Manifest, *, read_from_ms: int) -> None:
        """Say that a poll found nothing new, so "complete to" moves on; what it is to remember is kept."""
        state = self.state
        if manifest.memory is not None:
            state = state.model_copy(update={"memory": manifest.memory})
        with self._transaction():
            self._end_mark(manifest, {}, read_from_ms)
            if state.memory != self.state.memory:
                self._put_state(state)
        self.state = state

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        began = time.time()
        self._producer.begin()
        try:
            yield
            self._producer.flush()
            self._producer.commit()
        except Fenced as error:
            # A coordinator that ends a silent transaction fences its producer just as a newer one does.
            if time.time() - began < TRANSACTION_MS / 1000:
                raise
            raise BrokerUnavailable("the transaction timed out", where=error.where) from error
        except BaseException:
            # Leave no open transaction behind; where that fails too, the broker's time-out ends it.
            with suppress(BanyanError):
                self._producer.abort()
            raise

    def _send(self, spool: Spool, position: int) -> int:
        deadline = time.monotonic() + TRANSACTION_SECONDS
        for piece in ahead(spool.pieces(position, self._events)):
            if piece.headers is None:
                self._producer.send_column(piece.topic, piece.partition, piece.key, piece.value)
            else:
                self._send_dead_letters(piece, piece.headers.to_pylist())
            position += len(piece.value)
            if time.monotonic() > deadline:
                break
        return position

    def _send_dead_letters(self, piece: Piece, headers: list[bytes | None]) -> None:
        values = piece.value.to_pylist()
        for partition, value, header in zip(piece.partition.tolist(), values, headers, strict=True):
            self._producer.send(piece.topic, partition, None, value, kafka_headers(header or b"{}"))

    def _progress(
        self, spool: Spool, position: int, offsets: Offsets, superseded: tuple[str, ...]
    ) -> AdapterState:
        return self.state.model_copy(
            update={
                "extract": spool.manifest.extract,
                "spool": spool.id,
                "position": position,
                "offsets": offsets,
                "superseded": superseded,
                "done": False,
            }
        )

    def _end(
        self, spool: Spool, offsets: Offsets, read_from_ms: int, superseded: tuple[str, ...]
    ) -> AdapterState:
        manifest = spool.manifest
        held = self.state.held
        if held and (held.extract == manifest.extract or held.extract in superseded):
            held = None
        at_ms = _now_ms()
        self._end_mark(manifest, offsets, read_from_ms)
        self._lifecycle(
            [
                *(
                    LifecycleEvent(
                        adapter=self._adapter,
                        extract=extract,
                        state="superseded",
                        at_ms=at_ms,
                        reason=f"by {manifest.extract}",
                    )
                    for extract in superseded
                ),
                LifecycleEvent(
                    adapter=self._adapter,
                    extract=manifest.extract,
                    state="committed",
                    at_ms=at_ms,
                    file=manifest.file,
                    counts=manifest.counts,
                    nulled=manifest.nulled,
                    problems=manifest.problems,
                ),
            ]
        )
        # A poll's id never comes back, so only files need to be known again.
        finished = superseded if manifest.file is None else (*superseded, manifest.extract)
        state = self.state
        mended = state.blocked and (
            state.blocked.extract == manifest.extract
            or (manifest.file is not None and state.blocked.file == manifest.file)
            or (manifest.sequence is not None and state.blocked.sequence == manifest.sequence)
        )
        numbers = [n for n in (state.sequence, manifest.sequence) if n is not None]
        return state.model_copy(
            update={
                "extract": manifest.extract,
                "spool": spool.id,
                "position": manifest.rows,
                "offsets": offsets,
                "done": True,
                "superseded": (),
                "snapshot": manifest.snapshot,
                "schemas": {e.topic: (e.key_id, e.value_id) for e in manifest.entities.values()},
                "known": state.remember(*finished),
                "held": held,
                "ts_ms": max(state.ts_ms, manifest.business_ms),
                "letters": manifest.letters,
                "secret": manifest.secret,
                "memory": state.memory if manifest.memory is None else manifest.memory,
                "blocked": None if mended else state.blocked,
                "sequence": max(numbers, default=None),
                "again": tuple(e for e in state.again if e != manifest.extract),
                "unarchived": state.unarchived if manifest.file is None else state.lie(*finished),
            }
        )

    def _completed(self, manifest: Manifest) -> list[LifecycleEvent]:
        """Say that a file was read to its end; of one that was held it was said then."""
        held = self.state.held
        if manifest.file is None or (held is not None and held.extract == manifest.extract):
            return []
        return [
            LifecycleEvent.now(
                self._adapter,
                manifest.extract,
                "completed",
                file=manifest.file,
                counts=manifest.counts,
                sequence=manifest.sequence,
            )
        ]

    def _begin_mark(self, manifest: Manifest) -> None:
        mark = BeginMark(
            id=manifest.extract, ts_ms=_now_ms(), adapter=self._adapter, extract=manifest.extract
        )
        self._mark(mark)

    def _end_mark(self, manifest: Manifest, offsets: Offsets, read_from_ms: int) -> None:
        self._mark(
            EndMark(
                id=manifest.extract,
                event_count=manifest.events,
                data_collections=tuple(
                    CollectionCount(data_collection=e.collection, event_count=e.events)
                    for e in manifest.entities.values()
                    if e.events
                ),
                ts_ms=_now_ms(),
                adapter=self._adapter,
                extract=manifest.extract,
                offsets=offsets,
                read_from_ms=read_from_ms,
                origin_ts_ms=manifest.ts_ms,
                ts_kind=manifest.ts_kind,
            )
        )

    def _mark(self, mark: BeginMark | EndMark) -> None:
        text = mark.model_dump_json().encode()
        self._producer.send(self._links.topics.transaction.name, 0, self._adapter.encode(), text)

    def _lifecycle(self, events: Iterable[LifecycleEvent]) -> None:
        for event in events:
            self._producer.send(self._links.topics.lifecycle.name, 0, self._adapter.encode(), event.encode())

    def _put_state(self, state: AdapterState) -> None:
        text = state.model_dump_json().encode()
        self._producer.send(self._links.topics.adapter_state.name, 0, self._adapter.encode(), text)


def _merge(offsets: Offsets, sent: dict[tuple[str, int], int]) -> Offsets:
    merged = {topic: dict(partitions) for topic, partitions in offsets.items()}
    for (topic, partition), offset in sent.items():
        merged.setdefault(topic, {})[str(partition)] = offset
    return merged


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
