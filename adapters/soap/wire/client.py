"""The client of one contract at one endpoint: async, streaming, with the policies of `[wire]`."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from adapters.soap.addressing import Addresses, new_message_id
from adapters.soap.attachments.store import Attachment
from adapters.soap.contract import Contract
from adapters.soap.envelope import SoapFault
from adapters.soap.errors import (
    BrokenAnswer,
    CallRefused,
    ServiceUnavailable,
)
from adapters.soap.http_reply import check_status, place
from adapters.soap.safe_xml import MAX_ANSWER_BYTES
from adapters.soap.wire.clocks import Clocks
from adapters.soap.wire.gate import Gate, NotSent
from adapters.soap.wire.messages import Messages
from adapters.soap.wire.retry import Retry, retry_after
from adapters.soap.wire.spec import OperationSpec, WireSpec
from adapters.soap.wire.transport import Transport
from adapters.soap.wire.validators import Validators
from schemas.errors import BanyanError

_CHUNK = 1 << 16
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose envelope is still arriving.

    Attributes:
        status: of HTTP; 304 = not changed since `validators`, and nothing to read.
        parts: the bytes of the envelope.
        attachments: by Content-ID, already stored.
        validators: to ask next time whether it is still the same; empty where the service offers none.
        addresses: WS-Addressing headers.
        message_id: of our request.
    """

    status: int
    parts: AsyncIterator[bytes]
    attachments: Mapping[str, Attachment] = field(default_factory=dict)
    validators: Validators = field(default_factory=Validators)
    addresses: Addresses = field(default_factory=Addresses)
    message_id: str = ""

    @property
    def unchanged(self) -> bool:
        """Whether the service says that the answer is that of last time."""
        return self.status == 304


@dataclass(frozen=True, slots=True)
class Answered:
    """A whole answer, decoded; a fault is an answer too. `value` is None for one that comes later."""

    value: dict[str, Any] | SoapFault | None
    raw: bytes
    status: int
    attachments: Mapping[str, Attachment]
    message_id: str


