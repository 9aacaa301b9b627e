"""What changed between two elements, and whether documents of the one are documents of the other.

A change *widens* (every old document is a new one), *narrows* (every new document is an old one), *differs*
(neither), or is *neutral* (only words). `contract_diff` makes breaking or compatible of it, by direction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from adapters.soap.lexical import BUILTINS
from adapters.soap.xsd_types import (
    Attribute,
    ComplexType,
    Element,
    Group,
    Particle,
    Schema,
    SimpleType,
    Wildcard,
)

Effect = Literal["widens", "narrows", "differs", "neutral"]
#: Rule → its words, for the documentation.
RULES: dict[str, str] = {
    "element-added": "an element that may be left out is new (widens), or one that may not (differs)",
    "element-removed": "an element that could be left out is gone (narrows), or one that could not (differs)",
    "occurrence": "an element may stand more or less often",
    "nillable": "an element may be nil, or no longer",
    "attribute-added": "an attribute is new: optional (widens) or required (differs)",
    "attribute-removed": "an attribute is gone: optional (narrows) or required (differs)",
    "attribute-use": "an attribute is required, or no longer",
    "type": "simple text has become children, or text of another kind",
    "range": "whole numbers of another range, or whole numbers that became decimals",
    "enumeration": "values were added to or taken from a list of values",
    "facet": "a length, a number of digits or a bound was loosened or tightened",
    "pattern": "a pattern was added, taken away or changed",
    "order": "the same elements stand in another order or grouping",
    "open-content": "elements or attributes that are not named are allowed, or no longer",
    "mixed": "text between elements is allowed, or no longer",
    "default": "a default or fixed value changed",
}
#: Facet → whether a larger value allows more.
_FACETS = {
    "min_length": False,
    "max_length": True,
    "total_digits": True,
    "fraction_digits": True,
    "minimum": False,
    "maximum": True,
}


@dataclass(frozen=True, slots=True)
class Difference:
    """One change at a path of local names."""

    path: str
    rule: str
    effect: Effect
    what: str


class SchemaDiff:
    """Compares elements of two schemas; a pair of named types is compared once."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = old, new
        self._seen: set[tuple[str, str]] = set()

    def elements(self, old: Element, new: Element, path: str) -> Iterator[Difference]:
        """Yield what changed between two elements of one name, their occurrence included."""
        if (old.min_occurs, old.max_occurs) != (new.min_occurs, new.max_occurs):
            more = new.min_occurs <= old.min_occurs and _most(new) >= _most(old)
            less = new.min_occurs >= old.min_occurs and _most(new) <= _most(old)
            what = f"stands {_times(new)}, not {_times(old)}"
            yield Difference(path, "occurrence", _effect(more=more, less=less), what)
        if old.nillable != new.nillable:
            what = "may be nil" if new.nillable else "may no longer be nil"
            yield Difference(path, "nillable", "widens" if new.nillable else "narrows", what)
        yield from _defaults(old, new, path)
        yield from self._types(old, new, path)

    def _types(self, old: Element, new: Element, path: str) -> Iterator[Difference]:
        if isinstance(old.type, str) and isinstance(new.type, str):
            if (old.type, new.type) in self._seen:
                return
            self._seen.add((old.type, new.type))
        before, after = self._old.complex(old), self._new.complex(new)
        if before is None and after is None:
            assert isinstance(old.type, SimpleType)
            assert isinstance(new.type, SimpleType)
            yield from simple(old.type, new.type, path)
        elif before is None or after is None or (before.text is None) != (after.text is None):
            yield Difference(path, "type", "differs", "has children instead of text, or the other way round")
        else:
            yield from self._complex(before, after, path)

    def _complex(self, old: ComplexType, new: ComplexType, path: str) -> Iterator[Difference]:
        if old.text is not None and new.text is not None:
            yield from simple(old.text, new.text, path)
        yield from _attributes(old.attributes, new.attributes, path)
        if (old.array is None) != (new.array is None):
            yield Difference(path, "type", "differs", "is an array, or no longer")
        elif old.array is not None and new.array is not None:
            pair = Element("item", old.array.item), Element("item", new.array.item)
            yield from self._types(*pair, f"{path}/item")
        yield from self._children(old, new, path)
        if old.mixed != new.mixed:
            what = "text may stand between its elements" if new.mixed else "text may no longer stand in it"
            yield Difference(path, "mixed", "widens" if new.mixed else "narrows", what)
        for kind, before, after in (
            ("elements", _wildcards(old.content), _wildcards(new.content)),
            ("attributes", int(old.any_attribute is not None), int(new.any_attribute is not None)),
        ):
            if bool(before) != bool(after):
                what = f"other {kind} {'may' if after else 'may no longer'} stand in it"
                yield Difference(path, "open-content", "widens" if after else "narrows", what)

    def _children(self, old: ComplexType, new: ComplexType, path: str) -> Iterator[Difference]:
        before, after = {e.name: e for e in old.elements}, {e.name: e for e in new.elements}
        for name, element in before.items():
            inner = f"{path}/{element.local}"
            if name in after:
                yield from self.elements(element, after[name], inner)
            else:
                effect: Effect = "narrows" if element.optional else "differs"
                yield Difference(inner, "element-removed", effect, "is gone")
        for name, element in after.items():
            if name not in before:
                effect = "widens" if element.optional else "differs"
                word = "may be left out" if element.optional else "is required"
                yield Difference(f"{path}/{element.local}", "element-added", effect, f"is new and {word}")
        shared = before.keys() & after.keys()
        if _shape(old.content, shared) != _shape(new.content, shared):
            yield Difference(path, "order", "differs", "the same elements stand in another order or grouping")


