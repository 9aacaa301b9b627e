"""What the façade says of itself."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from connectors.kafka import KafkaSettings
from connectors.links import Links
from strangler.control import StageState
from strangler.facade import create_app
from strangler.operation import load_operations
from strangler.stage import Stage
from strangler.stage_watch import StageWatch

EXAMPLE = Path(__file__).parents[3] / "examples" / "universal_credit" / "operations"


async def test_a_facade_whose_background_work_ended_is_not_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A façade that no longer follows its stages says so when asked, and logs why without any content."""
    (tmp_path / "facade").mkdir()
    state = StageState(Stage.SHADOW, 1, "ann", "look", 0, "0" * 64)
    (tmp_path / "facade" / "get_case.json").write_bytes(state.to_bytes())
    broken = asyncio.Event()

    async def run(_: StageWatch) -> None:
        await broken.wait()
        raise RuntimeError("QQ100001A")

    monkeypatch.setattr(StageWatch, "run", run)
    links = Links("t", KafkaSettings(bootstrap="127.0.0.1:9"), "http://127.0.0.1:9", tmp_path)
    app = create_app(load_operations(EXAMPLE), links)
    orders: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    lifespan = asyncio.create_task(app({"type": "lifespan"}, orders.get, told.put))  # type: ignore[arg-type]
    await orders.put({"type": "lifespan.startup"})
    await told.get()
    assert (await _ready(app))[0] == 200
    broken.set()
    async with asyncio.timeout(10):
        while (await _ready(app))[0] == 200:  # noqa: ASYNC110 - asked from outside
            await asyncio.sleep(0.01)
    status, problem = await _ready(app)
    assert status == 503 and "background task" in problem["detail"]
    assert "RuntimeError at test_facade.py:" in caplog.text
    assert "QQ100001A" not in caplog.text
    await orders.put({"type": "lifespan.shutdown"})
    await lifespan


async def _ready(app: Any) -> tuple[int, dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/health/ready", "headers": []}
    await app(scope, None, send)
    return sent[0]["status"], json.loads(sent[1]["body"])
