"""Did decoding lose anything? The element made from the decoded value must equal the wire (DESIGN 10.7).

The comparison is C14N's: names by namespace, attributes without order, every text; prefixes, comments and
white space between elements do not count. Two lexical forms of one value (`1`/`true`, `7.50`/`7.5`,
`10:00+01:00`/`09:00Z`) are equal, as XSD 1.0 part 2 says, and so is a default that is written out; a date
that loses its zone is not.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any

from adapters.soap.codec import NIL, XmlCodec
from adapters.soap.errors import BadValue
from adapters.soap.lexical import BUILTINS
from adapters.soap.plans import holds_qname
from adapters.soap.raw_xml import XSI, qname
from adapters.soap.simple_text import text_decoder
from adapters.soap.xsd_types import ComplexType, Element, SimpleType

_IGNORED = f"{{{XSI}}}"


def survives(codec: XmlCodec, element: Element, node: Any) -> bool:
    """Return whether `node`, decoded and encoded again, is the same element."""
    try:
        again = codec.encode(element, codec.decode(element, node), nsmap=codec.nsmap(element))
        return same(codec, element, node, again)
    except BadValue:
        return False


def survives_encoded(codec: XmlCodec, element: Element, node: Any) -> bool:
    """Return whether an encoded message leads to the same values again: names and order mean less there."""
    try:
        value = codec.decode(element, node, encoded=True)
        again = codec.encode(element, value, encoded=True)
        return bool(codec.decode(element, again, encoded=True) == value)
    except BadValue:
        return False


def same(codec: XmlCodec, element: Element, wire: Any, ours: Any) -> bool:
    """Return whether two elements, both where `element` is declared, say the same. Raises BadValue."""
    if wire.tag != ours.tag or _nil(wire) != _nil(ours):
        return False
    kind, said = codec.actual(element, wire)
    if codec.actual(element, ours)[1] != said:
        return False
    if isinstance(kind, SimpleType):
        return _nil(wire) or _same_simple(codec, element, kind, wire, ours)
    plan = codec.plans.plan(kind)
    types = {name: attribute.type for name, (_, attribute) in plan.attributes.items()}
    left, right = _attributes(wire), _attributes(ours)
    if left.keys() != right.keys():
        return False
    if any(not _same_text(codec, types.get(name), left[name], right[name], wire, ours) for name in left):
        return False
    if kind.text is not None:
        return _nil(wire) or _same_text(codec, kind.text, wire.text or "", ours.text or "", wire, ours)
    if plan.anything:
        return _equal(wire, ours)
    return _same_children(codec, kind, wire, ours)


def _same_children(codec: XmlCodec, kind: ComplexType, wire: Any, ours: Any) -> bool:
    if len(wire) != len(ours):
        return False
    if kind.mixed and (wire.text or "") != (ours.text or ""):
        return False
    plan = codec.plans.plan(kind)
    children = plan.children
    if plan.model.unordered:  # an xs:all: XSD gives its order no meaning
        wire, ours = sorted(wire, key=_tag), sorted(ours, key=_tag)
    for left, right in zip(wire, ours, strict=True):
        if kind.mixed and (left.tail or "") != (right.tail or ""):
            return False
        child = children.get(left.tag)
        if not (_equal(left, right) if child is None else same(codec, child.element, left, right)):
            return False
    return True


def _equal(wire: Any, ours: Any) -> bool:
    """Return whether two elements are equal to the letter."""
    if wire.tag != ours.tag or dict(wire.attrib) != dict(ours.attrib) or len(wire) != len(ours):
        return False
    if (wire.text or "") != (ours.text or ""):
        return False
    return all((a.tail or "") == (b.tail or "") and _equal(a, b) for a, b in zip(wire, ours, strict=True))


def _same_simple(codec: XmlCodec, element: Element, kind: SimpleType, wire: Any, ours: Any) -> bool:
    text = wire.text or element.fixed or element.default or ""
    return _same_text(codec, kind, text, ours.text or "", wire, ours)


def _same_text(codec: XmlCodec, kind: SimpleType | None, left: str, right: str, wire: Any, ours: Any) -> bool:
    if kind is None:
        return left == right
    if holds_qname(kind):
        return qname(left, wire) == qname(right, ours)
    if left == right:
        return True
    builtin = BUILTINS[kind.base]
    if kind.variety == "atomic" and builtin.kind == "string":
        return builtin.collapse and left.strip(" \t\r\n") == right
    if kind.variety == "atomic" and builtin.kind == "date":
        return left.strip(" \t\r\n") == right
    return bool(codec.plans.text(kind)(left) == text_decoder(kind, UTC)(right))


def _tag(node: Any) -> str:
    return str(node.tag)


def _nil(node: Any) -> bool:
    return node.get(NIL, "").strip() in ("true", "1")


def _attributes(node: Any) -> dict[str, str]:
    return {k: v for k, v in node.attrib.items() if not k.startswith(_IGNORED)}
