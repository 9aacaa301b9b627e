"""Files that are whole or absent after a crash: write beside, fsync, rename, fsync the folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

#: So much is left for the end at most: the disk writes while the next part is made.
_SYNC_BYTES = 16_000_000
_READ_BYTES = 1 << 20


def write_durably(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Put `content` at `path` so that a crash leaves the old file or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as sink:
        sink.write(content)
        sink.flush()
        os.fsync(sink.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


class Follower:
    """Reads a file behind the one who writes it: its content id is known, and on the disk, when it ends."""

    def __init__(self, path: Path) -> None:
        self._source = path.open("rb", buffering=0)
        self._hash = hashlib.sha256()
        self._unsynced = 0

    def follow(self) -> None:
        """Take what was written since; sync now and then, so that little is left for the end."""
        while content := self._source.read(_READ_BYTES):
            self._hash.update(content)
            self._unsynced += len(content)
        if self._unsynced >= _SYNC_BYTES:
            os.fsync(self._source.fileno())
            self._unsynced = 0

    def finish(self) -> str:
        """Take the rest, fsync, and return what `content_id` says of the same bytes."""
        self.follow()
        os.fsync(self._source.fileno())
        self._source.close()
        return _name(self._hash)


def content_id(path: Path) -> str:
    """Fsync a file and return the first 32 hex digits of the SHA-256 of its bytes."""
    with path.open("rb") as source:
        os.fsync(source.fileno())
        return _name(hashlib.file_digest(source, "sha256"))


def sync_folder(folder: Path) -> None:
    """Make renames and deletions in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _name(digest: Any) -> str:
    return str(digest.hexdigest()[:32])
