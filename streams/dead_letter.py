"""Publish events that a projection cannot apply to the dead-letter topic of their system."""

from __future__ import annotations

import hmac
import time
from collections.abc import Sequence

from confluent_kafka import KafkaException, Producer

from connectors.kafka import ANSWER_SECONDS, BrokerUnavailable, KafkaSettings
from connectors.readmodel.store import Parked
from streams.projection import Projection


class DeadLetter:
    """Sends parked events; opened when the first one comes, because most projections never have one."""

    def __init__(self, settings: KafkaSettings, topic: str, projection: Projection, secret: bytes) -> None:
        self._settings = settings
        self._topic = topic
        self._projection = projection
        self._secret = secret
        self._producer: Producer | None = None

    def __call__(self, events: Sequence[Parked]) -> None:
        """Publish and wait until Kafka has them all.

        Raises:
            BrokerUnavailable: not acknowledged in time.
        """
        if self._producer is None:
            self._producer = Producer(self._settings.librdkafka() | {"enable.idempotence": True})
        failed: list[str] = []
        for event in events:
            try:
                self._producer.produce(
                    self._topic,
                    event.value,
                    event.key,
                    headers=headers(event, self._projection, self._secret),
                    on_delivery=lambda error, _: failed.append(error.str()) if error else None,
                )
            except (BufferError, KafkaException) as error:
                raise BrokerUnavailable(f"cannot dead-letter: {error}", where=self._topic) from error
        if self._producer.flush(ANSWER_SECONDS) or failed:
            raise BrokerUnavailable(
                "Kafka did not take the dead letters" + (f": {failed[0]}" if failed else ""),
                where=self._topic,
            )


def headers(event: Parked, projection: Projection, secret: bytes) -> list[tuple[str, bytes]]:
    """Return what stands beside a parked event's bytes: place, reason, and its key as a pseudonym (10.14).

    Args:
        event: what is parked.
        projection: which projection could not apply it.
        secret: the estate's key secret.
    """
    facts = {
        "banyan.stage": "projection",
        "banyan.projection": f"{projection.name}.v{projection.version}",
        "banyan.entity": projection.entity,
        # The event's place identifies it: a letter sent twice (a crash between here and the store)
        # has the same one.
        "banyan.source": f"{event.topic}:{event.partition}:{event.offset}",
        "banyan.reason": event.reason,
        # Of the key's bytes: the event may be one whose key cannot be read.
        "banyan.key": hmac.digest(secret, event.key, "sha256").hex(),
        "banyan.at_ms": str(int(time.time() * 1000)),
    }
    # What Kafka Connect calls the same, so that tools made for its dead letters read ours.
    facts |= {
        "__connect.errors.topic": event.topic,
        "__connect.errors.partition": str(event.partition),
        "__connect.errors.offset": str(event.offset),
        "__connect.errors.connector.name": f"{projection.name}.v{projection.version}",
        "__connect.errors.task.id": str(event.partition),
        "__connect.errors.stage": "VALUE_CONVERTER",
        "__connect.errors.class.name": "streams.checkpoint.Checkpoint",
        "__connect.errors.exception.class.name": "schemas.errors.Terminal",
        "__connect.errors.exception.message": event.reason,
    }
    return [(name, value.encode()) for name, value in facts.items()]
