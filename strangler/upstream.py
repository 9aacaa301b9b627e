"""One target behind the façade over HTTP: kept connections, one time limit a call, failures by kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import aiohttp
from yarl import URL

from schemas.errors import Transient

#: No reply of a read operation comes near; a larger one is cut off rather than held in memory.
MAX_REPLY_BYTES: Final = 16 * 1024 * 1024
Reason = Literal["unreachable", "timeout", "fault", "status", "bad_answer", "too_large"]
RawHeaders = tuple[tuple[bytes, bytes], ...]


class SideFailed(Transient):
    """A side gave no usable answer.

    Args:
        side: `legacy` or `modern`.
        reason: the kind of failure.
        detail: more words, without content of the message.
    """

    def __init__(self, side: str, reason: Reason, detail: str = "") -> None:
        super().__init__(
            f"{side}: {reason}{f' ({detail})' if detail else ''}", fix=f"see that the {side} side runs"
        )
        self.side, self.reason, self.detail = side, reason, detail

    @property
    def status(self) -> int:
        """The HTTP status for the caller: 504 where time ran out, else 502 (RFC 9110, 15.6)."""
        return 504 if self.reason == "timeout" else 502


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer with its bytes untouched."""

    status: int
    headers: RawHeaders
    body: bytes


class Upstream:
    """A pool of connections to one side of one operation; the pool's size is its bulkhead."""

    def __init__(self, side: str, *, timeout_seconds: float, max_connections: int) -> None:
        self._side = side
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._limit = max_connections
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the kept connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """Return the answer, whatever its status.

        A call on a kept connection that the other end had just closed is made once more: every operation
        served here is a read, so a second try is harmless.

        Raises:
            SideFailed: no answer, none in time, or one that is too large.
        """
        try:
            return await self._once(method, url, headers, body)
        except (aiohttp.ServerDisconnectedError, ConnectionResetError):
            pass
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise self._failed(error) from None
        try:
            return await self._once(method, url, headers, body)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise self._failed(error) from None

    async def _once(self, method: str, url: URL, headers: Mapping[str, str], body: bytes | None) -> Answer:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._limit),
                timeout=self._timeout,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        async with self._session.request(
            method, url, headers=headers, data=body, allow_redirects=False
        ) as response:
            if (response.content_length or 0) > MAX_REPLY_BYTES:
                raise SideFailed(self._side, "too_large")
            content = await self._read(response)
            return Answer(response.status, response.raw_headers, content)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        if response.content_length is not None:
            return await response.read()
        chunks, size = [], 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > MAX_REPLY_BYTES:
                raise SideFailed(self._side, "too_large")
            chunks.append(chunk)
        return b"".join(chunks)

    def _failed(self, error: BaseException) -> SideFailed:
        if isinstance(error, TimeoutError):
            return SideFailed(self._side, "timeout")
        return SideFailed(self._side, "unreachable", type(error).__name__)