class WireClient:
    """Calls the operations of one contract at one endpoint; use as an async context, in one event loop."""

    def __init__(
        self,
        contract: Contract,
        endpoint: str,
        spec: WireSpec,
        *,
        seconds: float = 30.0,
        concurrency: int = 2,
        per_second: float = 20.0,
        folder: Path | None = None,
        clocks: Clocks | None = None,
    ) -> None:
        """Read keys and certificates; nothing is connected yet.

        Args:
            contract: what is called.
            endpoint: where.
            spec: the `[wire]` table.
            seconds: that the service may take for one answer, where an operation says nothing else.
            concurrency: calls under way at the same time.
            per_second: most requests a second, repeated ones too.
            folder: of the adapter; attachments go below it.
            clocks: for tests.

        Raises:
            SettingsError: a key or certificate cannot be used.
        """
        self._contract, self._endpoint, self._spec, self._seconds = contract, endpoint, spec, seconds
        self._clocks = clocks or Clocks()
        self._messages = Messages(contract, endpoint, spec, folder or Path())
        self._transport = Transport(endpoint, spec, concurrency)
        self._gate = Gate(spec, concurrency=concurrency, per_second=per_second, clocks=self._clocks)
        r = spec.retry
        self._retry = Retry(r.attempts, r.first_seconds, r.factor, r.longest_seconds, r.jitter)

    async def __aenter__(self) -> WireClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<WireClient {place(self._endpoint, '').strip()}>"

    @property
    def gate(self) -> Gate:
        """The policies, for those who show their state."""
        return self._gate

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()

    async def call(self, operation: str, values: Any, *, key: str = "", message_id: str = "") -> Answered:
        """Call an operation and return its whole answer, decoded.

        Args:
            operation: its name.
            values: of the request, by XML name.
            key: what a repeated call is known by, where `repeat_by` asks for one; made up if empty.
            message_id: of WS-Addressing, for who waits for an asynchronous reply to it; made up if empty.

        Raises:
            ServiceUnavailable, BrokenAnswer: transient. CallRefused, AnswerMismatch, SecurityFailure:
                terminal. BadValue: the request does not fit the schema; nothing was sent.
        """
        where = place(self._endpoint, operation)

        async def once(key: str) -> Answered:
            async with self._attempt(operation, values, key, Validators(), message_id) as answer:
                raw = bytearray()
                async for part in answer.parts:
                    raw += part
                    if len(raw) > MAX_ANSWER_BYTES:
                        raise BrokenAnswer(
                            f"the answer is longer than {MAX_ANSWER_BYTES:,} bytes", where=where
                        )
                value = self._decoded(operation, bytes(raw), answer.status, where)
                return Answered(value, bytes(raw), answer.status, answer.attachments, answer.message_id)

        return await self._repeated(operation, key, once)

    @asynccontextmanager
    async def stream(
        self, operation: str, values: Any, *, key: str = "", validators: Validators | None = None
    ) -> AsyncIterator[Answer]:
        """Call an operation and give its answer while it arrives.

        It is repeated, if it may be, until the first bytes are there; what breaks after that is the reader's.

        Args:
            operation: its name.
            values: of the request, by XML name.
            key: as in `call`.
            validators: of the last answer, to be told if nothing changed (`Answer.unchanged`).

        Raises:
            As `call`, also while the parts are read.
        """

        async def once(key: str) -> tuple[Any, Answer]:
            attempt = self._attempt(operation, values, key, asked)
            return attempt, await attempt.__aenter__()

        asked = validators or Validators()
        try:
            attempt, answer = await self._repeated(operation, key, once)
        except _NotConditional:
            asked = Validators()
            attempt, answer = await self._repeated(operation, key, once)
        try:
            yield answer
        except BaseException as error:
            if not await attempt.__aexit__(type(error), error, error.__traceback__):
                raise
        else:
            await attempt.__aexit__(None, None, None)

    async def _repeated(self, operation: str, key: str, once: Callable[[str], Awaitable[T]]) -> T:
        """Try until it works, or may not be tried again. The key stays the same, the rest is made anew."""
        declared = self._declared(operation)
        if declared.repeat_by == "message_id":
            key = key or new_message_id()
        elif declared.repeat_by == "header":
            key = key or str(uuid.uuid4())
        attempt = 0
        while True:
            attempt += 1
            try:
                return await once(key)
            except NotSent:
                raise
            except BanyanError as error:
                pause = self._retry.pause(
                    attempt,
                    error,
                    repeatable=declared.repeatable,
                    chance=self._clocks.chance(),
                    asked=getattr(error, "retry_after", None),
                )
                if pause is None:
                    raise
            await self._clocks.sleep(pause)

    @asynccontextmanager
    async def _attempt(
        self, operation: str, values: Any, key: str, validators: Validators, message_id: str = ""
    ) -> AsyncIterator[Answer]:
        where, declared = place(self._endpoint, operation), self._declared(operation)
        seconds = declared.timeout_seconds or self._seconds
        async with self._gate.turn(where, seconds):
            # Made in its turn, so that its timestamp is that of its sending.
            fixed = message_id or (key if declared.repeat_by == "message_id" else "")
            request = self._messages.request(operation, values, fixed)
            headers = {**request.headers, **validators.headers}
            if declared.repeat_by == "header":
                headers[self._spec.repeat_header] = key
            patience = _Patience(seconds)
            with _translated(where, seconds):
                async with AsyncExitStack() as sent:
                    response = await patience.wait(
                        sent.enter_async_context(
                            self._transport.post(
                                headers, request.body, repeatable=declared.repeatable, http=request.http
                            )
                        )
                    )
                    if response.status == 304 and validators:
                        if validators.denied_by(Validators.of(response.headers)):
                            raise _NotConditional("HTTP 304 with another tag", where=where)
                        yield Answer(304, _nothing(), validators=validators)
                        return
                    if response.status == 412 and validators:
                        raise _NotConditional("HTTP 412", where=where)
                    content_type = response.headers.get("Content-Type", "")
                    asked = retry_after(response.headers.get("Retry-After"), self._clocks.epoch())
                    # An HTTP binding has no faults: XML with 400 or 500 is no answer.
                    judged = "" if request.http is not None and response.status >= 400 else content_type
                    check_status(response.status, _judged(judged), where, asked)
                    parts = self._parts(response, where, patience)
                    reply = await self._messages.reply(request, content_type, parts, where)
                    yield Answer(
                        response.status,
                        reply.parts,
                        reply.attachments,
                        Validators.of(response.headers),
                        reply.addresses,
                        request.message_id,
                    )

    async def _parts(
        self, response: aiohttp.ClientResponse, where: str, patience: _Patience
    ) -> AsyncIterator[bytes]:
        size = 0
        with _translated(where, patience.seconds):
            while part := await patience.wait(response.content.read(_CHUNK)):
                size += len(part)
                if size > self._spec.max_answer_bytes:
                    raise BrokenAnswer(
                        f"the answer is longer than {self._spec.max_answer_bytes:,} bytes",
                        where=where,
                        fix="raise wire.max_answer_bytes if that is right",
                    )
                yield part

    def _declared(self, operation: str) -> OperationSpec:
        """Return what is declared of an operation; GET is safe without being declared so."""
        declared, http = self._spec.operation(operation), self._contract.operation(operation).http
        return declared.model_copy(update={"safe": True}) if http is not None and http.safe else declared

    def _decoded(
        self, operation: str, raw: bytes, status: int, where: str
    ) -> dict[str, Any] | SoapFault | None:
        found = self._contract.operation(operation)
        if not raw.strip() and (found.one_way or found.response is None or status == 202):
            return None
        return self._contract.decode_answer(operation, raw, where)


