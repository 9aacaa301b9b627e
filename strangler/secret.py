"""Secrets that a hub makes for itself and keeps on the host, readable by its owner only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def managed_secret(state: Path, name: str) -> bytes:
    """Return the secret `<state>/secrets/<name>`, made (mode 0600, 256 bits, as hex text) if it is not there.

    Several processes may ask at once: the secret appears whole under its name or not at all, and all of
    them get the same one.
    """
    path = state / "secrets" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_name(f".{name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass  # another process was first; its secret counts
        finally:
            fresh.unlink()
    return path.read_bytes().strip()
