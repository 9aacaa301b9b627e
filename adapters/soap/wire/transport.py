"""Sessions of aiohttp for one endpoint: TLS, proxy, HTTP authentication, connections."""

from __future__ import annotations

import asyncio
import base64
import os
import ssl
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from adapters.soap.errors import CallRefused
from adapters.soap.http_form import HttpCall
from adapters.soap.sources import LOOPBACK
from adapters.soap.wire.ntlm import NtlmLane
from adapters.soap.wire.spec import TlsSpec, WireSpec
from schemas.errors import SettingsError

#: An idle connection is closed after so many seconds: firewalls forget it after a minute or so.
_KEEPALIVE_SECONDS = 50.0
#: For calls that may not be repeated: on a connection that the service has just closed, nobody would know
#: whether such a call arrived. Servers keep idle connections for five seconds and more.
_FRESH_SECONDS = 2.0


class Transport:
    """Posts bytes to one endpoint over at most `concurrency` connections."""

    def __init__(self, endpoint: str, spec: WireSpec, concurrency: int) -> None:
        """Read certificates and keys; nothing is connected yet.

        Raises:
            SettingsError: one cannot be used.
        """
        self._endpoint, self._spec, self._concurrency = endpoint, spec, concurrency
        # The system's authorities take a tenth of a second to read.
        self._ssl = ssl_context(spec.tls) if spec.tls or endpoint.startswith("https:") else None
        self._proxy, self._proxy_headers = _proxy(spec, endpoint)
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._lanes: asyncio.Queue[NtlmLane] | None = None

    @asynccontextmanager
    async def post(
        self,
        headers: Mapping[str, str],
        body: bytes,
        *,
        repeatable: bool = True,
        http: HttpCall | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request; the answer's body is still on the wire. Redirects are not followed.

        How long it may take is the caller's to watch. One that is not `repeatable` gets a fresh connection.
        With `http` it is that call, by its own method and URL.

        Raises:
            aiohttp.ClientError: as aiohttp raises them.
            CallRefused: NTLM failed.
        """
        options: dict[str, Any] = {
            "timeout": aiohttp.ClientTimeout(total=None),
            "allow_redirects": False,
            **self._proxy,
        }
        headers = {**headers, **self._proxy_headers}
        auth = self._spec.auth
        method, url = (http.method, URL(http.url, encoded=True)) if http else ("POST", URL(self._endpoint))
        if auth is not None and auth.kind == "ntlm":
            if method != "POST":
                raise CallRefused(
                    "NTLM is not done for GET", where=url.host or "", fix="take the port with SOAP or POST"
                )
            async with (
                self._lane() as lane,
                lane.post(str(url), headers, body, options) as response,
            ):
                yield response
            return
        if auth is not None:
            headers = {**headers, "Authorization": _basic(auth.user, auth.password.get_secret_value())}
        if (session := self._sessions.get(repeatable)) is None:
            idle = _KEEPALIVE_SECONDS if repeatable else _FRESH_SECONDS
            session = self._sessions[repeatable] = self._open(self._concurrency, idle)
        async with session.request(method, url, data=body or None, headers=headers, **options) as response:
            yield response

    async def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()
        while self._lanes is not None and not self._lanes.empty():
            await self._lanes.get_nowait().close()
        self._lanes = None

    @asynccontextmanager
    async def _lane(self) -> AsyncIterator[NtlmLane]:
        """Lend one connection of its own: NTLM authenticates connections, not requests."""
        assert self._spec.auth is not None
        if self._lanes is None:
            self._lanes = asyncio.Queue()
            for _ in range(self._concurrency):
                self._lanes.put_nowait(NtlmLane(self._open(1), self._spec.auth))
        lane = await self._lanes.get()
        try:
            yield lane
        finally:
            if self._lanes is not None:
                self._lanes.put_nowait(lane)

    def _open(self, connections: int, idle: float = _KEEPALIVE_SECONDS) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=connections, keepalive_timeout=idle, ssl=self._ssl or True)
        # A proxy from the environment must not get calls that are meant for this machine.
        trust_env = self._spec.proxy is None and urlsplit(self._endpoint).hostname not in LOOPBACK
        return aiohttp.ClientSession(
            connector=connector,
            trust_env=trust_env,
            cookie_jar=aiohttp.DummyCookieJar(),
            raise_for_status=False,
        )


def ssl_context(spec: TlsSpec | None) -> ssl.SSLContext:
    """Return whom to trust and who we are; host names are always checked.

    Raises:
        SettingsError: a certificate or key cannot be read.
    """
    where = "wire.tls"
    context = ssl.create_default_context()
    if spec is None:
        return context
    if spec.ca is not None:
        try:
            # Only these: an authority of the system must not vouch for a service that has one of its own.
            context = ssl.create_default_context(cadata=spec.ca.get_secret_value())
        except (ssl.SSLError, ValueError):
            raise SettingsError("no certificate can be read", where=f"{where}.ca", fix="give PEM") from None
        # From Python 3.13 on certificates must have all that RFC 5280 asks for. Departments' own authorities
        # often leave some of it out; chain, validity and name are checked all the same.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if spec.certificate is not None and spec.key is not None:
        pem = f"{spec.certificate.get_secret_value()}\n{spec.key.get_secret_value()}\n".encode()
        phrase = spec.passphrase.get_secret_value() if spec.passphrase else ""
        with _Nameless(pem) as pair:
            try:
                # Without a password OpenSSL would ask on the terminal.
                context.load_cert_chain(pair.path, password=phrase)
            except (ssl.SSLError, OSError, ValueError):
                raise SettingsError(
                    "our certificate and key cannot be used",
                    where=where,
                    fix="give both as PEM, the key of that certificate, and passphrase if it has one",
                ) from None
    return context


class _Nameless:
    """Bytes under a path for a moment: OpenSSL reads keys from files only. In memory where that can be."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._file: Any = None

    def __enter__(self) -> _Nameless:
        if hasattr(os, "memfd_create"):
            self._descriptor = os.memfd_create("banyan-tls")
            os.write(self._descriptor, self._content)
            self.path = f"/proc/self/fd/{self._descriptor}"
        else:  # pragma: no cover - not on Linux
            self._file = tempfile.NamedTemporaryFile()  # of mode 0600, closed below
            self._file.write(self._content)
            self._file.flush()
            self.path = self._file.name
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is None:
            os.close(self._descriptor)
        else:  # pragma: no cover - not on Linux
            self._file.close()


def _proxy(spec: WireSpec, endpoint: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Return aiohttp's options for the proxy, and headers that each request carries.

    Under TLS the proxy sees only CONNECT, so its credentials go there and nowhere else.
    """
    if spec.proxy is None:
        return {}, {}
    secret = spec.proxy.password.get_secret_value() if spec.proxy.password else ""
    known = {"Proxy-Authorization": _basic(spec.proxy.user, secret)} if spec.proxy.user else {}
    if endpoint.startswith("https:"):
        return {"proxy": spec.proxy.url, "proxy_headers": known}, {}
    return {"proxy": spec.proxy.url}, known


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
