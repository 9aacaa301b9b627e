"""Kafka is killed under a serving façade."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from connectors.kafka import KafkaSettings
from connectors.links import Links
from hub.embedded.services import Services
from strangler.control import history, set_stage, verify
from strangler.kill import kill, restore

pytestmark = pytest.mark.integration


@pytest.fixture
def links(private_broker: Services, tmp_path: Path) -> Links:
    kafka = KafkaSettings(bootstrap=private_broker.bootstrap)
    return Links("chaos", kafka, private_broker.registry_url, tmp_path / ".banyan")


async def test_a_facade_outlives_kafka_and_follows_it_again(
    world: Any, serve: Any, private_broker: Services
) -> None:
    """Calls are answered through Kafka's death, the kill switch acts without it, stages follow its return."""
    case_id = (await world.cases())[0]["case_id"]

    async def decide(stage: str) -> None:
        await asyncio.to_thread(set_stage, world.links, "get_case", stage, by="test", reason="because")

    async with serve(world.operations, world.links) as facade:
        await decide("shadow")
        await decide("modern")
        await facade.until(lambda p: p["effective_stage"] == "modern")
        os.kill(private_broker.pids["kafka"], signal.SIGKILL)
        for _ in range(20):
            status, _, headers = await facade.get(f"/cases/{case_id}")
            assert status == 200 and headers["Banyan-Served-By"] == "modern"
        order = asyncio.create_task(
            asyncio.to_thread(kill, world.links, [facade.url], "get_case", by="ann", reason="alarm")
        )
        async with asyncio.timeout(1.0):  # no measurement: the bound is the promise (DESIGN G8)
            while (await facade.get(f"/cases/{case_id}"))[2]["Banyan-Served-By"] != "legacy":
                pass
        assert [a.ok for a in await order] == [True]
        assert await asyncio.to_thread(private_broker.revive) == ["kafka"]
        await asyncio.to_thread(restore, world.links, [facade.url], "get_case", by="ann", reason="mended")
        assert (await facade.page())["effective_stage"] == "modern"
        await decide("shadow")
        await facade.until(lambda p: p["effective_stage"] == "shadow")
        assert (await facade.get(f"/cases/{case_id}"))[0] == 200
        await facade.until(lambda p: p["verdicts"]["same"] == 1)
    kinds = [d.kind for d in await asyncio.to_thread(history, world.links)]
    assert kinds == ["stage", "stage", "kill", "restore", "stage"]
    assert await asyncio.to_thread(verify, world.links) == []
