"""The parts of Banyan as processes that a test can kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from hub.embedded.services import Services

ROOT = Path(__file__).parents[3]


class Parts:
    """The adapters, the worker and Kafka of one estate; `kill` is SIGKILL, and each comes back at once."""

    NAMES = ("adapter", "worker", "kafka")

    def __init__(self, estate: Path, services: Services) -> None:
        self._estate, self._services = estate, services
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._commands = {"adapter": ["adapter", "run"], "worker": ["worker"]}
        for name in self._commands:
            self._start(name)

    def kill(self, name: str) -> None:
        """SIGKILL one part and start it again."""
        if name == "kafka":
            os.kill(self._services.pids["kafka"], signal.SIGKILL)
            while "kafka" not in self._services.dead:
                pass
            self._services.revive()
            return
        process = self._processes[name]
        process.kill()
        process.wait()
        self._start(name)

    def ended(self) -> list[str]:
        """The parts that ended although nobody killed them."""
        return [name for name, process in self._processes.items() if process.poll() is not None]

    def log(self, name: str) -> str:
        """The end of a part's output."""
        return (self._estate / f"{name}.log").read_text(errors="replace")[-4000:]

    def stop(self) -> None:
        """End all with SIGTERM, and insist after ten seconds."""
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, name: str) -> None:
        with (self._estate / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "hub.cli", *self._commands[name], str(self._estate)],
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
