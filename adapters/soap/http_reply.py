"""What an HTTP status means for a SOAP call, before any XML is read."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

from adapters.soap.errors import BrokenAnswer, CallRefused, ServiceUnavailable

#: May pass later: time out, too many requests, and what proxies say of a backend that is down.
_LATER = frozenset({408, 425, 429, 502, 503, 504})


def check_status(status: int, content_type: str, where: str, retry_after: float | None = None) -> None:
    """Return if a SOAP message may follow (HTTP 500 carries faults in SOAP 1.1, 400 in 1.2).

    Args:
        status: of HTTP.
        content_type: the header.
        where: the endpoint, for errors.
        retry_after: seconds that the service asks to wait.

    Raises:
        ServiceUnavailable: come back later.
        CallRefused: credentials, address or method are wrong.
        BrokenAnswer: a page for people came instead.
    """
    xml = "xml" in content_type.lower()
    if status in (200, 202):
        if "html" in content_type.lower() and "xhtml" not in content_type.lower():
            raise BrokenAnswer(
                "an HTML page came instead of a SOAP answer", where=where, fix="look at what stands between"
            )
        return
    if status in (400, 500) and xml:
        return
    if status in _LATER or status >= 500:
        raise ServiceUnavailable(
            f"HTTP {status} without a SOAP answer",
            where=where,
            fix="try again later",
            retry_after=retry_after,
        )
    if status in (401, 403):
        raise CallRefused(f"HTTP {status}", where=where, fix="check the credentials for this service")
    if status == 304:
        raise BrokenAnswer(
            "HTTP 304 (not changed), which was not asked for",
            where=where,
            fix="look at the caches between us and the service",
        )
    if 300 <= status < 400:
        raise CallRefused(
            f"HTTP {status}: redirects are not followed", where=where, fix="set the final address"
        )
    raise CallRefused(f"HTTP {status}", where=where, fix="check the endpoint against the WSDL's soap:address")


def place(endpoint: str, operation: str) -> str:
    """Return endpoint and operation for an error, without user, password and query."""
    parts = urlsplit(endpoint)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{urlunsplit((parts.scheme, host + port, parts.path, '', ''))} {operation}"
