"""Read XML Schema 1.0 documents into `Schema`.

Types are read when something needs them, each once; a complex type refers to others by name, so recursion of
any kind is no trouble. What cannot be read is refused with the reason, and with it only the elements that
need it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from adapters.soap.documents import WSDL, XS, Documents
from adapters.soap.errors import ContractError
from adapters.soap.xsd_attributes import AttributeReader, wildcard
from adapters.soap.xsd_model import flatten, leaves
from adapters.soap.xsd_places import XSD_NAMESPACE, Definitions, Place, children, documentation, flag
from adapters.soap.xsd_simple import ANY_SIMPLE, SOAP_ENCODINGS, SimpleReader
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

ANY_TYPE = f"{{{XSD_NAMESPACE}}}anyType"
_ANYTHING = ComplexType(
    ANY_TYPE,
    content=Group("sequence", (Wildcard(process="lax", min_occurs=0, max_occurs=None),)),
    free=True,
    mixed=True,
    any_attribute=Wildcard(process="lax"),
)
_DERIVATIONS: dict[str, Literal["extension", "restriction"]] = {
    "extension": "extension",
    "restriction": "restriction",
}


class SchemaReader:
    """Resolve names over all schema documents of a contract; `schema()` gives what could be read."""

    def __init__(self, documents: Documents) -> None:
        self._definitions = Definitions(documents)
        self._simple = SimpleReader(self._definitions)
        self._attributes = AttributeReader(self._definitions, self._simple)
        self._failed: dict[str, ContractError] = {}
        self._waiting: list[str] = []
        self._open: set[str] = set()
        self._opened_again: set[str] = set()
        self._substitutes = self._find_substitutes()
        self._declared: dict[str, Element] = {}
        self.types: dict[str, ComplexType] = {ANY_TYPE: _ANYTHING}
        self.elements: dict[str, Element] = {}

    def schema(self) -> Schema:
        """Read every global element and type; elements that cannot be read are listed with the reason."""
        refused = {}
        for name in self._definitions.names("element"):
            try:
                self.element(name)
            except ContractError as error:
                refused[name] = error.what
        for name in self._definitions.names("complexType"):
            self._waiting.append(name)
        self._drain()
        for name in self._definitions.names("simpleType"):
            try:
                self._simple.find(name)
            except ContractError as error:
                self._failed.setdefault(name, error)
        return Schema(
            dict(self.elements),
            {name: kind for name, kind in self.types.items() if self._trouble(kind) is None},
            refused,
            dict(self._simple.named),
            self._attributes.readable(),
            self._derived(),
        )

    def element(self, name: str, where: str = "") -> Element:
        """Return a global element, after its type and all that it leads to was read.

        One that is defined in another namespace only is taken from there, and reported.

        Raises:
            ContractError: there is none of that name, or it needs what cannot be read.
        """
        name = self._definitions.settle("element", name, where)
        if name not in self.elements:
            element = self._global(name)
            self._drain()
            if (error := self._trouble(element.type)) is not None:
                raise error
            self.elements[name] = element
        return self.elements[name]

    def defines(self, name: str, where: str) -> bool:
        """Return whether a global element of this name is defined, be it in the only other namespace."""
        return ("element", self._definitions.settle("element", name, where)) in self._definitions

    def dangling(self, name: str, where: str) -> Element:
        """Return an element of any content for a name that nothing defines, and report it."""
        error = self._definitions.unknown("element", name, where)
        assumed = "anything may stand in it: it is kept as XML text"
        self._definitions.report.add("error", "dangling-element", error.what, where, assumed)
        return Element(name, ANY_TYPE)

    def type(self, name: str, where: str = "") -> SimpleType | str:
        """Return a type by Clark name, for the part of a message that names one.

        Raises:
            ContractError: there is none of that name, or it needs what cannot be read.
        """
        found = self._named_type(name, where)
        self._drain()
        if (error := self._trouble(found)) is not None:
            raise error
        return found

    # --- elements -----------------------------------------------------------------------------------

    def _global(self, name: str) -> Element:
        if name not in self._declared:
            node, place = self._definitions.find("element", name)
            if name in self._open:  # an anonymous type leads back to its own element
                self._opened_again.add(name)
                return self._about(node, place, Element(name, _anonymous(name)))
            self._open.add(name)
            try:
                element = self._element(node, place, name)
            finally:
                self._open.discard(name)
            if name in self._opened_again and isinstance(element.type, ComplexType):
                self.types[_anonymous(name)] = replace(element.type, name=_anonymous(name))
                element = replace(element, type=_anonymous(name))
            self._declared[name] = element
        return self._declared[name]

    def _element(self, node: Any, place: Place, name: str) -> Element:
        kind: SimpleType | ComplexType | str
        if type_name := node.get("type"):
            kind = self._named_type(place.clark(node, type_name), place.at(node))
        elif (inline := node.find(f"{XS}complexType")) is not None:
            kind = self._complex(inline, place, "")
        elif (simple := node.find(f"{XS}simpleType")) is not None:
            kind = self._simple.read(simple, place)
        elif head := node.get("substitutionGroup"):
            kind = self._global(place.clark(node, head)).type
        else:
            kind = ANY_TYPE
        return self._about(node, place, Element(name, kind))

    def _about(self, node: Any, place: Place, element: Element) -> Element:
        head = node.get("substitutionGroup")
        return replace(
            element,
            nillable=flag(node, "nillable"),
            doc=documentation(node),
            default=node.get("default"),
            fixed=node.get("fixed"),
            abstract=flag(node, "abstract"),
            head=place.clark(node, head) if head else "",
            identity=tuple(_identity(c) for c in children(node) if local_name(c.tag) in _IDENTITY),
        )

    def _find_substitutes(self) -> dict[str, list[str]]:
        """Return head → the elements that may stand for it directly."""
        found: dict[str, list[str]] = {}
        for name in self._definitions.names("element"):
            node, place = self._definitions.find("element", name)
            if head := node.get("substitutionGroup"):
                try:
                    found.setdefault(place.clark(node, head), []).append(name)
                except ContractError as error:
                    self._failed[name] = error
        return found

    def _standing_for(self, name: str) -> list[str]:
        """Return an element and all that may stand for it, directly or not."""
        found = [name]
        for member in found:
            found += [m for m in self._substitutes.get(member, ()) if m not in found]
        return found

    # --- types --------------------------------------------------------------------------------------

    def _named_type(self, name: str, where: str = "") -> SimpleType | str:
        if name == ANY_TYPE:
            return name
        if (simple := self._simple.find(name)) is not None:
            return simple
        if namespace(name) in SOAP_ENCODINGS and local_name(name) == "Array":
            self.types.setdefault(name, ComplexType(name, array=ArrayType(ANY_TYPE)))
            return name
        if ("complexType", name) not in self._definitions:
            name = self._repaired(name, where)
            if (simple := self._simple.find(name)) is not None:
                return simple
        if name not in self.types and name not in self._failed:
            self._waiting.append(name)
        return name

    def _repaired(self, name: str, where: str) -> str:
        """Return the type that a name without definition means: one of another namespace, else anything."""
        settled = self._definitions.settle("complexType", name, where)
        settled = settled if settled != name else self._simple.settle(name, where)
        if settled != name:
            return settled
        error = self._definitions.unknown("type", name, where)
        assumed = "anything may stand here: it is kept as XML text"
        self._definitions.report.add("error", "dangling-type", error.what, where, assumed)
        return ANY_TYPE

    def _drain(self) -> None:
        """Read the complex types that were named meanwhile."""
        while self._waiting:
            name = self._waiting.pop()
            if name not in self.types and name not in self._failed:
                try:
                    self._read_type(name)
                except ContractError as error:
                    self._failed[name] = error

    def _read_type(self, name: str) -> ComplexType:
        """Return a named complex type, now: another one derives from it."""
        if name in self._failed:
            raise self._failed[name]
        if name not in self.types:
            node, place = self._definitions.find("complexType", name)
            if name in self._open:
                raise ContractError(
                    f"the type {local_name(name)!r} derives from itself",
                    where=place.at(node),
                    fix="mend the schema",
                )
            self._open.add(name)
            try:
                self.types[name] = self._complex(node, place, name)
            finally:
                self._open.discard(name)
        return self.types[name]

    def _complex(self, node: Any, place: Place, name: str) -> ComplexType:
        mixed = flag(node, "mixed")
        content = next((c for c in children(node) if local_name(c.tag).endswith("Content")), None)
        if content is None:
            kind = self._body(node, place, name, None, mixed=mixed)
        else:
            kind = self._derivation(node, content, place, name, mixed=mixed or flag(content, "mixed"))
        return replace(kind, abstract=flag(node, "abstract"), doc=documentation(node))

    def _derivation(self, node: Any, content: Any, place: Place, name: str, *, mixed: bool) -> ComplexType:
        step = next((c for c in children(content) if local_name(c.tag) in _DERIVATIONS), None)
        if step is None or not step.get("base"):
            raise ContractError("a type derives from nothing", where=place.at(node), fix="mend the schema")
        base_name = place.clark(step, step.get("base"))
        how = _DERIVATIONS[local_name(step.tag)]
        if namespace(base_name) in SOAP_ENCODINGS and local_name(base_name) == "Array":
            return ComplexType(name, array=self._array(step, place), base=base_name, derivation=how)
        base = self._base(base_name, name, place.at(step))
        if local_name(content.tag) == "simpleContent":
            kind = self._simple_content(step, place, name, base)
        else:
            if isinstance(base, SimpleType):
                raise ContractError(
                    f"complex content over the simple type {local_name(base_name)!r}",
                    where=place.at(step),
                    fix="mend the schema",
                )
            inherited = base if base_name != ANY_TYPE else None
            kind = self._body(step, place, name, inherited, mixed=mixed)
        return replace(kind, base=base_name, derivation=how)

    def _base(self, base_name: str, name: str, where: str) -> SimpleType | ComplexType:
        if base_name == name and (original := self._definitions.original("complexType", name)) is not None:
            return self._complex(*original, "")
        found = self._named_type(base_name, where)
        return self._read_type(found) if isinstance(found, str) else found

    def _body(
        self, step: Any, place: Place, name: str, base: ComplexType | None, *, mixed: bool
    ) -> ComplexType:
        """Return a type with children; an extension takes all of its base, a restriction the attributes."""
        extends = base is not None and local_name(step.tag) == "extension"
        own = self._model(step, place)
        content = own
        array = None
        if base is not None and extends:
            array = base.array
            parts = tuple(g for g in (base.content, own) if g is not None)
            content = Group("sequence", parts) if len(parts) > 1 else next(iter(parts), None)
        mixed = mixed or (extends and base is not None and base.mixed)
        attributes, anything = self._attributes.of(step, place)
        if base is not None:
            attributes = self._attributes.inherit(base.attributes, step, place, attributes)
            anything = anything or (base.any_attribute if extends else None)
        flat = flatten(content)
        return ComplexType(
            name,
            flat.elements,
            attributes,
            ordered=not (content and _has_all(content)),
            content=content,
            free=flat.free or mixed,
            mixed=mixed,
            any_attribute=anything,
            array=array,
        )

    def _simple_content(
        self, step: Any, place: Place, name: str, base: SimpleType | ComplexType
    ) -> ComplexType:
        inherited: tuple[Attribute, ...] = ()
        inner = step.find(f"{XS}simpleType")
        text: SimpleType | None
        if isinstance(base, SimpleType):
            text = base
        else:
            text, inherited = base.text, base.attributes
        if inner is not None:
            text = self._simple.read(inner, place)
        if text is None and isinstance(base, ComplexType) and base.name == ANY_TYPE:
            what, assumed = "simple content over xs:anyType", "the text is a string"
            self._definitions.report.add("warning", "text-of-any-type", what, place.at(step), assumed)
            text = SimpleType("string", ANY_SIMPLE)
        if text is None:
            raise ContractError(
                "simple content over a type with children", where=place.at(step), fix="mend the schema"
            )
        if local_name(step.tag) == "restriction":
            text = self._simple.facets(step, place, text)
        attributes, anything = self._attributes.of(step, place)
        attributes = self._attributes.inherit(inherited, step, place, attributes)
        if isinstance(base, ComplexType) and anything is None and local_name(step.tag) == "extension":
            anything = base.any_attribute
        return ComplexType(name, (), attributes, text, any_attribute=anything)

    def _array(self, step: Any, place: Place) -> ArrayType:
        """Return what a SOAP-encoded array holds: by `wsdl:arrayType`, else by the element in its model."""
        for node in step.iter(f"{XS}attribute"):
            if text := node.get(f"{WSDL}arrayType"):
                name, _, sizes = text.partition("[")
                found = self._named_type(place.clark(node, name), place.at(node))
                inner = sizes.count("[")  # `xs:int[][2]`: an array of arrays
                rank = f"[{sizes}".rpartition("[")[2].count(",") + 1
                return ArrayType(found, rank) if not inner else ArrayType(ANY_TYPE, rank)
        model = self._model(step, place)
        items = [p for p in leaves(model) if isinstance(p, Element)] if model else []
        return ArrayType(items[0].type if items else ANY_TYPE)

    # --- content models -----------------------------------------------------------------------------

    def _model(self, node: Any, place: Place) -> Group | None:
        for child in children(node):
            match local_name(child.tag):
                case "sequence" | "choice" | "all" as kind:
                    return self._group(child, place, kind)
                case "group":
                    return self._group_reference(child, place)
        return None

    def _group(self, node: Any, place: Place, kind: Literal["sequence", "choice", "all"]) -> Group:
        low, high = _occurs(node, place)
        return Group(kind, tuple(self._particle(c, place) for c in children(node)), low, high)

    def _particle(self, node: Any, place: Place) -> Particle:
        match local_name(node.tag):
            case "element":
                return self._local_element(node, place)
            case "sequence" | "choice" | "all" as kind:
                return self._group(node, place, kind)
            case "group":
                return self._group_reference(node, place)
            case "any":
                low, high = _occurs(node, place)
                return replace(wildcard(node, place), min_occurs=low, max_occurs=high)
            case other:
                raise ContractError(
                    f"xs:{other} is no part of a content model", where=place.at(node), fix="mend the schema"
                )

    def _group_reference(self, node: Any, place: Place) -> Group:
        name = self._definitions.settle("group", place.clark(node, node.get("ref", "")), place.at(node))
        definition, home = self._definitions.find("group", name)
        if f"group {name}" in self._open:
            original = self._definitions.original("group", name)
            if original is None:
                raise ContractError(
                    f"the group {local_name(name)!r} contains itself",
                    where=place.at(node),
                    fix="mend the schema",
                )
            definition, home = original
        self._open.add(f"group {name}")
        try:
            inner = self._model(definition, home) or Group("sequence")
        finally:
            self._open.discard(f"group {name}")
        low, high = _occurs(node, place)
        return inner if (low, high) == (1, 1) else Group("sequence", (inner,), low, high)

    def _local_element(self, node: Any, place: Place) -> Element | Group:
        low, high = _occurs(node, place)
        if not (ref := node.get("ref")):
            local = node.get("name", "")
            name = place.own(local) if place.qualified(node, "element") else local
            return replace(self._element(node, place, name), min_occurs=low, max_occurs=high)
        name = self._definitions.settle("element", place.clark(node, ref), place.at(node))
        declared = self._global(name)
        members = [self._global(member) for member in self._standing_for(name)[1:]]
        usable = [element for element in (declared, *members) if not element.abstract]
        if len(members) == 0 or usable == [declared]:
            return replace(declared, min_occurs=low, max_occurs=high)
        if not usable:
            return replace(declared, min_occurs=low, max_occurs=high)
        once = tuple(replace(element, min_occurs=1, max_occurs=1) for element in usable)
        return Group("choice", once, low, high)

    # --- the whole ------------------------------------------------------------------------------------

    def _trouble(self, start: SimpleType | ComplexType | str) -> ContractError | None:
        """Return why something that `start` leads to could not be read."""
        seen: set[str] = set()
        waiting = [start] if self._failed else []
        while waiting:
            kind = waiting.pop()
            if isinstance(kind, str):
                if kind in self._failed:
                    return self._failed[kind]
                if kind in seen or kind not in self.types:
                    continue
                seen.add(kind)
                kind = self.types[kind]
            if isinstance(kind, ComplexType):
                waiting += [element.type for element in kind.elements]
                if kind.array is not None:
                    waiting.append(kind.array.item)
        return None

    def _derived(self) -> dict[str, frozenset[str]]:
        bases = dict(self._simple.base)
        bases |= {name: kind.base for name, kind in self.types.items() if kind.base}
        found: dict[str, set[str]] = {}
        for name in bases:
            base, above = bases[name], {name}
            while base and base not in above:
                found.setdefault(base, set()).add(name)
                above.add(base)
                base = bases.get(base, "")
        return {name: frozenset(types) for name, types in found.items()}


_IDENTITY = ("key", "keyref", "unique")


def _identity(node: Any) -> str:
    """Return an identity constraint in words."""
    selector = node.find(f"{XS}selector")
    path = selector.get("xpath", "") if selector is not None else ""
    fields = ", ".join(f.get("xpath", "") for f in node.iterchildren(f"{XS}field"))
    kind = local_name(node.tag)
    target = f" refers to {node.get('refer', '')}" if kind == "keyref" else ""
    return f"{kind} {node.get('name', '')}: {fields} in {path}{target}"


def _anonymous(element: str) -> str:
    """Return the name under which the anonymous type of a recursive element is found."""
    return f"{element}.type()"


def _has_all(group: Group) -> bool:
    return group.kind == "all" or any(_has_all(p) for p in group.particles if isinstance(p, Group))


def _occurs(node: Any, place: Place) -> tuple[int, int | None]:
    try:
        high = node.get("maxOccurs", "1").strip()
        return int(node.get("minOccurs", "1")), None if high == "unbounded" else int(high)
    except ValueError:
        raise ContractError(
            "minOccurs or maxOccurs is not a number", where=place.at(node), fix="mend the schema"
        ) from None
