"""Content encoding (RFC 9110, 8.4): zstd or gzip where the caller asks for it and it pays."""

from __future__ import annotations

import gzip
import re
import zlib
from typing import Any, Protocol

import zstandard

#: Below, headers weigh more than what is saved.
_PAYS = 1400
#: Level 6 of gzip costs three times level 1 and saves a tenth; zstd's 3 is its usual.
_GZIP_LEVEL, _ZSTD_LEVEL = 1, 3
_KNOWN = ("zstd", "gzip")


class Encoder(Protocol):
    """Compresses a body piece by piece."""

    def compress(self, data: bytes, /) -> bytes:
        """Return what is ready."""
        ...

    def flush(self) -> bytes:
        """Return the rest."""
        ...


def chosen(accept: str) -> str:
    """Return the encoding to use for an Accept-Encoding header; empty for none."""
    if not accept:
        return ""
    weights: dict[str, float] = {}
    for part in accept.lower().split(","):
        name, _, rest = part.strip().partition(";")
        found = re.search(r"q=([01](?:\.[0-9]{0,3})?)", rest)
        weights[name.strip()] = float(found[1]) if found else 1.0
    offered = {name: weights.get(name, weights.get("*", 0.0)) for name in _KNOWN}
    best = max(_KNOWN, key=lambda name: offered[name])  # the first of equals
    return best if offered[best] > 0 else ""


def encoded(body: bytes, encoding: str) -> bytes | None:
    """Return a whole body encoded, or None where it does not pay."""
    if not encoding or len(body) < _PAYS:
        return None
    if encoding == "zstd":
        return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(body)
    return gzip.compress(body, _GZIP_LEVEL, mtime=0)


def encoder(encoding: str) -> Encoder:
    """Return an encoder of a body that is sent in pieces."""
    if encoding == "zstd":
        made: Any = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj()
        return made  # type: ignore[no-any-return]
    return zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, 31)