class _NotConditional(CallRefused):
    """The service does not keep to what a condition means; the call is made again without one.

    RFC 9110 wants 412 on a POST where the answer is still the same, and services give it to all that they do
    not understand: it is no evidence that nothing has changed. Nor is a 304 about another tag.
    """


class _Patience:
    """How long one answer may take: only time in which the service is waited for counts."""

    def __init__(self, seconds: float) -> None:
        self.seconds = self._left = seconds

    async def wait(self, work: Awaitable[T]) -> T:
        """Await `work`, or raise TimeoutError when no time is left."""
        started = time.monotonic()
        async with asyncio.timeout(self._left):
            result = await work
        self._left -= time.monotonic() - started
        return result


class _translated:  # noqa: N801 - read as a verb: with _translated(…)
    """Turns the errors of aiohttp into ours, told by what they mean for the call."""

    def __init__(self, where: str, seconds: float) -> None:
        self._where, self._seconds = where, seconds

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None and (ours := self._ours(error)) is not None:
            raise ours from None

    def _ours(self, error: BaseException) -> BanyanError | None:
        where = self._where
        if isinstance(error, BanyanError):
            return None
        if isinstance(error, TimeoutError):
            return ServiceUnavailable(
                f"no whole answer within {self._seconds:g} s", where=where, fix="try again later"
            )
        if isinstance(error, aiohttp.ClientPayloadError):
            return BrokenAnswer(
                "the answer was cut off, or its compression is broken",
                where=where,
                fix="the call may be repeated if it is safe",
            )
        if isinstance(error, aiohttp.InvalidURL):
            return CallRefused("the endpoint is not a URL", where=where, fix="set endpoint")
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
            return CallRefused(
                f"no trusted TLS connection ({type(error).__name__})",
                where=where,
                fix="check [wire.tls]: the authority to trust, our certificate, and the host's name",
            )
        if isinstance(error, aiohttp.ClientHttpProxyError):
            return CallRefused(
                f"the proxy refuses: HTTP {error.status}", where=where, fix="check [wire.proxy]"
            )
        if isinstance(error, aiohttp.ServerDisconnectedError):
            return ServiceUnavailable(
                "the service ended the connection without an answer: whether the call arrived is not known",
                where=where,
                fix="look whether it was done before it is sent again, unless it is safe",
            )
        if isinstance(error, aiohttp.ClientResponseError):
            return BrokenAnswer("what came is not HTTP", where=where, fix="check the endpoint's port")
        if isinstance(error, aiohttp.ClientError | OSError):
            return ServiceUnavailable(
                f"no connection ({type(error).__name__})",
                where=where,
                fix="start the service or check the endpoint",
            )
        return None


def _judged(content_type: str) -> str:
    """Return the content type by which an answer is judged: a multipart one holds XML."""
    return "text/xml" if content_type.lower().startswith("multipart/related") else content_type


async def _nothing() -> AsyncIterator[bytes]:
    for part in list[bytes]():
        yield part
