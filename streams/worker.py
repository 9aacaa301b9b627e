"""Host several projections in one process, each with its own Faust app, supervised by progress."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Awaitable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from connectors.admin import Admin
from connectors.key_secret import key_secret
from connectors.links import Links
from connectors.registry import Registry
from schemas.errors import BanyanError, SettingsError, described
from schemas.topics import Topic
from streams.app import ProjectionApp, projection_app
from streams.checkpoint import Checkpoint
from streams.dead_letter import DeadLetter
from streams.engine import Engine
from streams.progress import Progress, Stuck
from streams.projection import Projection
from streams.readiness import Readiness, served
from streams.traffic import Traffic
from streams.versions import Versions, open_versions

T = TypeVar("T")

log = logging.getLogger("banyan.worker")

#: Threads that decode and fold. Two, because that keeps one core busy while the other stores.
_PREPARING_THREADS = 2
#: Python lets a thread keep the interpreter for 5 ms by default. A thread that stores gives it up at each
#: statement; getting it back 5 ms later each time would make the store the slowest part by far.
_SWITCH_SECONDS = 0.0005
#: How often a projection looks at its failures and progress.
_LOOK_SECONDS = 1.0
#: Back-off between restarts of one projection.
_FIRST_RESTART, _LAST_RESTART = 0.5, 15.0
#: A Kafka client that takes longer to start, or to name its positions, hangs: aiokafka can, after its broker
#: has died. Asking is no work; starting waits for one answer of the broker.
_START_SECONDS, _ANSWER_SECONDS = 60.0, 10.0
#: Time for a group to be left properly; then the session timeout (10 s) does it.
_STOP_SECONDS = 10.0


async def run(
    projections: Sequence[Projection],
    links: Links,
    *,
    stop: asyncio.Event,
    member: str | None = None,
    health_port: int | None = None,
) -> None:
    """Run until `stop` is set; each projection starts again by itself after failures.

    Args:
        projections: which to host.
        links: where Kafka, registry and read models are.
        stop: ends it.
        member: this worker's own lasting name, where several share the projections.
        health_port: where it tells on loopback whether it is ready.

    Raises:
        SettingsError: a projection cannot run with these settings (nothing else is left running).
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
    admin = Admin(links.kafka)
    registry = Registry(links.registry_url)
    versions = open_versions(links.state, links.read_models)
    traffic = Traffic(projections, versions)
    apps = {p.app_id(links.prefix): p for p in projections}
    readiness = Readiness(list(apps), lambda name: traffic.is_served(apps[name]))
    async with contextlib.AsyncExitStack() as stack:
        preparing = stack.enter_context(ThreadPoolExecutor(_PREPARING_THREADS, thread_name_prefix="prepare"))
        await stack.enter_async_context(served(readiness, health_port))
        hosts = [
            _Host(p, links, admin, registry, preparing, traffic, versions, readiness, member)
            for p in projections
        ]
        tasks = [asyncio.create_task(host.run(stop), name=str(host)) for host in hosts]
        waiting = asyncio.create_task(stop.wait())
        try:
            # A host ends only when it is told to, or because its settings are wrong.
            await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.set()
            waiting.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result


