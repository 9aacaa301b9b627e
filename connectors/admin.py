"""Topics as they must exist, and where they end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from connectors.kafka import ANSWER_SECONDS, BrokerUnavailable, KafkaSettings
from schemas.errors import BanyanError, Terminal
from schemas.topics import Topic


class Admin:
    """Make topics and ask for their ends."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._where = settings.bootstrap
        self._client = AdminClient(settings.librdkafka())

    def ensure(self, topics: Iterable[Topic]) -> None:
        """Create the topics that are missing, with their configuration, and wait until they can be used.

        The partition count of a topic is fixed at creation, because a key's place follows from it.

        Raises:
            Terminal: one exists with another partition count.
            BrokerUnavailable: Kafka does not answer.
        """
        wanted = {t.name: t for t in topics}
        existing = self._partition_counts()
        for name, topic in wanted.items():
            if name in existing and existing[name] != topic.partitions:
                raise Terminal(
                    f"the topic has {existing[name]} partitions, the settings say {topic.partitions}",
                    where=name,
                    fix="put the old count back: another count would move keys, so it needs a new topic",
                )
        missing = [t for name, t in wanted.items() if name not in existing]
        if missing:
            self._create(missing)

    def partitions(self, topic: str) -> int:
        """Return the partition count; 0 where there is no such topic."""
        return self._partition_counts().get(topic, 0)

    def topics(self) -> list[str]:
        """Return every topic's name."""
        return sorted(self._partition_counts())

    def topic_id(self, topic: str) -> str:
        """Return what Kafka calls this topic: one that is deleted and made anew has another id.

        Raises:
            BrokerUnavailable, Terminal: no such topic, or no answer.
        """
        asked = self._client.describe_topics(TopicCollection([topic]), request_timeout=ANSWER_SECONDS)
        return str(self._result(asked[topic], topic).topic_id)

    def last_stable_offsets(self, topic: str) -> dict[int, int]:
        """Return, by partition, the offset that a `read_committed` reader can reach."""
        asked = {TopicPartition(topic, p): OffsetSpec.latest() for p in range(self.partitions(topic))}
        if not asked:
            return {}
        futures = self._client.list_offsets(
            asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=ANSWER_SECONDS
        )
        return {tp.partition: self._result(future, topic).offset for tp, future in futures.items()}

    def delete(self, names: Iterable[str]) -> None:
        """Delete topics; one that is not there is no error."""
        if wanted := sorted(set(names) & set(self._partition_counts())):
            for name, future in self._client.delete_topics(wanted, request_timeout=ANSWER_SECONDS).items():
                self._result(future, name, ignore=KafkaError.UNKNOWN_TOPIC_OR_PART)

    def _create(self, topics: list[Topic]) -> None:
        new = [NewTopic(t.name, num_partitions=t.partitions, config=t.config) for t in topics]
        for name, future in self._client.create_topics(new, request_timeout=ANSWER_SECONDS).items():
            self._result(future, name, ignore=KafkaError.TOPIC_ALREADY_EXISTS)

    def _partition_counts(self) -> dict[str, int]:
        try:
            metadata = self._client.list_topics(timeout=ANSWER_SECONDS)
        except KafkaException as error:
            raise BrokerUnavailable(
                f"Kafka does not answer: {error.args[0].str()}", where=self._where, fix="start it: banyan up"
            ) from error
        return {name: len(t.partitions) for name, t in metadata.topics.items() if t.error is None}

    def _result(self, future: Any, where: str, *, ignore: int | None = None) -> Any:
        try:
            return future.result(ANSWER_SECONDS)
        except KafkaException as error:
            if ignore is not None and error.args[0].code() == ignore:
                return None
            raise _refused(error, where) from error


def _refused(error: KafkaException, where: str) -> BanyanError:
    cause = error.args[0]
    if cause.retriable():
        return BrokerUnavailable(f"Kafka did not do it: {cause.str()}", where=where)
    return Terminal(
        f"Kafka refused: {cause.str()}", where=where, fix="see the rights and limits of this account"
    )
