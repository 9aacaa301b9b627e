"""Faust's transport of ours: one Faust event for each (partition, fetched batch) (DESIGN 4.2 and 6).

Stock Faust runs four asyncio tasks an event, which costs it a factor of thirty. Here a Faust event
carries a `Batch`. Everything else is Faust's: app, agents, group membership, flow control, life cycle.
URL: `banyan://host:port`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import aiokafka
from aiokafka.consumer import fetcher
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from faust.serializers.schemas import Schema
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage
from faust.types.tuples import ack_lock
from mode.utils.futures import notify

from streams.batch import Batch

#: The broker holds an empty fetch for so long. Stock Faust waits 1.5 s, which an idle flow pays as
#: latency only when data and fetch miss each other; 0.5 s keeps 14 idle consumers at 28 requests a second.
_FETCH_WAIT_MS = 500


def _raw(value: bytes | None) -> bytes | None:
    """Marks a consumer of ours: its records are handed on as the parser made them."""
    return value


def _hand_on_parsed_records() -> None:
    """Let aiokafka skip its `ConsumerRecord` for consumers marked by `_raw`.

    It makes one of eleven fields for each record, a third of all interpreter time of a fetch, of which a
    batch needs four fields that the parser's own object has. Other consumers are not affected.
    """
    whole = fetcher.PartitionRecords._consumer_record  # noqa: SLF001 - there is no public place for it

    def record(self: Any, tp: Any, parsed: Any) -> Any:
        return parsed if self._value_deserializer is _raw else whole(self, tp, parsed)

    fetcher.PartitionRecords._consumer_record = record  # noqa: SLF001


_hand_on_parsed_records()


class BatchSchema(Schema[Any, Any]):
    """Hands the batch through: decoding is the projection's work, by column."""

    def compile(self, app: Any, **_: Any) -> Any:
        """Return the coroutine function that makes a Faust event of a message."""

        async def decode(message: Any, *, propagate: bool = False) -> Any:
            return app.create_event(None, message.value, message.headers, message)

        return decode


class BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that talks to Kafka."""

    #: Narrower than Faust's types: this thread serves a `BatchConsumer` of a `ProjectionApp`.
    consumer: Any
    app: Any

    def _create_worker_consumer(self, transport: Any) -> Any:
        conf = self.app.conf
        # aiokafka keeps the assignment on the class: each app needs a class of its own.
        sticky = type("Sticky", (StickyPartitionAssignor,), {"member_assignment": None})
        self._assignor = sticky
        return aiokafka.AIOKafkaConsumer(
            **self.app.connection,
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            # Partitions stay where they are if they can; the second is for other clients in the group.
            partition_assignment_strategy=[sticky, RoundRobinPartitionAssignor],
            value_deserializer=_raw,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            # Faust reads uncommitted unless its own exactly-once is on: aborted records would show.
            isolation_level="read_committed",
            max_poll_records=conf.broker_max_poll_records,
            max_poll_interval_ms=int((conf.broker_max_poll_interval or 300) * 1000),
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            check_crcs=conf.broker_check_crcs,
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
            connections_max_idle_ms=conf.consumer_connections_max_idle_ms,
        )

    async def seek_stored(self, offsets: Mapping[TP, int]) -> None:
        """Seek to stored offsets and start a new epoch: what was fetched before is stale."""
        await self.call_thread(self._seek_stored, offsets)

    async def _seek_stored(self, offsets: Mapping[TP, int]) -> None:
        consumer = self._ensure_consumer()
        for tp, offset in offsets.items():
            consumer.seek(driver.ensure_aiokafka_TP(tp), offset)
            self.consumer.handed[tp] = offset
        self.consumer.epoch += 1

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's signature
        max_records: int | None = None,
    ) -> Any:
        epoch = self.consumer.epoch
        fetched = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        state = consumer._subscription.subscription  # noqa: SLF001 - Faust itself reads it there
        if state is None:
            return {}
        if epoch != self.consumer.epoch:
            # A seek came while this waited, so what was fetched may stand before or after it, and the
            # position is beyond: go back to the seek, or these records would never be handed out.
            for tp in fetched:
                place = TP(tp.topic, tp.partition)
                if tp in state.assignment.tps and place in self.consumer.handed:
                    consumer.seek(tp, self.consumer.handed[place])
            return {}
        batches = {}
        for tp, records in fetched.items():
            end = state.assignment.state_value(tp).position
            place = TP(tp.topic, tp.partition)
            start = self.consumer.handed.get(place, records[0].offset)
            self.consumer.handed[place] = end
            batches[place] = Batch.of(
                records, topic=tp.topic, partition=tp.partition, epoch=epoch, start=start, end=end
            )
        return batches

    async def positions(self, places: Iterable[TP]) -> dict[TP, int]:
        """Return the next offset that each partition would be fetched from."""
        result: dict[TP, int] = await self.call_thread(self._positions, list(places))
        return result

    async def _positions(self, places: list[TP]) -> dict[TP, int]:
        consumer = self._ensure_consumer()
        assigned = consumer.assignment()
        wanted = [driver.ensure_aiokafka_TP(tp) for tp in places]
        return {TP(tp.topic, tp.partition): await consumer.position(tp) for tp in wanted if tp in assigned}

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Leave supervision to the worker, which compares positions with the last stable offset."""


