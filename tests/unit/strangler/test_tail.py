"""Following a topic: a follower that is told to stop stops."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition

from connectors.kafka import KafkaSettings
from connectors.links import Links
from schemas.topics import Topic
from strangler import tail as module
from strangler.tail import tail


class Consumer:
    """An empty topic; cancels whoever asks for the position just as the answer is there."""

    cancels: asyncio.Task[None] | None = None
    asked: asyncio.Event

    def __init__(self, **_: Any) -> None: ...

    def assign(self, _: list[TopicPartition]) -> None: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def seek_to_beginning(self, _: TopicPartition) -> None: ...

    async def end_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, 0)

    async def getmany(self, _: TopicPartition, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        await asyncio.sleep(0.001)
        return {}

    async def position(self, _: TopicPartition) -> int:
        self.asked.set()
        if self.cancels is not None:
            self.cancels.cancel()
        return 0


async def test_a_cancellation_that_comes_with_an_answer_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """A follower that is cancelled in the moment in which a client's answer arrives ends."""

    async def there(*_: Any) -> None: ...

    class OneShot(Consumer):
        cancels, asked = None, asyncio.Event()

    monkeypatch.setattr(module, "AIOKafkaConsumer", OneShot)
    monkeypatch.setattr(module, "_ensure", there)
    links = Links("t", KafkaSettings(bootstrap="127.0.0.1:1"), "http://127.0.0.1:1", tmp_path)
    task = asyncio.create_task(tail(links, Topic("t", 1), lambda key, value: None))
    await OneShot.asked.wait()
    OneShot.cancels = task
    done, _ = await asyncio.wait([task], timeout=2)
    OneShot.cancels = None
    task.cancel()
    assert done and task.cancelled()
