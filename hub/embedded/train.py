"""Make the AOT caches: run each program once beside everything else, at the lowest priority.

Run by `Services.train` as `python -m hub.embedded.train kafka registry`; any failure only means that the next
start is as slow as this one.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hub.embedded import aot
from hub.embedded.cache import cache_folder, exclusive
from hub.embedded.ports import Ports
from hub.embedded.start import Tuning, parts_of

#: After its orderly end the JVM still writes the cache: some 10 s alone, longer beside a busy hub.
_ASSEMBLY_SECONDS = 300.0


def train(names: Sequence[str]) -> None:
    """Train the programs `names` one after the other; those that have a cache already are left alone."""
    cache = cache_folder()
    (cache / "aot").mkdir(exist_ok=True)
    with exclusive(cache, "aot"), tempfile.TemporaryDirectory(dir=cache, prefix=".aot-") as folder:
        parts = parts_of(Path(folder), Ports.free(), tuning=Tuning(registry="registry" in names))
        for name in names:
            part = parts[name]
            if part.cache.exists():
                continue
            fresh = Path(folder) / f"{name}.aot"
            child = part.launch(bound=True, flags=aot.train_flags(fresh))
            part.await_answer(child, bound=True)
            child.stop(_ASSEMBLY_SECONDS)
            if fresh.exists():
                fresh.replace(part.cache)
                aot.trim(part.cache)


if __name__ == "__main__":
    os.nice(19)
    train(sys.argv[1:])
