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
from decimal import Decimal
from typing import Any

from lxml import etree

from adapters.soap.errors import BadValue
from adapters.soap.lexical import BUILTINS, parse, render
from adapters.soap.safe_xml import MAX_DEPTH
from adapters.soap.xsd_types import Attribute, ComplexType, Element, Schema, SimpleType

XSI = "http://www.w3.org/2001/XMLSchema-instance"
NIL = f"{{{XSI}}}nil"
TYPE = f"{{{XSI}}}type"
_LOCATIONS = frozenset({f"{{{XSI}}}schemaLocation", f"{{{XSI}}}noNamespaceSchemaLocation"})


@dataclass(frozen=True, slots=True)
class _Plan:
    #: Held so that its id, the key in the cache, is not given to another type.
    kind: ComplexType
    children: dict[str, Element]
    required: tuple[Element, ...]
    repeated: tuple[Element, ...]
    attributes: dict[str, Attribute]


class XmlCodec:
    """Decode and encode elements of one schema. `zone` is what a dateTime without zone means."""

    def __init__(self, schema: Schema, zone: tzinfo | None = None) -> None:
        self.schema, self.zone = schema, zone
        self._plans: dict[int, _Plan] = {}
        self._enumerations: dict[SimpleType, frozenset[Any]] = {}

    def decode(self, element: Element, node: Any, depth: int = 0) -> Any:
        """Return the value of one element.

        Raises:
            BadValue: not what the schema says; its path is relative to `node`.
        """
        kind = self.schema.complex(element)
        if nil := node.get(NIL):
            return self._decode_nil(element, node, nil)
        if depth > MAX_DEPTH:
            raise BadValue("", f"nested deeper than {MAX_DEPTH}")
        if kind is None:
            assert isinstance(element.type, SimpleType)
            if node.attrib:
                _refuse_attributes(node)
            if len(node):
                raise BadValue("", "text is expected, not elements")
            return self.decode_text(element.type, node.text or "")
        return self._decode_complex(kind, node, depth)

    def decode_text(self, kind: SimpleType, text: str) -> Any:
        """Return the value of an element's or attribute's text, checked against the facets."""
        try:
            value = parse(BUILTINS[kind.base], text, self.zone)
        except ValueError as error:
            raise BadValue("", str(error)) from None
        self._check(kind, value)
        return value

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

    def _decode_nil(self, element: Element, node: Any, nil: str) -> Any:
        if nil.strip() in ("false", "0"):
            clean = etree.fromstring(etree.tostring(node, with_tail=False))
            del clean.attrib[NIL]
            return self.decode(element, clean)
        if not element.nillable:
            raise BadValue("", "nil is not allowed")
        if len(node) or (node.text or "").strip():
            raise BadValue("", "a nil element must be empty")
        _refuse_attributes(node)
        return None

    def _decode_complex(self, kind: ComplexType, node: Any, depth: int) -> Any:
        plan = self._plan(kind)
        value: dict[str, Any] = {}
        if node.attrib:
            self._decode_attributes(plan, node, value)
        for attribute in plan.attributes.values():
            if attribute.required and f"@{_short(attribute.name)}" not in value:
                raise BadValue(f"@{_short(attribute.name)}", "a required attribute is missing")
        if kind.text is not None:
            if len(node):
                raise BadValue("", "text is expected, not elements")
            value["#text"] = self.decode_text(kind.text, node.text or "")
            return value
        for repeated in plan.repeated:
            value[repeated.local] = []
        if node.text and not node.text.isspace():
            raise BadValue("", "text between elements is not expected")
        for child in node:
            self._decode_child(plan, child, value, depth)
        for element in plan.required:
            if element.local not in value:
                raise BadValue(element.local, "a required element is missing")
        for element in plan.repeated:
            _check_count(element, len(value[element.local]))
        return value

    def _decode_child(self, plan: _Plan, child: Any, value: dict[str, Any], depth: int) -> None:
        element = plan.children.get(child.tag)
        if element is None:
            name = etree.QName(child).localname if isinstance(child.tag, str) else "entity reference"
            raise BadValue(name, "not an element of this type (or of another namespace)")
        if child.tail and not child.tail.isspace():
            raise BadValue("", "text between elements is not expected")
        local = element.local
        try:
            decoded = self.decode(element, child, depth + 1)
        except BadValue as error:
            raise error.below(local) from None
        if element.repeats:
            value[local].append(decoded)
        elif local in value:
            raise BadValue(local, "stands twice")
        else:
            value[local] = decoded

    def _decode_attributes(self, plan: _Plan, node: Any, value: dict[str, Any]) -> None:
        for name, text in node.attrib.items():
            if name in _LOCATIONS:
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
                {e.name: e for e in kind.elements},
                tuple(e for e in kind.elements if not e.optional and not e.repeats),
                tuple(e for e in kind.elements if e.repeats),
                {a.name: a for a in kind.attributes},
            )
        return plan

    def _check(self, kind: SimpleType, value: Any) -> None:
        builtin = BUILTINS[kind.base]
        if kind.enumeration and value not in self._allowed(kind):
            raise BadValue("", "not one of the enumerated values")
        if isinstance(value, int) and not isinstance(value, bool):
            if (builtin.low is not None and value < builtin.low) or (
                builtin.high is not None and value > builtin.high
            ):
                raise BadValue("", f"outside the range of xs:{kind.base}")
            _check_number(kind, Decimal(value))
        elif isinstance(value, Decimal):
            _check_number(kind, value)
        elif isinstance(value, str | bytes):
            if kind.min_length is not None and len(value) < kind.min_length:
                raise BadValue("", f"shorter than {kind.min_length}")
            if kind.max_length is not None and len(value) > kind.max_length:
                raise BadValue("", f"longer than {kind.max_length}")

    def _allowed(self, kind: SimpleType) -> frozenset[Any]:
        allowed = self._enumerations.get(kind)
        if allowed is None:
            builtin = BUILTINS[kind.base]
            allowed = self._enumerations[kind] = frozenset(
                parse(builtin, e, self.zone) for e in kind.enumeration
            )
        return allowed


def _check_number(kind: SimpleType, value: Decimal) -> None:
    if kind.minimum is not None and (
        value < kind.minimum or (kind.exclusive_minimum and value == kind.minimum)
    ):
        raise BadValue("", f"below the minimum of {kind.minimum}")
    if kind.maximum is not None and (
        value > kind.maximum or (kind.exclusive_maximum and value == kind.maximum)
    ):
        raise BadValue("", f"above the maximum of {kind.maximum}")
    whole, fraction = digits(value)
    if kind.fraction_digits is not None and fraction > kind.fraction_digits:
        raise BadValue("", f"more than {kind.fraction_digits} fraction digits")
    if kind.total_digits is not None and whole + fraction > kind.total_digits:
        raise BadValue("", f"more than {kind.total_digits} digits")


def digits(value: Decimal) -> tuple[int, int]:
    """Return how many digits the value needs before and after the point, trailing zeros not counted."""
    _, figures, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, figures)).lstrip("0")
    if exponent < 0:
        while exponent < 0 and text.endswith("0"):
            text, exponent = text[:-1], exponent + 1
    if not text:
        return 0, 0
    return max(len(text) + exponent, 0), max(-exponent, 0)


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
    for name in node.attrib:
        if name != NIL and name not in _LOCATIONS:
            raise BadValue(f"@{_short(name)}", "not an attribute of this element")


def _short(name: str) -> str:
    return name.rpartition("}")[2]
