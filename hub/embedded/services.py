"""The embedded Kafka and registry, running."""

from __future__ import annotations

import atexit
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from hub.embedded.child import Child
from hub.embedded.claim import Claim, write_json
from hub.embedded.part import Part


class Services:
    """What `start` returns: where the services are, and the way to end them.

    Attributes:
        bootstrap: `host:port` of Kafka.
        registry_url: base address of the registry's Confluent-compatible API; empty if it was not wanted.
    """

    def __init__(
        self,
        state: Path,
        claim: Claim,
        parts: Mapping[str, Part],
        children: dict[str, Child],
        *,
        bound: bool,
    ) -> None:
        self._state, self._claim, self._parts, self._children, self._bound = (
            state,
            claim,
            parts,
            children,
            bound,
        )
        self.bootstrap = parts["kafka"].address
        self.registry_url = parts["registry"].address if "registry" in parts else ""
        self._trainer: Child | None = None
        self._guard = threading.Lock()
        self._write()
        if bound:
            atexit.register(self.stop)

    def __repr__(self) -> str:
        return f"<Services {self.bootstrap} {self.registry_url} {self.pids}>"

    @property
    def pids(self) -> dict[str, int]:
        """The process of each service by name (`kafka`, `registry`)."""
        return {name: child.pid for name, child in self._children.items()}

    @property
    def dead(self) -> list[str]:
        """The names of services that ended without being asked to."""
        return [name for name, child in self._children.items() if not child.alive]

    def revive(self) -> list[str]:
        """Start again what ended, on the same data and ports; return the names.

        Raises:
            StartFailed: one does not come back.
        """
        with self._guard:
            names = self.dead
            for name in names:
                part = self._parts[name]
                child = part.launch(bound=self._bound)
                self._children[name] = child
                self._children[name] = part.await_answer(child, bound=self._bound)
            if names:
                self._write()
            return names

    def train(self) -> None:
        """Make missing AOT caches in the background, for the next start."""
        if any(not part.cache.exists() for part in self._parts.values()):
            command = [sys.executable, "-m", "hub.embedded.train", *self._parts]
            root = Path(__file__).resolve().parents[2]
            log = self._state / "aot-training.log"
            self._trainer = Child("aot-training", command, folder=root, log=log, bound=True)

    def stop(self) -> None:
        """End both in order: Kafka closes its logs. Safe to call twice."""
        with self._guard:
            if self._trainer:
                self._trainer.kill()
            for child in self._children.values():
                child.terminate()
            for child in self._children.values():
                child.stop()
            (self._state / "services.json").unlink(missing_ok=True)
            self._claim.drop()
            self._children.clear()
        atexit.unregister(self.stop)

    def _write(self) -> None:
        processes = {name: {"pid": c.pid, "started": c.started} for name, c in self._children.items()}
        facts = {"bootstrap": self.bootstrap, "registry": self.registry_url}
        write_json(
            self._state / "services.json",
            facts | {"detached": not self._bound, "owner": self._claim.holder(), "processes": processes},
        )