def simple(old: SimpleType, new: SimpleType, path: str) -> Iterator[Difference]:
    """Yield what changed between two simple types."""
    if old.variety != new.variety:
        yield Difference(path, "type", "differs", f"is a {new.variety} value, not {old.variety}")
        return
    if old.variety == "list" and old.item is not None and new.item is not None:
        yield from simple(old.item, new.item, path)
    elif old.variety == "union":
        if old.members != new.members:
            more, less = set(old.members) <= set(new.members), set(new.members) <= set(old.members)
            yield Difference(path, "type", _effect(more=more, less=less), "a union of other types")
    elif old.base != new.base:
        yield _bases(old.base, new.base, path)
    yield from _facets(old, new, path)


def _bases(old: str, new: str, path: str) -> Difference:
    before, after = BUILTINS[old], BUILTINS[new]
    what = f"is xs:{new}, not xs:{old}"
    if before.kind == after.kind == "integer":
        low, high = Decimal("-Infinity"), Decimal("Infinity")
        ranges = [
            (low if b.low is None else Decimal(b.low), high if b.high is None else Decimal(b.high))
            for b in (before, after)
        ]
        more = ranges[1][0] <= ranges[0][0] and ranges[1][1] >= ranges[0][1]
        less = ranges[1][0] >= ranges[0][0] and ranges[1][1] <= ranges[0][1]
        return Difference(path, "range", _effect(more=more, less=less), what)
    if {before.kind, after.kind} == {"integer", "decimal"}:
        wide = after.kind == "decimal"
        return Difference(path, "range", "widens" if wide else "narrows", what)
    return Difference(path, "type", "differs", what)