class _Host:
    """Keeps one projection running."""

    def __init__(
        self,
        projection: Projection,
        links: Links,
        admin: Admin,
        registry: Registry,
        preparing: ThreadPoolExecutor,
        traffic: Traffic,
        versions: Versions,
        readiness: Readiness,
        member: str | None = None,
    ) -> None:
        self._traffic = traffic
        self._projection = projection
        self._links = links
        self._admin = admin
        self._registry = registry
        self._preparing = preparing
        self._readiness = readiness
        self._member = member
        self._topic = projection.topic(links.prefix)
        self._versions = versions

    def __str__(self) -> str:
        return self._projection.app_id(self._links.prefix)

    async def run(self, stop: asyncio.Event) -> None:
        pause = _FIRST_RESTART
        while not stop.is_set():
            if self._is_held():
                await _pause(stop, _LOOK_SECONDS)
                continue
            began = asyncio.get_running_loop().time()
            try:
                await self._once(stop)
            except SettingsError:
                raise
            except BanyanError as error:
                log.warning("%s starts again: %s", self, error)
            except asyncio.CancelledError:
                # aiokafka raises it out of calls that wait for a broker which dies, though nobody cancelled.
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                log.warning("%s starts again: its Kafka client gave up", self)
            except Exception as error:
                log.error("%s starts again after an unexpected error: %s", self, described(error))
            if asyncio.get_running_loop().time() - began > 60.0:
                pause = _FIRST_RESTART
            if not stop.is_set():
                await _pause(stop, pause)
                pause = min(pause * 2, _LAST_RESTART)

    def _is_held(self) -> bool:
        """Return whether a person paused this version; what cannot be read holds nothing."""
        try:
            return self._versions.is_held(self._projection)
        except (BanyanError, OSError) as error:
            log.warning("%s cannot read which versions are held: %s", self, described(error))
            return False

    async def _once(self, stop: asyncio.Event) -> None:
        await asyncio.to_thread(self._ensure_topic)
        topic_id = await asyncio.to_thread(self._admin.topic_id, self._topic)
        stores, p = self._links.read_models, self._projection
        store = await asyncio.to_thread(
            stores.writer, p.name, p.version, topic=self._topic, topic_id=topic_id
        )
        try:
            secret = await asyncio.to_thread(key_secret, self._links.state / "secrets")
            dlq = self._links.topics.dlq(self._projection.system).name
            letters = DeadLetter(self._links.kafka, dlq, self._projection, secret)
            checkpoint = Checkpoint(self._projection, self._topic, store, self._registry, letters, secret)
            turns = self._traffic.turns(self._projection)
            engine = Engine(str(self), checkpoint, self._preparing, turns)
            try:
                await self._serve(engine, checkpoint, topic_id, stop)
            finally:
                await engine.close()
        finally:
            await asyncio.to_thread(store.close)

    async def _serve(
        self, engine: Engine, checkpoint: Checkpoint, topic_id: str, stop: asyncio.Event
    ) -> None:
        await engine.ensure_table()
        app = projection_app(self._projection, self._links, engine, self._member)
        progress = Progress(str(self))
        try:
            await _within(_START_SECONDS, app.start(), "the Kafka client does not start")
            while not stop.is_set():
                await _first(stop, engine.stopped, _LOOK_SECONDS)
                if engine.failed is not None:
                    raise engine.failed
                if stop.is_set() or self._is_held():
                    return  # what is stored stays: it goes on from there when it is resumed
                engine.tend()
                if progress.due():
                    if await asyncio.to_thread(self._admin.topic_id, self._topic) != topic_id:
                        return  # made anew; the next start says so
                    # Stored offsets first: ends that are read later can only be larger.
                    stored = {partition: n for (_, partition), n in checkpoint.stored.items()}
                    ends = await asyncio.to_thread(self._admin.last_stable_offsets, self._topic)
                    asked = _within(_ANSWER_SECONDS, app.batches.positions(), "the Kafka client is silent")
                    positions = {tp.partition: p for tp, p in (await asked).items()}
                    handed = {tp.partition: n for tp, n in app.batches.handed.items()}
                    if self._links.read_models.shared:  # other workers see to the other partitions
                        ends = {p: end for p, end in ends.items() if p in positions}
                        handed = {p: n for p, n in handed.items() if p in positions}
                        stored = {p: n for p, n in stored.items() if p in positions}
                    progress.look(positions, handed, stored, ends, waits=engine.outage is not None)
                    lags = _lags(positions, handed, stored, ends)
                    self._readiness.tell(str(self), lags, waits_for=engine.outage)
        finally:
            self._readiness.tell(str(self), None)
            await _stop(app)

    def _ensure_topic(self) -> None:
        wanted = [Topic(t.name, 1, t.config) for t in [self._links.topics.dlq(self._projection.system)]]
        if not self._admin.partitions(self._topic):
            # An agent whose topic does not exist at start hears nothing for half a minute.
            p = self._projection
            wanted.append(self._links.topics.change(p.system, p.entity, p.partitions))
        self._admin.ensure(wanted)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()


def _lags(
    positions: Mapping[int, int],
    handed: Mapping[int, int],
    stored: Mapping[int, int],
    ends: Mapping[int, int],
) -> dict[int, int]:
    """Return how far each assigned partition is behind its last stable offset.

    A position passes control records behind the last event, which are never stored: where everything handed
    out is stored, the position counts.
    """
    lags = {}
    for partition, position in positions.items():
        kept = stored.get(partition, 0)
        reached = position if kept >= handed.get(partition, 0) else kept
        lags[partition] = max(0, ends.get(partition, 0) - reached)
    return lags


async def _within(seconds: float, work: Awaitable[T], what: str) -> T:
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError:
        raise Stuck(f"{what} within {seconds:.0f} s", fix="nothing: the app is started again") from None


async def _first(stop: asyncio.Event, other: asyncio.Event, seconds: float) -> None:
    tasks = [asyncio.create_task(stop.wait()), asyncio.create_task(other.wait())]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def _stop(app: ProjectionApp) -> None:
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await app.stop()
    except TimeoutError:
        log.warning(
            "%s did not leave its group in %.0f s; its session will time out", app.conf.id, _STOP_SECONDS
        )
    except Exception as error:
        log.error("%s did not stop cleanly: %s", app.conf.id, described(error))
