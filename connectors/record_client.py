"""A transactional producer that takes record by record: confluent-kafka, where `librdkafka` is unusable."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connectors.refused import Refused

_FATAL = KafkaError._FATAL  # noqa: SLF001
#: How long a failed producer may take to say why.
_REASON_SECONDS = 30.0


class RecordClient:
    """One `confluent_kafka.Producer`, with the methods and attributes of `ColumnClient`."""

    def __init__(self, configuration: dict[str, Any]) -> None:
        self.last: dict[tuple[str, int], int] = {}
        self.failed: Refused | None = None
        try:
            self._producer = Producer(configuration)
        except KafkaException as error:
            raise _refused(error.args[0]) from error

    def __repr__(self) -> str:
        return "<RecordClient>"

    def init(self, seconds: float) -> None:
        """See `ColumnClient`."""
        self._guard(self._producer.init_transactions, seconds)

    def begin(self) -> None:
        """See `ColumnClient`."""
        self.last, self.failed = {}, None
        self._guard(self._producer.begin_transaction)

    def commit(self, seconds: float) -> None:
        """See `ColumnClient`."""
        self._guard(self._producer.commit_transaction, seconds)

    def abort(self, seconds: float) -> None:
        """See `ColumnClient`."""
        self._guard(self._producer.abort_transaction, seconds)

    def flush(self, seconds: float) -> bool:
        """See `ColumnClient`."""
        return not self._guard(self._producer.flush, seconds)

    def send(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]] | None,
    ) -> None:
        """See `ColumnClient`."""
        self._produce(topic, value, key, partition, self._delivered, headers)

    def send_column(
        self,
        topic: str,
        partitions: npt.NDArray[np.int32],
        keys: pa.LargeBinaryArray,
        values: pa.LargeBinaryArray,
    ) -> None:
        """See `ColumnClient`.

        Only the last record of each partition carries a delivery callback (its offset is what END needs).
        An earlier one that fails makes the transaction fail as a whole, so no callback is missed.
        """
        last = set(_last_index_of_each(partitions))
        for i, (partition, key, value) in enumerate(
            zip(partitions.tolist(), keys.to_pylist(), values.to_pylist(), strict=True)
        ):
            self._produce(topic, value, key, partition, self._delivered if i in last else None, None)

    def close(self) -> None:
        """See `ColumnClient`."""
        with suppress(Refused):  # a fenced producer reports that again here
            self._guard(self._producer.purge)
            self._guard(self._producer.flush, 1.0)

    def _produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        partition: int,
        callback: Any,
        headers: list[tuple[str, bytes]] | None,
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
            self.failed = _refused(error)
            return
        place = (message.topic(), message.partition())
        self.last[place] = max(message.offset(), self.last.get(place, -1))

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
                self._producer.abort_transaction(_REASON_SECONDS)
            except (KafkaException, SystemError) as reason:
                self._tell(reason, ask=False)
        if not isinstance(cause, KafkaException):
            raise error
        raise _refused(cause.args[0]) from error


def _refused(error: KafkaError) -> Refused:
    return Refused(error.code(), error.str(), fatal=error.fatal() or error.code() == _FATAL)


def _last_index_of_each(partitions: npt.NDArray[np.int32]) -> list[int]:
    """Return the highest index of each distinct partition."""
    _, first_from_end = np.unique(partitions[::-1], return_index=True)
    return [len(partitions) - 1 - int(i) for i in first_from_end]
