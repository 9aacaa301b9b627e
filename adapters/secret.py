"""The managed secret behind pseudonymous keys (DESIGN 10.14)."""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

import pyarrow as pa

from adapters.durable import sync_folder
from schemas.errors import Terminal

_BYTES = 32


class KeySecret:
    """HMAC-SHA256 over key texts with a secret that is made once, readable by its owner only.

    The same key text always gives the same pseudonym, so order per key and compaction still work; who
    lacks the secret cannot test a guess. Losing the secret means new keys for every row.

    Raises:
        Terminal: the file is there but is not such a secret.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "key_hmac"
        self._secret = self._load()

    def __repr__(self) -> str:
        return f"<KeySecret {self._path}>"

    def pseudonyms(self, key_text: pa.LargeStringArray) -> pa.LargeStringArray:
        """Return 64 hex digits for each key text."""
        secret = self._secret
        digests = [hmac.digest(secret, text.encode(), "sha256").hex() for text in key_text.to_pylist()]
        return pa.array(digests, pa.large_string())

    def _load(self) -> bytes:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self._path.with_name(f".key_hmac.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            # link() fails where the name exists: of several threads or processes one wins, all read its secret.
            if not self._path.exists():
                descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as sink:
                    sink.write(secrets.token_bytes(_BYTES))
                    sink.flush()
                    os.fsync(sink.fileno())
                try:
                    os.link(fresh, self._path)
                    sync_folder(self._path.parent)
                except FileExistsError:
                    pass
        finally:
            fresh.unlink(missing_ok=True)
        content = self._path.read_bytes()
        if len(content) != _BYTES:
            raise Terminal(
                f"the key secret has {len(content)} bytes, not {_BYTES}",
                where=str(self._path),
                fix="put it back from a backup; with another secret every key would change",
            )
        return content
