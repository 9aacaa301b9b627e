"""What an adapter can do that keeps something between two looks beside the snapshot: cursors, message ids."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Protocol, runtime_checkable

from adapters.extract import Extract


@runtime_checkable
class Remembering(Protocol):
    """An adapter whose extracts say what is to be remembered once they are committed (`memory_of`).

    The memory goes into the transaction that ends the extract, so Kafka stays the only commit point
    (DESIGN 10.2). What an adapter keeps in `home` beside it may be lost at any time and only saves work.
    """

    def resume(self, memory: str, home: Path, *, first: bool) -> None:
        """Called before each look.

        Args:
            memory: what was committed last; empty before the first.
            home: the adapter's own folder.
            first: True while no extract was ever committed.
        """
        ...

    def rest(self, stop: threading.Event, seconds: float) -> None:
        """Wait between two looks: so long, until told to stop, or until something has arrived."""
        ...

    def close(self) -> None:
        """Let go of connections and ports; called at the end."""
        ...


def memory_of(extract: Extract) -> str | None:
    """Return what is to be remembered once an extract is committed; None = nothing new."""
    memory: str | None = getattr(extract, "memory", None)
    return memory


def began_ms(extract: Extract) -> int:
    """Return when reading an extract began (epoch ms), where that was in another process; else 0."""
    began: int = getattr(extract, "began_ms", 0)
    return began
