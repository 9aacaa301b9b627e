"""What the codec works out once for each type of a schema."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from adapters.soap.content import Model
from adapters.soap.encoded import ENCODING, is_encoded_array
from adapters.soap.errors import BadValue
from adapters.soap.lexical import BUILTINS
from adapters.soap.raw_xml import XSI
from adapters.soap.simple_text import Decode, text_decoder
from adapters.soap.xsd_types import (
    ArrayType,
    Attribute,
    ComplexType,
    Element,
    Group,
    Particle,
    Schema,
    SimpleType,
    Wildcard,
    local_name,
    namespace,
)

XSD = "http://www.w3.org/2001/XMLSchema"
ANY_TYPE = f"{{{XSD}}}anyType"
ANY_SIMPLE = f"{{{XSD}}}anySimpleType"
NIL = f"{{{XSI}}}nil"
TYPE = f"{{{XSI}}}type"
#: Names of keys for what has no element name.
CONTENT, ANY, TEXT, XML, ITEMS = "#content", "#any", "#text", "#xml", "#items"
TYPE_KEY, NIL_KEY = "@xsi:type", "@xsi:nil"
#: Attributes of the schema instance that say nothing about the value.
LOCATIONS = frozenset({f"{{{XSI}}}schemaLocation", f"{{{XSI}}}noNamespaceSchemaLocation"})

Type = SimpleType | ComplexType

_XML = "http://www.w3.org/XML/1998/namespace"
#: Stands for xs:anyType wherever a schema names it without defining it.
_ANYTHING = ComplexType(ANY_TYPE, mixed=True, free=True, any_attribute=Wildcard(process="lax"))


@dataclass(frozen=True, slots=True)
class Child:
    """One child of a type: where its value goes, and its decoder if it is plain text."""

    element: Element
    key: str
    repeats: bool
    simple: Decode | None


@dataclass(frozen=True, slots=True)
class Plan:
    """One complex type.

    Attributes:
        kind: held so that its id, the key in the cache, is not given to another type.
        children: by tag. keys: by key of the value.
        attributes: Clark name → (key, declaration).
        order: keys in the order in which they are written, `#any` where the wildcard stands.
        free: the value keeps its order in `#content`.
        anything: xs:anyType itself.
    """

    kind: ComplexType
    children: dict[str, Child]
    keys: dict[str, Child]
    repeated: tuple[str, ...]
    attributes: dict[str, tuple[str, Attribute]]
    required_attributes: tuple[str, ...]
    order: tuple[str, ...]
    model: Model
    free: bool
    anything: bool


class Plans:
    """Plans of one schema by type, each made when it is first needed."""

    def __init__(self, schema: Schema, zone: tzinfo | None) -> None:
        self.schema, self.zone = schema, zone
        self._plans: dict[int, Plan] = {}
        self._simple: dict[SimpleType, Decode] = {}

    def plan(self, kind: ComplexType) -> Plan:
        """Return the plan of a type."""
        found = self._plans.get(id(kind))
        if found is None:
            found = self._plans[id(kind)] = self._make(kind)
        return found

    def text(self, kind: SimpleType) -> Decode:
        """Return the decoder of a simple type."""
        decode = self._simple.get(kind)
        if decode is None:
            decode = self._simple[kind] = text_decoder(kind, self.zone)
        return decode

    def declared(self, kind: Type | str) -> Type:
        """Return the type that an element declares."""
        if not isinstance(kind, str):
            return kind
        found = self.schema.types.get(kind) or self.schema.simple.get(kind)
        return found if found is not None else self.named(kind)

    def named(self, name: str) -> Type:
        """Return the type of a Clark name, as in `xsi:type`. Raises BadValue."""
        if (found := self.schema.types.get(name) or self.schema.simple.get(name)) is not None:
            return found
        if name == ANY_TYPE:
            return _ANYTHING
        local = local_name(name)
        if namespace(name) in (XSD, ENCODING) and local in BUILTINS:
            return SimpleType(local)
        if is_encoded_array(name):
            return ComplexType(name, array=ArrayType(ANY_TYPE))
        if name == ANY_SIMPLE:
            return SimpleType("string")
        raise BadValue("", "an xsi:type that the schema does not know")

    def actual(self, element: Element, name: str) -> Type:
        """Return the type that `xsi:type` names, if it may stand where `element` is declared.

        Raises:
            BadValue: unknown, or not derived from the declared type.
        """
        kind = self.named(name)
        declared = type_name(element.type)
        if name == declared or declared in (ANY_TYPE, ANY_SIMPLE):
            return kind
        if isinstance(kind, SimpleType) and isinstance(element.type, SimpleType):
            return kind  # its text has to fit the declared type as well
        if name not in self.schema.derived.get(declared, ()):
            raise BadValue("", "an xsi:type that does not derive from the declared type")
        return kind

    def namespaces(self, element: Element) -> list[str]:
        """Return the namespaces of all names that may stand in an element, its own first."""
        found: dict[str, None] = {}
        seen: set[int] = set()
        waiting = [element]
        while waiting:
            current = waiting.pop(0)
            found.setdefault(namespace(current.name))
            kind = self.declared(current.type)
            if not isinstance(kind, ComplexType) or id(kind) in seen:
                continue
            seen.add(id(kind))
            waiting += kind.elements
            for attribute in kind.attributes:
                found.setdefault(namespace(attribute.name))
        return [uri for uri in found if uri and uri != _XML]

    def _make(self, kind: ComplexType) -> Plan:
        children = {
            element.name: Child(element, key, element.repeats, self._plain(element))
            for key, element in element_keys(kind)
        }
        attributes = {attribute.name: (key, attribute) for key, attribute in attribute_keys(kind)}
        model = Model(kind)
        anything = kind.name == ANY_TYPE
        return Plan(
            kind,
            children,
            {child.key: child for child in children.values()},
            tuple(child.key for child in children.values() if child.repeats),
            attributes,
            tuple(key for key, attribute in attributes.values() if attribute.required),
            tuple(dict.fromkeys(_order(model.root, children))),
            model,
            (kind.free or kind.mixed) and not anything,
            anything,
        )

    def _plain(self, element: Element) -> Decode | None:
        """Return the decoder for the common case by far: text without attributes, children and defaults."""
        kind = element.type
        if not isinstance(kind, SimpleType) or holds_qname(kind):
            return None
        if element.default is not None or element.fixed is not None:
            return None
        return self.text(kind)


def element_keys(kind: ComplexType) -> list[tuple[str, Element]]:
    """Return the children of a type with their keys: local names, Clark names where two would be one."""
    names = [e.local for e in kind.elements]
    return [(e.local if names.count(e.local) == 1 else e.name, e) for e in kind.elements]


def attribute_keys(kind: ComplexType) -> list[tuple[str, Attribute]]:
    """Return the attributes of a type with their keys, `@` before the name."""
    names = [local_name(a.name) for a in kind.attributes]
    return [
        (f"@{n if names.count(n) == 1 else a.name}", a) for n, a in zip(names, kind.attributes, strict=True)
    ]


def type_name(kind: Type | str) -> str:
    """Return the Clark name of a type; empty for an anonymous complex one."""
    if isinstance(kind, str):
        return kind
    if isinstance(kind, ComplexType) or kind.name:
        return kind.name
    return f"{{{XSD}}}{kind.base}" if kind.variety == "atomic" else ""


def holds_qname(kind: SimpleType) -> bool:
    """Return whether the text of a type is a QName, whose prefix is known only where it stands."""
    return kind.variety == "atomic" and kind.base in ("QName", "NOTATION")


def _order(particle: Particle, children: dict[str, Child]) -> list[str]:
    if isinstance(particle, Element):
        return [children[particle.name].key] if particle.name in children else []
    if isinstance(particle, Wildcard):
        return [ANY]
    assert isinstance(particle, Group)
    return [key for child in particle.particles for key in _order(child, children)]
