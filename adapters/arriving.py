"""What an adapter of files can do beyond any other: keep private copies, expect files, bring them back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from adapters.state import Awaited


@dataclass(frozen=True, slots=True)
class Step:
    """Something to tell about one window of expected files. `due_ms` is epoch milliseconds."""

    state: Literal["scheduled", "late", "missing", "arrived"]
    due_ms: int
    reason: str


@runtime_checkable
class Arriving(Protocol):
    """An adapter whose extracts are files in a place."""

    def move_in(self, home: Path) -> None:
        """Called once before the first look: `home` is the adapter's own folder for private copies."""
        ...

    def windows(self, awaited: Awaited, now_ms: int) -> tuple[Awaited, list[Step]]:
        """Return what is to be told about expected files after the last look, and where that leaves us."""
        ...

    def recall(self, extract: str) -> bool:
        """Bring an extract's file back from the archive; False where it is not there."""
        ...

    def close(self) -> None:
        """Let go of connections; the next look makes them again."""
        ...
