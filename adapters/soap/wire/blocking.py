"""The client for code with threads instead of an event loop: the adapter's reading."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, TypeVar

from adapters.soap.contract import Contract
from adapters.soap.errors import BadValue
from adapters.soap.wire.client import Answer
from adapters.soap.wire.parts import Parts
from adapters.soap.wire.streaming import Streaming
from adapters.soap.wire.validators import Validators
from schemas.errors import BanyanError

T = TypeVar("T")
#: Connections close in a moment; a peer that holds one open does not hold up the end of the process.
_ENDING_SECONDS = 2.0


class BlockingWire:
    """Calls from any thread; a background thread of its own runs the event loop until `close`."""

    def __init__(self, contract: Contract, client: Streaming) -> None:
        self._contract, self.client = contract, client
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()
        self._end: weakref.finalize[..., BlockingWire] | None = None

    def check(self, operation: str, values: Mapping[str, Any]) -> None:
        """Make the request without sending it.

        Raises:
            SettingsError: the values do not fit the operation.
        """
        try:
            self._contract.encode_request(operation, values)
        except BadValue as error:
            raise self._contract.unmade_request(operation, f": {error.path}: {error.reason}") from None

    @contextmanager
    def call(
        self, operation: str, values: Mapping[str, Any], *, validators: Validators | None = None
    ) -> Iterator[Parts]:
        """Call an operation and give the bytes of its envelope as they arrive.

        With `validators` of an earlier answer the service may say that it is still the same.

        Raises:
            As `WireClient.stream`, also while the bytes are read.
        """
        attempt = self.client.stream(operation, values, validators=validators)
        answer, first = self._wait(_begun(attempt))
        try:
            yield Parts(self._parts(answer, first), answer.validators, unchanged=answer.unchanged)
        except BaseException as error:
            if not self._wait(attempt.__aexit__(type(error), error, error.__traceback__)):
                raise
        else:
            self._wait(attempt.__aexit__(None, None, None))

    def close(self) -> None:
        """Close the connections and end the thread."""
        with self._lock:
            end, self._loop, self._end = self._end, None, None
        if end is not None:
            end()

    def _parts(self, answer: Answer, part: bytes | BanyanError | None) -> Iterator[bytes]:
        while part is not None:
            if isinstance(part, BanyanError):
                raise part
            yield part
            part = self._wait(_next(answer))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                thread = threading.Thread(target=_run, args=(self._loop,), name="soap-wire", daemon=True)
                thread.start()
                self._end = weakref.finalize(self, _ended, self._loop, thread, self.client)
            loop = self._loop
        return asyncio.run_coroutine_threadsafe(work, loop).result()


async def _begun(
    attempt: AbstractAsyncContextManager[Answer],
) -> tuple[Answer, bytes | BanyanError | None]:
    """Begin the answer and read its first part: a way between two threads costs as much as a small call."""
    answer = await attempt.__aenter__()
    try:
        return answer, await _next(answer)
    except BanyanError as error:
        return answer, error  # raised where the parts are read, so that the attempt sees it


async def _next(answer: Answer) -> bytes | None:
    return await anext(answer.parts, None)


def _ended(loop: asyncio.AbstractEventLoop, thread: threading.Thread, client: Streaming) -> None:
    """Close the connections and stop the loop; runs in any thread, also when nobody holds the wire."""

    async def close() -> None:
        await client.close()
        loop.stop()

    def begin() -> None:
        tasks.append(loop.create_task(close()))  # held, or it could be collected before it is done

    tasks: list[asyncio.Task[None]] = []
    loop.call_soon_threadsafe(begin)
    if threading.current_thread() is not thread:
        thread.join(_ENDING_SECONDS)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()
