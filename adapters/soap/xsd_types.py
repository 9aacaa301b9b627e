"""The part of XML Schema that a contract is made of, as plain values.

Names of elements and types are in Clark notation (`{namespace}local`), as lxml gives them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class SimpleType:
    """A built-in type narrowed by facets.

    Attributes:
        base: local name of the XSD built-in (`string`, `decimal`, `dateTime`…).
        name: Clark name of the user's type, empty for the built-in itself or an anonymous type.
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


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute; `name` is bare unless the attribute is qualified."""

    name: str
    type: SimpleType
    required: bool = False


@dataclass(frozen=True, slots=True)
class ComplexType:
    """Elements in schema order, or a simple text (`text`), and attributes.

    `ordered` is False for `xs:all`. The members of a recursive type are found through `Schema.types`.
    """

    name: str
    elements: tuple[Element, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    text: SimpleType | None = None
    ordered: bool = True


@dataclass(frozen=True, slots=True)
class Element:
    """An element where it stands: `max_occurs` None = unbounded; `type` str = name of a complex type."""

    name: str
    type: SimpleType | ComplexType | str
    nillable: bool = False
    min_occurs: int = 1
    max_occurs: int | None = 1
    doc: str = ""

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


@dataclass(frozen=True, slots=True)
class Schema:
    """All global elements and named complex types that could be read, and why the others could not."""

    elements: dict[str, Element]
    types: dict[str, ComplexType]
    refused: dict[str, str]

    def complex(self, element: Element) -> ComplexType | None:
        """Return the complex type of an element, or None if it is simple."""
        if isinstance(element.type, str):
            return self.types[element.type]
        return element.type if isinstance(element.type, ComplexType) else None

    def child(self, element: Element, local: str) -> Element | None:
        """Return the child element of that local name."""
        kind = self.complex(element)
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
