"""A transactional producer that takes whole columns: librdkafka called directly."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from confluent_kafka import KafkaError

from connectors.librdkafka import COPY, MESSAGE, PURGE_ALL, Library
from connectors.refused import Refused

_QUEUE_FULL, _FAIL = KafkaError._QUEUE_FULL, KafkaError._FAIL  # noqa: SLF001
#: While the local queue is full, the sending thread looks again so often.
_FULL_SECONDS = 0.005
#: The reports thread wakes at least so often to see whether it shall end; `queue_yield` wakes it at once.
_SERVE_MS = 500
#: While no broker is connected yet, librdkafka looks for the coordinator every 500 ms only; a connection is
#: there in ten. A broker that takes longer than this is `init`'s to wait for, and to report.
_CONNECT_MS = 1_000
#: Values and keys of no bytes point here: a null pointer would make a null of them.
_EMPTY = ctypes.create_string_buffer(1)


class ColumnClient:
    """One `rd_kafka_t`. Its methods raise `Refused` and nothing else.

    Attributes:
        last: last acknowledged offset of each (topic, partition) since `begin`.
        failed: a record that was not delivered since `begin`; the transaction cannot be committed then.
    """

    def __init__(self, library: Library, configuration: dict[str, Any]) -> None:
        self.last: dict[tuple[str, int], int] = {}
        self.failed: Refused | None = None
        self._library = library
        self._handle = library.producer(configuration)
        self._topics: dict[str, int] = {}
        self._queue: int = library.queue_get_main(self._handle)
        self._closing = threading.Event()
        # librdkafka's flush, commit and abort wait until every report is taken: `rd_kafka_flush` says that
        # with reports as events "the application must serve the event queue in a separate thread".
        self._reports = threading.Thread(target=self._serve, name="kafka-reports", daemon=True)
        self._reports.start()

    def __repr__(self) -> str:
        return f"<ColumnClient of {self._library}>"

    def init(self, seconds: float) -> None:
        """Take over the transactional id."""
        self._library.connect(self._handle, _CONNECT_MS)
        self._library.raise_error(self._library.init_transactions(self._handle, _ms(seconds)))

    def begin(self) -> None:
        """Open a transaction."""
        self.last, self.failed = {}, None
        self._library.raise_error(self._library.begin_transaction(self._handle))

    def commit(self, seconds: float) -> None:
        """Make the transaction's records visible."""
        self._library.raise_error(self._library.commit_transaction(self._handle, _ms(seconds)))

    def abort(self, seconds: float) -> None:
        """Throw the transaction's records away."""
        self._library.raise_error(self._library.abort_transaction(self._handle, _ms(seconds)))

    def flush(self, seconds: float) -> bool:
        """Wait for all acknowledgements; return whether they came."""
        return bool(self._library.flush(self._handle, _ms(seconds)) == 0)

    def send(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: list[tuple[str, bytes]] | None,
    ) -> None:
        """Add one record; blocks while the local queue is full."""
        while True:
            try:
                self._library.produce(self._handle, self._topic(topic), partition, key, value, headers or ())
                return
            except Refused as error:
                if error.code != _QUEUE_FULL:
                    raise self._library.refusal(self._handle, error.code) from error
                time.sleep(_FULL_SECONDS)

    def send_column(
        self,
        topic: str,
        partitions: npt.NDArray[np.int32],
        keys: pa.LargeBinaryArray,
        values: pa.LargeBinaryArray,
    ) -> None:
        """Add n records: `partitions[i]`, `keys[i]`, `values[i]`; blocks while the local queue is full.

        They go in one call a partition: that is the order which Kafka keeps.
        """
        messages = np.zeros(len(partitions), MESSAGE)
        messages["key"], messages["key_len"] = _pointers(keys)
        messages["payload"], messages["len"] = _pointers(values)
        handle = self._topic(topic)
        for partition, index in _by_partition(partitions):
            self._send_partition(handle, partition, messages[index])

    def close(self) -> None:
        """Give up what is queued, and free everything; the client cannot be used afterwards."""
        if self._closing.is_set():
            return
        self._library.purge(self._handle, PURGE_ALL)
        self._library.flush(self._handle, _ms(1.0))
        self._closing.set()
        self._library.queue_yield(self._queue)
        self._reports.join()
        for topic in self._topics.values():
            self._library.topic_destroy(topic)
        self._library.queue_destroy(self._queue)
        self._library.destroy(self._handle)

    def _topic(self, name: str) -> int:
        if name not in self._topics:
            self._topics[name] = self._library.topic_new(self._handle, name.encode(), None)
        return self._topics[name]

    def _send_partition(self, topic: int, partition: int, messages: npt.NDArray[Any]) -> None:
        while len(messages):
            taken = self._library.produce_batch(topic, partition, COPY, messages.ctypes.data, len(messages))
            if taken == len(messages):
                return
            # Once the queue is full the library refuses all that follow, so what is left is a tail.
            left = np.flatnonzero(messages["err"])
            others = messages["err"][left][messages["err"][left] != _QUEUE_FULL]
            if len(others) or taken + len(left) != len(messages) or left[0] != taken:
                code = int(others[0]) if len(others) else _FAIL
                raise self._library.refusal(self._handle, code)
            messages = messages[taken:]
            time.sleep(_FULL_SECONDS)

    def _serve(self) -> None:
        """Take the delivery reports, one event for each batch that Kafka has answered."""
        while not self._closing.is_set():
            with self._library.event(self._queue, _SERVE_MS) as ends:
                for message in ends:
                    self._report(message)

    def _report(self, message: Any) -> None:
        code, offset = int(message["err"]), int(message["offset"])
        if code or offset < 0:
            # A success without an offset (a repeat that the broker knew only to be old) cannot go into END.
            self.failed = self.failed or self._library.refusal(self._handle, code or _FAIL)
            return
        place = (self._library.topic_name(int(message["topic"])).decode(), int(message["partition"]))
        self.last[place] = max(offset, self.last.get(place, -1))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _by_partition(
    partitions: npt.NDArray[np.int32],
) -> Iterator[tuple[int, npt.NDArray[np.int64]]]:
    """Yield each partition and the ascending indexes of its rows."""
    order = np.argsort(partitions, kind="stable")
    numbers, starts = np.unique(partitions[order], return_index=True)
    bounds = [*starts.tolist(), len(order)]
    for number, (start, end) in zip(numbers.tolist(), pairwise(bounds), strict=True):
        yield number, order[start:end]


def _pointers(column: pa.LargeBinaryArray) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return address and length of each value; null is address 0."""
    offsets = np.frombuffer(column.buffers()[1], np.int64, len(column) + 1, 8 * column.offset)
    data = column.buffers()[2]
    base = data.address if data is not None and data.size else ctypes.addressof(_EMPTY)
    at, length = (base + offsets[:-1]).astype(np.uintp), np.diff(offsets).astype(np.uintp)
    if column.null_count:
        present = np.asarray(column.is_valid())
        at, length = at * present, length * present
    return at, length
