"""XML elements → Python values, by the schema."""

from __future__ import annotations

from typing import Any

from adapters.soap.content import accepts, unknown
from adapters.soap.encoded import decode_dimensions
from adapters.soap.errors import BadValue
from adapters.soap.plans import (
    ANY,
    CONTENT,
    ITEMS,
    LOCATIONS,
    NIL,
    NIL_KEY,
    TEXT,
    TYPE,
    TYPE_KEY,
    XML,
    Plan,
    Plans,
    Type,
    holds_qname,
    type_name,
)
from adapters.soap.raw_xml import inner_xml, outer_xml, qname
from adapters.soap.safe_xml import MAX_DEPTH
from adapters.soap.xsd_types import ArrayType, ComplexType, Element, SimpleType, local_name, namespace


class Decoder:
    """Decode elements of one schema."""

    def __init__(self, plans: Plans, *, encoded: bool = False) -> None:
        self._plans, self._encoded = plans, encoded

    def element(self, element: Element, node: Any, depth: int = 0) -> Any:
        """Return the value of one element. Raises BadValue, its path relative to `node`."""
        if depth > MAX_DEPTH:
            raise BadValue("", f"nested deeper than {MAX_DEPTH}")
        if (nil := node.get(NIL)) is not None and is_nil(nil):
            return self._nil(element, node)
        kind, actual = self.type_of(element, node)
        if isinstance(kind, ComplexType):
            value = self._complex(kind, node, depth)
            if element.fixed is not None or element.default is not None:
                self._default_text(element, kind, node, value)
        else:
            value = self._simple(element, kind, node)
            if actual:
                value = {TEXT: value}
        if actual:
            if isinstance(value, list):
                value = {ITEMS: value}
            return {TYPE_KEY: actual, **value}
        return value

    def text(self, kind: SimpleType, text: str, node: Any = None) -> Any:
        """Return the value of an element's or attribute's text, checked against the facets."""
        if node is not None and holds_qname(kind):
            text = qname(text, node)
        return self._plans.text(kind)(text)

    def item(self, array: ArrayType, element: Element, node: Any, depth: int) -> Any:
        """Return one item of a SOAP array; one of another type than the array declares says so."""
        value = self.element(element, node, depth)
        if element.type != array.item and not (isinstance(value, dict) and TYPE_KEY in value):
            name = type_name(element.type)
            return {TYPE_KEY: name, **(value if isinstance(value, dict) else {TEXT: value})}
        return value

    def item_type(self, array: ArrayType, name: str) -> SimpleType | ComplexType | str:
        """Return the type of items that an array on the wire names, the declared one if it is the same."""
        if name == type_name(array.item) or local_name(name) in ("ur-type", "anyType"):
            return array.item
        kind = self._plans.actual(Element("item", array.item), name)
        return array.item if kind == self._plans.declared(array.item) else kind

    def type_of(self, element: Element, node: Any) -> tuple[Type, str]:
        """Return the type to decode by, and its name where it is not the declared one."""
        declared = self._plans.declared(element.type)
        said = node.get(TYPE)
        if said is not None:
            name = qname(said, node)
            if name != type_name(element.type):
                kind = self._plans.actual(element, name)
                if isinstance(kind, SimpleType) and kind == declared:
                    return declared, ""  # another name for it, such as soapenc:string
                _refuse_abstract(kind)
                return kind, name
        _refuse_abstract(declared)
        return declared, ""

    def _nil(self, element: Element, node: Any) -> Any:
        if not (element.nillable or self._encoded):
            raise BadValue("", "nil is not allowed")
        if len(node) or (node.text or "").strip():
            raise BadValue("", "a nil element must be empty")
        kind, actual = self.type_of(element, node)
        value: dict[str, Any] = {TYPE_KEY: actual} if actual else {}
        if isinstance(kind, ComplexType):
            self._attributes(self._plans.plan(kind), node, value, nil=True)
        else:
            refuse_attributes(node)
        return {**value, NIL_KEY: True} if value else None

    def _simple(self, element: Element, kind: SimpleType, node: Any) -> Any:
        refuse_attributes(node)
        if len(node):
            raise BadValue("", "text is expected, not elements")
        text = node.text or ""
        if not text:
            text = element.fixed or element.default or ""
        if element.type is not kind and isinstance(element.type, SimpleType):
            self.text(element.type, text, node)
        value = self.text(kind, text, node)
        if element.fixed is not None and value != self.text(kind, element.fixed, node):
            raise BadValue("", "not the fixed value")
        return value

    def _default_text(self, element: Element, kind: ComplexType, node: Any, value: Any) -> None:
        if kind.text is None:
            return
        if element.fixed is not None and value[TEXT] != self.text(kind.text, element.fixed, node):
            raise BadValue("", "not the fixed value")

    # --- complex types ----------------------------------------------------------------------------

    def _complex(self, kind: ComplexType, node: Any, depth: int) -> Any:
        if kind.array is not None:
            return decode_dimensions(self, kind.array, node, depth)
        plan = self._plans.plan(kind)
        value: dict[str, Any] = {}
        if node.keys() or plan.required_attributes:
            self._attributes(plan, node, value)
        if kind.text is not None:
            if len(node):
                raise BadValue("", "text is expected, not elements")
            value[TEXT] = self.text(kind.text, node.text or "", node)
        elif plan.anything:
            value[XML] = inner_xml(node)
        elif plan.free:
            value[CONTENT] = self._content(plan, node, depth)
        else:
            self._children(plan, node, value, depth)
        return value

    def _children(self, plan: Plan, node: Any, value: dict[str, Any], depth: int) -> None:
        for key in plan.repeated:
            value[key] = []
        _refuse_text(node.text)
        children, tags = plan.children, []
        for inner in node:
            tag = inner.tag
            tags.append(tag)
            _refuse_text(inner.tail)
            child = children.get(tag)
            if child is None:
                if not isinstance(tag, str) or not plan.model.knows(tag):
                    raise unknown(tag)
                value.setdefault(ANY, []).append(outer_xml(inner))
                continue
            key = child.key
            try:
                # An element without attributes and children is the common case by far.
                if child.simple is not None and not inner.keys() and not len(inner):
                    decoded = child.simple(inner.text or "")
                else:
                    decoded = self.element(child.element, inner, depth + 1)
            except BadValue as error:
                raise error.below(key) from None
            if child.repeats:
                value[key].append(decoded)
            elif key in value:
                raise BadValue(key, "stands twice")
            else:
                value[key] = decoded
        if not self._encoded:
            plan.model.check(tags)

    def _content(self, plan: Plan, node: Any, depth: int) -> list[Any]:
        """Return children and, in mixed content, text, in the order of the document."""
        found: list[Any] = []
        tags = []

        def add_text(text: str | None) -> None:
            if plan.kind.mixed:
                if text:
                    found.append(text)
            else:
                _refuse_text(text)

        add_text(node.text)
        for inner in node:
            tag = inner.tag
            tags.append(tag)
            child = plan.children.get(tag)
            if child is None:
                if not isinstance(tag, str) or not plan.model.knows(tag):
                    raise unknown(tag)
                found.append({ANY: outer_xml(inner)})
            else:
                try:
                    found.append({child.key: self.element(child.element, inner, depth + 1)})
                except BadValue as error:
                    raise error.below(child.key) from None
            add_text(inner.tail)
        plan.model.check(tags)
        return found

    def _attributes(self, plan: Plan, node: Any, value: dict[str, Any], *, nil: bool = False) -> None:
        for name, text in node.attrib.items():
            known = plan.attributes.get(name)
            if known is None:
                if name in LOCATIONS or name in (NIL, TYPE):
                    continue
                wildcard = plan.kind.any_attribute
                if wildcard is None or not accepts(wildcard, namespace(name)):
                    raise BadValue(f"@{local_name(name)}", "not an attribute of this type")
                value[f"@{name}"] = text
                continue
            key, attribute = known
            try:
                value[key] = self.text(attribute.type, text, node)
                if attribute.fixed is not None and value[key] != self.text(
                    attribute.type, attribute.fixed, node
                ):
                    raise BadValue("", "not the fixed value")
            except BadValue as error:
                raise error.below(key) from None
        for key in () if nil else plan.required_attributes:  # services leave them out where there is nothing
            if key not in value:
                raise BadValue(key, "a required attribute is missing")


def is_nil(text: str) -> bool:
    """Return the meaning of `xsi:nil`. Raises BadValue."""
    if text.strip() in ("true", "1"):
        return True
    if text.strip() in ("false", "0"):
        return False
    raise BadValue("", "xsi:nil must be true or false")


def refuse_attributes(node: Any) -> None:
    """Raise BadValue if an element of a simple type has attributes of its own."""
    for name in node.keys():  # noqa: SIM118  (an lxml element, not a dict)
        if name not in (NIL, TYPE) and name not in LOCATIONS:
            raise BadValue(f"@{local_name(name)}", "not an attribute of this element")


def _refuse_abstract(kind: Type) -> None:
    if isinstance(kind, ComplexType) and kind.abstract:
        raise BadValue("", "the type is abstract: an xsi:type is needed")


def _refuse_text(text: str | None) -> None:
    if text and not text.isspace():
        raise BadValue("", "text between elements is not expected")
