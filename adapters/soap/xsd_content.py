"""Read content models of XML Schema 1.0: groups, references to groups, elements and wildcards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from adapters.soap.errors import ContractError, Hostile
from adapters.soap.xsd_attributes import wildcard
from adapters.soap.xsd_names import Names
from adapters.soap.xsd_places import Definitions, Place, check_depth, children
from adapters.soap.xsd_types import Element, Group, Particle, Wildcard, local_name, namespace

#: Particles of all types together, what groups and base types bring included: groups of groups can grow
#: exponentially. Ten times what a large contract has.
MAX_PARTICLES = 300_000
#: What is being read, from the outside in; an anonymous type is told by this.
ANONYMOUS = "anonymous"


class Recursion(Exception):
    """An anonymous type leads back to the group or type that holds it: it must be read later, by name."""


class ContentReader:
    """Reads the content models of one contract.

    Attributes:
        reading: names of the definitions that are open, each with its kind, and anonymous types.
    """

    def __init__(
        self,
        definitions: Definitions,
        names: Names,
        local: Callable[[Any, Place, tuple[int, int | None]], Element],
        declared: Callable[[str], Element],
        substitutes: Callable[[str], list[Element]],
    ) -> None:
        self._definitions, self._names = definitions, names
        self._local, self._declared, self._substitutes = local, declared, substitutes
        self._left = MAX_PARTICLES
        self._groups: dict[str, tuple[Group, int]] = {}
        self.reading: list[str] = []

    def model(self, node: Any, place: Place) -> Group | None:
        """Return the content model that a type, a derivation or a group holds; None if it holds none."""
        for child in children(node):
            match local_name(child.tag):
                case "sequence" | "choice" | "all" as kind:
                    return self._group(child, place, kind)
                case "group":
                    return self._reference(child, place)
        return None

    def spend(self, particles: int, where: str) -> None:
        """Count particles. Raises Hostile where the contract has too many."""
        self._left -= particles
        if self._left < 0:
            raise Hostile(
                f"content models with more than {MAX_PARTICLES:,} particles",
                where=where,
                fix="check the schema",
            )

    def recursive(self, key: str, where: str, what: str) -> Exception:
        """Return what to raise when an open definition is met again: inside an anonymous type it may be."""
        at = len(self.reading) - 1 - self.reading[::-1].index(key)
        if ANONYMOUS in self.reading[at:]:
            return Recursion(key)
        return ContractError(what, where=where, fix="mend the schema")

    def _group(self, node: Any, place: Place, kind: Literal["sequence", "choice", "all"]) -> Group:
        low, high = occurs(node, place)
        self.spend(1, place.at(node))
        return Group(kind, tuple(self._particle(c, place) for c in children(node)), low, high)

    def _particle(self, node: Any, place: Place) -> Particle:
        match local_name(node.tag):
            case "element":
                return self._element(node, place)
            case "sequence" | "choice" | "all" as kind:
                return self._group(node, place, kind)
            case "group":
                return self._reference(node, place)
            case "any":
                low, high = occurs(node, place)
                self.spend(1, place.at(node))
                return replace(wildcard(node, place), min_occurs=low, max_occurs=high)
            case other:
                raise ContractError(
                    f"xs:{other} is no part of a content model", where=place.at(node), fix="mend the schema"
                )

    def _reference(self, node: Any, place: Place) -> Group:
        self.spend(1, place.at(node))
        name = self._names.find("group", node, place, node.get("ref", ""), "nothing stands there")
        if name is None:
            return Group("sequence")
        if name in self._groups:
            inner, size = self._groups[name]
            self.spend(size, place.at(node))
        else:
            inner = self._named_group(name, place.at(node))
        low, high = occurs(node, place)
        return inner if (low, high) == (1, 1) else Group("sequence", (inner,), low, high)

    def _named_group(self, name: str, where: str) -> Group:
        definition, home = self._definitions.find("group", name)
        if (key := f"group {name}") in self.reading:
            original = self._definitions.original("group", name)
            if original is None or self.reading.count(key) > 1:
                raise self.recursive(key, where, f"the group {local_name(name)!r} contains itself")
            definition, home = original
        check_depth(sum(entry.startswith("group ") for entry in self.reading), "groups in", where)
        before = self._left
        self.reading.append(key)
        try:
            inner = self.model(definition, home) or Group("sequence")
        finally:
            self.reading.pop()
        if key not in self.reading:
            self._groups[name] = inner, before - self._left
        return inner

    def _element(self, node: Any, place: Place) -> Particle:
        low, high = occurs(node, place)
        self.spend(1, place.at(node))
        if not (ref := node.get("ref")):
            return self._local(node, place, (low, high))
        name = self._names.find("element", node, place, ref, "any element may stand there")
        if name is None:
            meant = place.meant(node, ref)
            uris = frozenset({namespace(meant)}) if meant is not None else None
            return Wildcard(uris, process="lax", min_occurs=low, max_occurs=high)
        declared = self._declared(name)
        members = [element for element in (declared, *self._substitutes(name)) if not element.abstract]
        if members in ([], [declared]):
            return replace(declared, min_occurs=low, max_occurs=high)
        self.spend(len(members), place.at(node))
        once = tuple(replace(element, min_occurs=1, max_occurs=1) for element in members)
        return Group("choice", once, low, high)


def occurs(node: Any, place: Place) -> tuple[int, int | None]:
    """Return minOccurs and maxOccurs (None = unbounded)."""
    try:
        high = node.get("maxOccurs", "1").strip()
        return int(node.get("minOccurs", "1")), None if high == "unbounded" else int(high)
    except ValueError:
        raise ContractError(
            "minOccurs or maxOccurs is not a number", where=place.at(node), fix="mend the schema"
        ) from None
