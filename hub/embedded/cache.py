"""The per-user cache: jars, the unpacked registry and ahead-of-time caches, shared by every estate."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from schemas.errors import Terminal


def cache_folder() -> Path:
    """Return a writable cache folder, made if need be.

    `BANYAN_CACHE` moves it. Without it: the platform's per-user cache, or a private folder below the
    temporary one where the home directory cannot be written.

    Raises:
        Terminal: `BANYAN_CACHE` is set and cannot be written, or a stranger owns the temporary folder.
    """
    if named := os.environ.get("BANYAN_CACHE"):
        folder = Path(named).expanduser().absolute()
        if not _writable(folder):
            raise Terminal(
                "cannot write there", where=str(folder), fix="let BANYAN_CACHE name a folder you may write"
            )
        return folder
    folder = platformdirs.user_cache_path("banyan", appauthor=False)
    if folder.is_absolute() and _writable(folder):
        return folder
    return _temporary()


@contextmanager
def exclusive(folder: Path, name: str) -> Iterator[None]:
    """Hold the cache's lock `name`; a second process waits. The kernel drops it with the process."""
    with (folder / f"{name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _temporary() -> Path:
    """Return a folder that only this user can write: others could plant jars in a shared one."""
    folder = Path(tempfile.gettempdir()) / f"banyan-cache-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o022 or folder.is_symlink():
        raise Terminal(
            "the folder belongs to somebody else",
            where=str(folder),
            fix="set BANYAN_CACHE to a folder of your own",
        )
    return folder


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
