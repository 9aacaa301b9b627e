"""The controller over real façades and Kafka: a breach in canary or modern ends in seconds, on record."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors.links import Links
from strangler import automatic
from strangler.automatic import Automatic
from strangler.canary import PLACES, Serving
from strangler.control import history, verify
from strangler.control_spec import GateSpec
from strangler.kill import restore
from strangler.stage import Stage
from tests.integration.strangler.test_canary import move

pytestmark = pytest.mark.integration
MODERN, HALF = Serving(Stage.MODERN), Serving(Stage.CANARY, PLACES // 2)


@contextlib.asynccontextmanager
async def controller(world: Any, links: Links, *facades: Any) -> AsyncIterator[Automatic]:
    running = Automatic(world.operations, links, [f.url for f in facades])
    task = asyncio.create_task(running.run())
    try:
        yield running
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def serve_in(world: Any, facade: Any, *steps: Serving) -> None:
    for step in steps:
        await move(world, step)
    await facade.until(lambda page: page["effective_stage"] == steps[-1].stage.value)


async def calls_until(world: Any, facade: Any, stage: str, seconds: float = 15.0) -> tuple[float, list[int]]:
    """Call for every case again and again; return when the stage was there and the statuses seen."""
    began, statuses = time.monotonic(), list[int]()
    paths = [f"/cases/{case['case_id']}" for case in await world.cases()]
    while (await facade.page())["effective_stage"] != stage:
        assert time.monotonic() - began < seconds, statuses
        for path in paths:
            statuses.append((await facade.get(path))[0])
        await asyncio.sleep(0.05)
    return time.monotonic() - began, statuses


@pytest.mark.parametrize("step", [MODERN, HALF])
async def test_a_failing_modern_side_steps_down_in_seconds(world: Any, serve: Any, step: Serving) -> None:
    """Calls that modern fails send the operation to shadow within 10 s, on record with the reason."""
    async with serve(world.operations, world.links) as facade, controller(world, world.links, facade):
        await serve_in(world, facade, Serving(Stage.SHADOW), step)
        path = f"/cases/{(await world.cases())[0]['case_id']}"
        assert (await facade.get(path))[0] == 200
        await asyncio.sleep(1.5)
        assert (await facade.page())["effective_stage"] == step.stage.value
        world.api.broken = True
        seconds, statuses = await calls_until(world, facade, "shadow")
        assert seconds < 10 and 502 in statuses
        assert (await facade.get(path))[0] == 200
        last = (await asyncio.to_thread(history, world.links))[-1]
        assert (last.by, last.was, last.now) == ("controller", step.stage, Stage.SHADOW)
        assert "calls failed; a rate of 0.100% is tolerated" in last.reason
        assert await asyncio.to_thread(verify, world.links) == []


async def test_answers_that_differ_step_the_canary_down(world: Any, serve: Any) -> None:
    """Compared answers that differ (after both sides were read again) end a canary."""
    async with serve(world.operations, world.links) as facade, controller(world, world.links, facade):
        await serve_in(world, facade, Serving(Stage.SHADOW), HALF)
        await world.project()
        for row in world.api.rows.values():
            row["status"] = "wrong"
        began = time.time_ns() // 1_000_000
        task = asyncio.create_task(calls_until(world, facade, "shadow", seconds=25.0))
        await asyncio.sleep(0.5)
        world.api.next += 1
        await world.end(began + 5_000, {world.api.topic: {"0": world.api.next - 1}})
        await task
        assert "compared answers differ" in (await asyncio.to_thread(history, world.links))[-1].reason


async def test_an_open_gate_leads_up_by_itself(
    world: Any, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the file says so, each step of the list is taken once the gate is open, and none left out."""
    monkeypatch.setattr(automatic, "CLIMB_SECONDS", 0.3)
    few = {"largest_difference_rate": 0.45, "error_probability": 0.1}  # six of the eight cases are enough
    spec = GateSpec.model_validate(few | {"steps": (25, 50), "automatic": True, "p99_ms": 5_000})
    world.operations = [o.model_copy(update={"gate": spec}) for o in world.operations]
    await world.project()
    async with serve(world.operations, world.links) as facade, controller(world, world.links, facade):
        await serve_in(world, facade, Serving(Stage.SHADOW))
        await calls_until(world, facade, "modern", seconds=40.0)
    decisions = await asyncio.to_thread(history, world.links)
    assert [(d.by, d.now, d.share) for d in decisions] == [
        ("test", Stage.SHADOW, 0),
        ("controller", Stage.CANARY, PLACES // 4),
        ("controller", Stage.CANARY, PLACES // 2),
        ("controller", Stage.MODERN, 0),
    ]
    assert all(d.overrides == () for d in decisions)
    assert "distinct keys compared as the same" in decisions[1].reason
    assert await asyncio.to_thread(verify, world.links) == []


async def test_two_controllers_make_one_decision(world: Any, serve: Any) -> None:
    """Both see the breach; the log has one step."""
    async with serve(world.operations, world.links) as facade:
        async with controller(world, world.links, facade), controller(world, world.links, facade):
            await serve_in(world, facade, Serving(Stage.SHADOW), MODERN)
            await asyncio.sleep(1.5)
            world.api.broken = True
            await calls_until(world, facade, "shadow")
            await asyncio.sleep(2.0)
        decisions = await asyncio.to_thread(history, world.links)
        assert [d.now for d in decisions] == [Stage.SHADOW, Stage.MODERN, Stage.SHADOW]


async def test_without_kafka_a_breach_is_a_kill(
    world: Any, serve: Any, dead_kafka: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the log cannot be written, every façade is told to serve legacy, until a person restores."""
    async with serve(world.operations, world.links) as facade:
        await serve_in(world, facade, Serving(Stage.SHADOW), MODERN)
        away = Links(world.links.prefix, dead_kafka, world.links.registry_url, world.links.state)
        async with controller(world, away, facade):
            await asyncio.sleep(1.5)
            world.api.broken = True
            seconds, _ = await calls_until(world, facade, "legacy")
            assert seconds < 10
            page = await facade.page()
            assert page["stage"] == "modern" and page["killed"]["by"] == "controller"
            world.api.broken = False
            await asyncio.to_thread(restore, away, [facade.url], "get_case", by="ann", reason="mended")
            await facade.until(lambda page: page["effective_stage"] == "modern")
            await asyncio.sleep(1.5)
            assert (await facade.page())["killed"] is None
