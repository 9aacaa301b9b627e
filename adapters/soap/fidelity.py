"""Did decoding lose anything? The element made from the decoded value must equal the wire (DESIGN 10.7).

The comparison is C14N's: names by namespace, attributes without order, every text; prefixes, comments and
white space between elements do not count. Two lexical forms of one value (`1`/`true`, `7.50`/`7.5`,
`10:00+01:00`/`09:00Z`) are equal, as XSD 1.0 part 2 says; a date that loses its zone is not.
"""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Any

from adapters.soap.codec import NIL, XmlCodec
from adapters.soap.errors import BadValue
from adapters.soap.lexical import BUILTINS, parse
from adapters.soap.xsd_types import Element, SimpleType

_IGNORED = "{http://www.w3.org/2001/XMLSchema-instance}"


def survives(codec: XmlCodec, element: Element, node: Any) -> bool:
    """Return whether `node`, decoded and encoded again, is the same element."""
    try:
        again = codec.encode(element, codec.decode(element, node))
    except BadValue:
        return False
    return _same(codec, element, node, again)


def _same(codec: XmlCodec, element: Element, wire: Any, ours: Any) -> bool:
    if wire.tag != ours.tag or len(wire) != len(ours):
        return False
    if _nil(wire) != _nil(ours):
        return False
    kind = codec.schema.complex(element)
    types = {a.name: a.type for a in kind.attributes} if kind else {}
    left, right = _attributes(wire), _attributes(ours)
    if left.keys() != right.keys():
        return False
    if any(not _same_text(codec, types.get(name), left[name], right[name]) for name in left):
        return False
    if kind is None or kind.text is not None:
        simple = kind.text if kind else element.type
        assert isinstance(simple, SimpleType)
        return _nil(wire) or _same_text(codec, simple, wire.text or "", ours.text or "")
    children = {child.name: child for child in kind.elements}
    return all(_same(codec, children[a.tag], a, b) for a, b in zip(wire, ours, strict=True))


def _same_text(codec: XmlCodec, kind: SimpleType | None, wire: str, ours: str) -> bool:
    if wire == ours:
        return True
    if kind is None:
        return False
    builtin = BUILTINS[kind.base]
    if builtin.collapse and wire.strip(" \t\r\n") == ours:
        return True
    match builtin.kind:
        case "boolean" | "integer" | "float" | "base64" | "hex" | "dateTime":
            return bool(parse(builtin, wire, codec.zone) == parse(builtin, ours, UTC))
        case "decimal":
            return Decimal(wire.strip()) == Decimal(ours)
    return False


def _nil(node: Any) -> bool:
    return node.get(NIL, "").strip() in ("true", "1")


def _attributes(node: Any) -> dict[str, str]:
    return {k: v for k, v in node.attrib.items() if not k.startswith(_IGNORED)}