def _facets(old: SimpleType, new: SimpleType, path: str) -> Iterator[Difference]:
    if set(old.enumeration) != set(new.enumeration):
        before, after = set(old.enumeration), set(new.enumeration)
        more, less = (
            not after or (bool(before) and before <= after),
            not before or (bool(after) and after <= before),
        )
        count = f"{len(after - before)} values new, {len(before - after)} gone"
        yield Difference(path, "enumeration", _effect(more=more, less=less), count)
    for name, larger_is_wider in _FACETS.items():
        before_, after_ = getattr(old, name), getattr(new, name)
        if before_ == after_:
            continue
        wider = after_ is None or (before_ is not None and (after_ > before_) == larger_is_wider)
        told = ["none" if value is None else str(value) for value in (after_, before_)]
        what = f"{name.replace('_', ' ')} {told[0]}, not {told[1]}"
        yield Difference(path, "facet", "widens" if wider else "narrows", what)
    for side in ("exclusive_minimum", "exclusive_maximum"):
        if getattr(old, side) != getattr(new, side):
            effect: Effect = "narrows" if getattr(new, side) else "widens"
            yield Difference(path, "facet", effect, f"{side.replace('_', ' ')} is {getattr(new, side)}")
    if old.bounds != new.bounds:
        more, less = set(new.bounds) <= set(old.bounds), set(old.bounds) <= set(new.bounds)
        yield Difference(path, "facet", _effect(more=more, less=less), "other bounds")
    if old.patterns != new.patterns:
        more, less = set(new.patterns) <= set(old.patterns), set(old.patterns) <= set(new.patterns)
        yield Difference(path, "pattern", _effect(more=more, less=less), "another pattern")


def _attributes(old: Sequence[Attribute], new: Sequence[Attribute], path: str) -> Iterator[Difference]:
    before, after = {a.name: a for a in old}, {a.name: a for a in new}
    for name in before | after:
        inner = f"{path}/@{name.rpartition('}')[2]}"
        if name not in after:
            effect: Effect = "differs" if before[name].required else "narrows"
            yield Difference(inner, "attribute-removed", effect, "is gone")
        elif name not in before:
            effect = "differs" if after[name].required else "widens"
            yield Difference(inner, "attribute-added", effect, "is new")
        else:
            one, other = before[name], after[name]
            if one.required != other.required:
                word = "is required" if other.required else "may be left out"
                yield Difference(inner, "attribute-use", "narrows" if other.required else "widens", word)
            yield from _defaults(one, other, inner)
            yield from simple(one.type, other.type, inner)


def _defaults(old: Element | Attribute, new: Element | Attribute, path: str) -> Iterator[Difference]:
    if old.fixed != new.fixed:
        effect: Effect = "widens" if new.fixed is None else "narrows" if old.fixed is None else "differs"
        yield Difference(path, "default", effect, "has another fixed value")
    if old.default != new.default:
        yield Difference(path, "default", "neutral", "has another default value")


def _shape(particle: Particle | None, names: set[str]) -> object:
    """Return the grouping of a content model, of these elements only; groups of one are their only member."""
    if particle is None or isinstance(particle, Wildcard):
        return ()
    if isinstance(particle, Element):
        return particle.name if particle.name in names else ()
    inner = [shape for p in particle.particles if (shape := _shape(p, names)) != ()]
    repeats = particle.max_occurs != 1
    if len(inner) <= 1 and not repeats:
        return inner[0] if inner else ()
    if particle.kind == "sequence" and not repeats:
        flat: list[object] = []
        for shape in inner:
            flat += (
                shape[1] if isinstance(shape, tuple) and shape[0] == "sequence" and not shape[2] else [shape]
            )
        return ("sequence", flat, False)
    return (particle.kind, inner, repeats) if inner else ()


def _wildcards(particle: Particle | None) -> int:
    if isinstance(particle, Group):
        return sum(_wildcards(p) for p in particle.particles)
    return int(isinstance(particle, Wildcard))


def _effect(*, more: bool, less: bool) -> Effect:
    return "neutral" if more and less else "widens" if more else "narrows" if less else "differs"


def _most(element: Element) -> float:
    return float("inf") if element.max_occurs is None else element.max_occurs


def _times(element: Element) -> str:
    most = "any number of" if element.max_occurs is None else str(element.max_occurs)
    return f"{element.min_occurs} to {most} times"
