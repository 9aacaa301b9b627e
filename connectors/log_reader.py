"""Read a topic from a place to its current end, then stop."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from connectors.kafka import ANSWER_SECONDS, BrokerUnavailable, Headers, KafkaSettings

#: Offset that stands for "the oldest record there is" (librdkafka's OFFSET_BEGINNING).
_BEGINNING = -2
_TURN_SECONDS = 0.2
_NO_TOPIC = {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC}  # noqa: SLF001


@dataclass(frozen=True, slots=True)
class Record:
    """One Kafka record with its place."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int


def read_all(
    settings: KafkaSettings,
    topic: str,
    *,
    read_committed: bool = True,
    start: Mapping[int, int] | None = None,
) -> Iterator[Record]:
    """Yield every record up to the end of each partition as it is met; nothing where there is no topic.

    Args:
        settings: how to reach Kafka.
        topic: the topic's name.
        read_committed: leave out aborted and unfinished transactions.
        start: first offset by partition; the oldest where a partition is not named.

    Raises:
        BrokerUnavailable: Kafka does not answer.
    """
    consumer = Consumer(
        settings.librdkafka()
        | {
            "group.id": f"banyan-read-{uuid.uuid4().hex}",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "isolation.level": "read_committed" if read_committed else "read_uncommitted",
            "fetch.wait.max.ms": 10,
        }
    )
    try:
        open_partitions = _partitions(consumer, topic)
        if not open_partitions:
            return
        places = [TopicPartition(topic, p, (start or {}).get(p, _BEGINNING)) for p in open_partitions]
        consumer.assign(places)
        silent = 0.0
        while open_partitions:
            # One first: asking for many waits the whole turn for them, also at the end of the topic.
            messages = consumer.consume(1, timeout=_TURN_SECONDS)
            messages += consumer.consume(10_000, timeout=0)
            silent = 0.0 if messages else silent + _TURN_SECONDS
            if silent > ANSWER_SECONDS:
                # A live broker answers at least with the end of the partition.
                raise BrokerUnavailable("Kafka fell silent while it was read", where=topic)
            for message in messages:
                if (error := message.error()) is None:
                    yield Record(
                        topic,
                        message.partition(),
                        message.offset(),
                        message.key(),
                        message.value(),
                        message.headers() or [],
                        message.timestamp()[1],
                    )
                elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001
                    open_partitions.discard(message.partition())
                else:
                    raise BrokerUnavailable(f"cannot read: {error.str()}", where=topic)
    finally:
        consumer.close()


def read_state(settings: KafkaSettings, topic: str) -> dict[bytes, bytes]:
    """Return the newest committed value of each key of a state topic; keys with a tombstone are left out."""
    state: dict[bytes, bytes] = {}
    for record in read_all(settings, topic):
        if record.key is None:
            continue
        if record.value is None:
            state.pop(record.key, None)
        else:
            state[record.key] = record.value
    return state


def _partitions(consumer: Consumer, topic: str) -> set[int]:
    try:
        metadata = consumer.list_topics(topic, timeout=ANSWER_SECONDS).topics[topic]
    except KafkaException as error:
        raise BrokerUnavailable(f"Kafka does not answer: {error.args[0].str()}", where=topic) from error
    if metadata.error is None:
        return set(metadata.partitions)
    if metadata.error.code() in _NO_TOPIC:
        return set()
    # "No leader yet" or "not allowed" is no empty topic: whoever reads a state from it would start anew.
    raise BrokerUnavailable(f"cannot read: {metadata.error.str()}", where=topic)
