"""Verdicts to Kafka, off the caller's path, and their counts back from it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from connectors.links import Links
from schemas.errors import Terminal
from strangler.tail import RETRY_SECONDS, being_cancelled, reachable, tail
from strangler.verdict_keys import Keys
from strangler.verdict_record import VerdictRecord

log = logging.getLogger(__name__)
#: Verdicts that wait while Kafka is away: about 5 MB. What comes on top is lost and counted, for a lost
#: verdict only makes the evidence smaller.
WAITING: Final = 10_000
#: Records sent before their acknowledgements are awaited.
BATCH: Final = 500


class Counts:
    """Verdicts of one operation, as the topic has them: of every façade, and from before a restart."""

    def __init__(self) -> None:
        self.verdicts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.keys = Keys()

    def add(self, record: VerdictRecord) -> None:
        """Count one more."""
        self.verdicts[record.verdict.kind.value] += 1
        self.keys.add(record)
        if record.verdict.reason:
            self.reasons[record.verdict.reason] += 1


class VerdictLog:
    """Publishes verdicts and counts what is on the topic.

    A record whose acknowledgement fails is not sent again (it may have been written), so a verdict is
    counted at most once; `lost` says how many may be missing.
    """

    def __init__(self, links: Links) -> None:
        self._links = links
        self._queue: asyncio.Queue[VerdictRecord] = asyncio.Queue(WAITING)
        self.counts: dict[str, Counts] = {}
        self.lost = 0

    @property
    def waiting(self) -> int:
        """Verdicts not yet handed to Kafka."""
        return self._queue.qsize()

    def publish(self, record: VerdictRecord) -> None:
        """Queue a verdict; returns at once."""
        try:
            self._queue.put_nowait(record)
        except asyncio.QueueFull:
            self.lost += 1

    async def run(self) -> None:
        """Publish and count until cancelled."""
        await asyncio.gather(
            self._publish(),
            tail(self._links, self._links.topics.verdicts, self._count, restarted=self.counts.clear),
        )

    def _count(self, key: bytes | None, value: bytes | None) -> None:
        try:
            record = VerdictRecord.from_bytes(value or b"")
        except Terminal:
            log.warning("a record of the verdicts topic cannot be read; it is not counted")
            return
        self.counts.setdefault(record.operation, Counts()).add(record)

    async def _publish(self) -> None:
        while True:
            try:
                if await reachable(self._links):
                    await self._publish_connected()
            except (KafkaError, OSError, TimeoutError, asyncio.CancelledError) as error:
                if being_cancelled():
                    raise
                log.debug("verdicts: %s; next try in %s s", type(error).__name__, RETRY_SECONDS)
            await asyncio.sleep(RETRY_SECONDS)

    async def _publish_connected(self) -> None:
        producer: Any = AIOKafkaProducer(
            **self._links.kafka.aiokafka(), enable_idempotence=True, compression_type="lz4", linger_ms=5
        )
        try:
            await producer.start()
            while True:
                await self._publish_batch(producer, await self._batch())
        finally:
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(2.0):
                    await producer.stop()

    async def _publish_batch(self, producer: Any, batch: list[VerdictRecord]) -> None:
        topic, sent = self._links.topics.verdicts.name, []
        try:
            for record in batch:
                key, value = record.operation.encode(), record.to_bytes()
                sent.append(await producer.send(topic, value, key, partition=0))
        finally:
            done = await asyncio.gather(*sent, return_exceptions=True)
            failed = len(batch) - len(sent) + sum(isinstance(r, BaseException) for r in done)
            if failed:
                self.lost += failed
                log.warning("%d verdicts were not acknowledged by Kafka; they do not count", failed)

    async def _batch(self) -> list[VerdictRecord]:
        batch = [await self._queue.get()]
        while len(batch) < BATCH and not self._queue.empty():
            batch.append(self._queue.get_nowait())
        return batch