class BatchConsumer(driver.Consumer):
    """Faust's consumer with batches for messages and the read model for offsets."""

    app: Any
    _thread: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        #: By partition: where the last batch that was handed out ended, or the seek before it.
        self.handed: dict[TP, int] = {}
        #: Raised by every seek. A batch with an older one is dropped by the engine.
        self.epoch = 0
        # By partition: the position after the last batch that is in the read model.
        self._done: dict[TP, int] = {}

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek to the offsets stored with the rows; what Kafka has committed is for lag tools only."""
        places = {TP(tp.topic, tp.partition) for tp in self.assignment()}
        stored: Mapping[TP, int] = await self.app.stored_offsets(places)
        self._done = dict(stored)
        await self._thread.seek_stored(stored)
        return stored

    async def positions(self) -> dict[TP, int]:
        """Return the fetch position of each assigned partition."""
        positions: dict[TP, int] = await self._thread.positions(self.assignment())
        return positions

    async def _drain_messages(self, fetching: Any) -> None:
        try:
            while not (self.should_stop or fetching.should_stop):
                fetched, _ = await self._wait_next_records(timeout=1.0)
                # A loop of immediate answers would starve everything else on this event loop.
                await asyncio.sleep(0)
                batches: Any = fetched or {}
                for tp, batch in batches.items():
                    if batch.epoch != self.epoch or not self.flow_active:
                        break  # Faust seeks before it lets the flow go on, so nothing is lost
                    # Waits while the agent's buffer is full: this is the back-pressure.
                    await self.wait_first(self.callback(self._message(tp, batch)), self.suspend_flow.wait())
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise
        except asyncio.CancelledError:
            if not self.app.should_stop:
                raise

    def _message(self, tp: TP, batch: Any) -> ConsumerMessage:
        last = len(batch) - 1
        return ConsumerMessage(
            batch.topic,
            batch.partition,
            int(batch.offsets[last]),
            batch.timestamps[last] / 1000.0,
            0,
            None,
            None,
            batch,
            None,
            tp=tp,
            generation_id=self.app.consumer_generation_id,
        )

    def ack(self, message: Any) -> bool:
        """Note that a batch is done. Gaps between offsets mean nothing here, so they cannot stall commits."""
        with ack_lock:
            if message.acked:
                return False
            message.acked = True
            self._unacked_messages.discard(message)
            if message.value.epoch == self.epoch:
                self._done[message.tp] = message.value.end
        notify(self._waiting_for_ack)
        return True

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return (tp for tp in list(self._done) if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        return self._done.get(tp)


class NoProducer(driver.Producer):
    """A projection publishes nothing through Faust, so no connection is made for it."""

    async def on_start(self) -> None:
        """Connect nowhere."""

    async def on_stop(self) -> None:
        """Nothing was opened."""

    async def flush(self) -> None:
        """Nothing waits."""


class BatchTransport(driver.Transport):
    """The transport behind `banyan://`."""

    Consumer = BatchConsumer
    Producer = NoProducer
    default_port = 9092
    driver_version = f"banyan (aiokafka={aiokafka.__version__})"
