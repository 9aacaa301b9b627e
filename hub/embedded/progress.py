"""How the embedded parts tell what they do: a caller passes an object, nothing here prints by itself."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn, TransferSpeedColumn
from rich.progress import Progress as Bars


class Progress(Protocol):
    """What `start` and `maven_fetch` call; every method may be called from several threads."""

    def step(self, text: str) -> None:
        """Say in a few words what happens now."""

    def download(self, what: str, size: int) -> None:
        """Announce that `size` bytes are to be fetched."""

    def advance(self, size: int) -> None:
        """Count `size` bytes of the announced download; negative when a file starts again."""


class Silent:
    """Drops everything: for tests and background work."""

    def step(self, text: str) -> None:
        """Do nothing."""

    def download(self, what: str, size: int) -> None:
        """Do nothing."""

    def advance(self, size: int) -> None:
        """Do nothing."""


class TerminalProgress:
    """Lines on stderr, and a download bar on a terminal; as a context manager the bar always ends."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._bars = Bars(
            TextColumn("  {task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task: TaskID | None = None
        self._guard = threading.Lock()

    def __enter__(self) -> TerminalProgress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
        sys.stderr.flush()

    def step(self, text: str) -> None:
        """Print one line."""
        self._console.print(f"  {text}", markup=False)

    def download(self, what: str, size: int) -> None:
        """Print one line and start the bar."""
        self.step(f"{what} ({size / 1e6:.0f} MB)")
        with self._guard:
            self._bars.start()
            self._task = self._bars.add_task("downloading", total=size)

    def advance(self, size: int) -> None:
        """Move the bar; the last byte takes it away."""
        with self._guard:
            if self._task is not None:
                self._bars.advance(self._task, size)
                if self._bars.finished:
                    self._bars.stop()
