"""Produce to Kafka in transactions: the one way in which adapters and the controller publish."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from confluent_kafka import KafkaError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from connectors.column_client import ColumnClient
from connectors.librdkafka import library
from connectors.record_client import RecordClient
from connectors.refused import Refused
from schemas.errors import BanyanError, SettingsError, Terminal, Transient

#: A broker that has not answered in this time is reported, not waited for: the adapter's retry loop
#: (with back-off) is the place to wait, because it can also be stopped.
ANSWER_SECONDS = 30.0
#: The coordinator aborts a transaction that is silent for so long; ours last 10 s at most (DESIGN 10.2),
#: so this leaves a factor of six for a slow broker and frees a dead producer's readers within a minute.
TRANSACTION_MS = 60_000
#: Ten transactions' worth of events (DESIGN 10.2): the queue never holds up a healthy broker's producer.
QUEUE_RECORDS = 500_000
#: What the embedded broker takes, so that the broker and not the client says what is too large.
RECORD_BYTES = 8 << 20

_FENCED = {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}  # noqa: SLF001

_TOO_LARGE = {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE}

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


class TooLarge(Terminal):
    """A record is larger than the broker takes; sending it again changes nothing."""


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
        SettingsError: the settings do not make a client, such as a certificate that cannot be read.
    """

    def __init__(self, settings: KafkaSettings, transactional_id: str) -> None:
        self.transactional_id = transactional_id
        configuration = settings.librdkafka() | {
            "transactional.id": transactional_id,
            "transaction.timeout.ms": TRANSACTION_MS,
            "compression.type": "lz4",
            # 20 ms of lingering fills batches of a megabyte at full speed and costs nothing else.
            "linger.ms": 20,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": QUEUE_RECORDS,
            "message.max.bytes": RECORD_BYTES,
            "queue.buffering.max.kbytes": 262_144,
        }
        found = library()
        try:
            self._client = ColumnClient(found, configuration) if found else RecordClient(configuration)
        except Refused as error:
            raise SettingsError(
                f"the Kafka client cannot be made: {error.text}",
                where=settings.bootstrap,
                fix="check the settings of the connection to Kafka",
            ) from error
        try:
            self._call(self._client.init, ANSWER_SECONDS)
        except BanyanError:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"<TransactionalProducer {self.transactional_id}>"

    def begin(self) -> None:
        """Open a transaction."""
        self._call(self._client.begin)

    def send(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers | None = None,
    ) -> None:
        """Add one record to the open transaction; blocks while the local queue is full."""
        self._call(self._client.send, topic, partition, key, value, headers)

    def send_column(
        self,
        topic: str,
        partitions: npt.NDArray[np.int32],
        keys: Sequence[bytes | None] | pa.LargeBinaryArray,
        values: Sequence[bytes | None] | pa.LargeBinaryArray,
    ) -> None:
        """Add n records: `partitions[i]`, `keys[i]`, `values[i]`; Arrow columns are not taken apart."""
        keys, values = (
            column if isinstance(column, pa.Array) else pa.array(column, pa.large_binary())
            for column in (keys, values)
        )
        self._call(self._client.send_column, topic, partitions, keys, values)

    def flush(self) -> dict[tuple[str, int], int]:
        """Wait for every acknowledgement; return the last offset of each (topic, partition) so far.

        Raises:
            BrokerUnavailable: not acknowledged in time. Abort and repeat.
        """
        if not self._call(self._client.flush, ANSWER_SECONDS):
            raise BrokerUnavailable(
                "Kafka did not acknowledge the records in time", where=self.transactional_id
            )
        if self._client.failed is not None:
            raise _translate(self._client.failed, self.transactional_id)
        return dict(self._client.last)

    def commit(self) -> None:
        """Make the transaction's records visible."""
        self._call(self._client.commit, ANSWER_SECONDS)

    def abort(self) -> None:
        """Throw the transaction's records away."""
        self._call(self._client.abort, ANSWER_SECONDS)

    def close(self) -> None:
        """Give up what is queued and free the producer's threads."""
        self._client.close()

    def _call(self, call: Callable[..., Any], *args: Any) -> Any:
        try:
            return call(*args)
        except Refused as error:
            raise _translate(error, self.transactional_id) from error


def _translate(error: Refused, where: str) -> BanyanError:
    if error.code in _FENCED:
        return Fenced(
            "a newer producer with the same transactional id took over",
            where=where,
            fix="run one adapter process (or controller) a hub; stop the other one",
        )
    if error.fatal:
        return Terminal(f"Kafka refused for good: {error.text}", where=where, fix="restart this process")
    if error.code in _TOO_LARGE:
        return TooLarge(
            "a record is larger than the broker takes",
            where=where,
            fix=f"raise max.message.bytes of the topic (up to {RECORD_BYTES} are sent), or drop fields",
        )
    return BrokerUnavailable(
        f"Kafka did not do it: {error.text}", where=where, fix="see that the broker runs"
    )
