"""One embedded service: how to start it, how to see that it answers, and its ahead-of-time cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hub.embedded import aot
from hub.embedded.child import Child
from hub.embedded.health import StartFailed, wait_until
from hub.embedded.ports import listens

#: A log that grew over this many bytes is set aside as `.1` at the next start.
_LOG_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """What differs between Kafka and the registry."""

    name: str
    #: What clients connect to: `host:port` of Kafka, or the registry's URL.
    address: str
    folder: Path
    #: Takes flags for the Java runtime, gives the whole command.
    command: Callable[[Sequence[str]], list[str]]
    answers: Callable[[], bool]
    #: Where its AOT cache is, or will be.
    cache: Path

    @property
    def log(self) -> Path:
        """Its log file."""
        return self.folder / f"{self.name}.log"

    def launch(self, *, bound: bool, flags: Sequence[str] | None = None) -> Child:
        """Start it; with the AOT cache unless other `flags` are given."""
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        chosen = aot.use(self.cache) if flags is None else flags
        return Child(self.name, self.command(chosen), folder=self.folder, log=self.log, bound=bound)

    def await_answer(self, child: Child, *, bound: bool) -> Child:
        """Return the child once it answers; a start that fails with an AOT cache is tried again without.

        Raises:
            StartFailed: it ended, or does not answer in time.
        """
        try:
            wait_until(child, lambda: self._is_up(child))
        except StartFailed:
            if child.alive or not self.cache.exists():
                child.kill()
                raise
            aot.drop(self.cache)
            child = again = self.launch(bound=bound)
            try:
                wait_until(child, lambda: self._is_up(again))
            except StartFailed:
                child.kill()
                raise
        return child

    def _is_up(self, child: Child) -> bool:
        """Whether it answers, and not another program that took the port since it was found free."""
        port = int(self.address.removeprefix("http://").partition("/")[0].rpartition(":")[2])
        return self.answers() and listens(child.pid, port)
