"""The transport's promises that need no broker; the others are in tests/integration/streams."""

from importlib.metadata import entry_points
from types import SimpleNamespace

import numpy as np
import pytest

from connectors.kafka import KafkaSettings
from connectors.links import Links
from streams.app import projection_app
from streams.batch import Batch
from streams.projection import row_projection
from streams.transport import BatchTransport
from tests.unit.streams.events import batch


@pytest.fixture
def app(tmp_path):
    links = Links(
        "uc",
        KafkaSettings(
            bootstrap="127.0.0.1:1",
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="PLAIN",
            sasl_username="u",
            sasl_password="p",
        ),
        "http://127.0.0.1:1",
        tmp_path,
    )
    projection = row_projection("claim", source="esa.claim", collection="claims")
    return projection_app(projection, links, SimpleNamespace(run=None))


def test_entry_point():
    """Faust finds the transport by its URL scheme."""
    (found,) = entry_points(group="faust.transports", name="banyan")
    assert found.load() is BatchTransport


async def test_consumer_settings(app, monkeypatch):
    """The consumer reads committed records only and passes SASL settings on; the group is the app's id."""
    given = {}
    monkeypatch.setattr("aiokafka.AIOKafkaConsumer", lambda **kwargs: given.update(kwargs))
    app.consumer._thread._create_worker_consumer(app.transport)
    assert isinstance(app.transport, BatchTransport)
    assert given["isolation_level"] == "read_committed"
    assert given["group_id"] == "uc.claim.v1"
    assert given["enable_auto_commit"] is False
    assert (given["sasl_mechanism"], given["sasl_plain_username"]) == ("PLAIN", "u")


async def test_gaps_do_not_hold_back_commits(app):
    """A done batch commits its end at once, whatever gaps its offsets have; a stale one commits nothing."""
    consumer = app.consumer
    done = batch([(b"k", b"v")] * 3, first=10, gap=7, end=40)
    from faust.types import TP

    place = TP(done.topic, 0)
    message = consumer._message(place, done)
    assert consumer._new_offset(place) is None
    assert consumer.ack(message)
    assert not consumer.ack(message)
    assert consumer._new_offset(place) == 40
    consumer.epoch = 1
    assert consumer.ack(consumer._message(place, batch([(b"k", b"v")], first=40)))
    assert consumer._new_offset(place) == 40


def test_since():
    """The rest of a batch from an offset on keeps columns and end together."""
    whole = batch([(bytes([i]), b"v") for i in range(5)], first=10, gap=3, end=30)
    rest = whole.since(15)
    assert rest.offsets.tolist() == [16, 19, 22]
    assert rest.keys == [b"\2", b"\3", b"\4"]
    assert (rest.start, rest.end, len(rest), len(rest.timestamps)) == (15, 30, 3, 3)
    assert whole.since(10) is whole


def test_columns_of_records():
    """Client records become columns."""
    records = [SimpleNamespace(offset=i, timestamp=i * 10, key=b"k", value=None) for i in (3, 5)]
    made = Batch.of(records, topic="t", partition=1, epoch=2, start=3, end=7)
    assert (made.place, made.values) == (("t", 1), [None, None])
    assert np.array_equal(made.timestamps, [30, 50])
