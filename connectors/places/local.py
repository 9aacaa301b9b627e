"""A folder on this machine (or mounted on it) as a place."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from connectors.durable import sync_folder
from connectors.places.place import Entry, Fetched, FileUnreadable, beside, shown
from schemas.errors import Transient

_LINK = "a symbolic link, which may lead anywhere on this machine"


@dataclass(slots=True)
class LocalPlace:
    """A folder; without `archived` nothing in it is ever touched."""

    folder: Path
    archived: Path | None
    whole: bool = False

    @property
    def address(self) -> str:
        """The folder."""
        return str(self.folder)

    def entries(self) -> list[Entry]:
        """Return the regular files and, as faults, the symbolic links; nothing else is a file."""
        found = []
        try:
            with os.scandir(self.folder) as scan:
                for item in scan:
                    try:
                        status = item.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue  # it went away between the listing and the look
                    if stat.S_ISREG(status.st_mode):
                        found.append(_entry(item.name, status))
                    elif stat.S_ISLNK(status.st_mode):
                        found.append(_entry(item.name, status, _LINK))
        except (FileNotFoundError, NotADirectoryError):
            # A folder that is not there yet is a source that has not delivered yet.
            return []
        except OSError as error:
            raise Transient(
                f"cannot read the folder: {error.strerror}", where=self.address, fix="check the mount"
            ) from error
        return found

    def fetch(self, entry: Entry, copy: Path) -> Fetched | None:
        """Hash the file where it lies; nothing is copied."""
        path = self.folder / entry.name
        try:
            with open_regular(path) as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FileUnreadable(
                f"cannot read the file: {error.strerror}",
                where=shown(entry.name),
                fix="let this account read it; it is tried again at every look",
            ) from error
        return Fetched(path, digest, copied=False) if self.unchanged(entry) else None

    def unchanged(self, entry: Entry) -> bool:
        """True while the file on disk is the same one, unwritten since."""
        try:
            status = (self.folder / entry.name).stat(follow_symlinks=False)
        except OSError:
            return False
        return _entry(entry.name, status).content == entry.content

    def archive(self, entry: Entry, sha256: str) -> bool:
        """Move the file; what the archive holds already, byte for byte, is only removed here."""
        if self.archived is None or not self.unchanged(entry):
            return False
        source = self.folder / entry.name
        self.archived.mkdir(parents=True, exist_ok=True)
        for target in (self.archived / entry.name, self.archived / beside(entry.name, sha256)):
            if not os.path.lexists(target):
                _move(source, target, sha256)
                return True
            if _is(target, entry.size, sha256):
                source.unlink()
                return True
        return False

    def recall(self, name: str, sha256: str) -> bool:
        """Move an archived file back into the folder."""
        if self.archived is None or os.path.lexists(self.folder / name):
            return False
        for source in (self.archived / name, self.archived / beside(name, sha256)):
            if source.is_file() and _hash(source).startswith(sha256):
                _move(source, self.folder / name, sha256)
                return True
        return False

    def remove(self, name: str) -> None:
        """Take away a marker."""
        (self.folder / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing is open between two looks."""


def open_regular(path: Path) -> BufferedReader:
    """Open a regular file for reading, and nothing else: no link is followed, no pipe waited for.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, "no regular file")
    return os.fdopen(descriptor, "rb")


def _entry(name: str, status: os.stat_result, fault: str = "") -> Entry:
    # The change time is when a finished file was renamed into place, which the modification time is not.
    arrived = max(status.st_mtime_ns, status.st_ctime_ns)
    return Entry(name, status.st_size, status.st_mtime_ns, arrived, str(status.st_ino), fault)


def _is(path: Path, size: int, sha256: str) -> bool:
    return path.is_file() and path.stat().st_size == size and _hash(path) == sha256


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _move(source: Path, target: Path, sha256: str) -> None:
    """Move atomically; over a file-system border by a copy that appears under its name only when whole."""
    try:
        source.rename(target)
    except OSError:
        partial = target.with_name(f".{sha256[:16]}.part")
        shutil.copy2(source, partial)
        with partial.open("rb") as stream:
            os.fsync(stream.fileno())
        partial.rename(target)
        sync_folder(target.parent)
        source.unlink()
