"""Read XML Schema 1.0 documents into `Schema`.

Taken: global and local elements, sequence, all, choice, group and attributeGroup references, attributes,
simpleContent, extension and restriction, simple types by restriction, import, include (chameleon too).
Refused with the reason, each only for the elements that need it: list, union, any, mixed content, abstract
types and elements, repeated groups, SOAP-encoded arrays.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any

from adapters.soap.documents import XS, Documents
from adapters.soap.errors import ContractError
from adapters.soap.lexical import BUILTINS
from adapters.soap.xsd_types import Attribute, ComplexType, Element, Schema, SimpleType, local_name, namespace

XSD_NAMESPACE = XS[1:-1]
_KINDS = ("element", "complexType", "simpleType", "group", "attributeGroup", "attribute")


@dataclass(frozen=True, slots=True)
class _Place:
    """One schema document under the namespace it counts for (a chameleon include takes its includer's)."""

    root: Any
    namespace: str
    location: str

    def qualified(self, node: Any, kind: str) -> bool:
        form = node.get("form") or self.root.get(f"{kind}FormDefault", "unqualified")
        return bool(form == "qualified")

    def clark(self, node: Any, qname: str) -> str:
        """Return the Clark name that a QName means at `node`."""
        prefix, _, local = qname.strip().rpartition(":")
        uri = node.nsmap.get(prefix or None)
        if uri is None:
            if prefix:
                raise ContractError(
                    f"the prefix {prefix!r} is not declared", where=self.at(node), fix="declare it"
                )
            uri = "" if self.root.get("targetNamespace") else self.namespace
        return f"{{{uri}}}{local}" if uri else local

    def own(self, local: str) -> str:
        return f"{{{self.namespace}}}{local}" if self.namespace else local

    def at(self, node: Any) -> str:
        return f"{self.location}:{node.sourceline}"


class SchemaReader:
    """Resolve names over all schema documents of a contract; `schema()` gives what could be read."""

    def __init__(self, documents: Documents) -> None:
        self._nodes: dict[tuple[str, str], tuple[Any, _Place]] = {}
        self._simple: dict[str, SimpleType] = {}
        self._open: set[str] = set()
        self.types: dict[str, ComplexType] = {}
        self.elements: dict[str, Element] = {}
        for place in _places(documents):
            for node in place.root:
                kind = local_name(node.tag)
                if kind in _KINDS and node.get("name"):
                    self._nodes.setdefault((kind, place.own(node.get("name"))), (node, place))

    def schema(self) -> Schema:
        """Read every global element; those that cannot be read are listed with the reason."""
        refused = {}
        for kind, name in list(self._nodes):
            if kind == "element":
                try:
                    self.element(name)
                except ContractError as error:
                    refused[name] = error.what
        return Schema(dict(self.elements), dict(self.types), refused)

    def element(self, name: str) -> Element:
        """Return a global element.

        Raises:
            ContractError: there is none of that name, or it needs what is not supported.
        """
        if name not in self.elements:
            node, place = self._find("element", name)
            self.elements[name] = self._element(node, place, name)
        return self.elements[name]

    def _find(self, kind: str, name: str) -> tuple[Any, _Place]:
        if (kind, name) not in self._nodes:
            raise ContractError(
                f"no {kind} {local_name(name)!r} in namespace {namespace(name)!r}",
                fix="add the schema document that defines it",
            )
        return self._nodes[kind, name]

    # --- elements and particles -------------------------------------------------------------------

    def _element(self, node: Any, place: _Place, name: str) -> Element:
        if node.get("abstract") in ("true", "1"):
            raise _unsupported("abstract elements", node, place)
        kind: SimpleType | ComplexType | str
        if type_name := node.get("type"):
            kind = self._named_type(place.clark(node, type_name), node, place)
        elif (inline := _child(node, "complexType")) is not None:
            kind = self._complex(inline, place, "")
        elif (inline := _child(node, "simpleType")) is not None:
            kind = self._simple_type(inline, place, "")
        else:
            raise _unsupported("elements of any type", node, place)
        return Element(name, kind, nillable=node.get("nillable") in ("true", "1"), doc=_documentation(node))

    def _named_type(self, name: str, node: Any, place: _Place) -> SimpleType | str:
        if namespace(name) == XSD_NAMESPACE:
            return self._builtin(name, node, place)
        if ("simpleType", name) in self._nodes:
            return self._named_simple(name)
        if name not in self.types and name not in self._open:
            definition, home = self._find("complexType", name)
            self._open.add(name)
            before = len(self.types)
            try:
                self.types[name] = self._complex(definition, home, name)
            except ContractError:
                # What was read meanwhile may refer to the type that now fails.
                for later in list(self.types)[before:]:
                    del self.types[later]
                raise
            finally:
                self._open.discard(name)
        return name

    def _particles(self, group: Any, place: _Place, *, optional: bool = False) -> list[Element]:
        """Return the elements of a sequence, all, choice or group in order, nested groups flattened."""
        kind = local_name(group.tag)
        low, high = _occurs(group)
        optional = optional or low == 0 or kind == "choice"
        children = [c for c in group if local_name(c.tag) != "annotation"]
        if high != 1:
            single = len(children) == 1 and local_name(children[0].tag) == "element"
            if not single:
                raise _unsupported(f"a repeated xs:{kind}", group, place)
        found: list[Element] = []
        for child in children:
            match local_name(child.tag):
                case "element":
                    element = self._local_element(child, place)
                    if high != 1:
                        element = replace(element, max_occurs=None)
                    found.append(replace(element, min_occurs=0) if optional else element)
                case "sequence" | "choice" | "all":
                    found += self._particles(child, place, optional=optional)
                case "group":
                    definition, home = self._find("group", place.clark(child, child.get("ref", "")))
                    if _occurs(child)[1] != 1:
                        raise _unsupported("a repeated group", child, place)
                    inner = next(c for c in definition if local_name(c.tag) != "annotation")
                    found += self._particles(inner, home, optional=optional or _occurs(child)[0] == 0)
                case other:
                    raise _unsupported(f"xs:{other}", child, place)
        return found

    def _local_element(self, node: Any, place: _Place) -> Element:
        low, high = _occurs(node)
        if ref := node.get("ref"):
            name = place.clark(node, ref)
            if name in self._open:
                raise _unsupported("an element that refers to itself", node, place)
            self._open.add(name)
            try:
                element = self.element(name)
            finally:
                self._open.discard(name)
        else:
            local = node.get("name", "")
            element = self._element(
                node, place, place.own(local) if place.qualified(node, "element") else local
            )
        return replace(element, min_occurs=low, max_occurs=high)

    # --- complex types ----------------------------------------------------------------------------

    def _complex(self, node: Any, place: _Place, name: str) -> ComplexType:
        if node.get("mixed") in ("true", "1"):
            raise _unsupported("mixed content", node, place)
        if node.get("abstract") in ("true", "1"):
            raise _unsupported("abstract types", node, place)
        if (content := _child(node, "simpleContent")) is not None:
            return self._simple_content(content, place, name)
        if (content := _child(node, "complexContent")) is not None:
            return self._complex_content(content, place, name)
        return self._body(node, place, name)

    def _body(self, node: Any, place: _Place, name: str, base: ComplexType | None = None) -> ComplexType:
        elements = list(base.elements) if base else []
        ordered = base.ordered if base else True
        for child in node:
            kind = local_name(child.tag)
            if kind in ("sequence", "all", "choice"):
                elements += self._particles(child, place)
                ordered = ordered and kind != "all"
            elif kind == "group":
                definition, home = self._find("group", place.clark(child, child.get("ref", "")))
                inner = next(c for c in definition if local_name(c.tag) != "annotation")
                elements += self._particles(inner, home, optional=_occurs(child)[0] == 0)
        locals_ = [e.local for e in elements]
        if len(set(locals_)) < len(locals_):
            raise _unsupported("two elements of one name in one type", node, place)
        attributes = (*(base.attributes if base else ()), *self._attributes(node, place))
        return ComplexType(name, tuple(elements), attributes, ordered=ordered)

    def _complex_content(self, content: Any, place: _Place, name: str) -> ComplexType:
        step = next(c for c in content if local_name(c.tag) in ("extension", "restriction"))
        base_name = place.clark(step, step.get("base", ""))
        if local_name(step.tag) == "restriction":
            if "soap" in namespace(base_name):
                raise _unsupported("SOAP-encoded arrays", step, place)
            return self._body(step, place, name)
        if self._named_type(base_name, step, place) in self._open:
            raise _unsupported("a type that extends itself", step, place)
        return self._body(step, place, name, self.types[base_name])

    def _simple_content(self, content: Any, place: _Place, name: str) -> ComplexType:
        step = next(c for c in content if local_name(c.tag) in ("extension", "restriction"))
        base = self._named_type(place.clark(step, step.get("base", "")), step, place)
        inherited: tuple[Attribute, ...] = ()
        if isinstance(base, str):
            parent = self.types[base]
            if parent.text is None:
                raise _unsupported("simple content over a complex type", step, place)
            text, inherited = parent.text, parent.attributes
        else:
            text = base
        if local_name(step.tag) == "restriction":
            text = self._facets(step, place, text, "")
        return ComplexType(name, (), (*inherited, *self._attributes(step, place)), text)

    def _attributes(self, node: Any, place: _Place) -> list[Attribute]:
        found: list[Attribute] = []
        for child in node:
            kind = local_name(child.tag)
            if kind == "attributeGroup":
                definition, home = self._find("attributeGroup", place.clark(child, child.get("ref", "")))
                found += self._attributes(definition, home)
            elif kind == "attribute" and child.get("use") != "prohibited":
                found.append(self._attribute(child, place))
        return found

    def _attribute(self, node: Any, place: _Place) -> Attribute:
        required = node.get("use") == "required"
        if ref := node.get("ref"):
            name = place.clark(node, ref)
            if namespace(name) == "http://www.w3.org/XML/1998/namespace":
                return Attribute(name, SimpleType("string"), required)
            definition, home = self._find("attribute", name)
            return Attribute(name, self._attribute(definition, home).type, required)
        name = node.get("name", "")
        if place.qualified(node, "attribute"):
            name = place.own(name)
        if type_name := node.get("type"):
            kind = self._named_type(place.clark(node, type_name), node, place)
        elif (inline := _child(node, "simpleType")) is not None:
            kind = self._simple_type(inline, place, "")
        else:
            kind = SimpleType("string")
        if isinstance(kind, str):
            raise ContractError(
                f"the attribute {name!r} has a complex type", where=place.at(node), fix="mend the schema"
            )
        return Attribute(name, kind, required)

    # --- simple types -----------------------------------------------------------------------------

    def _builtin(self, name: str, node: Any, place: _Place) -> SimpleType:
        local = local_name(name)
        if local not in BUILTINS:
            raise _unsupported(f"xs:{local}", node, place)
        return SimpleType(local)

    def _named_simple(self, name: str) -> SimpleType:
        if name not in self._simple:
            node, place = self._find("simpleType", name)
            if name in self._open:
                raise _unsupported("a simple type that restricts itself", node, place)
            self._open.add(name)
            try:
                self._simple[name] = self._simple_type(node, place, name)
            finally:
                self._open.discard(name)
        return self._simple[name]

    def _simple_type(self, node: Any, place: _Place, name: str) -> SimpleType:
        step = next((c for c in node if local_name(c.tag) in ("restriction", "list", "union")), None)
        if step is None or local_name(step.tag) != "restriction":
            kind = "an empty simple type" if step is None else f"xs:{local_name(step.tag)} types"
            raise _unsupported(kind, node, place)
        if base_name := step.get("base"):
            base = self._named_type(place.clark(step, base_name), step, place)
        else:
            base = self._simple_type(_child(step, "simpleType"), place, "")
        if isinstance(base, str):
            raise ContractError(
                "a simple type restricts a complex one", where=place.at(node), fix="mend the schema"
            )
        return self._facets(step, place, base, name)

    def _facets(self, step: Any, place: _Place, base: SimpleType, name: str) -> SimpleType:
        changes: dict[str, Any] = {"name": name}
        values: list[str] = []
        for facet in step:
            kind, value = local_name(facet.tag), facet.get("value", "")
            try:
                if kind == "enumeration":
                    values.append(value)
                elif kind in ("totalDigits", "fractionDigits"):
                    changes["total_digits" if kind == "totalDigits" else "fraction_digits"] = int(value)
                elif kind == "length":
                    changes["min_length"] = changes["max_length"] = int(value)
                elif kind in ("minLength", "maxLength"):
                    changes["min_length" if kind == "minLength" else "max_length"] = int(value)
                elif kind == "pattern":
                    changes["pattern"] = value
                elif kind in ("minInclusive", "minExclusive", "maxInclusive", "maxExclusive"):
                    side = "minimum" if kind.startswith("min") else "maximum"
                    if bound := _number(base, value):
                        changes |= {side: bound[0], f"exclusive_{side}": kind.endswith("Exclusive")}
            except ValueError:
                raise ContractError(
                    f"the facet {kind} is not a number", where=place.at(facet), fix="mend it"
                ) from None
        if values:
            changes["enumeration"] = tuple(values)
        return replace(base, **changes)


def _number(base: SimpleType, value: str) -> tuple[Decimal] | None:
    """Return a numeric bound; bounds of dates and times stay documentation."""
    if BUILTINS[base.base].kind not in ("integer", "decimal"):
        return None
    try:
        return (Decimal(value.strip()),)
    except InvalidOperation:
        raise ValueError(value) from None


def _places(documents: Documents) -> list[_Place]:
    """Return every schema document, inline or not, under each namespace that it counts for."""
    waiting: list[_Place] = []
    for location, root in documents.roots.items():
        for node in root.iter(f"{XS}schema"):
            # A schema document without namespace counts for whoever includes or imports it.
            if node is not root or node.get("targetNamespace"):
                waiting.append(_Place(node, node.get("targetNamespace", ""), location))  # noqa: PERF401
    roots = list(waiting)
    seen = {(id(p.root), p.namespace) for p in waiting}
    while waiting:
        place = waiting.pop(0)
        for tag in ("include", "import"):
            for node in place.root.iterchildren(f"{XS}{tag}"):
                if not (target := node.get("schemaLocation")):
                    continue
                location = documents.resolve(place.location, target)
                root = documents.roots[location]
                if local_name(root.tag) != "schema":
                    continue
                uri = root.get("targetNamespace") or (place.namespace if tag == "include" else "")
                if (id(root), uri) not in seen:
                    seen.add((id(root), uri))
                    roots.append(found := _Place(root, uri, location))
                    waiting.append(found)
        if place.root.find(f"{XS}redefine") is not None:
            raise ContractError(
                "xs:redefine is not supported", where=place.location, fix="write the types out"
            )
    return roots


def _child(node: Any, kind: str) -> Any:
    return node.find(f"{XS}{kind}")


def _occurs(node: Any) -> tuple[int, int | None]:
    high = node.get("maxOccurs", "1")
    return int(node.get("minOccurs", "1")), None if high == "unbounded" else int(high)


def _documentation(node: Any) -> str:
    text = node.findtext(f"{XS}annotation/{XS}documentation") or ""
    return " ".join(text.split())


def _unsupported(what: str, node: Any, place: _Place) -> ContractError:
    return ContractError(
        f"{what} not supported yet (line {node.sourceline})", where=place.at(node), fix="leave it out"
    )
