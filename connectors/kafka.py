"""Produce to Kafka in transactions: the one way in which adapters and the controller publish."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any, NoReturn

import numpy as np
import numpy.typing as npt
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from schemas.errors import BanyanError, Terminal, Transient

#: A broker that has not answered in this time is reported, not waited for: the adapter's retry loop
#: (with back-off) is the place to wait, because it can also be stopped.
ANSWER_SECONDS = 30.0
#: The coordinator aborts a transaction that is silent for so long; ours last 10 s at most (DESIGN 10.2),
#: so this leaves a factor of six for a slow broker and frees a dead producer's readers within a minute.
TRANSACTION_MS = 60_000

_FENCED = {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}  # noqa: SLF001
_FATAL = KafkaError._FATAL  # noqa: SLF001

Headers = list[tuple[str, bytes]]
_BROKER = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")


def with_ports(bootstrap: str) -> str:
    """Return `host:port[,host:port]` without blanks.

    Raises:
        ValueError: a broker without a port. The clients would guess one, each its own, and wait for it.
    """
    brokers = [broker.strip() for broker in bootstrap.split(",")]
    for broker in brokers:
        found = _BROKER.fullmatch(broker)
        if found is None or not 1 <= int(found[1]) <= 65_535:
            raise ValueError(
                f"{broker!r} is not host:port; name the port too, as in kafka:9092 or [::1]:9092"
            )
    return ",".join(brokers)


Bootstrap = Annotated[str, AfterValidator(with_ports)]


class Fenced(Terminal):
    """A newer producer with the same transactional id took over; this one must stop."""


class BrokerUnavailable(Transient):
    """Kafka does not answer, or not yet."""


class KafkaSettings(BaseModel):
    """How to reach Kafka; every field but `bootstrap` may stay away on a loopback broker."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bootstrap: Bootstrap = Field(description="host:port, several with commas.")
    security_protocol: str = Field(
        "PLAINTEXT", pattern="^(PLAINTEXT|SSL|SASL_PLAINTEXT|SASL_SSL)$", description="As in Kafka."
    )
    sasl_mechanism: str | None = Field(None, description="PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.")
    sasl_username: str | None = Field(None, description="User for SASL.")
    sasl_password: SecretStr | None = Field(None, description="By reference: ${NAME} or file:PATH.")
    ssl_ca_location: str | None = Field(None, description="PEM file of the authorities to trust.")
    ssl_certificate_location: str | None = Field(None, description="PEM file of the client certificate.")
    ssl_key_location: str | None = Field(None, description="PEM file of the client's private key.")

    def librdkafka(self) -> dict[str, Any]:
        """Return the connection part of a confluent-kafka configuration."""
        out: dict[str, Any] = {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": self.security_protocol,
            # A broker that is down would write a line each 50 ms to stderr; every failure that matters
            # reaches the caller as an error, which says it once and better.
            "log_level": 0,
        }
        optional = {
            "sasl.mechanism": self.sasl_mechanism,
            "sasl.username": self.sasl_username,
            "sasl.password": self.sasl_password.get_secret_value() if self.sasl_password else None,
            "ssl.ca.location": self.ssl_ca_location,
            "ssl.certificate.location": self.ssl_certificate_location,
            "ssl.key.location": self.ssl_key_location,
        }
        return out | {k: v for k, v in optional.items() if v is not None}

    def aiokafka(self) -> dict[str, Any]:
        """Return the connection keywords of an aiokafka client."""
        out: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": self.security_protocol,
        }
        if self.sasl_mechanism:
            out |= {"sasl_mechanism": self.sasl_mechanism, "sasl_plain_username": self.sasl_username}
            out["sasl_plain_password"] = self.sasl_password.get_secret_value() if self.sasl_password else None
        if self.security_protocol.endswith("SSL"):
            from aiokafka.helpers import create_ssl_context

            out["ssl_context"] = create_ssl_context(
                cafile=self.ssl_ca_location,
                certfile=self.ssl_certificate_location,
                keyfile=self.ssl_key_location,
            )
        return out


