"""The agent's body: prepares one batch while the one before it is stored, and never raises."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, TypeVar

from connectors.readmodel.store import Fenced, Place
from schemas.errors import Transient
from streams.checkpoint import Checkpoint, Prepared
from streams.traffic import Turns

log = logging.getLogger("banyan.worker")
T = TypeVar("T")

#: Back-off between tries while store, registry or broker do not answer: from a tenth of a second, so that
#: a blip costs little, to five, so that an outage costs no load.
_FIRST_RETRY, _LAST_RETRY = 0.1, 5.0
#: How long a rebalance waits for a batch that is being stored. Two batches' time on a slow disk; while it
#: waits, partitions are unserved.
_REBALANCE_SECONDS = 5.0
#: A worker that the fence has refused hears from Kafka within some heartbeats that it lost the partition. If
#: it does not, it still is the owner and starts again.
_GIVEN_UP_SECONDS = 5.0


class Engine:
    """Drives one checkpoint from one Faust stream.

    At most one batch is being prepared and one being stored; further ones wait in Faust's buffer, and
    behind it in Kafka. An error that retrying cannot help ends in `failed`: nothing more is applied, and
    the worker starts the app again from the stored offsets. (An agent that raised would have its event
    acknowledged and dropped by Faust.)
    """

    def __init__(
        self, name: str, checkpoint: Checkpoint, preparing: Executor, turns: Turns | None = None
    ) -> None:
        self._turns = turns
        self.name = name
        self.checkpoint = checkpoint
        self.failed: BaseException | None = None
        #: Set when `failed` is.
        self.stopped = asyncio.Event()
        self._preparing = preparing
        self._storing = ThreadPoolExecutor(1, thread_name_prefix=f"store-{name}")
        self._busy = asyncio.Lock()
        self._pending: asyncio.Task[None] | None = None
        self._tending: asyncio.Task[None] | None = None
        self._has_table = False
        self._epoch = 0
        self._closing = False
        self._outages: dict[Executor, str] = {}

    @property
    def outage(self) -> str | None:
        """What does not answer now and is tried again (store, registry, Kafka for dead letters), or None."""
        return next(iter(self._outages.values()), None)

    async def run(self, stream: Any) -> None:
        """Apply the batches of a stream until it ends."""
        async for event in stream.noack().events():
            if self.failed is not None or self._closing:
                continue
            try:
                if self._turns is None:
                    async with self._busy:
                        await self._take(event)
                    continue
                await self._turns.wait()  # before the lock: a rebalance need not wait for it
                with self._turns.working():
                    async with self._busy:
                        await self._take(event)
            except asyncio.CancelledError:
                raise
            except BaseException as error:
                self._fail(error)

    async def claim(self, places: Iterable[Place], epoch: int) -> dict[Place, int]:
        """Finish what is in flight, take the partitions over, and return where to read on.

        Batches with an epoch below `epoch` are stale from here on.
        """
        async with self._busy:
            await self._settle(within=_REBALANCE_SECONDS)
            self._epoch = epoch
            return await self._in(self._storing, lambda: self.checkpoint.claim(list(places)))

    async def ensure_table(self) -> bool:
        """Make the table from the registered schemas; False while there are none."""
        async with self._busy:
            await self._settle()
            self._has_table = await self._in(self._storing, self.checkpoint.ensure_table)
            return self._has_table

    def tend(self) -> None:
        """Make the table once there are schemas, and do what people have decided about parked events.

        It is done beside: a store that is away holds up nobody who supervises. While it is under way, it is
        not begun again.
        """
        if self._tending is None or self._tending.done():
            self._tending = asyncio.create_task(self._tend())

    async def answer(self) -> None:
        """Do what people have decided about parked events.

        Raises:
            Transient: store or registry do not answer; the requests stay.
        """
        loop = asyncio.get_running_loop()
        if not await loop.run_in_executor(self._storing, self.checkpoint.asked):
            return
        async with self._busy:
            await self._settle()
            if self.failed is None and not self._closing:
                count = await loop.run_in_executor(self._storing, self.checkpoint.answer)
                log.info("%s answered %d requests about parked events", self.name, count)

    async def _tend(self) -> None:
        try:
            self._has_table = self._has_table or await self.ensure_table()
            await self.answer()
        except (Transient, asyncio.CancelledError):
            return  # the requests stay, and it is tried again
        except BaseException as error:
            self._fail(error)

    async def close(self) -> None:
        """Finish what is being stored and end the thread."""
        self._closing = True
        if self._tending is not None:
            self._tending.cancel()
            await asyncio.wait([self._tending])
        await self._settle()
        await asyncio.to_thread(self._storing.shutdown, wait=True)

    async def _take(self, event: Any) -> None:
        batch = event.value
        if batch.epoch < self._epoch:
            return
        prepared = await self._in(self._preparing, lambda: self.checkpoint.prepare(batch))
        await self._settle()
        if prepared is None:
            event.ack()
        elif self.failed is None:
            self._pending = asyncio.create_task(self._store(prepared, event))

    async def _store(self, prepared: Prepared, event: Any) -> None:
        try:
            stored = await self._in(self._storing, lambda: self.checkpoint.commit(prepared))
            if stored.stop is not None:
                raise stored.stop
            event.ack()
        except Fenced as error:
            await self._fenced(prepared, event, error)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._fail(error)

    async def _fenced(self, prepared: Prepared, event: Any, error: Fenced) -> None:
        """Give the partition up, unless the batch is stored and only the store's answer was lost."""
        if await self._in(self._storing, lambda: self.checkpoint.done(prepared)):
            event.ack()
            return
        log.warning("%s gives a partition up: %s", self.name, error)
        self.checkpoint.give_up(prepared.change.place)
        epoch = self._epoch

        def still_ours() -> None:
            # No rebalance came, so Kafka thinks that it is ours: take it over anew.
            if self._epoch == epoch and not self._closing:
                self._fail(error)

        asyncio.get_running_loop().call_later(_GIVEN_UP_SECONDS, still_ours)

    async def _settle(self, within: float | None = None) -> None:
        """Wait for the batch that is being stored; with a budget, give up what it does not suffice for."""
        if self._pending is None:
            return
        done, _ = await asyncio.wait([self._pending], timeout=within)
        if not done:
            # The fence makes this safe: either it is stored before the offsets are read again, by the
            # same thread, or it is fetched again.
            log.warning("%s: the store is slow; a batch is given up for a rebalance", self.name)
            self._pending.cancel()
            await asyncio.wait([self._pending])

    async def _in(self, executor: Executor, call: Callable[[], T]) -> T:
        """Run a call in a thread, again and again while its error is transient."""
        pause = _FIRST_RETRY
        loop = asyncio.get_running_loop()
        while True:
            try:
                result = await loop.run_in_executor(executor, call)
            except Transient as error:
                if self._closing:
                    raise
                self._outages[executor] = error.what
                log.warning("%s waits: %s", self.name, error)
            except BaseException:
                self._outages.pop(executor, None)
                raise
            else:
                self._outages.pop(executor, None)
                return result
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LAST_RETRY)

    def _fail(self, error: BaseException) -> None:
        if self.failed is None:
            self.failed = error
            self.stopped.set()
