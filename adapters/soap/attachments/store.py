"""A folder of attachments by the hash of their content, and the references that stand for them in events."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from schemas.errors import Transient

_REFERENCE = re.compile(rb"banyan-attachment:sha256=([0-9a-f]{64});bytes=(\d{1,19});type=([!-~]{0,200})")


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attachment that is in the store.

    Attributes:
        sha256: of its bytes; its name in the store.
        size: in bytes.
        content_type: as its part of the message said.
    """

    sha256: str
    size: int
    content_type: str = "application/octet-stream"

    @property
    def reference(self) -> bytes:
        """What stands for the bytes in an event."""
        kind = re.sub(r"[^!-~]|;.*", "", self.content_type)[:200]
        return f"banyan-attachment:sha256={self.sha256};bytes={self.size};type={kind}".encode()

    @classmethod
    def read(cls, value: bytes) -> Attachment | None:
        """Return what a value refers to, None if it is no reference."""
        match = _REFERENCE.fullmatch(value)
        return cls(match[1].decode(), int(match[2]), match[3].decode()) if match else None


class AttachmentStore:
    """Files in `folder`, each written once, readable by this user only. They may hold personal data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __repr__(self) -> str:
        return f"<AttachmentStore {self.folder}>"

    def path(self, sha256: str) -> Path:
        """Return where the attachment with this hash lies, if it is there."""
        return self.folder / sha256[:2] / sha256

    def prune(self, before: float) -> int:
        """Delete attachments that came last before `before` (epoch seconds); return how many."""
        pruned = 0
        for path in self.folder.glob("[0-9a-f][0-9a-f]/*"):
            try:
                if path.stat().st_mtime < before:
                    path.unlink()
                    pruned += 1
            except FileNotFoundError:
                continue  # another process was faster
        return pruned

    def begin(self) -> Incoming:
        """Return an attachment that is being written.

        Raises:
            Transient: the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            return Incoming(self)
        except OSError as error:
            raise _no_room(self.folder, error) from None


class Incoming:
    """An attachment on its way into the store; without `keep` nothing stays."""

    def __init__(self, store: AttachmentStore) -> None:
        self._store, self._hash, self.size = store, hashlib.sha256(), 0
        descriptor, name = tempfile.mkstemp(prefix=".incoming-", dir=store.folder)
        self._name = Path(name)
        self._file: IO[bytes] = os.fdopen(descriptor, "wb")

    def write(self, data: bytes) -> None:
        """Append bytes."""
        self._hash.update(data)
        self.size += len(data)
        try:
            self._file.write(data)
        except OSError as error:
            raise _no_room(self._store.folder, error) from None

    def keep(self, content_type: str) -> Attachment:
        """Put the attachment under its hash, durably, and return it."""
        found = Attachment(self._hash.hexdigest(), self.size, content_type)
        target = self._store.path(found.sha256)
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            target.parent.mkdir(exist_ok=True, mode=0o700)
            self._name.replace(target)
        except OSError as error:
            self.drop()
            raise _no_room(self._store.folder, error) from None
        return found

    def drop(self) -> None:
        """Remove what was written."""
        self._file.close()
        self._name.unlink(missing_ok=True)


def _no_room(folder: Path, error: OSError) -> Transient:
    return Transient(
        f"an attachment cannot be stored: {error.strerror}",
        where=str(folder),
        fix="make room, or mend its rights",
    )
