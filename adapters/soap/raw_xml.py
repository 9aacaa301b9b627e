"""What a schema leaves open (`xs:any`, `xs:anyType`) as text: exclusive C14N, and back, without trust."""

from __future__ import annotations

from typing import Any

from lxml import etree

from adapters.soap.errors import BadValue, BrokenAnswer
from adapters.soap.safe_xml import parse_answer

XSI = "http://www.w3.org/2001/XMLSchema-instance"
#: Attributes whose text is a QName, so that C14N alone would lose the declaration of its prefix.
_QNAMED = (f"{{{XSI}}}type", "{http://schemas.xmlsoap.org/soap/encoding/}arrayType")


def outer_xml(node: Any) -> str:
    """Return an element as exclusive C14N, with the prefixes that `xsi:type` needs."""
    prefixes = {
        text.partition(":")[0].strip()
        for inner in node.iter("*")
        for name in _QNAMED
        if ":" in (text := inner.get(name, ""))
    }
    xml = etree.tostring(
        node, method="c14n", exclusive=True, with_tail=False, inclusive_ns_prefixes=sorted(prefixes) or None
    )
    return bytes(xml).decode()


def inner_xml(node: Any) -> str:
    """Return what stands inside an element: its text and its children."""
    parts = [_escaped(node.text)]
    for child in node:
        parts += [outer_xml(child), _escaped(child.tail)]
    return "".join(parts)


def qname(text: str, node: Any) -> str:
    """Return the Clark name that a QName means where `node` stands. Raises BadValue."""
    if text.startswith("{"):
        return text  # written so by `encoded.inline_references`
    prefix, _, local = text.strip(" \t\r\n").rpartition(":")
    uri = node.nsmap.get(prefix or None)
    if prefix and uri is None:
        raise BadValue("", "a QName whose prefix is not declared")
    return f"{{{uri}}}{local}" if uri else local


def parse_element(text: Any) -> Any:
    """Return the element that a text is. Raises BadValue."""
    if not isinstance(text, str):
        raise BadValue("", f"XML as text is expected, not a {type(text).__name__}")
    try:
        return parse_answer(text.encode("utf-8", "strict"), "")
    except (BrokenAnswer, UnicodeError):
        raise BadValue("", "one well-formed element is expected") from None


def fill(node: Any, text: Any) -> None:
    """Put XML content (text and elements) into an element. Raises BadValue."""
    if not isinstance(text, str):
        raise BadValue("", f"XML as text is expected, not a {type(text).__name__}")
    whole = parse_element(f"<x>{text}</x>")
    node.text = whole.text
    for child in list(whole):
        node.append(child)


def _escaped(text: str | None) -> str:
    if not text:
        return ""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#xD;")
