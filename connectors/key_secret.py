"""The managed secret behind pseudonyms of business keys (DESIGN 10.14): message keys and dead letters."""

from __future__ import annotations

import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

from connectors.durable import sync_folder
from schemas.errors import Terminal

_BYTES = 32


def key_secret(folder: Path) -> bytes:
    """Return the estate's HMAC secret for key texts; made once, readable by its owner only.

    The same key text always gives the same pseudonym, so order per key holds; who lacks the secret cannot
    test a guess. Losing it would mean new keys for every row, so it belongs in the backup.

    Raises:
        Terminal: the file is there but is not such a secret.
    """
    path = folder / "key_hmac"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        _make(path)
    content = path.read_bytes()
    if len(content) != _BYTES:
        raise Terminal(
            f"the key secret has {len(content)} bytes, not {_BYTES}",
            where=str(path),
            fix="put it back from a backup; with another secret every key would change",
        )
    return content


def fingerprint(secret: bytes) -> str:
    """Return what tells secrets apart and gives none away."""
    return hmac.digest(secret, b"banyan key secret", "sha256").hex()[:16]


def _make(path: Path) -> None:
    """Write a new secret beside and link it: of several processes one wins, all read its secret."""
    fresh = path.with_name(f".key_hmac.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as sink:
            sink.write(secrets.token_bytes(_BYTES))
            sink.flush()
            os.fsync(sink.fileno())
        with suppress(FileExistsError):
            os.link(fresh, path)
        sync_folder(path.parent)
    finally:
        fresh.unlink(missing_ok=True)
