"""The part of XML Schema that a contract is made of, as plain values.

Names of elements and types are in Clark notation (`{namespace}local`), as lxml gives them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal


@dataclass(frozen=True, slots=True)
class SimpleType:
    """A built-in type narrowed by facets, a list of such values, or a union of such types.

    Attributes:
        base: local name of the XSD built-in (`string`, `decimal`, `dateTime`…); `string` for a list or union.
        name: Clark name of the user's type, empty for the built-in itself or an anonymous type.
        patterns: all must match; of each inner tuple (the patterns of one derivation step) any one.
        bounds: (facet, text) where the bound is no number, such as a date: `minInclusive`, `maxExclusive`…
        variety: of a `list`, `item` is the type of its items and lengths count items; of a `union`,
            `members` are tried in order.
    """

    base: str
    name: str = ""
    enumeration: tuple[str, ...] = ()
    total_digits: int | None = None
    fraction_digits: int | None = None
    min_length: int | None = None
    max_length: int | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False
    pattern: str = ""
    patterns: tuple[tuple[str, ...], ...] = ()
    bounds: tuple[tuple[str, str], ...] = ()
    variety: Literal["atomic", "list", "union"] = "atomic"
    item: SimpleType | None = None
    members: tuple[SimpleType, ...] = ()


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute; `name` is bare unless the attribute is qualified."""

    name: str
    type: SimpleType
    required: bool = False
    default: str | None = None
    fixed: str | None = None


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`xs:any` (a particle) or `xs:anyAttribute`.

    Attributes:
        namespaces: those allowed, "" = no namespace; None = all.
        excluded: those that are not (`##other`).
        process: whether what stands there must be, may be or is not checked against a known declaration.
    """

    namespaces: frozenset[str] | None = None
    excluded: frozenset[str] = frozenset()
    process: Literal["strict", "lax", "skip"] = "strict"
    min_occurs: int = 1
    max_occurs: int | None = 1


@dataclass(frozen=True, slots=True)
class Group:
    """A content model: group references are resolved, a substitution group's head is a choice of members."""

    kind: Literal["sequence", "choice", "all"]
    particles: tuple[Particle, ...] = ()
    min_occurs: int = 1
    max_occurs: int | None = 1


@dataclass(frozen=True, slots=True)
class ArrayType:
    """A SOAP-encoded array: its item's type, and how many dimensions it has."""

    item: SimpleType | ComplexType | str
    dimensions: int = 1


@dataclass(frozen=True, slots=True)
class ComplexType:
    """A content model, or a simple text (`text`), and attributes; inherited parts are in it.

    The members of a recursive type are found through `Schema.types`.

    Attributes:
        elements: each element that the content model allows, once, in schema order; its occurrence is what
            the model as a whole allows of it (a branch of a choice is optional).
        ordered: False for `xs:all`.
        content: the content model itself, with what it inherits; None = no children.
        free: whether the order of the elements does not follow from their names, such as in a repeated
            choice, a repeated group of several, or mixed content. Values of such a type keep the order.
        base, derivation: Clark name of the type it derives from, empty for none, and how.
    """

    name: str
    elements: tuple[Element, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    text: SimpleType | None = None
    ordered: bool = True
    content: Group | None = None
    free: bool = False
    mixed: bool = False
    abstract: bool = False
    base: str = ""
    derivation: Literal["", "extension", "restriction"] = ""
    any_attribute: Wildcard | None = None
    array: ArrayType | None = None
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Element:
    """An element where it stands: `max_occurs` None = unbounded; `type` str = name of a complex type.

    `head` is the Clark name of the element that it may stand for (substitution group), empty for none;
    `identity` tells its keys, keyrefs and uniques in words: they are documentation, not checked.
    """

    name: str
    type: SimpleType | ComplexType | str
    nillable: bool = False
    min_occurs: int = 1
    max_occurs: int | None = 1
    doc: str = ""
    default: str | None = None
    fixed: str | None = None
    abstract: bool = False
    head: str = ""
    identity: tuple[str, ...] = ()

    @property
    def local(self) -> str:
        """The name without its namespace."""
        return local_name(self.name)

    @property
    def repeats(self) -> bool:
        """Whether more than one may stand here."""
        return self.max_occurs is None or self.max_occurs > 1

    @property
    def optional(self) -> bool:
        """Whether none may stand here."""
        return self.min_occurs == 0


Particle = Element | Group | Wildcard


@dataclass(frozen=True, slots=True)
class Schema:
    """All global elements and named complex types that could be read, and why the others could not.

    Attributes:
        simple: named simple types, for `xsi:type`.
        attributes: global attributes, for `xs:anyAttribute`.
        derived: type → the types that derive from it, directly or not: what `xsi:type` may name.
    """

    elements: dict[str, Element]
    types: dict[str, ComplexType]
    refused: dict[str, str]
    simple: Mapping[str, SimpleType] = field(default_factory=dict)
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    derived: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def complex(self, element: Element) -> ComplexType | None:
        """Return the complex type of an element, or None if it is simple."""
        if isinstance(element.type, str):
            return self.types[element.type]
        return element.type if isinstance(element.type, ComplexType) else None

    def child(self, element: Element, local: str) -> Element | None:
        """Return the child element of that local name; of a SOAP array, its `item`."""
        kind = self.complex(element)
        if kind is not None and kind.array is not None:
            return Element("item", kind.array.item, True, 0, None) if local == "item" else None
        return next((e for e in kind.elements if e.local == local), None) if kind else None

    def walk(self, element: Element, path: str) -> Iterator[Element]:
        """Yield the elements along `path` (local names joined by `/`).

        Raises:
            KeyError: the path leaves the schema; its argument is the step.
        """
        current = element
        for step in filter(None, path.split("/")):
            found = self.child(current, step)
            if found is None:
                raise KeyError(step)
            current = found
            yield current


def local_name(clark: str) -> str:
    """Return `local` of `{namespace}local`."""
    return clark.rpartition("}")[2]


def namespace(clark: str) -> str:
    """Return the namespace of a Clark name, empty if it has none."""
    return clark[1:].partition("}")[0] if clark.startswith("{") else ""
