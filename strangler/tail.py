"""Follow an internal topic for as long as the process lives, through every pause of Kafka."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from connectors.admin import Admin
from connectors.links import Links
from schemas.errors import BanyanError
from schemas.topics import Topic

log = logging.getLogger(__name__)
#: Pause before the next try while Kafka is away: short, because a stage change waits for it.
RETRY_SECONDS: Final = 0.5
#: How often the reader's place is held against the log's end. A consumer that died quietly after a broker's
#: blip shows only there (DESIGN 6), and is replaced.
CHECK_SECONDS: Final = 5.0


async def tail(
    links: Links,
    topic: Topic,
    handle: Callable[[bytes | None, bytes | None], None],
    *,
    caught_up: Callable[[], None] = lambda: None,
    restarted: Callable[[], None] = lambda: None,
) -> None:
    """Call `handle(key, value)` for each committed record from the topic's beginning on; never returns.

    Args:
        links: how to reach Kafka.
        topic: a topic of one partition; made if it is not there.
        handle: takes one record; must not raise.
        caught_up: called when the log's end, as it was at the start, has been reached.
        restarted: called before the topic is read from its beginning once more.
    """
    while True:
        restarted()
        try:
            await _ensure(links, topic)
            await _follow(links, topic.name, handle, caught_up)
        except (KafkaError, BanyanError, OSError, TimeoutError, asyncio.CancelledError) as error:
            if being_cancelled():
                raise
            log.debug("%s: %s; next try in %s s", topic.name, type(error).__name__, RETRY_SECONDS)
        await asyncio.sleep(RETRY_SECONDS)


def being_cancelled() -> bool:
    """Return whether somebody wants the present task to end.

    A dying aiokafka client cancels its own futures, and whoever waits for one gets a CancelledError that
    nobody meant for him. Taken at its word it would end this process's view of Kafka for good.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def reachable(links: Links) -> bool:
    """Return whether a bootstrap server takes connections.

    Asked before a blocking client is used, which would hold its thread (and the end of the process) for
    half a minute.
    """
    for server in links.kafka.bootstrap.split(","):
        host, _, port = server.strip().rpartition(":")
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(2.0):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            writer.close()
            return True
    return False


async def _ensure(links: Links, topic: Topic) -> None:
    if not await reachable(links):
        raise ConnectionError("no bootstrap server takes connections")
    await asyncio.to_thread(lambda: Admin(links.kafka).ensure([topic]))


async def _follow(
    links: Links,
    topic: str,
    handle: Callable[[bytes | None, bytes | None], None],
    caught_up: Callable[[], None],
) -> None:
    place = TopicPartition(topic, 0)
    consumer: Any = AIOKafkaConsumer(
        **links.kafka.aiokafka(),
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=200,
    )
    try:
        await consumer.start()
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        end, checked, behind, seen_end = await _end(consumer, place), time.monotonic(), -1, False
        while True:
            for records in (await consumer.getmany(place, timeout_ms=100)).values():
                for record in records:
                    handle(record.key, record.value)
            async with asyncio.timeout(CHECK_SECONDS):
                position = await consumer.position(place)
            if not seen_end and position >= end:
                seen_end = True
                caught_up()
            if time.monotonic() - checked > CHECK_SECONDS:
                end, checked = await _end(consumer, place), time.monotonic()
                if position < end and position == behind:
                    raise TimeoutError("the consumer has stopped to move")
                behind = position if position < end else -1
    finally:
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(2.0):
                await consumer.stop()


async def _end(consumer: Any, place: Any) -> int:
    async with asyncio.timeout(CHECK_SECONDS):
        ends = await consumer.end_offsets([place])
    return int(ends[place])
