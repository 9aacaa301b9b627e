"""The agent's body: prepares one batch while the one before it is stored, and never raises."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, TypeVar

from connectors.readmodel.store import Place
from schemas.errors import Transient
from streams.checkpoint import Checkpoint, Prepared
from streams.traffic import Turns

log = logging.getLogger("banyan.worker")
T = TypeVar("T")

#: Back-off between tries while store, registry or broker do not answer: from a tenth of a second, so that
#: a blip costs little, to five, so that an outage costs no load.
_FIRST_RETRY, _LAST_RETRY = 0.1, 5.0


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
        self._epoch = 0
        self._closing = False

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
            await self._settle()
            self._epoch = epoch
            return await self._in(self._storing, lambda: self.checkpoint.claim(list(places)))

    async def ensure_table(self) -> bool:
        """Make the table from the registered schemas; False while there are none."""
        async with self._busy:
            await self._settle()
            return await self._in(self._storing, self.checkpoint.ensure_table)

    async def close(self) -> None:
        """Finish what is being stored and end the thread."""
        self._closing = True
        await self._settle()
        self._storing.shutdown(wait=True)

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
            await self._in(self._storing, lambda: self.checkpoint.commit(prepared))
            event.ack()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._fail(error)

    async def _settle(self) -> None:
        if self._pending is not None:
            await asyncio.wait([self._pending])

    async def _in(self, executor: Executor, call: Callable[[], T]) -> T:
        """Run a call in a thread, again and again while its error is transient."""
        pause = _FIRST_RETRY
        loop = asyncio.get_running_loop()
        while True:
            try:
                return await loop.run_in_executor(executor, call)
            except Transient as error:
                if self._closing:
                    raise
                log.warning("%s waits: %s", self.name, error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LAST_RETRY)

    def _fail(self, error: BaseException) -> None:
        if self.failed is None:
            self.failed = error
            self.stopped.set()