class TransactionalProducer:
    """An idempotent producer whose records become visible together, or not at all.

    Making one fences every older producer with the same `transactional_id` and waits until its
    transaction is settled, so what is read `read_committed` afterwards is final.

    Raises:
        BrokerUnavailable: Kafka does not answer within `ANSWER_SECONDS`.
    """

    def __init__(self, settings: KafkaSettings, transactional_id: str) -> None:
        self.transactional_id = transactional_id
        self._last: dict[tuple[str, int], int] = {}
        self._failed: KafkaError | None = None
        self._producer = Producer(
            settings.librdkafka()
            | {
                "transactional.id": transactional_id,
                "transaction.timeout.ms": TRANSACTION_MS,
                "compression.type": "lz4",
                # 20 ms of lingering fills batches of a megabyte at full speed and costs nothing else.
                "linger.ms": 20,
                "batch.size": 1_000_000,
                "queue.buffering.max.messages": 500_000,
                "queue.buffering.max.kbytes": 262_144,
            }
        )
        try:
            self._guard(self._producer.init_transactions, ANSWER_SECONDS)
        except BanyanError:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"<TransactionalProducer {self.transactional_id}>"

    def begin(self) -> None:
        """Open a transaction."""
        self._last.clear()
        self._failed = None
        self._guard(self._producer.begin_transaction)

    def send(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers | None = None,
    ) -> None:
        """Add one record to the open transaction; blocks while the local queue is full."""
        self._produce(topic, value, key, partition, self._delivered, headers)

    def send_column(
        self,
        topic: str,
        partitions: npt.NDArray[np.int32],
        keys: Sequence[bytes | None],
        values: Sequence[bytes | None],
    ) -> None:
        """Add n records: `partitions[i]`, `keys[i]`, `values[i]`.

        Only the last record of each partition carries a delivery callback (its offset is what END needs).
        An earlier one that fails makes the transaction fail as a whole, so no callback is missed.
        """
        last = set(_last_index_of_each(partitions))
        produce = self._producer.produce
        for i, partition in enumerate(partitions.tolist()):
            if i in last:
                self._produce(topic, values[i], keys[i], partition, self._delivered, None)
                continue
            try:
                produce(topic, values[i], keys[i], partition)
            except BufferError:
                self._produce(topic, values[i], keys[i], partition, None, None)
            except (KafkaException, SystemError) as error:
                self._tell(error)

    def flush(self) -> dict[tuple[str, int], int]:
        """Wait for every acknowledgement; return the last offset of each (topic, partition) so far.

        Raises:
            BrokerUnavailable: not acknowledged in time. Abort and repeat.
        """
        if self._guard(self._producer.flush, ANSWER_SECONDS):
            raise BrokerUnavailable(
                "Kafka did not acknowledge the records in time", where=self.transactional_id
            )
        if self._failed is not None:
            raise _translate(KafkaException(self._failed), self.transactional_id)
        return dict(self._last)

    def commit(self) -> None:
        """Make the transaction's records visible."""
        self._guard(self._producer.commit_transaction, ANSWER_SECONDS)

    def abort(self) -> None:
        """Throw the transaction's records away."""
        self._guard(self._producer.abort_transaction, ANSWER_SECONDS)

    def close(self) -> None:
        """Give up what is queued and free the producer's threads."""
        with suppress(BanyanError):  # a fenced producer reports that again here
            self._guard(self._producer.purge)
            self._guard(self._producer.flush, 1.0)

    def _produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        partition: int,
        callback: Any,
        headers: Headers | None,
    ) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key, partition, on_delivery=callback, headers=headers)
                return
            except BufferError:
                self._guard(self._producer.poll, 0.05)
            except (KafkaException, SystemError) as error:
                self._tell(error)

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._failed = error
            return
        place = (message.topic(), message.partition())
        self._last[place] = max(message.offset(), self._last.get(place, -1))

    def _guard(self, call: Any, *args: Any) -> Any:
        try:
            return call(*args)
        except (KafkaException, SystemError) as error:
            self._tell(error)

    def _tell(self, error: KafkaException | SystemError, *, ask: bool = True) -> NoReturn:
        # A fatal error is raised in the middle of serving callbacks (`produce` serves them too), and each
        # callback that is called after it wraps it once more in a SystemError.
        cause: BaseException | None = error
        while isinstance(cause, SystemError):
            cause = cause.__cause__
        if ask and (not isinstance(cause, KafkaException) or cause.args[0].code() == _FATAL):
            # `produce` only says that the producer is done for, and a callback that fails on the way may hide
            # even that; a call about the transaction says why.
            try:
                self._producer.abort_transaction(ANSWER_SECONDS)
            except (KafkaException, SystemError) as reason:
                self._tell(reason, ask=False)
        if not isinstance(cause, KafkaException):
            raise error
        raise _translate(cause, self.transactional_id) from error


def _last_index_of_each(partitions: npt.NDArray[np.int32]) -> list[int]:
    """Return the highest index of each distinct partition."""
    _, first_from_end = np.unique(partitions[::-1], return_index=True)
    return [len(partitions) - 1 - int(i) for i in first_from_end]


def _translate(error: KafkaException, where: str) -> BanyanError:
    cause = error.args[0]
    if cause.code() in _FENCED:
        return Fenced(
            "a newer producer with the same transactional id took over",
            where=where,
            fix="run one adapter process (or controller) a hub; stop the other one",
        )
    if cause.fatal() or cause.code() == _FATAL:
        return Terminal(f"Kafka refused for good: {cause.str()}", where=where, fix="restart this process")
    return BrokerUnavailable(
        f"Kafka did not do it: {cause.str()}", where=where, fix="see that the broker runs"
    )
