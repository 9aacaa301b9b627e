"""Cursors: where a page ended, as a text that only this estate can make and read.

A cursor holds a key, maybe a personal one, and travels in URLs, which get into logs. So it is encrypted,
not only signed: AES-SIV (RFC 5297) authenticates it together with the question that it belongs to, needs no
nonce, and gives the same text for the same place, so that a page has a stable ETag.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from connectors.readmodel.selection import Selection
from connectors.readmodel.values import is_stored
from streams.api.message import Problem

#: Longer than any key; nothing longer is deciphered.
_LONGEST = 8192


class Cursors:
    """Makes and reads cursors.

    Args:
        secret: returns the estate's secret; asked for at the first cursor.
    """

    def __init__(self, secret: Callable[[], bytes]) -> None:
        self._secret = secret

    @cached_property
    def _cipher(self) -> AESSIV:
        return AESSIV(hmac.digest(self._secret(), b"banyan read API cursor 1", "sha512"))

    def make(self, question: str, at: Sequence[Any]) -> str:
        """Return the cursor of a row's place in the answer to a question."""
        plain = [{"b": base64.b64encode(v).decode()} if isinstance(v, bytes) else v for v in at]
        sealed = self._cipher.encrypt(orjson.dumps(plain), [question.encode()])
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def read(self, question: str, text: str, selection: Selection) -> tuple[Any, ...]:
        """Return the place that a cursor names.

        Raises:
            Problem: it was made by somebody else, changed, or belongs to another question (400).
        """
        columns = [*([selection.sort] if selection.sort else []),
                   *(selection.table.column(k) for k in selection.table.key)]  # fmt: skip
        try:
            if len(text) > _LONGEST:
                raise ValueError
            sealed = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
            plain = orjson.loads(self._cipher.decrypt(sealed, [question.encode()]))
            values = tuple(base64.b64decode(v["b"]) if isinstance(v, dict) else v for v in plain)
            # The table may have got another shape since: a new version of the projection was switched to.
            if len(values) != len(columns) or not all(map(is_stored, values, columns)):
                raise ValueError
        except (ValueError, InvalidTag):
            raise Problem(
                400, "after is no cursor of this list; take it from `next`, with the same filters and sort"
            ) from None
        return values
