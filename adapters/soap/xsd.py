"""Read XML Schema 1.0 documents into `Schema`.

Types are read when something needs them, each once; a complex type refers to others by name, so recursion of
any kind is no trouble. Names that lead nowhere are repaired or read as open content, and named in the report.
What makes no sense at all is refused with the reason, and with it only the elements that need it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

from adapters.soap.documents import XS, Documents
from adapters.soap.errors import ContractError, Hostile
from adapters.soap.xsd_arrays import array_type
from adapters.soap.xsd_attributes import AttributeReader, union
from adapters.soap.xsd_content import ANONYMOUS, ContentReader, Recursion
from adapters.soap.xsd_model import flatten
from adapters.soap.xsd_names import ANY_TYPE, Names, is_array
from adapters.soap.xsd_places import (
    XSD_NAMESPACE,
    Definitions,
    Place,
    check_depth,
    children,
    documentation,
    flag,
)
from adapters.soap.xsd_simple import SimpleReader
from adapters.soap.xsd_types import (
    ArrayType,
    Attribute,
    ComplexType,
    Element,
    Group,
    Schema,
    SimpleType,
    Wildcard,
    local_name,
    namespace,
)
from adapters.soap.xsd_whole import derived, identities, trouble

__all__ = ["ANY_TYPE", "XSD_NAMESPACE", "SchemaReader"]

#: Anonymous types in one another, through references too, are read one by one below this.
MAX_INLINE = 20
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
        self.names = Names(self._definitions)
        self._simple = SimpleReader(self._definitions, self.names)
        self._attributes = AttributeReader(self._definitions, self.names, self._simple)
        self._content = ContentReader(
            self._definitions, self.names, self._local, self._global, self._substitutes
        )
        self._report = documents.report
        self._failed: dict[str, ContractError] = {}
        self._waiting: list[str] = []
        self._deferred: dict[str, tuple[Any, Place]] = {}
        self._later: dict[tuple[str, str, str], str] = {}
        self._open: set[str] = set()
        self._opened_again: set[str] = set()
        self._declared: dict[str, Element] = {}
        self.types: dict[str, ComplexType] = {ANY_TYPE: _ANYTHING}
        self.elements: dict[str, Element] = {}
        self._members = self._find_members()

    def schema(self) -> Schema:
        """Read every global element and type; elements that cannot be read are listed with the reason."""
        refused = {}
        for name in self._definitions.names("element"):
            try:
                self.element(name)
            except Hostile:
                raise
            except ContractError as error:
                refused[name] = error.what
        for name in self._definitions.names("complexType"):
            self._waiting.append(name)
        self._drain()
        for name in self._definitions.names("simpleType"):
            try:
                self._simple.find(name)
            except Hostile:
                raise
            except ContractError as error:
                self._failed.setdefault(name, error)
        for name, failure in self._failed.items():
            self._report.add("error", "unreadable", failure.where, f"{name}: {failure.what}")
        return Schema(
            dict(self.elements),
            {n: kind for n, kind in self.types.items() if trouble(kind, self.types, self._failed) is None},
            refused,
            dict(self._simple.named),
            self._attributes.readable(),
            derived(self._simple.base, self.types),
        )

    def element(self, name: str) -> Element:
        """Return a global element, after its type and all that it leads to was read.

        Raises:
            ContractError: there is none of that name, or it needs what cannot be read.
        """
        if name not in self.elements:
            element = self._global(name)
            self._drain()
            if (error := trouble(element.type, self.types, self._failed)) is not None:
                raise error
            self.elements[name] = element
        return self.elements[name]

    def type(self, name: str) -> SimpleType | str:
        """Return a type by Clark name, for the part of a message that names one.

        Raises:
            ContractError: there is none of that name, or it needs what cannot be read.
        """
        found = self._named_type(name)
        self._drain()
        if (error := trouble(found, self.types, self._failed)) is not None:
            raise error
        return found

    # --- elements -----------------------------------------------------------------------------------

    def _global(self, name: str) -> Element:
        if name in self._declared:
            return self._declared[name]
        if ("element", name) not in self._definitions:
            raise ContractError(
                f"no element {local_name(name)!r} in namespace {namespace(name)!r}",
                fix="add the schema document that defines it",
            )
        node, place = self._definitions.find("element", name)
        if name in self._open:  # an anonymous type leads back to its own element
            self._opened_again.add(name)
            return self._about(node, place, name, _anonymous(name))
        self._open.add(name)
        try:
            element = self._element(node, place, name)
        except ContractError as error:
            raise self._failed.setdefault(f"element {name}", error) from None
        finally:
            self._open.discard(name)
        if name in self._opened_again and isinstance(element.type, ComplexType):
            self.types[_anonymous(name)] = replace(element.type, name=_anonymous(name))
            element = replace(element, type=_anonymous(name))
        elif element.type == _anonymous(name):
            what = f"the element {local_name(name)!r} has no type but its own"
            self._report.add("error", "dangling-type", place.at(node), what, "any content (xs:anyType)")
            self.types[_anonymous(name)] = replace(_ANYTHING, name=_anonymous(name))
        self._declared[name] = element
        return element

    def _local(self, node: Any, place: Place, occurs: tuple[int, int | None]) -> Element:
        local = node.get("name", "")
        name = place.own(local) if place.qualified(node, "element") else local
        return self._element(node, place, name, occurs)

    def _element(
        self, node: Any, place: Place, name: str, occurs: tuple[int, int | None] = (1, 1)
    ) -> Element:
        kind: SimpleType | ComplexType | str
        head = node.get("substitutionGroup")
        if type_name := node.get("type"):
            kind = self._named(node, place, type_name)
        elif (inline := node.find(f"{XS}complexType")) is not None:
            kind = self._inline(inline, place, name)
        elif (simple := node.find(f"{XS}simpleType")) is not None:
            kind = self._simple.read(simple, place)
        elif head and (found := place.meant(node, head)) and ("element", found) in self._definitions:
            kind = self._global(found).type
        else:
            kind = ANY_TYPE
        return self._about(node, place, name, kind, occurs)

    def _about(
        self,
        node: Any,
        place: Place,
        name: str,
        kind: SimpleType | ComplexType | str,
        occurs: tuple[int, int | None] = (1, 1),
    ) -> Element:
        head = node.get("substitutionGroup")
        return Element(
            name,
            kind,
            flag(node, "nillable"),
            *occurs,
            documentation(node),
            node.get("default"),
            node.get("fixed"),
            flag(node, "abstract"),
            (place.meant(node, head) or "") if head else "",
            identities(node),
        )

    def _find_members(self) -> dict[str, list[str]]:
        """Return head → the elements that may stand for it directly."""
        found: dict[str, list[str]] = {}
        for name in self._definitions.names("element"):
            node, place = self._definitions.find("element", name)
            if qname := node.get("substitutionGroup"):
                head = self.names.find("element", node, place, qname, "it stands for nothing else")
                if head is not None:
                    found.setdefault(head, []).append(name)
        return found

    def _substitutes(self, name: str) -> list[Element]:
        """Return the elements that may stand for another, directly or not."""
        found = dict.fromkeys([name])
        waiting = [name]
        while waiting:
            for member in self._members.get(waiting.pop(), ()):
                if member not in found:
                    found[member] = None
                    waiting.append(member)
        return [self._global(member) for member in list(found)[1:]]

    # --- types --------------------------------------------------------------------------------------

    def _named(self, node: Any, place: Place, qname: str) -> SimpleType | ComplexType | str:
        if (known := self.names.exact("type", node, place, qname)) is not None:
            return self._named_type(known)
        meant = place.meant(node, qname)
        if meant is not None and self.names.knows("element", meant):
            what = f"{qname!r} is an element where a type is needed"
            self._report.add("warning", "element-as-type", place.at(node), what, "the type of that element")
            return self._global(meant).type
        name = self.names.find("type", node, place, qname, "any content (xs:anyType)")
        return self._named_type(name or ANY_TYPE)

    def _named_type(self, name: str) -> SimpleType | str:
        if name == ANY_TYPE:
            return name
        if (simple := self._simple.find(name)) is not None:
            return simple
        if is_array(name):
            self.types.setdefault(name, ComplexType(name, array=ArrayType(ANY_TYPE)))
            return name
        if ("complexType", name) not in self._definitions:
            raise ContractError(
                f"no type {local_name(name)!r} in namespace {namespace(name)!r}",
                fix="add the schema document that defines it",
            )
        if name not in self.types and name not in self._failed:
            self._waiting.append(name)
        return name

    def _drain(self) -> None:
        """Read the complex types that were named meanwhile."""
        while self._waiting:
            name = self._waiting.pop()
            if name not in self.types and name not in self._failed:
                try:
                    self._read_type(name)
                except Hostile:
                    raise
                except ContractError as error:
                    self._failed[name] = error

    def _read_type(self, name: str) -> ComplexType:
        """Return a named complex type, now: another one derives from it."""
        if name in self._failed:
            raise self._failed[name]
        if name not in self.types:
            node, place = (
                self._deferred[name]
                if name in self._deferred
                else self._definitions.find("complexType", name)
            )
            reading = self._content.reading
            if (key := f"type {name}") in reading:
                raise self._content.recursive(
                    key, place.at(node), f"the type {local_name(name)!r} derives from itself"
                )
            depth = sum(entry.startswith("type ") for entry in reading)
            check_depth(depth, "a type derives over", place.at(node))
            reading.append(key)
            try:
                self.types[name] = self._complex(node, place, name)
            finally:
                reading.pop()
        return self.types[name]

    def _inline(self, node: Any, place: Place, element: str) -> ComplexType | str:
        """Return an anonymous type; by name where it leads back to what holds it, or very deep."""
        key = (place.location, place.namespace, node.getroottree().getpath(node))
        if key in self._later:
            return self._later[key]
        reading = self._content.reading
        depth = len(reading)
        reading.append(ANONYMOUS)
        try:
            if reading.count(ANONYMOUS) > MAX_INLINE:
                raise Recursion(element)
            return self._complex(node, place, "")
        except Recursion:
            name = _anonymous(element)
            if (
                node.getparent().getparent() is not place.root
            ):  # elements that are not global may share a name
                name = f"{name}.{len(self._later) + 1}"
            self._later[key] = name
            self._deferred[name] = (node, place)
            self._waiting.append(name)
            return name
        finally:
            del reading[depth:]

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
        base_name = self.names.find("type", step, place, step.get("base"), "the type derives from nothing")
        base_name = base_name or ANY_TYPE
        how = _DERIVATIONS[local_name(step.tag)]
        if is_array(base_name):
            array = array_type(step, place, self._named, self._content.model)
            return ComplexType(name, array=array, base=base_name, derivation=how)
        base = self._base(base_name, name)
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

    def _base(self, base_name: str, name: str) -> SimpleType | ComplexType:
        if base_name == name and (original := self._definitions.original("complexType", name)) is not None:
            return self._complex(*original, "")
        found = self._named_type(base_name)
        return self._read_type(found) if isinstance(found, str) else found

    def _body(
        self, step: Any, place: Place, name: str, base: ComplexType | None, *, mixed: bool
    ) -> ComplexType:
        """Return a type with children; an extension takes all of its base, a restriction the attributes."""
        extends = base is not None and local_name(step.tag) == "extension"
        content = self._content.model(step, place)
        array = None
        attributes, anything = self._attributes.of(step, place)
        if base is not None:
            attributes = self._attributes.inherit(base.attributes, step, place, attributes)
        if base is not None and extends:
            self._content.spend(len(base.elements), place.at(step))
            array = base.array
            parts = tuple(g for g in (base.content, content) if g is not None)
            content = Group("sequence", parts) if len(parts) > 1 else next(iter(parts), None)
            mixed = mixed or base.mixed
            anything = union(anything, base.any_attribute)
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
        text: SimpleType | None
        if isinstance(base, SimpleType):
            text = base
        elif base.name == ANY_TYPE:
            text = SimpleType("string")
        else:
            text, inherited = base.text, base.attributes
        if (inner := step.find(f"{XS}simpleType")) is not None:
            text = self._simple.read(inner, place)
        if text is None:
            raise ContractError(
                "simple content over a type with children", where=place.at(step), fix="mend the schema"
            )
        if local_name(step.tag) == "restriction":
            text = self._simple.facets(step, place, text)
        attributes, anything = self._attributes.of(step, place)
        attributes = self._attributes.inherit(inherited, step, place, attributes)
        if isinstance(base, ComplexType) and base.name != ANY_TYPE and local_name(step.tag) == "extension":
            anything = union(anything, base.any_attribute)
        return ComplexType(name, (), attributes, text, any_attribute=anything)


def _anonymous(element: str) -> str:
    """Return the name under which the anonymous type of a recursive element is found."""
    return f"{element}.type()"


def _has_all(group: Group) -> bool:
    return group.kind == "all" or any(_has_all(p) for p in group.particles if isinstance(p, Group))
