"""The casework service as a process, and a way to change and break it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parents[4]
SERVICE = ROOT / "examples/universal_credit/legacy/casework.py"


class Casework:
    """One running casework service. `start` again after `kill`: the state file stays."""

    def __init__(self, state: Path, cases: int) -> None:
        self.state, self.cases = state, cases
        self.port = 0
        self.start()

    def start(self) -> None:
        options = ["--port", str(self.port), "--state", str(self.state), "--cases", str(self.cases)]
        self.process = subprocess.Popen(
            [sys.executable, str(SERVICE), *options], stdout=subprocess.PIPE, text=True
        )
        line = self.process.stdout.readline()
        assert "?wsdl" in line, "the service did not start"
        self.wsdl = line.split()[1]
        self.endpoint = self.wsdl.partition("?")[0]
        self.port = int(self.endpoint.split(":")[2].partition("/")[0])

    def demo(self, action: str, **values) -> dict:
        response = requests.post(f"http://127.0.0.1:{self.port}/_demo/{action}", json=values, timeout=10)
        response.raise_for_status()
        return response.json()

    def all(self) -> list[dict]:
        return requests.get(f"http://127.0.0.1:{self.port}/_demo/cases", timeout=10).json()["cases"]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def terminate(self) -> int:
        self.process.terminate()
        code = self.process.wait(timeout=10)
        self.process.stdout.close()
        return code


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Casework]:
    """One service for tests that leave its cases as they are."""
    running = Casework(tmp_path_factory.mktemp("casework") / "cases.json", cases=30)
    yield running
    running.kill()


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Casework]:
    running = Casework(tmp_path / "cases.json", cases=30)
    yield running
    if running.process.poll() is None:
        running.kill()
