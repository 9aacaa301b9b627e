"""The little SOAP that the façade writes and checks itself: which operation a message is, and its faults."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from lxml import etree

from schemas.errors import Terminal

_NAMESPACES: Final = {
    "1.1": "http://schemas.xmlsoap.org/soap/envelope/",
    "1.2": "http://www.w3.org/2003/05/soap-envelope",
}
#: Made once: making one costs more than parsing a request with it.
_PARSER: Final = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
#: Encodings in which markup has one reading only. UTF-7 and its like spell `<` in a second way, so a service
#: that trusts the HTTP header's charset could see other elements than a parser that trusts the message.
_ENCODINGS: Final = frozenset(
    (
        "utf-8",
        "us-ascii",
        "ascii",
        "iso-8859-1",
        "iso-8859-15",
        "windows-1252",
        "utf-16",
        "utf-16le",
        "utf-16be",
    )
)
_MEDIA_PARAMETER: Final = re.compile(r';\s*(action|charset)\b[^=;]*=\s*("[^"]*"|[^;]*)', re.IGNORECASE)


class NotThisOperation(Terminal):
    """A message that is not a request of the operation at whose address it arrived."""


def content_type(version: str) -> str:
    """Return the media type of SOAP 1.1 or 1.2."""
    return "application/soap+xml; charset=utf-8" if version == "1.2" else "text/xml; charset=utf-8"


def check_request(body: bytes, element: str, action: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Refuse a message that is not a request of this one operation.

    The service behind listens for all its operations at one address and trusts the body, an HTTP header or
    WS-Addressing; so all of them must agree here, or a caller of a read could send a write through it.

    Args:
        body: the message.
        element: Clark name of the operation's request element.
        action: the operation's SOAPAction.
        headers: the caller's, names in lower case; each may come more than once, and every one counts.

    Raises:
        NotThisOperation: not XML, a document type declaration, another operation, or two of them.
    """
    try:
        root = etree.fromstring(body, _PARSER)
    except (etree.XMLSyntaxError, ValueError):
        raise NotThisOperation("the request is not well-formed XML") from None
    info = root.getroottree().docinfo
    if info.doctype:
        raise NotThisOperation("the request has a document type declaration")
    children = [c for b in _bodies(root) for c in b if isinstance(c.tag, str)]
    if [c.tag for c in children] != [element]:
        raise NotThisOperation("the request's body is not this operation")
    actions, charsets = _said(headers)
    if any(said != action for said in actions if said):
        raise NotThisOperation("the SOAPAction header is not this operation's")
    if any(said != action for said in _addressed(root)):
        raise NotThisOperation("the WS-Addressing action is not this operation's")
    if not {c.lower() for c in (*charsets, info.encoding or "utf-8")} <= _ENCODINGS:
        raise NotThisOperation("the request is in an encoding that is not accepted")


def fault(
    version: str, code: str, text: str, detail: str = "", values: Mapping[str, str] | None = None
) -> bytes:
    """Return a fault message; `detail` is the Clark name of its detail element, `values` its children."""
    soap = _NAMESPACES[version]
    envelope = etree.Element(f"{{{soap}}}Envelope", nsmap={"soap": soap})
    node = etree.SubElement(etree.SubElement(envelope, f"{{{soap}}}Body"), f"{{{soap}}}Fault")
    if version == "1.1":
        etree.SubElement(node, "faultcode").text = f"soap:{code}"
        etree.SubElement(node, "faultstring").text = text
        holder = "detail"
    else:
        said = {"Client": "Sender", "Server": "Receiver"}.get(code, code)
        etree.SubElement(etree.SubElement(node, f"{{{soap}}}Code"), f"{{{soap}}}Value").text = f"soap:{said}"
        reason = etree.SubElement(etree.SubElement(node, f"{{{soap}}}Reason"), f"{{{soap}}}Text")
        reason.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
        reason.text = text
        holder = f"{{{soap}}}Detail"
    if detail:
        namespace = detail[1:].partition("}")[0] if detail.startswith("{") else ""
        top = etree.SubElement(
            etree.SubElement(node, holder), detail, nsmap={None: namespace} if namespace else None
        )
        for name, value in (values or {}).items():
            etree.SubElement(top, f"{{{namespace}}}{name}" if namespace else name).text = value
    return bytes(etree.tostring(envelope, xml_declaration=True, encoding="UTF-8"))


def _bodies(root: Any) -> list[Any]:
    for soap in _NAMESPACES.values():
        if root.tag == f"{{{soap}}}Envelope":
            return list(root.findall(f"{{{soap}}}Body"))
    raise NotThisOperation("the request is not a SOAP envelope")


def _said(headers: Iterable[tuple[bytes, bytes]]) -> tuple[list[str], list[str]]:
    """Return the actions and the character sets that the HTTP headers name (SOAP 1.2: by the media type)."""
    actions: list[str] = []
    charsets: list[str] = []
    for name, value in headers:
        text = value.decode("latin-1")
        if name == b"soapaction":
            actions.append(text.strip().strip('"'))
        elif name == b"content-type":
            for parameter, said in _MEDIA_PARAMETER.findall(text):
                (actions if parameter.lower() == "action" else charsets).append(said.strip().strip('"'))
    return actions, charsets


def _addressed(root: Any) -> list[str]:
    """Return the actions that WS-Addressing headers name, of any of its versions."""
    return [
        (entry.text or "").strip()
        for soap in _NAMESPACES.values()
        for entry in root.iterfind(f"{{{soap}}}Header/*")
        if isinstance(entry.tag, str) and entry.tag.endswith("/addressing}Action")
    ]
