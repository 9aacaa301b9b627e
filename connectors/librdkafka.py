"""librdkafka's C interface by ctypes: the copy that confluent-kafka brings, found, declared and tried out.

confluent-kafka takes one Python object for each key and value, and one call for each record. The library
below it takes an array of messages; this is the way to that call. Sources: `rdkafka.h`, whose structures
and functions used here have not changed since 1.6.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import confluent_kafka
import numpy as np
import structlog

from connectors.refused import Refused

#: `rd_kafka_message_t` as a numpy type, so that a column of messages is filled without a loop.
MESSAGE = np.dtype(
    [
        ("err", np.intc),
        ("topic", np.uintp),
        ("partition", np.int32),
        ("payload", np.uintp),
        ("len", np.uintp),
        ("key", np.uintp),
        ("key_len", np.uintp),
        ("offset", np.int64),
        ("private", np.uintp),
    ],
    align=True,
)
#: `RD_KAFKA_MSG_F_COPY`: the library copies the payload, so nothing of ours must outlive the call.
COPY = 0x2
#: `RD_KAFKA_EVENT_DR`.
DELIVERED = 0x1
#: `RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT`.
PURGE_ALL = 0x3
#: `RD_KAFKA_PARTITION_UA`: any partition.
_ANY = -1
_PRODUCER = 0
#: `RD_KAFKA_RESP_ERR__INVALID_ARG`.
_INVALID = -186
#: `rd_kafka_produceva` came with 1.6; a major version after 2 may change what is declared here.
_OLDEST, _NEWEST = 0x01060000, 0x02FFFFFF
_TEXT = 512
_PATIENCE_MS = 2_000
_SELF_TEST = b"banyan.self.test"

#: Kinds of argument of `rd_kafka_produceva` (`rd_kafka_vtype_t`).
_RKT, _PARTITION, _VALUE, _KEY, _FLAGS, _HEADER = 2, 3, 4, 5, 7, 9

log = structlog.get_logger("banyan.kafka")

_P, _Int, _Str = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
_DECLARED: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "rd_kafka_version": (_Int, ()),
    "rd_kafka_err2str": (_Str, (_Int,)),
    "rd_kafka_conf_new": (_P, ()),
    "rd_kafka_conf_set": (_Int, (_P, _Str, _Str, _P, ctypes.c_size_t)),
    "rd_kafka_conf_set_events": (None, (_P, _Int)),
    "rd_kafka_conf_destroy": (None, (_P,)),
    "rd_kafka_new": (_P, (_Int, _P, _P, ctypes.c_size_t)),
    "rd_kafka_destroy": (None, (_P,)),
    "rd_kafka_topic_new": (_P, (_P, _Str, _P)),
    "rd_kafka_topic_name": (_Str, (_P,)),
    "rd_kafka_topic_destroy": (None, (_P,)),
    "rd_kafka_produce_batch": (_Int, (_P, ctypes.c_int32, _Int, _P, _Int)),
    "rd_kafka_produceva": (_P, (_P, _P, ctypes.c_size_t)),
    "rd_kafka_flush": (_Int, (_P, _Int)),
    "rd_kafka_purge": (_Int, (_P, _Int)),
    "rd_kafka_queue_get_main": (_P, (_P,)),
    "rd_kafka_queue_poll": (_P, (_P, _Int)),
    "rd_kafka_queue_yield": (None, (_P,)),
    "rd_kafka_queue_destroy": (None, (_P,)),
    "rd_kafka_event_type": (_Int, (_P,)),
    "rd_kafka_event_message_count": (ctypes.c_size_t, (_P,)),
    "rd_kafka_event_message_array": (ctypes.c_size_t, (_P, _P, ctypes.c_size_t)),
    "rd_kafka_event_destroy": (None, (_P,)),
    "rd_kafka_error_code": (_Int, (_P,)),
    "rd_kafka_error_string": (_Str, (_P,)),
    "rd_kafka_error_is_fatal": (_Int, (_P,)),
    "rd_kafka_error_destroy": (None, (_P,)),
    "rd_kafka_fatal_error": (_Int, (_P, _P, ctypes.c_size_t)),
    "rd_kafka_metadata": (_Int, (_P, _Int, _P, _P, _Int)),
    "rd_kafka_metadata_destroy": (None, (_P,)),
    "rd_kafka_init_transactions": (_P, (_P, _Int)),
    "rd_kafka_begin_transaction": (_P, (_P,)),
    "rd_kafka_commit_transaction": (_P, (_P, _Int)),
    "rd_kafka_abort_transaction": (_P, (_P, _Int)),
}


class _Memory(ctypes.Structure):
    _fields_ = (("pointer", ctypes.c_void_p), ("size", ctypes.c_size_t))


class _Header(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("value", ctypes.c_char_p), ("size", ctypes.c_ssize_t))


class _Union(ctypes.Union):
    _fields_ = (
        ("number", ctypes.c_int),
        ("pointer", ctypes.c_void_p),
        ("memory", _Memory),
        ("header", _Header),
        ("padding", ctypes.c_char * 64),
    )


class _Argument(ctypes.Structure):
    """`rd_kafka_vu_t`: what one argument is, and the argument."""

    _fields_ = (("kind", ctypes.c_int), ("u", _Union))


class Unusable(Exception):
    """This copy of the library is not the one that is declared here."""


class Library:
    """The declared functions as attributes without their `rd_kafka_`, and what belongs to each call."""

    def __init__(self, path: Path) -> None:
        loaded = ctypes.CDLL(str(path))
        for name, (result, arguments) in _DECLARED.items():
            function = getattr(loaded, name, None)
            if function is None:
                raise Unusable(f"{path.name} has no {name}")
            function.restype, function.argtypes = result, arguments
            setattr(self, name.removeprefix("rd_kafka_"), function)
        version, known = self.version() & 0xFFFFFFFF, confluent_kafka.libversion()[1]
        if version != known:
            raise Unusable(f"{path.name} is version {version:#x}, confluent-kafka works with {known:#x}")
        if not _OLDEST <= version <= _NEWEST:
            raise Unusable(f"version {version:#x} is not one that this was written for")
        self.path = path

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)

    def __repr__(self) -> str:
        return f"<librdkafka {self.path}>"

    def producer(self, configuration: dict[str, Any]) -> int:
        """Return a new producer handle, whose delivery reports are events.

        Raises:
            Refused: a setting is not known or not allowed.
        """
        text = ctypes.create_string_buffer(_TEXT)
        conf = self.conf_new()
        for key, value in configuration.items():
            if self.conf_set(conf, key.encode(), str(value).encode(), text, _TEXT):
                self.conf_destroy(conf)
                raise Refused(_INVALID, text.value.decode(errors="replace"))
        self.conf_set_events(conf, DELIVERED)
        handle = self.new(_PRODUCER, conf, text, _TEXT)
        if not handle:
            self.conf_destroy(conf)
            raise Refused(_INVALID, text.value.decode(errors="replace"))
        return int(handle)

    def produce(
        self,
        handle: int,
        topic: int,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]],
    ) -> None:
        """Enqueue one record, with headers.

        Raises:
            Refused: the local queue is full, or the producer may not send now.
        """
        arguments = (_Argument * (5 + len(headers)))()
        arguments[0].kind, arguments[0].u.pointer = _RKT, topic
        arguments[1].kind, arguments[1].u.number = _PARTITION, partition
        arguments[2].kind, arguments[2].u.number = _FLAGS, COPY
        for at, kind, content in ((3, _VALUE, value), (4, _KEY, key)):
            arguments[at].kind = kind
            if content is not None:
                pointer = ctypes.cast(ctypes.c_char_p(content), ctypes.c_void_p).value
                arguments[at].u.memory = _Memory(pointer, len(content))
        for at, (name, content) in enumerate(headers, 5):
            arguments[at].kind = _HEADER
            arguments[at].u.header = _Header(name.encode(), content, len(content))
        self.raise_error(self.produceva(handle, ctypes.addressof(arguments), len(arguments)))

    def connect(self, handle: int, timeout_ms: int) -> None:
        """Wait until a broker answers, or the time is over: what is called next says why it does not."""
        answer = ctypes.c_void_p()
        if not self.metadata(handle, 0, None, ctypes.addressof(answer), timeout_ms):
            self.metadata_destroy(answer)

    def raise_error(self, error: int | None) -> None:
        """Raise and free what a call returned; None is no error."""
        if error:
            code, text = self.error_code(error), self.error_string(error).decode(errors="replace")
            fatal = bool(self.error_is_fatal(error))
            self.error_destroy(error)
            raise Refused(code, text, fatal=fatal)

    def refusal(self, handle: int, code: int) -> Refused:
        """Return the error of a code; where the producer has failed for good, that is the reason."""
        text = ctypes.create_string_buffer(_TEXT)
        if cause := self.fatal_error(handle, text, _TEXT):
            return Refused(cause, text.value.decode(errors="replace"), fatal=True)
        return Refused(code, self.err2str(code).decode(errors="replace"))

    @contextmanager
    def event(self, queue: int, timeout_ms: int) -> Iterator[list[Any]]:
        """Wait for one event; give its delivered messages (`MESSAGE`s), which are freed afterwards."""
        found = self.queue_poll(queue, timeout_ms)
        try:
            yield self._messages(found) if found and self.event_type(found) == DELIVERED else []
        finally:
            if found:
                self.event_destroy(found)

    def _messages(self, event: int) -> list[Any]:
        """Return the first and the last message of an event: all its messages share partition and fate."""
        count = self.event_message_count(event)
        addresses = np.empty(count, np.uintp)
        count = self.event_message_array(event, addresses.ctypes.data, count)
        ends = addresses[[0, count - 1]].tolist() if count else []
        return [np.frombuffer(ctypes.string_at(at, MESSAGE.itemsize), MESSAGE)[0] for at in ends]


@cache
def library() -> Library | None:
    """Return the library, or None where it cannot be had (said once in the log): records then go singly."""
    try:
        found = Library(_path())
        _try_out(found)
    except (OSError, Unusable, Refused) as error:
        log.warning("records go to Kafka one by one", reason=str(error))
        return None
    return found


def _path() -> Path:
    """Return the file that confluent-kafka itself has loaded.

    Wheels of Linux and macOS carry it beside the package. A package built from source uses the system's.
    """
    package = Path(confluent_kafka.__file__).parent
    for folder in (package.parent / "confluent_kafka.libs", package / ".dylibs"):
        for path in sorted(folder.glob("librdkafka*")):
            if ".so" in path.suffixes or path.suffix == ".dylib":
                return path
    return Path("librdkafka.1.dylib" if sys.platform == "darwin" else "librdkafka.so.1")


def _try_out(library: Library) -> None:
    """Send a record by each call into a producer without a broker, take them back, and compare.

    This proves the layout of `MESSAGE` both ways, whatever the version says: what went in by name
    (`produce`) must come out in its place, and what went in by place (`produce_batch`) beside it.

    Raises:
        Unusable: what came back is not what went in.
    """
    handle = library.producer({"log_level": 0, "client.id": "banyan-self-test"})
    queue = library.queue_get_main(handle)
    topic = library.topic_new(handle, _SELF_TEST, None)
    try:
        body = ctypes.create_string_buffer(b"keyvalue")
        row = np.zeros(1, MESSAGE)
        row["key"], row["key_len"] = ctypes.addressof(body), 3
        row["payload"], row["len"] = ctypes.addressof(body) + 3, 5
        library.produce(handle, topic, _ANY, b"k", b"by name", ())
        if library.produce_batch(topic, _ANY, COPY, row.ctypes.data, 1) != 1 or row["err"].any():
            raise Unusable("a batch of one record is not taken")
        library.purge(handle, PURGE_ALL)
        with library.event(queue, _PATIENCE_MS) as reported:
            seen = [
                (
                    library.topic_name(int(m["topic"])),
                    ctypes.string_at(int(m["key"]), int(m["key_len"])),
                    ctypes.string_at(int(m["payload"]), int(m["len"])),
                    bool(m["err"]),
                )
                for m in reported
            ]
        if seen != [(_SELF_TEST, b"k", b"by name", True), (_SELF_TEST, b"key", b"value", True)]:
            raise Unusable("records come back from it changed")
    finally:
        library.topic_destroy(topic)
        library.queue_destroy(queue)
        library.destroy(handle)
