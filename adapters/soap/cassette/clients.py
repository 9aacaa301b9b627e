"""Clients that record, and clients that play: both look like `WireClient` to who calls."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.soap.cassette.cassette import Cassette, Exchange
from adapters.soap.cassette.masker import Masker
from adapters.soap.contract import Contract
from adapters.soap.errors import BrokenAnswer, ServiceUnavailable
from adapters.soap.safe_xml import MAX_ANSWER_BYTES
from adapters.soap.wire.client import Answer
from adapters.soap.wire.streaming import Streaming
from adapters.soap.wire.validators import Validators
from schemas.errors import BanyanError

#: What a recording keeps of an exchange without answer, and what it is when played.
_FAILURES: dict[str, type[BanyanError]] = {
    "ServiceUnavailable": ServiceUnavailable,
    "BrokenAnswer": BrokenAnswer,
}


class RecordingClient:
    """Calls through another client and keeps each exchange, masked; `save` when done.

    What is kept is what the decoder reads: decrypted, its proofs checked, attachments by reference.
    """

    def __init__(self, client: Streaming, contract: Contract, masker: Masker) -> None:
        self._client, self._contract, self._masker = client, contract, masker
        self._exchanges: list[Exchange] = []

    def save(self, path: Path) -> int:
        """Write the cassette; return how many exchanges it holds."""
        Cassette.save(path, self._exchanges)
        return len(self._exchanges)

    @asynccontextmanager
    async def stream(
        self, operation: str, values: Any, *, key: str = "", validators: Validators | None = None
    ) -> AsyncIterator[Answer]:
        """As `WireClient.stream`; the answer is read whole before it is given."""
        request = self._contract.encode_request(operation, values)
        masked = self._masker.request(operation, request).decode()
        try:
            async with self._client.stream(operation, values, key=key) as answer:
                content = bytearray()
                async for part in answer.parts:
                    content += part
                    if len(content) > MAX_ANSWER_BYTES:
                        raise BrokenAnswer(f"an answer over {MAX_ANSWER_BYTES:,} bytes is not recorded")
        except (ServiceUnavailable, BrokenAnswer) as error:
            failure = next(name for name, kind in _FAILURES.items() if isinstance(error, kind))
            self._exchanges.append(Exchange(operation, masked, "", 0, failure))
            raise
        whole = bytes(content)
        reply = self._masker.reply(operation, whole).decode() if whole.strip() else ""
        self._exchanges.append(Exchange(operation, masked, reply, answer.status))
        yield replace(answer, parts=_one(whole))

    async def close(self) -> None:
        """Close the client below."""
        await self._client.close()


class PlayingClient:
    """Answers from a cassette; nothing is connected."""

    def __init__(self, contract: Contract, cassette: Cassette) -> None:
        self._contract, self._cassette = contract, cassette

    @asynccontextmanager
    async def stream(
        self, operation: str, values: Any, *, key: str = "", validators: Validators | None = None
    ) -> AsyncIterator[Answer]:
        """Give the recorded answer, or raise the kind of error that was recorded.

        Raises:
            Terminal: this request was not recorded.
        """
        found = self._cassette.answer(operation, self._contract.encode_request(operation, values))
        if found.failure:
            kind = _FAILURES.get(found.failure, ServiceUnavailable)
            raise kind("recorded: no answer came", where=f"cassette {operation}")
        yield Answer(found.status, _one(found.reply.encode()))

    async def close(self) -> None:
        """Nothing is open."""


async def _one(content: bytes) -> AsyncIterator[bytes]:
    if content:
        yield content
