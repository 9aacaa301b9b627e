"""What calls operations: the client on the wire, one that records, one that plays a cassette."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from adapters.soap.wire.client import Answer
from adapters.soap.wire.validators import Validators


class Streaming(Protocol):
    """Calls operations of one contract."""

    def stream(
        self, operation: str, values: Any, *, key: str = "", validators: Validators | None = None
    ) -> AbstractAsyncContextManager[Answer]:
        """Call an operation and give its answer while it arrives."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...
