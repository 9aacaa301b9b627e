"""The folder that files arrive in: which are complete, in which order, and where they go afterwards."""

from __future__ import annotations

import datetime
import hashlib
import os
import re
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from adapters.extract import Origin
from adapters.state import KNOWN
from schemas.errors import Terminal, Transient

#: Longest wait inside one look at the folder for a file to become old enough; longer ages wait for the next.
_PATIENCE_SECONDS = 2.0
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Arrival:
    """One complete file."""

    path: Path
    size: int
    #: Modification time, so that a change between two looks is noticed.
    modified_ns: int
    sha256: str
    origin: Origin
    #: Why the file cannot be taken, although its neighbours can ('' = it can).
    fault: str = ""

    @property
    def unchanged(self) -> bool:
        """True while the file on disk is still the one that was hashed."""
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return False
        return (stat.st_size, stat.st_mtime_ns) == (self.size, self.modified_ns)


@dataclass(slots=True)
class Inbox:
    """A local folder. Without `archive` it is read only."""

    folder: Path
    pattern: str
    archive: Path | None
    min_age_seconds: float
    done_marker: str
    business_date: re.Pattern[str] | None
    _hashes: dict[Path, tuple[int, int, str]] = field(default_factory=dict)

    def arrivals(self) -> list[Arrival]:
        """Return the complete files, by business date (arrival where there is none), then name.

        Raises:
            Transient: the folder or a file cannot be read.
            Terminal: a read-only folder holds more files than can be remembered as read: the oldest would be
                taken for new ones, again and again.
        """
        if self.archive is None and len(self._listed()) > KNOWN:
            raise Terminal(
                f"a read-only folder with more than {KNOWN} files",
                where=str(self.folder),
                fix="narrow the pattern, move old files away, or let Banyan archive them (read_only = false)",
            )
        found = [a for path in self._complete() if (a := self._arrival(path)) is not None]
        return sorted(found, key=lambda a: (a.origin.ts_ms, a.path.name))

    def put_away(self, arrival: Arrival) -> None:
        """Move a file (and its marker) to the archive; a name that is taken there gets the hash behind it."""
        if self.archive is None or not arrival.unchanged:
            return
        self.archive.mkdir(parents=True, exist_ok=True)
        target = self.archive / arrival.path.name
        if target.exists():
            target = target.with_name(f"{target.name}.{arrival.sha256[:16]}")
        _move(arrival.path, target)
        if self.done_marker:
            self._marker(arrival.path).unlink(missing_ok=True)
        self._hashes.pop(arrival.path, None)

    def _complete(self) -> list[Path]:
        """Return the files that are complete by marker and age; the youngest may be waited for a moment."""
        paths = self._listed()
        if paths and self.min_age_seconds:
            youngest = min(_age(path) for path in paths)
            if 0 < (wait := self.min_age_seconds - youngest) <= _PATIENCE_SECONDS:
                time.sleep(wait)
        return [path for path in self._listed() if _age(path) >= self.min_age_seconds]

    def _listed(self) -> list[Path]:
        try:
            if not self.folder.is_dir():
                # A folder that is not there yet is a source that has not delivered yet.
                return []
            paths = [p for p in self.folder.glob(self.pattern) if not p.name.startswith(".") and p.is_file()]
        except OSError as error:
            raise Transient(
                f"cannot read the folder: {error.strerror}", where=str(self.folder), fix="check the mount"
            ) from error
        if not self.done_marker:
            return paths
        files = [p for p in paths if not p.name.endswith(self.done_marker)]
        return [p for p in files if self._marker(p).is_file()]

    def _marker(self, path: Path) -> Path:
        return path.with_name(path.name + self.done_marker)

    def _arrival(self, path: Path) -> Arrival | None:
        """Return the file with its hash; None where it changed or went while it was read."""
        try:
            before = path.stat()
            known = self._hashes.get(path)
            if known is None or known[:2] != (before.st_size, before.st_mtime_ns):
                known = (before.st_size, before.st_mtime_ns, _sha256(path))
            after = path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Transient(f"cannot read the file: {error.strerror}", where=str(path)) from error
        if (after.st_size, after.st_mtime_ns) != known[:2]:
            return None
        self._hashes[path] = known
        # The change time is when a finished file was renamed into place, which the modification time is not.
        arrival_ms = max(after.st_mtime_ns, after.st_ctime_ns) // 1_000_000
        business_ms = self._business_ms(path)
        origin = Origin(
            ts_ms=arrival_ms if business_ms is None else business_ms,
            ts_kind="arrival" if business_ms is None else "business",
            arrival_ms=arrival_ms,
            file=path.name,
        )
        undated = self.business_date is not None and business_ms is None
        fault = "the file name has no valid business date" if undated else ""
        return Arrival(path, after.st_size, after.st_mtime_ns, known[2], origin, fault)

    def _business_ms(self, path: Path) -> int | None:
        """Return midnight UTC of the date in the file name, None where there is none."""
        match = self.business_date.search(path.name) if self.business_date else None
        try:
            day = datetime.date.fromisoformat(match["date"] if match else "")
        except (ValueError, TypeError):
            return None
        midnight = datetime.datetime.combine(day, datetime.time(), datetime.UTC)
        return int(midnight.timestamp() * 1000)


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _move(source: Path, target: Path) -> None:
    """Move atomically; over a file-system border by a copy that appears under its name only when whole."""
    try:
        source.rename(target)
    except OSError:
        partial = target.with_name(f".{target.name}.part")
        shutil.copy2(source, partial)
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        partial.rename(target)
        source.unlink()
