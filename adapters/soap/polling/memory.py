"""What a SOAP adapter must not forget: how far it has read, and what it has taken already."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict

from schemas.errors import Terminal

#: Bytes of a digest: with 50,000 remembered, two messages are confused once in some ten thousand million.
_BYTES = 8


class Memory(BaseModel):
    """Committed with the events that it speaks of (DESIGN 10.2); JSON in the adapter's state.

    Attributes:
        cursor: as it stands in XML; empty before the first.
        taken: digests of what was taken lately, oldest first.
        full_ms: when the whole list was read last (epoch milliseconds); 0 = never.
    """

    model_config = ConfigDict(frozen=True)

    cursor: str = ""
    taken: str = ""
    full_ms: int = 0

    @classmethod
    def read(cls, text: str) -> Memory:
        """Return the memory that was committed; an empty one before the first.

        Raises:
            Terminal: it is of another kind of adapter.
        """
        try:
            return cls.model_validate_json(text) if text else cls()
        except ValueError as error:
            raise Terminal(
                "what the adapter has remembered cannot be read",
                where="adapter state",
                fix="give the adapter another name, or put its mode of change back",
            ) from error

    @property
    def digests(self) -> tuple[bytes, ...]:
        """What was taken, oldest first."""
        raw = base64.b64decode(self.taken)
        return tuple(raw[i : i + _BYTES] for i in range(0, len(raw), _BYTES))

    def taking(self, digests: Iterable[bytes], most: int) -> Memory:
        """Return the memory with these digests at its end, and no more than `most` of them."""
        known = dict.fromkeys(self.digests)
        for digest in digests:
            known.pop(digest, None)
            known[digest] = None
        kept = b"".join(list(known)[-most:])
        return self.model_copy(update={"taken": base64.b64encode(kept).decode()})

    def dump(self) -> str:
        """Return it as JSON."""
        return self.model_dump_json()


def digest(value: Any) -> bytes:
    """Return what tells a message id, or a decoded item, from all others."""
    return hashlib.blake2b(repr(value).encode(), digest_size=_BYTES).digest()
