"""XML elements ↔ Python values, by the schema.

A complex element is a dict by local name, its attributes under `@name`, the text of an element with
attributes under `#text`; an element that may repeat is a list. Absent, nil and empty are three things:
absent = key missing, nil = None, empty = "" (DESIGN 10.7). What the schema does not know is an error, never
dropped: a value that was decoded can be encoded again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from lxml import etree

from adapters.soap.errors import BadValue
from adapters.soap.lexical import BUILTINS, render
from adapters.soap.safe_xml import MAX_DEPTH
from adapters.soap.simple_text import Decode, text_decoder
from adapters.soap.xsd_types import Attribute, ComplexType, Element, Schema, SimpleType

XSI = "http://www.w3.org/2001/XMLSchema-instance"
NIL = f"{{{XSI}}}nil"
TYPE = f"{{{XSI}}}type"
_LOCATIONS = frozenset({f"{{{XSI}}}schemaLocation", f"{{{XSI}}}noNamespaceSchemaLocation"})


@dataclass(frozen=True, slots=True)
class _Child:
    """One child of a type, looked up by tag: where its value goes, and its decoder if it is simple."""

    element: Element
    local: str
    repeats: bool
    simple: Decode | None


@dataclass(frozen=True, slots=True)
class _Plan:
    #: Held so that its id, the key in the cache, is not given to another type.
    kind: ComplexType
    children: dict[str, _Child]
    required: tuple[str, ...]
    repeated: tuple[Element, ...]
    attributes: dict[str, Attribute]
    required_attributes: tuple[str, ...]


class XmlCodec:
    """Decode and encode elements of one schema. `zone` is what a dateTime without zone means."""

    def __init__(self, schema: Schema, zone: tzinfo | None = None) -> None:
        self.schema, self.zone = schema, zone
        self._plans: dict[int, _Plan] = {}
        self._simple: dict[SimpleType, Decode] = {}

    def decode(self, element: Element, node: Any, depth: int = 0) -> Any:
        """Return the value of one element.

        Raises:
            BadValue: not what the schema says; its path is relative to `node`.
        """
        if (nil := node.get(NIL)) is not None and _is_nil(nil):
            return _decode_nil(element, node)
        if depth > MAX_DEPTH:
            raise BadValue("", f"nested deeper than {MAX_DEPTH}")
        kind = self.schema.complex(element)
        if kind is not None:
            return self._decode_complex(kind, node, depth)
        assert isinstance(element.type, SimpleType)
        _refuse_attributes(node)
        if len(node):
            raise BadValue("", "text is expected, not elements")
        return self.decode_text(element.type, node.text or "")

    def decode_text(self, kind: SimpleType, text: str) -> Any:
        """Return the value of an element's or attribute's text, checked against the facets."""
        decode = self._simple.get(kind)
        if decode is None:
            decode = self._simple[kind] = text_decoder(kind, self.zone)
        return decode(text)

    def encode(
        self, element: Element, value: Any, parent: Any = None, nsmap: Mapping[str, str] | None = None
    ) -> Any:
        """Return `value` as an element, appended to `parent` if there is one.

        Raises:
            BadValue: the value does not fit; nothing half-made is ever sent.
        """
        make: Callable[..., Any] = (
            etree.Element if parent is None else lambda *a, **k: etree.SubElement(parent, *a, **k)
        )
        node = make(element.name, nsmap=dict(nsmap or {}))
        kind = self.schema.complex(element)
        if value is None:
            if not element.nillable:
                raise BadValue("", "nil is not allowed; leave the key out if the element is optional")
            node.set(NIL, "true")
        elif kind is None:
            assert isinstance(element.type, SimpleType)
            _set_text(node, self.encode_text(element.type, value))
        else:
            self._encode_complex(kind, value, node)
        return node

    def encode_text(self, kind: SimpleType, value: Any) -> str:
        """Return the text of a simple value, checked against the facets."""
        try:
            text = render(BUILTINS[kind.base], value)
        except (ValueError, ArithmeticError) as error:
            raise BadValue("", str(error) or "the value does not fit its type") from None
        self.decode_text(kind, text)
        return text

    # --- decode -----------------------------------------------------------------------------------

    def _decode_complex(self, kind: ComplexType, node: Any, depth: int) -> Any:
        plan = self._plan(kind)
        value: dict[str, Any] = {}
        if node.keys():
            self._decode_attributes(plan, node, value)
        for name in plan.required_attributes:
            if name not in value:
                raise BadValue(name, "a required attribute is missing")
        if kind.text is not None:
            if len(node):
                raise BadValue("", "text is expected, not elements")
            value["#text"] = self.decode_text(kind.text, node.text or "")
            return value
        for repeated in plan.repeated:
            value[repeated.local] = []
        _refuse_text(node.text)
        for node_child in node:
            child = plan.children.get(node_child.tag)
            if child is None:
                raise _unknown(node_child)
            _refuse_text(node_child.tail)
            local = child.local
            try:
                # An element without attributes and children is the common case by far.
                if child.simple is not None and not node_child.keys() and not len(node_child):
                    decoded = child.simple(node_child.text or "")
                else:
                    decoded = self.decode(child.element, node_child, depth + 1)
            except BadValue as error:
                raise error.below(local) from None
            if child.repeats:
                value[local].append(decoded)
            elif local in value:
                raise BadValue(local, "stands twice")
            else:
                value[local] = decoded
        for local in plan.required:
            if local not in value:
                raise BadValue(local, "a required element is missing")
        for repeated in plan.repeated:
            _check_count(repeated, len(value[repeated.local]))
        return value

    def _decode_attributes(self, plan: _Plan, node: Any, value: dict[str, Any]) -> None:
        for name, text in node.attrib.items():
            if name in _LOCATIONS or name == NIL:
                continue
            attribute = plan.attributes.get(name)
            if attribute is None:
                raise BadValue(f"@{_short(name)}", "not an attribute of this type")
            try:
                value[f"@{_short(name)}"] = self.decode_text(attribute.type, text)
            except BadValue as error:
                raise error.below(f"@{_short(name)}") from None

    # --- encode -----------------------------------------------------------------------------------

    def _encode_complex(self, kind: ComplexType, value: Any, node: Any) -> None:
        if not isinstance(value, Mapping):
            raise BadValue("", f"a dict is expected, not a {type(value).__name__}")
        plan = self._plan(kind)
        known = {e.local for e in kind.elements} | {f"@{_short(a)}" for a in plan.attributes}
        if unknown := [k for k in value if k not in known and not (k == "#text" and kind.text)]:
            raise BadValue(str(unknown[0]), "not an element or attribute of this type")
        for name, attribute in plan.attributes.items():
            short = f"@{_short(name)}"
            if short in value:
                try:
                    node.set(name, self.encode_text(attribute.type, value[short]))
                except BadValue as error:
                    raise error.below(short) from None
            elif attribute.required:
                raise BadValue(short, "a required attribute is missing")
        if kind.text is not None:
            _set_text(node, self.encode_text(kind.text, value.get("#text")))
        for element in kind.elements:
            self._encode_child(element, value, node)

    def _encode_child(self, element: Element, value: Mapping[str, Any], node: Any) -> None:
        local = element.local
        if element.repeats:
            items = value.get(local, [])
            if not isinstance(items, list | tuple):
                raise BadValue(local, "a list is expected")
            _check_count(element, len(items))
        elif local in value:
            items = [value[local]]
        elif element.optional:
            return
        else:
            raise BadValue(local, "a required element is missing")
        for item in items:
            try:
                self.encode(element, item, node)
            except BadValue as error:
                raise error.below(local) from None

    # --- shared -----------------------------------------------------------------------------------

    def _plan(self, kind: ComplexType) -> _Plan:
        plan = self._plans.get(id(kind))
        if plan is None:
            plan = self._plans[id(kind)] = _Plan(
                kind,
                {e.name: self._child(e) for e in kind.elements},
                tuple(e.local for e in kind.elements if not e.optional and not e.repeats),
                tuple(e for e in kind.elements if e.repeats),
                {a.name: a for a in kind.attributes},
                tuple(f"@{_short(a.name)}" for a in kind.attributes if a.required),
            )
        return plan

    def _child(self, element: Element) -> _Child:
        simple = text_decoder(element.type, self.zone) if isinstance(element.type, SimpleType) else None
        return _Child(element, element.local, element.repeats, simple)


def _decode_nil(element: Element, node: Any) -> None:
    if not element.nillable:
        raise BadValue("", "nil is not allowed")
    if len(node) or (node.text or "").strip():
        raise BadValue("", "a nil element must be empty")
    _refuse_attributes(node)


def _is_nil(text: str) -> bool:
    if text.strip() in ("true", "1"):
        return True
    if text.strip() in ("false", "0"):
        return False
    raise BadValue("", "xsi:nil must be true or false")


def _unknown(node: Any) -> BadValue:
    name = etree.QName(node).localname if isinstance(node.tag, str) else "entity reference"
    return BadValue(name, "not an element of this type (or of another namespace)")


def _refuse_text(text: str | None) -> None:
    if text and not text.isspace():
        raise BadValue("", "text between elements is not expected")


def _check_count(element: Element, count: int) -> None:
    if count < element.min_occurs:
        raise BadValue(element.local, f"fewer than {element.min_occurs}")
    if element.max_occurs is not None and count > element.max_occurs:
        raise BadValue(element.local, f"more than {element.max_occurs}")


def _set_text(node: Any, text: str) -> None:
    try:
        node.text = text
    except ValueError:
        raise BadValue("", "a character that XML cannot carry") from None


def _refuse_attributes(node: Any) -> None:
    for name in node.keys():  # noqa: SIM118  (an lxml element, not a dict)
        if name != NIL and name not in _LOCATIONS:
            raise BadValue(f"@{_short(name)}", "not an attribute of this element")


def _short(name: str) -> str:
    return name.rpartition("}")[2]
