"""The engine beside a store that is away: it waits, and nobody who supervises it waits with it."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from connectors.readmodel.store import StoreUnavailable
from streams import engine as module
from streams.engine import Engine


class Away:
    """A checkpoint whose store can be away; it counts what is asked of it."""

    def __init__(self) -> None:
        self.away = threading.Event()
        self.stored: list[Any] = []
        self.answered = 0

    def prepare(self, batch: Any) -> Any:
        return SimpleNamespace(batch=batch, stop=None)

    def commit(self, prepared: Any) -> Any:
        self._ask()
        self.stored.append(prepared.batch)
        return prepared

    def ensure_table(self) -> bool:
        return True

    def asked(self) -> bool:
        return True

    def answer(self) -> int:
        self._ask()
        self.answered += 1
        return 1

    def _ask(self) -> None:
        if self.away.is_set():
            raise StoreUnavailable("the store is locked")


class Stream:
    """A stream of the engine that yields what is put in."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self.acked = 0

    def noack(self) -> Stream:
        return self

    async def events(self) -> Any:
        while True:
            yield await self.queue.get()

    def put(self, number: int) -> None:
        def ack() -> None:
            self.acked += 1

        self.queue.put_nowait(SimpleNamespace(value=SimpleNamespace(epoch=0, number=number), ack=ack))


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(module, "_FIRST_RETRY", 0.01)
    monkeypatch.setattr(module, "_LAST_RETRY", 0.05)


async def test_nobody_waits_with_it_for_the_store():
    """While batches wait for a locked store, tending returns at once and the outage is told."""
    checkpoint, stream = Away(), Stream()
    with ThreadPoolExecutor(1) as preparing:
        engine = Engine("claim", checkpoint, preparing)  # type: ignore[arg-type]
        running = asyncio.create_task(engine.run(stream))
        checkpoint.away.set()
        for number in range(3):
            stream.put(number)
        await until(lambda: engine.outage is not None)
        for _ in range(5):
            engine.tend()
            await asyncio.sleep(0.02)
        assert (engine.outage, engine.failed, checkpoint.answered) == ("the store is locked", None, 0)
        checkpoint.away.clear()
        await until(lambda: stream.acked == 3 and checkpoint.answered == 1)
        assert [b.number for b in checkpoint.stored] == [0, 1, 2]
        assert engine.outage is None
        running.cancel()
        await engine.close()


async def test_it_can_be_closed_while_the_store_is_away():
    """Closing gives up what the store does not take; it is fetched again by the next start."""
    checkpoint, stream = Away(), Stream()
    checkpoint.away.set()
    with ThreadPoolExecutor(1) as preparing:
        engine = Engine("claim", checkpoint, preparing)  # type: ignore[arg-type]
        running = asyncio.create_task(engine.run(stream))
        stream.put(0)
        await until(lambda: engine.outage is not None)
        engine.tend()
        await asyncio.sleep(0)
        async with asyncio.timeout(20):
            await engine.close()
        running.cancel()
    assert stream.acked == 0


async def test_an_error_while_tending_stops_it():
    """An error that no retry mends ends the engine, also where it comes from a person's decision."""
    checkpoint = Away()

    def refuses() -> int:
        raise ValueError("a bug")

    checkpoint.answer = refuses  # type: ignore[method-assign]
    with ThreadPoolExecutor(1) as preparing:
        engine = Engine("claim", checkpoint, preparing)  # type: ignore[arg-type]
        engine.tend()
        async with asyncio.timeout(20):
            await engine.stopped.wait()
        assert isinstance(engine.failed, ValueError)
        await engine.close()
