"""The kill switch of one host: a file that outranks Kafka until it is taken back (DESIGN 10.10)."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.errors import SettingsError


class KillSwitch:
    """Which operations are killed on this host: their reads go to legacy at once.

    The state lives in `<state>/facade/killed.json`; every façade process of the host looks at it several
    times a second, so one acknowledgement covers them all. Each use is also written to the local journal
    `<state>/facade/journal.jsonl`, from which the controller later carries it into the decision log.
    """

    def __init__(self, state: Path) -> None:
        self._path = state / "facade" / "killed.json"
        self._journal = state / "facade" / "journal.jsonl"
        self._seen: tuple[int, int] | None = None
        self._killed: dict[str, dict[str, Any]] = {}
        self.refresh()
        if self._seen is None and self._path.exists():
            raise SettingsError(
                "the kill switch's file cannot be read",
                where=str(self._path),
                fix="put back its last good content, or delete it to let the decision log's stages count",
            )

    def __contains__(self, operation: str) -> bool:
        return operation in self._killed

    @property
    def killed(self) -> dict[str, dict[str, Any]]:
        """Operation → {at_ms, by, reason}."""
        return dict(self._killed)

    def refresh(self) -> bool:
        """Look at the file; return whether it changed.

        A missing or unreadable file changes nothing: only a written `restore` takes a kill back.
        """
        with contextlib.suppress(OSError, ValueError):
            status = self._path.stat()
            mark = (status.st_mtime_ns, status.st_ino)
            if mark != self._seen:
                self._killed = dict(json.loads(self._path.read_text(encoding="utf-8")))
                self._seen = mark
                return True
        return False

    def kill(self, operation: str, *, by: str, reason: str) -> dict[str, Any]:
        """Send the operation's reads to legacy until `restore`; durable when this returns."""
        with self._alone():
            entry = self._killed.get(operation)
            if entry is not None:  # the command and each façade of the host get the same order
                return entry
            entry = {"at_ms": int(time.time() * 1000), "by": by, "reason": reason}
            self._store(self._killed | {operation: entry})
            return self._note({"kind": "kill", "operation": operation, **entry})

    def restore(self, operation: str, *, by: str, reason: str) -> dict[str, Any]:
        """Let the stage from the decision log count again."""
        with self._alone():
            entry = {"at_ms": int(time.time() * 1000), "by": by, "reason": reason}
            if operation not in self._killed:
                return entry
            self._store({k: v for k, v in self._killed.items() if k != operation})
            return self._note({"kind": "restore", "operation": operation, **entry})

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the host's lock, with the newest state loaded: several processes write here."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.refresh()
            yield

    def _store(self, killed: dict[str, dict[str, Any]]) -> None:
        write_durably(self._path, json.dumps(killed))
        self._seen = None
        self.refresh()

    def _note(self, entry: dict[str, Any]) -> dict[str, Any]:
        with self._journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
            file.flush()
            os.fsync(file.fileno())
        return entry


def write_durably(path: Path, text: str) -> None:
    """Replace a file's content in one step that survives a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(name).replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
