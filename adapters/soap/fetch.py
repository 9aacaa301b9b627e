"""Fetch one document over HTTP from an allowed host, and from nowhere else (SSRF)."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urljoin, urlsplit

import requests

from adapters.soap.errors import ContractError, ServiceUnavailable
from adapters.soap.safe_xml import MAX_DOCUMENT_BYTES

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
#: Seconds. Contracts are read at start, where a dead host must not look like a hang.
FETCH_TIMEOUT = 10
MAX_REDIRECTS = 5


def is_url(location: str) -> bool:
    """Return whether a location is read over HTTP."""
    return location.startswith(("http://", "https://"))


def host_of(address: str) -> str:
    """Return the host of an address; empty for a text that is none, such as `http://[`."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def download(url: str, hosts: frozenset[str]) -> tuple[bytes, str]:
    """Return the bytes at `url`, and the address that it led to.

    A redirect is followed only to an allowed host, and never from HTTPS to HTTP.

    Raises:
        ContractError: no document there, or it leads where it may not.
        ServiceUnavailable: the host does not answer, or says that it cannot now.
    """
    address = url
    try:
        with requests.Session() as session:
            for _ in range(MAX_REDIRECTS + 1):
                _check_host(address, hosts, url)
                # A proxy from the environment must not get calls that are meant for this machine.
                session.trust_env = host_of(address) not in LOOPBACK
                with session.get(
                    address, timeout=FETCH_TIMEOUT, stream=True, allow_redirects=False
                ) as answer:
                    if not answer.is_redirect:
                        return _content(answer, url), address
                    target = urljoin(address, answer.headers["location"])
                if address.startswith("https:") and not target.startswith("https:"):
                    raise ContractError(
                        "a redirect leads from https to http", where=url, fix="give its target"
                    )
                address = target
    except requests.RequestException as error:
        raise ServiceUnavailable(
            f"cannot fetch the contract ({type(error).__name__})",
            where=url,
            fix="start the service, or use a file",
        ) from None
    raise ContractError(f"more than {MAX_REDIRECTS} redirects", where=url, fix="give the last address")


def _content(answer: requests.Response, url: str) -> bytes:
    if answer.status_code in (429, 502, 503, 504):
        raise ServiceUnavailable(f"HTTP {answer.status_code}", where=url, fix="try again later")
    if answer.status_code != 200:
        raise ContractError(f"HTTP {answer.status_code}", where=url, fix="check the address of the WSDL")
    content = bytearray()
    for part in answer.iter_content(1 << 16):
        content += part
        if len(content) > MAX_DOCUMENT_BYTES:
            break
    return bytes(content)


def _check_host(address: str, hosts: frozenset[str], url: str) -> None:
    """Refuse a host that is not allowed, or whose name leads to this machine or its cloud's metadata."""
    host = host_of(address)
    if not host:
        raise ContractError("the address names no host", where=url, fix="check it")
    if not is_url(address) or host not in hosts:
        raise ContractError(
            f"an address leads to the host {host!r}, which is not allowed", where=url, fix="allow the host"
        )
    if host in LOOPBACK:
        return
    try:
        found = {info[4][0] for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except UnicodeError:
        raise ContractError("the name of the host is none", where=url, fix="check the address") from None
    except OSError:
        return  # there may be a proxy that knows the name; otherwise the connection says what is wrong
    for text in found:
        ip = ipaddress.ip_address(str(text).partition("%")[0])
        if ip.is_loopback or ip.is_link_local or ip.is_unspecified or ip.is_multicast:
            raise ContractError(
                f"the name {host!r} leads to {ip}, which is no other machine", where=url, fix="check the name"
            )
