"""One Banyan a state folder: a lock file that names its owner, and a format version."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hub.embedded.child import started_at
from schemas.errors import Terminal

#: Raised when the layout below the state folder changes in a way that an older Banyan cannot read.
FORMAT = 1
#: Start times are rounded differently by the kernel's two clocks; a pid is not reused within a second.
_SAME_START_SECONDS = 1.0


class Claim:
    """The right to run services in a state folder; held by a process, and void once that process is gone.

    The owner is a pid *and* its start time, so that a lock left by a crash is never mistaken for a live one
    because the pid was given to another process.
    """

    def __init__(self, state: Path) -> None:
        self._state = state
        self._file = state / "lock"

    def take(self) -> None:
        """Claim the folder for this process; makes it if it is missing.

        Raises:
            Terminal: a live process holds it, or a newer Banyan wrote the folder.
        """
        self._state.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._guarded():
            self._check_format()
            if (holder := self.holder()) and holder != os.getpid():
                raise Terminal(
                    f"another Banyan (process {holder}) runs on this state folder",
                    where=str(self._file),
                    fix=f"stop it first: `banyan down`, or Ctrl-C where it runs (kill {holder} if it hangs)",
                )
            self._write(os.getpid())

    def hand_over(self, pid: int) -> None:
        """Make the process `pid` the owner (`banyan up`: Kafka itself)."""
        with self._guarded():
            self._write(pid)

    def drop(self) -> None:
        """Give the folder free."""
        self._file.unlink(missing_ok=True)

    def holder(self) -> int | None:
        """Return the pid of the live owner; None when there is none or the lock is stale or unreadable."""
        try:
            found = json.loads(self._file.read_text())
            pid, started = int(found["pid"]), float(found["started"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return pid if is_same(pid, started) else None

    def _write(self, pid: int) -> None:
        write_json(self._file, {"pid": pid, "started": started_at(pid)})

    def _check_format(self) -> None:
        path = self._state / "format"
        if not path.exists():
            path.write_text(f"{FORMAT}\n")
        elif not (text := path.read_text().strip()).isdigit() or int(text) > FORMAT:
            raise Terminal(
                f"the state folder has format {text[:20]!r}; this Banyan knows up to {FORMAT}",
                where=str(path),
                fix="use the newer Banyan that wrote it, or another state folder (BANYAN_STATE)",
            )

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Keep two starters from both finding a stale lock and both taking it."""
        with (self._state / "lock.guard").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def is_same(pid: int, started: float | None) -> bool:
    """Return whether `pid` is alive and is the process that started at `started` (Unix seconds)."""
    now = started_at(pid)
    return now is not None and started is not None and abs(now - started) < _SAME_START_SECONDS


def write_json(path: Path, value: object) -> None:
    """Write a small file so that a reader sees the old or the new one, never a half."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    fresh.replace(path)
