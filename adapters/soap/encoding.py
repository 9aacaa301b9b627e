"""Python values → XML elements, by the schema: order and names come from it, the model is checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lxml import etree

from adapters.soap.content import accepts
from adapters.soap.encoded import ENCODING, array_sizes
from adapters.soap.errors import BadValue
from adapters.soap.plans import (
    ANY,
    ANY_TYPE,
    CONTENT,
    ITEMS,
    NIL,
    NIL_KEY,
    TEXT,
    TYPE,
    TYPE_KEY,
    XML,
    Child,
    Plan,
    Plans,
    Type,
    holds_qname,
    type_name,
)
from adapters.soap.raw_xml import fill, parse_element
from adapters.soap.safe_xml import MAX_DEPTH
from adapters.soap.simple_text import render_text
from adapters.soap.xsd_types import (
    ArrayType,
    Attribute,
    ComplexType,
    Element,
    SimpleType,
    Wildcard,
    local_name,
    namespace,
)


class Encoder:
    """Encode elements of one schema.

    Args:
        plans: of the schema.
        encoded: whether to write by SOAP encoding: each element says its type by `xsi:type`.
    """

    def __init__(self, plans: Plans, *, encoded: bool = False) -> None:
        self._plans, self._encoded = plans, encoded

    def element(
        self, element: Element, value: Any, parent: Any, nsmap: Mapping[str, str] | None, depth: int = 0
    ) -> Any:
        """Return `value` as an element, appended to `parent` if there is one. Raises BadValue."""
        if depth > MAX_DEPTH:
            raise BadValue("", f"nested deeper than {MAX_DEPTH}")
        make: Callable[..., Any] = (
            etree.Element if parent is None else lambda *a, **k: etree.SubElement(parent, *a, **k)
        )
        kind, said = self._type(element, value)
        node = make(element.name, nsmap=dict(nsmap) if nsmap else None)
        if said or (self._encoded and type_name(kind) not in ("", ANY_TYPE)):
            self._set_qname(node, TYPE, said or type_name(kind))
        if value is None or (isinstance(value, Mapping) and value.get(NIL_KEY)):
            self._nil(element, kind, value, node)
        elif isinstance(kind, ComplexType):
            if said and kind.array is not None:
                value = value.get(ITEMS)
            self._complex(kind, value, node, depth)
            if element.fixed is not None and kind.text is not None and node.text != element.fixed:
                self._check_fixed(element, kind.text, value[TEXT])
        else:
            if said:
                if extra := [k for k in value if k not in (TYPE_KEY, TEXT)]:
                    raise BadValue(str(extra[0]), "not an element or attribute of this type")
                value = value.get(TEXT, "")
            if element.fixed is not None:
                self._check_fixed(element, kind, value)
            self._set_text(node, kind, value)
        return node

    def text(self, kind: SimpleType, value: Any) -> str:
        """Return the text of a simple value, checked against the facets. Raises BadValue."""
        try:
            text = render_text(kind, value)
        except (ValueError, ArithmeticError) as error:
            raise BadValue("", str(error) or "the value does not fit its type") from None
        self._plans.text(kind)(text)
        return text

    def _type(self, element: Element, value: Any) -> tuple[Type, str]:
        declared = self._plans.declared(element.type)
        said = value.get(TYPE_KEY) if isinstance(value, Mapping) else None
        if said is not None and said != type_name(element.type):
            if not isinstance(said, str):
                raise BadValue(TYPE_KEY, "a Clark name is expected: {namespace}name")
            declared = self._plans.actual(element, said)
        else:
            said = ""
        if isinstance(declared, ComplexType) and declared.abstract:
            raise BadValue("", 'the type is abstract: name the actual one as "@xsi:type"')
        return declared, said

    def _nil(self, element: Element, kind: Type, value: Any, node: Any) -> None:
        if not (element.nillable or self._encoded):
            raise BadValue("", "nil is not allowed; leave the key out if the element is optional")
        node.set(NIL, "true")
        if isinstance(kind, ComplexType) and value is not None:
            self._attributes(self._plans.plan(kind), value, node)

    def _check_fixed(self, element: Element, kind: SimpleType, value: Any) -> None:
        decode = self._plans.text(kind)
        if holds_qname(kind) or decode(self.text(kind, value)) != decode(element.fixed or ""):
            raise BadValue("", "not the fixed value")

    # --- complex types ----------------------------------------------------------------------------

    def _complex(self, kind: ComplexType, value: Any, node: Any, depth: int) -> None:
        if kind.array is not None:
            self._array(kind.array, value, node, depth)
            return
        if not isinstance(value, Mapping):
            raise BadValue("", f"a dict is expected, not a {type(value).__name__}")
        plan = self._plans.plan(kind)
        self._attributes(plan, value, node)
        if kind.text is not None:
            self._refuse_unknown(plan, value, (TEXT,))
            self._set_text(node, kind.text, value.get(TEXT))
        elif plan.anything:
            self._refuse_unknown(plan, value, (XML,))
            fill(node, value.get(XML, ""))
        elif plan.free and CONTENT in value:
            self._refuse_unknown(plan, value, (CONTENT,))
            self._content(plan, value[CONTENT], node, depth)
            plan.model.check([child.tag for child in node])
        else:
            self._refuse_unknown(plan, value, plan.keys)
            self._children(plan, value, node, depth)
            if not self._encoded:
                plan.model.check([child.tag for child in node])

    def _children(self, plan: Plan, value: Mapping[str, Any], node: Any, depth: int) -> None:
        order = [key for key in value if key in plan.keys] if plan.model.unordered else plan.order
        for key in order:
            if key not in value:
                continue
            if key == ANY:
                for xml in value[ANY]:
                    self._any(plan, xml, node)
                continue
            child = plan.keys[key]
            items = value[key]
            if not child.repeats:
                items = (items,)
            elif not isinstance(items, list | tuple):
                raise BadValue(key, "a list is expected")
            for item in items:
                self._child(child, item, node, depth)

    def _content(self, plan: Plan, content: Any, node: Any, depth: int) -> None:
        if not isinstance(content, list | tuple):
            raise BadValue(CONTENT, "a list is expected")
        last = None
        for part in content:
            if isinstance(part, str):
                if not plan.kind.mixed:
                    raise BadValue(CONTENT, "text between elements is not expected")
                _append_text(node, last, part)
                continue
            if not isinstance(part, Mapping) or len(part) != 1:
                raise BadValue(CONTENT, "text or dicts of one key are expected")
            ((key, value),) = part.items()
            if key == ANY:
                last = self._any(plan, value, node)
            elif key in plan.keys:
                last = self._child(plan.keys[key], value, node, depth)
            else:
                raise BadValue(str(key), "not an element of this type")

    def _child(self, child: Child, value: Any, node: Any, depth: int) -> Any:
        try:
            return self.element(child.element, value, node, None, depth + 1)
        except BadValue as error:
            raise error.below(child.key) from None

    def _any(self, plan: Plan, xml: Any, node: Any) -> Any:
        try:
            inner = parse_element(xml)
        except BadValue as error:
            raise error.below(ANY) from None
        if not any(plan.model.takes(wildcard, inner.tag) for wildcard in plan.model.wildcards):
            raise BadValue(ANY, "an element that the schema does not allow here")
        node.append(inner)
        return inner

    def _attributes(self, plan: Plan, value: Mapping[str, Any], node: Any) -> None:
        for name, (key, attribute) in plan.attributes.items():
            if key in value:
                try:
                    self._attribute(attribute, name, value[key], node)
                except BadValue as error:
                    raise error.below(key) from None
            elif attribute.required:
                raise BadValue(key, "a required attribute is missing")
        if plan.kind.any_attribute is not None:
            own = {key for key, _ in plan.attributes.values()} | {TYPE_KEY, NIL_KEY}
            for key, text in value.items():
                if key.startswith("@") and key not in own:
                    self._open_attribute(plan.kind.any_attribute, key, text, node)

    def _attribute(self, attribute: Attribute, name: str, value: Any, node: Any) -> None:
        if holds_qname(attribute.type):
            self._set_qname(node, name, value)
            return
        text = self.text(attribute.type, value)
        if attribute.fixed is not None:
            decode = self._plans.text(attribute.type)
            if decode(text) != decode(attribute.fixed):
                raise BadValue("", "not the fixed value")
        _set(node, name, text)

    def _open_attribute(self, wildcard: Wildcard, key: str, text: Any, node: Any) -> None:
        if not accepts(wildcard, namespace(key[1:])):
            raise BadValue(key, "not an attribute of this type")
        if not isinstance(text, str):
            raise BadValue(key, f"text is expected, not a {type(text).__name__}")
        _set(node, key[1:], text)

    def _refuse_unknown(self, plan: Plan, value: Mapping[str, Any], inside: Any) -> None:
        own = {key for key, _ in plan.attributes.values()}
        for key in value:
            if key in inside or key in own or key in (TYPE_KEY, NIL_KEY):
                continue
            if key == ANY and plan.model.wildcards:
                continue
            if plan.kind.any_attribute is not None and str(key).startswith("@"):
                continue
            raise BadValue(str(key), "not an element or attribute of this type")

    def _array(self, array: ArrayType, value: Any, node: Any, depth: int) -> None:
        sizes, items = array_sizes(value, array.dimensions)
        name = type_name(array.item) or ANY_TYPE
        self._set_qname(node, f"{{{ENCODING}}}arrayType", name, f"[{','.join(map(str, sizes))}]")
        element = Element("item", array.item, nillable=True)
        for number, item in enumerate(items):
            try:
                self.element(element, item, node, None, depth + 1)
            except BadValue as error:
                raise error.below(str(number)) from None

    # --- text -------------------------------------------------------------------------------------

    def _set_text(self, node: Any, kind: SimpleType, value: Any) -> None:
        if holds_qname(kind) and isinstance(value, str):
            node.text = self._prefixed(node, value)
            return
        try:
            node.text = self.text(kind, value)
        except ValueError:
            raise BadValue("", "a character that XML cannot carry") from None

    def _set_qname(self, node: Any, attribute: str, name: Any, suffix: str = "") -> None:
        if not isinstance(name, str):
            raise BadValue("", "a Clark name is expected: {namespace}name")
        node.set(attribute, self._prefixed(node, name) + suffix)

    def _prefixed(self, node: Any, name: str) -> str:
        """Return a Clark name as a QName, its prefix declared where the element stands."""
        uri, local = namespace(name), local_name(name)
        if not uri:
            return local
        prefix = _prefix(node, uri)
        if prefix is None:
            # An attribute makes lxml declare its namespace; the declaration stays when it is gone.
            node.set(f"{{{uri}}}x", "")
            del node.attrib[f"{{{uri}}}x"]
            prefix = _prefix(node, uri)
        return f"{prefix}:{local}"


def _set(node: Any, name: str, text: str) -> None:
    try:
        node.set(name, text)
    except ValueError:
        raise BadValue("", "a name or character that XML cannot carry") from None


def _prefix(node: Any, uri: str) -> str | None:
    return next((prefix for prefix, known in node.nsmap.items() if prefix and known == uri), None)


def _append_text(node: Any, last: Any, text: str) -> None:
    try:
        if last is None:
            node.text = (node.text or "") + text
        else:
            last.tail = (last.tail or "") + text
    except ValueError:
        raise BadValue("", "a character that XML cannot carry") from None
