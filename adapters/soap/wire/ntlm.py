"""NTLM over HTTP: three messages on one connection, which then stays authenticated.

The cryptography is pyspnego's. There is no channel binding: a server that demands it (Extended Protection
"required") refuses us.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import spnego

from adapters.soap.errors import CallRefused
from adapters.soap.wire.spec import AuthSpec

#: What servers say beside a challenge is a page of a few hundred bytes.
_MAX_BODY_BYTES = 64 << 10
_FIX = "check user (DOMAIN\\user) and password in [wire.auth]"


class NtlmLane:
    """One connection, authenticated when it is first used and whenever the server asks again."""

    def __init__(self, session: aiohttp.ClientSession, auth: AuthSpec) -> None:
        self._session, self._auth = session, auth
        self._authenticated = False

    async def close(self) -> None:
        """Close the connection."""
        await self._session.close()

    @asynccontextmanager
    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, options: dict[str, Any]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request, authenticated.

        Raises:
            CallRefused: the server does not speak NTLM, or does not accept us.
        """
        if self._authenticated:
            response = await self._session.post(url, data=body, headers=headers, **options)
            if response.status != 401:
                async with response:
                    yield response
                return
            self._authenticated = False
            await _drained(response)
        response = await self._handshake(url, headers, body, options)
        async with response:
            self._authenticated = True
            yield response

    async def _handshake(
        self, url: str, headers: Mapping[str, str], body: bytes, options: dict[str, Any]
    ) -> aiohttp.ClientResponse:
        where = urlsplit(url).hostname or ""
        password = self._auth.password.get_secret_value()
        client = spnego.client(self._auth.user, password, hostname=where, service="http", protocol="ntlm")
        first = client.step() or b""
        # The body waits: the server only has to answer with its challenge.
        async with self._session.post(url, data=b"", headers=_with(headers, first), **options) as asked:
            await _drained(asked)
            challenge = _challenge(asked)
            if asked.status != 401 or challenge is None:
                raise CallRefused(
                    f"HTTP {asked.status}: the service does not answer NTLM",
                    where=where,
                    fix="check [wire.auth]",
                )
            if asked.headers.get("Connection", "").lower() == "close":
                raise CallRefused(
                    "the connection is closed in the middle of NTLM",
                    where=where,
                    fix="NTLM does not pass every proxy: call the service directly",
                )
        try:
            last = client.step(challenge) or b""
        except spnego.exceptions.SpnegoError as error:
            raise CallRefused(
                f"the NTLM challenge is not understood ({type(error).__name__})", where=where
            ) from None
        response = await self._session.post(url, data=body, headers=_with(headers, last), **options)
        if response.status == 401:
            response.release()
            raise CallRefused("the service does not accept us by NTLM", where=where, fix=_FIX)
        return response


async def _drained(response: aiohttp.ClientResponse) -> None:
    """Read a short body to its end, so that the connection stays; a long one is none of NTLM's."""
    left = _MAX_BODY_BYTES
    while left > 0 and (part := await response.content.read(left)):
        left -= len(part)
    if left <= 0:
        response.close()


def _with(headers: Mapping[str, str], token: bytes) -> dict[str, str]:
    return {**headers, "Authorization": f"NTLM {base64.b64encode(token).decode()}"}


def _challenge(response: aiohttp.ClientResponse) -> bytes | None:
    for header in response.headers.getall("WWW-Authenticate", []):
        kind, _, token = header.partition(" ")
        if kind.upper() == "NTLM" and token:
            try:
                return base64.b64decode(token.strip(), validate=True)
            except (binascii.Error, ValueError):
                return None
    return None
