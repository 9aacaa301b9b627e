"""The bytes of an answer as they arrive, and what its head said."""

from __future__ import annotations

from collections.abc import Iterator

from adapters.soap.wire.validators import Validators


class Parts(Iterator[bytes]):
    """An iterator of bytes.

    Attributes:
        validators: to ask next time whether the answer is still the same; empty where none were given.
        unchanged: whether the service says that it is that of last time; there are no bytes then.
    """

    def __init__(
        self, parts: Iterator[bytes], validators: Validators | None = None, *, unchanged: bool = False
    ) -> None:
        self._parts = parts
        self.validators, self.unchanged = validators or Validators(), unchanged

    def __next__(self) -> bytes:
        return next(self._parts)
