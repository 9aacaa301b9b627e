"""Calls of a made-up service kept as a cassette: traffic for an adapter's own test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adapters.soap.cassette.cassette import Cassette, Exchange
from adapters.soap.contract import Contract
from adapters.soap.polling.load import Wire


class Tape:
    """A wire that keeps each exchange as it was. Only for what is made up: nothing is masked."""

    def __init__(self, wire: Wire, contract: Contract) -> None:
        self._wire, self._contract = wire, contract
        self.exchanges: list[Exchange] = []

    @contextmanager
    def call(self, operation: str, values: Mapping[str, Any]) -> Iterator[Iterator[bytes]]:
        """Pass a call on and keep it."""
        request = self._contract.encode_request(operation, dict(values))
        with self._wire.call(operation, values) as parts:
            reply = b"".join(parts)
        self.exchanges.append(Exchange(operation, request.decode(), reply.decode(), 200))
        yield iter([reply])

    def save(self, path: Path) -> None:
        """Write the cassette."""
        path.parent.mkdir(parents=True, exist_ok=True)
        Cassette.save(path, self.exchanges)
