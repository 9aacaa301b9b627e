"""Whole hubs as processes: own state folder, free ports, nothing left behind."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from hub.embedded.ports import is_free

PORTS = ("KAFKA", "CONTROLLER", "REGISTRY", "MANAGEMENT", "API", "FACADE", "CONSOLE", "CASEWORK")
#: Starting all parts takes some ten seconds on two cores; a loaded machine may take several times that.
PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Hub:
    """Where one hub lives, and how to talk to it."""

    state: Path
    env: dict[str, str]

    def url(self, part: str, path: str) -> str:
        """The address of a path at `api`, `facade`, `console` or `casework`."""
        return f"http://127.0.0.1:{self.env[f'BANYAN_{part.upper()}_PORT']}{path}"

    def get(self, part: str, path: str) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON body and lower-case headers of a GET."""
        return self._open(urllib.request.Request(self.url(part, path)))

    def post(self, part: str, path: str, body: Any) -> tuple[int, Any, dict[str, str]]:
        """Status, JSON body and lower-case headers of a POST."""
        data = json.dumps(body).encode()
        return self._open(
            urllib.request.Request(self.url(part, path), data, {"content-type": "application/json"})
        )

    def rows(self, collection: str) -> list[dict[str, Any]]:
        """Every row of a collection."""
        found, path = [], f"/v1/{collection}?limit=500"
        while path:
            status, page, _ = self.get("api", path)
            assert status == 200, page
            found += page["items"]
            path = page["next"]
        return found

    def until(self, come_true: Callable[[], Any], what: str) -> Any:
        """The first true answer of `come_true`."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                if answer := come_true():
                    return answer
            except (OSError, AssertionError):
                pass
            time.sleep(0.2)
        raise AssertionError(f"waited in vain: {what}\n{self.logs()}")

    def banyan(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        command = [sys.executable, "-m", "hub.cli", *arguments]
        return subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=240)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command that stays."""
        with (self.state / "terminal.log").open("a") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "hub.cli", *arguments], env=self.env, stdout=log, stderr=log, text=True
            )

    def processes(self) -> list[psutil.Process]:
        """Every living process that was started with this hub's state folder in its environment."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("BANYAN_STATE") == str(self.state) and process.pid != os.getpid():
                    found.append(process)
            except psutil.Error:
                continue
        return [p for p in found if p.status() != psutil.STATUS_ZOMBIE]

    def logs(self) -> str:
        """The ends of all logs, for a failing test."""
        files = [self.state / "terminal.log", *sorted((self.state / "logs").glob("*.log"))]
        return "\n".join(
            f"--- {f.name}\n{f.read_text('utf-8', 'replace')[-1500:]}" for f in files if f.exists()
        )

    def _open(self, request: urllib.request.Request) -> tuple[int, Any, dict[str, str]]:
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.loads(answer.read() or b"null"), _lower(answer.headers)
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null"), _lower(error.headers)


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _free_ports() -> dict[str, str]:
    """One free port a part, below the range of outgoing connections (see hub.embedded.ports)."""
    free = (port for port in random.sample(range(20_000, 32_000), 500) if is_free(port))
    return {f"BANYAN_{name}_PORT": str(next(free)) for name in PORTS}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub's place: free ports and an empty state folder; what still runs at the end is ended."""
    state = tmp_path_factory.mktemp("hub")
    place = Hub(state, os.environ | _free_ports() | {"BANYAN_STATE": str(state), "PYTHONUNBUFFERED": "1"})
    yield place
    for process in place.processes():
        process.kill()


@pytest.fixture(scope="module")
def running(hub: Hub, request: pytest.FixtureRequest) -> Iterator[Hub]:
    """The hub with `banyan run` of the estate that the module's `ESTATE` names."""
    process = hub.start("run", request.module.ESTATE)
    hub.until(lambda: hub.get("console", "/health/live")[0] == 200, "the console answers")
    yield hub
    process.send_signal(signal.SIGINT)
    process.wait(60)
