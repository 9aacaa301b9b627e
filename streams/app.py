"""The Faust app of one projection version."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import faust
from faust.types import TP

from connectors.links import Links
from streams.engine import Engine
from streams.projection import Projection
from streams.transport import BatchConsumer, BatchSchema

#: Records a fetched batch at most. Larger ones make the store's transactions cheaper by the row, smaller
#: ones make rows visible sooner under load; above 20,000 the first gain is gone (probed with SQLite).
MAX_BATCH = 20_000
#: Bytes a partition a fetch: 20,000 events of 400 bytes.
_FETCH_BYTES = 8 * 1024 * 1024
#: Batches, not events, wait in an agent's buffer: with `MAX_BATCH`, memory stays below a few hundred MB.
_BUFFERED_BATCHES = 4


class ProjectionApp(faust.App):
    """A Faust app whose offsets live with the rows."""

    #: Set right after construction, because Faust builds its settings from keyword arguments.
    connection: dict[str, Any]
    engine: Engine

    @property
    def batches(self) -> BatchConsumer:
        """The app's consumer under its own type."""
        consumer: Any = self.consumer
        assert isinstance(consumer, BatchConsumer)
        return consumer

    async def stored_offsets(self, places: Iterable[TP]) -> dict[TP, int]:
        """Take partitions over and return where to read on; the transport calls it on assignment."""
        wanted = [(tp.topic, tp.partition) for tp in places]
        offsets = await self.engine.claim(wanted, self.batches.epoch + 1)
        return {TP(topic, partition): offset for (topic, partition), offset in offsets.items()}


def projection_app(
    projection: Projection, links: Links, engine: Engine, member: str | None = None
) -> ProjectionApp:
    """Return the app, not started: group and app id `<prefix>.<projection>.v<N>` (DESIGN 10.5).

    Args:
        projection: what it runs.
        links: where Kafka is.
        engine: what takes its batches.
        member: the worker's own name among several, where it has one.
    """
    _quiet()
    shared = links.read_models.shared
    app = ProjectionApp(
        projection.app_id(links.prefix),
        broker=[f"banyan://{server.strip()}" for server in links.kafka.bootstrap.split(",")],
        datadir=str(links.state / "faust"),
        store="memory://",
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        table_standby_replicas=0,
        # The engine settles its own batches before offsets are read, so Faust need not wait for acks.
        stream_wait_empty=False,
        stream_buffer_maxsize=_BUFFERED_BATCHES,
        broker_max_poll_records=MAX_BATCH,
        consumer_max_fetch_size=_FETCH_BYTES,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=_instance(projection.app_id(links.prefix), member, shared=shared),
        # A killed worker's partitions are free after so long; three heartbeats fit in it.
        broker_session_timeout=10.0,
        # Members hear of a rebalance with a heartbeat, and the first that heard waits for the last, unserved.
        broker_heartbeat_interval=0.5 if shared else 3.0,
        broker_commit_interval=2.0,
        # TLS and the broker's checksums on the record batches are verified by aiokafka; CRC again costs 5 %.
        broker_check_crcs=False,
    )
    app.connection = links.kafka.aiokafka()
    app.engine = engine
    topic = app.topic(projection.topic(links.prefix), schema=BatchSchema())

    @app.agent(topic, name=f"{projection.name}.v{projection.version}", concurrency=1)
    async def project(stream: Any) -> None:
        await engine.run(stream)

    return app


def _instance(app_id: str, member: str | None, *, shared: bool) -> str | None:
    """Return the name of a static group member, or None for one that leaves the group when it ends.

    A worker that follows a killed one under its name takes its place at once instead of after the session
    timeout. SQLite has one worker a file, so there the name is fixed. Of several workers each needs a
    name of its own that it keeps; without one, a rolling restart is quicker with members that leave.
    """
    if not shared:
        return app_id
    return f"{app_id}.{member}" if member else None


def _quiet() -> None:
    """Keep the libraries' progress chatter out of the worker's log; errors stay."""
    # mode names a service's logger after the module of its class.
    for name in ("faust", "mode", "aiokafka", "streams.app", "streams.transport"):
        logging.getLogger(name).setLevel(logging.ERROR)
