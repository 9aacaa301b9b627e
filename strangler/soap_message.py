"""The little SOAP that the façade writes and checks itself: which operation a message is, and its faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from lxml import etree

from schemas.errors import Terminal

_NAMESPACES: Final = {
    "1.1": "http://schemas.xmlsoap.org/soap/envelope/",
    "1.2": "http://www.w3.org/2003/05/soap-envelope",
}
#: Made once: making one costs more than parsing a request with it.
_PARSER: Final = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)


class NotThisOperation(Terminal):
    """A message that is not a request of the operation at whose address it arrived."""


def content_type(version: str) -> str:
    """Return the media type of SOAP 1.1 or 1.2."""
    return "application/soap+xml; charset=utf-8" if version == "1.2" else "text/xml; charset=utf-8"


def check_request(body: bytes, element: str, action: str, action_header: str | None) -> None:
    """Refuse a message that is not a request of this one operation.

    The service behind listens for all its operations at one address and trusts the body or the header; so
    both must agree here, or a caller of a read could send a write through it.

    Args:
        body: the message.
        element: Clark name of the operation's request element.
        action: the operation's SOAPAction.
        action_header: the caller's; None or empty says nothing.

    Raises:
        NotThisOperation: not XML, a document type declaration, another operation, or two of them.
    """
    try:
        root = etree.fromstring(body, _PARSER)
    except (etree.XMLSyntaxError, ValueError):
        raise NotThisOperation("the request is not well-formed XML") from None
    if root.getroottree().docinfo.doctype:
        raise NotThisOperation("the request has a document type declaration")
    children = [c for b in _bodies(root) for c in b if isinstance(c.tag, str)]
    if [c.tag for c in children] != [element]:
        raise NotThisOperation("the request's body is not this operation")
    said = (action_header or "").strip().strip('"')
    if said and said != action:
        raise NotThisOperation("the SOAPAction header is not this operation's")


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
