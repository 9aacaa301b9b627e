"""A remote file comes as a stream into a private copy, hashed on the way; half a copy never has its name."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from connectors.places.place import Entry, Fetched, shown
from schemas.errors import Transient


def copied(blocks: Iterable[bytes], size: int, copy: Path, *, where: str) -> str | None:
    """Write `blocks` to `copy` (mode 0600) and return their SHA-256.

    Args:
        blocks: the file's content.
        size: how many bytes it must have.
        copy: the copy's path; it appears only when whole and on disk.
        where: the remote file, for errors.

    Returns:
        None where the file did not have its size: it was changed meanwhile.

    Raises:
        Transient: the disk is full or does not answer.
    """
    digest, got = hashlib.sha256(), 0
    partial = copy.with_name(f".{copy.name}.part")
    try:
        copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as sink:
            for block in blocks:
                got += len(block)
                if got > size:
                    break
                digest.update(block)
                sink.write(block)
            sink.flush()
            os.fsync(sink.fileno())
        if got != size:
            return None
        partial.replace(copy)
    except OSError as error:
        raise Transient(
            f"cannot keep a copy of the file: {error.strerror or type(error).__name__}",
            where=where,
            fix=f"see the disk of {copy.parent}",
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return digest.hexdigest()


def fetched(
    entry: Entry, copy: Path, blocks: Iterable[bytes], unchanged: Callable[[Entry], bool]
) -> Fetched | None:
    """Copy a remote file, unless an earlier look has, and make sure that it is still the one that was listed.

    Args:
        entry: the file as it was listed.
        copy: the copy's path.
        blocks: its content; asked for only where it must be copied. It ends early where the file is gone.
        unchanged: asks the place; called last, so that a copy that is handed on is one of `entry`.

    Returns:
        None where the file has changed or gone; no copy is left then.

    Raises:
        Transient: the disk is full or does not answer; and what `blocks` and `unchanged` raise.
    """
    sha256 = settled_copy(copy, entry.size)
    if sha256 is None:
        sha256 = copied(blocks, entry.size, copy, where=shown(entry.name))
    if sha256 is None or not unchanged(entry):
        copy.unlink(missing_ok=True)
        return None
    return Fetched(copy, sha256, copied=True)


def settled_copy(copy: Path, size: int) -> str | None:
    """Return the SHA-256 of a copy that an earlier look has made; None where there is none or half of one."""
    try:
        if copy.stat().st_size != size:
            return None
        with copy.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return None
