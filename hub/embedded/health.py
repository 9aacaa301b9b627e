"""Wait until Kafka and the registry really answer, or say why they do not."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable

import requests
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from hub.embedded.child import Child
from schemas.errors import Transient

#: Kafka replays its log after a crash: a large one takes its time. A cold start takes some 5 s.
PATIENCE_SECONDS = 120.0
#: Between looks: short against the second that a start takes, long against the cost of a connection.
_LOOK_SECONDS = 0.05


class StartFailed(Transient):
    """An embedded service ended, or did not answer in time."""


def wait_until(process: Child, answers: Callable[[], bool], patience: float = PATIENCE_SECONDS) -> None:
    """Return once `answers()` is true.

    Raises:
        StartFailed: the process ended, or `patience` (seconds) is over; holds the end of its log.
    """
    deadline = time.monotonic() + patience
    while not answers():
        alive = process.alive
        if not alive or time.monotonic() > deadline:
            what = f"does not answer after {patience:.0f} s" if alive else "ended while it started"
            lines = process.tail()
            raise StartFailed(
                f"{process.name} {what}" + (f"; the end of its log:\n{lines}" if lines else ""),
                where=str(process.log),
                fix="read the log; start again once its cause is gone",
            )
        time.sleep(_LOOK_SECONDS)


def kafka_answers(bootstrap: str) -> bool:
    """Return whether a broker answers a metadata request."""
    host, _, port = bootstrap.rpartition(":")
    # A bare connection first: librdkafka takes a second of back-off after a refused one.
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
        try:
            quiet = {"bootstrap.servers": bootstrap, "log_level": 0, "error_cb": lambda _error: None}
            return bool(AdminClient(quiet).list_topics(timeout=3).brokers)
        except KafkaException:
            return False
    return False


def registry_answers(url: str) -> bool:
    """Return whether the registry lists its subjects."""
    try:
        with requests.Session() as session:
            session.trust_env = False  # a proxy cannot reach this machine's loopback
            return session.get(f"{url}/subjects", timeout=3).ok
    except requests.RequestException:
        return False
