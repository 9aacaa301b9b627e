"""HTTP bindings: from a request's element to URL and body, and from plain XML to an envelope.

Everything behind the wire (decoders, lists, cassettes) reads envelopes. So an answer without one gets one as
it arrives, and nothing else has to know.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from lxml import etree

from adapters.soap.envelope import NAMESPACES
from adapters.soap.errors import BadValue, BrokenAnswer
from adapters.soap.wsdl_http import HttpBinding
from adapters.soap.xsd_types import local_name

_OPEN = f'<e:Envelope xmlns:e="{NAMESPACES["1.1"]}"><e:Body>'.encode()
_CLOSE = b"</e:Body></e:Envelope>"
#: An XML declaration is shorter.
_DECLARATION = 512


@dataclass(frozen=True, slots=True)
class HttpCall:
    """A request without SOAP: what is sent where. The URL is encoded already."""

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def http_call(binding: HttpBinding, endpoint: str, request: Any) -> HttpCall:
    """Return the call for a request's element: the made-up one with a child for each part, or the XML body.

    Raises:
        BadValue: a value that would lead to another place of the service.
    """
    if binding.place == "xml":
        body = (
            b"" if request is None else bytes(etree.tostring(request, xml_declaration=True, encoding="UTF-8"))
        )
        headers = {"Content-Type": "text/xml; charset=utf-8"}
        return HttpCall(binding.verb, _joined(endpoint, binding.location), headers, body)
    pairs = [] if request is None else _pairs(request)
    if binding.place == "path":
        return HttpCall(binding.verb, _joined(endpoint, _replaced(binding.location, dict(pairs))))
    form, url = urlencode(pairs, quote_via=quote, safe=""), _joined(endpoint, binding.location)
    if binding.place == "form":
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return HttpCall(binding.verb, url, headers, form.encode())
    if form:
        url = f"{url}{'&' if '?' in url else '?'}{form}"
    return HttpCall(binding.verb, url)


async def enveloped(parts: AsyncIterator[bytes], where: str) -> AsyncIterator[bytes]:
    """Give an XML document as the one element of an envelope's body, while it arrives; nothing for nothing.

    Raises:
        BrokenAnswer: it is in UTF-16, or its declaration has no end.
    """
    head = b""
    async for part in parts:
        head += part
        if len(head) >= _DECLARATION or b">" in head:
            break
    if not head.strip():
        return
    head = head.removeprefix(b"\xef\xbb\xbf")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in head[:4]:
        raise BrokenAnswer("the answer is in UTF-16 or UTF-32", where=where, fix="ask the service's owner")
    declaration = b""
    if head.startswith(b"<?xml") and head[5:6].isspace():
        end = head.find(b"?>")
        if end < 0:
            raise BrokenAnswer("the XML declaration has no end", where=where, fix="ask the service's owner")
        declaration, head = head[: end + 2], head[end + 2 :]
    yield declaration + _OPEN + head
    async for part in parts:
        yield part
    yield _CLOSE


def _pairs(request: Any) -> list[tuple[str, str]]:
    """Return names and texts; the items of an array all have the name of its part."""
    found = []
    for part in request.iterchildren("*"):
        items = list(part.iterchildren("*"))
        if len({item.tag for item in items}) > 1 or any(len(item) for item in items):
            raise BadValue(local_name(part.tag), "a value of several fields has no form in an address")
        found += [(local_name(part.tag), item.text or "") for item in items or [part]]
    return found


def _replaced(location: str, values: dict[str, str]) -> str:
    made = ""
    for piece in location.split("("):
        name, closed, rest = piece.partition(")")
        if closed and not values.get(name) and "?" not in made:
            raise BadValue(name, "an empty value would lead to another address")
        made += quote(values.get(name, ""), safe="") + rest if closed else piece
    if any(segment in (".", "..") for segment in made.partition("?")[0].split("/")):
        raise BadValue("", "a value that would lead to another address")
    return made


def _joined(endpoint: str, location: str) -> str:
    """Return the address with the location after it; a query of the address stays at its end."""
    base, mark, query = endpoint.partition("?")
    if location and not location.startswith("/") and not base.endswith("/"):
        base += "/"
    elif location.startswith("/"):
        base = base.rstrip("/")
    return base + location + (("&" if "?" in location else "?") + query if mark else "")
