"""Read attributes, attribute groups and wildcards of XML Schema 1.0."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from adapters.soap.documents import XS
from adapters.soap.errors import ContractError
from adapters.soap.xsd_names import ANY_SIMPLE, Names
from adapters.soap.xsd_places import Definitions, Place, check_depth, children
from adapters.soap.xsd_simple import SimpleReader
from adapters.soap.xsd_types import Attribute, SimpleType, Wildcard, local_name

_UNTYPED = SimpleType("string")
_PROCESSING: dict[str, Literal["strict", "lax", "skip"]] = {"strict": "strict", "lax": "lax", "skip": "skip"}


class AttributeReader:
    """Resolves attributes by name."""

    def __init__(self, definitions: Definitions, names: Names, simple: SimpleReader) -> None:
        self._definitions, self._names, self._simple = definitions, names, simple
        self._open: list[str] = []
        self._groups: dict[str, tuple[tuple[Attribute, ...], Wildcard | None]] = {}

    def readable(self) -> dict[str, Attribute]:
        """Return the global attributes that can be read, for `xs:anyAttribute`."""
        found = {}
        for name in self._definitions.names("attribute"):
            try:
                found[name] = self._global(name)
            except ContractError:
                continue
        return found

    def of(self, node: Any, place: Place) -> tuple[tuple[Attribute, ...], Wildcard | None]:
        """Return the attributes that a type or group declares itself, those of groups too."""
        found: dict[str, Attribute] = {}
        anything: Wildcard | None = None
        for child in children(node):
            match local_name(child.tag):
                case "attribute" if child.get("use") != "prohibited":
                    attribute = self._read(child, place)
                    found[attribute.name] = attribute
                case "attributeGroup":
                    inner, more = self._group(child, place)
                    found |= {a.name: a for a in inner}
                    anything = union(anything, more)
                case "anyAttribute":
                    anything = union(anything, wildcard(child, place))
        return tuple(found.values()), anything

    def inherit(
        self, base: tuple[Attribute, ...], step: Any, place: Place, own: tuple[Attribute, ...]
    ) -> tuple[Attribute, ...]:
        """Return what a derived type has: its base's attributes but the prohibited ones, then its own."""
        prohibited = {
            self._name(child, place)
            for child in children(step)
            if local_name(child.tag) == "attribute" and child.get("use") == "prohibited"
        }
        found = {a.name: a for a in base if a.name not in prohibited}
        return tuple((found | {a.name: a for a in own}).values())

    def _group(self, node: Any, place: Place) -> tuple[tuple[Attribute, ...], Wildcard | None]:
        name = self._names.find("attributeGroup", node, place, node.get("ref", ""), "no attributes")
        if name is None:
            return (), None
        definition, home = self._definitions.find("attributeGroup", name)
        if name in self._open:
            original = self._definitions.original("attributeGroup", name)
            if original is None:
                raise ContractError(
                    f"the attribute group {local_name(name)!r} contains itself",
                    where=place.at(node),
                    fix="mend the schema",
                )
            definition, home = original
        elif name in self._groups:
            return self._groups[name]
        check_depth(len(self._open), "attribute groups in", place.at(node))
        self._open.append(name)
        try:
            found = self.of(definition, home)
        finally:
            self._open.pop()
        if name not in self._open:
            self._groups[name] = found
        return found

    def _name(self, node: Any, place: Place) -> str:
        if ref := node.get("ref"):
            found = self._names.find("attribute", node, place, ref, "an attribute of any text")
            return found or place.meant(node, ref) or local_name(ref.rpartition(":")[2])
        name = str(node.get("name", ""))
        return place.own(name) if place.qualified(node, "attribute") else name

    def _global(self, name: str) -> Attribute:
        node, place = self._definitions.find("attribute", name)
        return replace(self._read(node, place), name=name)

    def _read(self, node: Any, place: Place) -> Attribute:
        attribute = Attribute(
            self._name(node, place),
            _UNTYPED,
            node.get("use") == "required",
            node.get("default"),
            node.get("fixed"),
        )
        if not node.get("ref"):
            return replace(attribute, type=self._type(node, place))
        if ("attribute", attribute.name) not in self._definitions:
            return attribute
        declared = self._global(attribute.name)
        return replace(
            attribute,
            type=declared.type,
            default=attribute.default if attribute.default is not None else declared.default,
            fixed=attribute.fixed if attribute.fixed is not None else declared.fixed,
        )

    def _type(self, node: Any, place: Place) -> SimpleType:
        if (inline := node.find(f"{XS}simpleType")) is not None:
            return self._simple.read(inline, place)
        if (type_name := node.get("type")) is None:
            return SimpleType("string")
        name = self._names.find("simpleType", node, place, type_name, "any text")
        found = self._simple.find(name) if name is not None else None
        return found if found is not None else SimpleType("string", ANY_SIMPLE)


def union(one: Wildcard | None, other: Wildcard | None) -> Wildcard | None:
    """Return a wildcard for attributes that takes what either takes."""
    if one is None or other is None:
        return one or other
    if one.namespaces is None and other.namespaces is None:
        return replace(one, excluded=one.excluded & other.excluded)
    if one.namespaces is not None and other.namespaces is not None:
        return replace(one, namespaces=one.namespaces | other.namespaces)
    wide, narrow = (one, other) if one.namespaces is None else (other, one)
    return replace(wide, excluded=wide.excluded - (narrow.namespaces or frozenset()))


def wildcard(node: Any, place: Place) -> Wildcard:
    """Return an `xs:any` or `xs:anyAttribute`, its occurrence aside."""
    process = _PROCESSING.get(node.get("processContents", "strict"), "strict")
    match node.get("namespace", "##any").split():
        case ["##any"]:
            return Wildcard(process=process)
        case ["##other"]:
            return Wildcard(excluded=frozenset({"", place.namespace}), process=process)
        case names:
            special = {"##targetNamespace": place.namespace, "##local": ""}
            return Wildcard(frozenset(special.get(name, name) for name in names), process=process)
