"""One process a spool folder. Kafka's fencing protects the topics; this protects the files."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType

from schemas.errors import Terminal


class FolderLock:
    """An exclusive lock on a file, freed by the kernel however the process ends.

    Raises:
        Terminal: on entering, if another process holds it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def __enter__(self) -> FolderLock:
        # Spools and snapshots hold personal data: the owner's alone.
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._descriptor)
            raise Terminal(
                "another process runs this adapter with the same state folder",
                where=str(self._path.parent),
                fix="stop the other `banyan run` or `banyan adapter run`, or wait until it ends",
            ) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)
