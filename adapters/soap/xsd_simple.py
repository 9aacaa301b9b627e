"""Read the simple types of XML Schema 1.0: restriction with every facet, list, union."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Any

from adapters.soap.documents import XS
from adapters.soap.errors import ContractError, Hostile
from adapters.soap.lexical import BUILTINS
from adapters.soap.xsd_names import ANY_SIMPLE, Names, builtin
from adapters.soap.xsd_places import Definitions, Place, check_depth, children
from adapters.soap.xsd_types import SimpleType, local_name

#: More alternatives than this in one union are a mistake or an attack.
MAX_MEMBERS = 10_000
_LENGTHS = {"minLength": "min_length", "maxLength": "max_length"}
_DIGITS = {"totalDigits": "total_digits", "fractionDigits": "fraction_digits"}
#: A string whose white space is replaced or collapsed is the type that XML Schema derives so.
_STRINGS = {"replace": "normalizedString", "collapse": "token"}
_BOUNDS = ("minInclusive", "minExclusive", "maxInclusive", "maxExclusive")


class SimpleReader:
    """Resolves simple types by name.

    Attributes:
        named: the user's types that were read, by Clark name.
        base: Clark name of a type → the one it restricts.
    """

    def __init__(self, definitions: Definitions, names: Names) -> None:
        self._definitions, self._names = definitions, names
        self._open: set[str] = set()
        self.named: dict[str, SimpleType] = {}
        self.base: dict[str, str] = {}

    def find(self, name: str) -> SimpleType | None:
        """Return the simple type of a name; None if no simple type has it.

        Raises:
            ContractError: it is there, but it makes no sense.
        """
        if (found := builtin(name)) is not None:
            return found
        if name in self.named:
            return self.named[name]
        if ("simpleType", name) not in self._definitions:
            return None
        if name in self._open:
            node, place = self._definitions.find("simpleType", name)
            raise ContractError(
                f"the simple type {local_name(name)!r} restricts itself",
                where=place.at(node),
                fix="mend the schema",
            )
        check_depth(
            len(self._open), "a type derives over", self._definitions.find("simpleType", name)[1].location
        )
        self._open.add(name)
        try:
            self.named[name] = self.read(*self._definitions.find("simpleType", name), name)
        finally:
            self._open.discard(name)
        return self.named[name]

    def read(self, node: Any, place: Place, name: str = "") -> SimpleType:
        """Return the type that an `xs:simpleType` defines."""
        step = next(
            (c for c in children(node) if local_name(c.tag) in ("restriction", "list", "union")), None
        )
        if step is None:
            raise ContractError("an empty simple type", where=place.at(node), fix="mend the schema")
        match local_name(step.tag):
            case "list":
                item = self._part(step, place, step.get("itemType"), name)
                return SimpleType("string", name, variety="list", item=item)
            case "union":
                names = (step.get("memberTypes") or "").split()
                members = [self._part(step, place, member, name) for member in names]
                members += [self.read(c, place) for c in step.iterchildren(f"{XS}simpleType")]
                if not members:
                    raise ContractError("a union of nothing", where=place.at(step), fix="mend the schema")
                if sum(_size(member) for member in members) > MAX_MEMBERS:
                    raise Hostile(
                        f"a union of more than {MAX_MEMBERS:,} types", where=place.at(step), fix="check it"
                    )
                return SimpleType("string", name, variety="union", members=tuple(members))
        return self.facets(step, place, self._part(step, place, step.get("base"), name), name)

    def _part(self, step: Any, place: Place, qname: str | None, name: str) -> SimpleType:
        """Return the type that a step names, or holds."""
        if qname is None:
            inner = step.find(f"{XS}simpleType")
            if inner is None:
                raise ContractError("a type is missing here", where=place.at(step), fix="mend the schema")
            return self.read(inner, place)
        wanted = self._names.find("simpleType", step, place, qname, "any text")
        if wanted is None:
            return SimpleType("string", ANY_SIMPLE)
        if wanted == name and (original := self._definitions.original("simpleType", name)) is not None:
            return self.read(*original)
        found = self.find(wanted)
        assert found is not None
        if name and local_name(step.tag) == "restriction":
            self.base[name] = wanted
        return found

    def facets(self, step: Any, place: Place, base: SimpleType, name: str = "") -> SimpleType:
        """Return `base` narrowed by the facets below `step`."""
        changes: dict[str, Any] = {"name": name}
        enumeration: list[str] = []
        patterns: list[str] = []
        bounds: list[tuple[str, str]] = []
        for facet in children(step):
            kind, value = local_name(facet.tag), facet.get("value", "")
            try:
                if kind == "enumeration":
                    enumeration.append(value)
                elif kind == "pattern":
                    patterns.append(value)
                elif kind in _DIGITS:
                    changes[_DIGITS[kind]] = int(value)
                elif kind == "length":
                    changes["min_length"] = changes["max_length"] = int(value)
                elif kind in _LENGTHS:
                    changes[_LENGTHS[kind]] = int(value)
                elif kind in _BOUNDS and is_number(base):
                    side = "minimum" if kind.startswith("min") else "maximum"
                    changes |= {side: Decimal(value.strip()), f"exclusive_{side}": kind.endswith("Exclusive")}
                elif (
                    kind == "whiteSpace"
                    and base.variety == "atomic"
                    and base.base in ("string", "normalizedString")
                ):
                    changes["base"] = _STRINGS.get(value, base.base)
                elif kind in _BOUNDS:
                    bounds.append((kind, value.strip()))
            except (ValueError, InvalidOperation):
                raise ContractError(
                    f"the facet {kind} is not a number", where=place.at(facet), fix="mend it"
                ) from None
        if enumeration:
            changes["enumeration"] = tuple(enumeration)
        if patterns:
            changes["pattern"] = "|".join(patterns)
            changes["patterns"] = (*base.patterns, tuple(patterns))
        if bounds:
            given = {facet[:3] for facet, _ in bounds}
            changes["bounds"] = (*(b for b in base.bounds if b[0][:3] not in given), *bounds)
        return replace(base, **changes)


def is_number(kind: SimpleType) -> bool:
    """Return whether bounds of the type are numbers that it compares with."""
    return kind.variety == "atomic" and BUILTINS[kind.base].kind in ("integer", "decimal")


def _size(kind: SimpleType) -> int:
    return sum(_size(member) for member in kind.members) or 1
