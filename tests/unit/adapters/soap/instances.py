"""Random values of any element of a schema, made from the model alone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from hypothesis import strategies as st

from adapters.soap.content import content_of
from adapters.soap.lexical import BUILTINS
from adapters.soap.plans import (
    ANY,
    ANY_TYPE,
    CONTENT,
    NIL_KEY,
    TEXT,
    TYPE_KEY,
    XML,
    attribute_keys,
    element_keys,
)
from adapters.soap.xsd_types import ComplexType, Element, Group, Particle, Schema, SimpleType, Wildcard

CHARACTERS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff")
WORDS = st.text("abcAÉ09", min_size=1, max_size=6)
#: Values that match the patterns of the test schemas.
PATTERNED = {
    "[A-Z]{2}\\d{4}": ["AB1234", "ZZ0000"],
    "\\i\\c*": ["a-b", "_1", "x:y"],
    "[a-z-[aeiou]]+": ["xyz", "bcd"],
    "\\p{Lu}\\p{Ll}*": ["É", "Abc"],
}
FOREIGN = ['<f xmlns="urn:foreign" b="1">t<g></g>u</f>', '<p:f xmlns:p="urn:other"></p:f>']


class Instances:
    """Strategies for the elements of one schema; `deep` bounds recursion."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def element(self, element: Element, depth: int = 0) -> st.SearchStrategy[Any]:
        """Values of one occurrence."""
        values = self._typed(element, depth)
        if not element.nillable:
            return values
        kind = self._schema.complex(element)
        required = [(k, a) for k, a in attribute_keys(kind) if a.required] if kind else []
        if not required:
            return st.none() | values
        nil = st.fixed_dictionaries({k: self.simple(a.type) for k, a in required} | {NIL_KEY: st.just(True)})
        return nil | values

    def _typed(self, element: Element, depth: int) -> st.SearchStrategy[Any]:
        kind = element.type
        if isinstance(kind, str):
            kind = self._schema.types[kind]
        if isinstance(kind, SimpleType):
            if element.fixed is not None:
                return st.just(element.fixed)
            return self.simple(kind).filter(lambda v: v != "" or element.default is None)
        choices = [] if kind.abstract else [self.complex(kind, depth)]
        for name in sorted(self._schema.derived.get(kind.name, ())) if kind.name != ANY_TYPE else ():
            derived = self._schema.types.get(name)
            if derived is not None and not derived.abstract:
                choices.append(self.complex(derived, depth).map(lambda v, n=name: {TYPE_KEY: n, **v}))
        return st.one_of(choices)

    def simple(self, kind: SimpleType) -> st.SearchStrategy[Any]:
        """Values of a simple type."""
        if kind.variety == "list":
            item = self.simple(kind.item).filter(lambda v: not isinstance(v, str) or (v and " " not in v))
            low, high = kind.min_length or 0, kind.max_length
            return st.lists(item, min_size=low, max_size=high if high is not None else low + 3)
        if kind.variety == "union":
            return st.one_of([self.simple(member) for member in kind.members])
        builtin = BUILTINS[kind.base]
        if kind.enumeration:
            return st.sampled_from(kind.enumeration)
        if kind.patterns:
            return st.sampled_from(PATTERNED[kind.patterns[-1][0]])
        match builtin.kind:
            case "boolean":
                return st.booleans()
            case "integer":
                lows = [x for x in (builtin.low, kind.minimum) if x is not None]
                highs = [x for x in (builtin.high, kind.maximum) if x is not None]
                low = max(lows, default=-(10**15)) + kind.exclusive_minimum
                return st.integers(int(low), int(min(highs, default=10**15) - kind.exclusive_maximum))
            case "decimal":
                places = kind.fraction_digits if kind.fraction_digits is not None else 2
                return st.decimals("-99999.99", "99999.99", places=places).map(lambda d: d.normalize() + 0)
            case "float":
                return st.floats(width=32, allow_nan=False)
            case "date":
                return st.dates(date(2000, 1, 1), date(2100, 1, 1))
            case "dateTime":
                return st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(
                    lambda d: d.replace(microsecond=d.microsecond // 1000 * 1000, tzinfo=UTC)
                )
            case "base64" | "hex":
                return st.binary(max_size=8)
        return self._text(kind)

    def _text(self, kind: SimpleType) -> st.SearchStrategy[str]:
        fixed = {
            "time": ["12:00:00", "23:59:59.5Z"], "duration": ["P1D", "PT5M"], "gYear": ["1999", "2020Z"],
            "gYearMonth": ["2020-01"], "gMonth": ["--01"], "gMonthDay": ["--02-28"], "gDay": ["---05"],
            "anyURI": ["urn:a", "http://x/y"], "QName": ["{urn:q}a", "b", "{urn:test}c"],
            "language": ["en-GB"],
        }  # fmt: skip
        if kind.base in fixed:
            return st.sampled_from(fixed[kind.base])
        if BUILTINS[kind.base].collapse:
            return WORDS if kind.base == "token" else st.sampled_from(["abc", "x.y", "a_1"])
        low, high = kind.min_length or 0, kind.max_length if kind.max_length is not None else 12
        return st.text(CHARACTERS, min_size=low, max_size=high)

    def complex(self, kind: ComplexType, depth: int) -> st.SearchStrategy[Any]:
        """Values of a complex type that is not abstract."""
        if kind.name == ANY_TYPE:
            return st.sampled_from([{XML: ""}, {XML: "a &lt; b"}, {XML: FOREIGN[0] + "tail"}])
        parts: dict[str, st.SearchStrategy[Any]] = {}
        optional: dict[str, st.SearchStrategy[Any]] = {}
        for key, attribute in attribute_keys(kind):
            values = st.just(attribute.fixed) if attribute.fixed else self.simple(attribute.type)
            (parts if attribute.required else optional)[key] = values
        if kind.any_attribute is not None:
            optional["@{urn:foreign}x"] = st.text(CHARACTERS, max_size=3)
        if kind.text is not None:
            parts[TEXT] = self.simple(kind.text)
            return st.fixed_dictionaries(parts, optional=optional)
        base = st.fixed_dictionaries(parts, optional=optional)
        keys = {element.name: (key, element) for key, element in element_keys(kind)}
        sequence = self._particle(content_of(kind), keys, depth)
        if kind.free or kind.mixed:
            return st.builds(lambda a, c: {**a, CONTENT: c}, base, self._mixed(sequence, mixed=kind.mixed))
        return st.builds(lambda a, c: {**a, **_by_name(keys, c)}, base, sequence)

    def _mixed(self, sequence: st.SearchStrategy[list[Any]], *, mixed: bool) -> st.SearchStrategy[list[Any]]:
        if not mixed:
            return sequence.map(lambda items: [{key: value} for key, value in items])
        texts = st.lists(st.text(CHARACTERS, max_size=4), min_size=40, max_size=40)

        def weave(items: list[Any], between: list[str]) -> list[Any]:
            found: list[Any] = [between[0]]
            for (key, value), text in zip(items, between[1:], strict=False):
                found += [{key: value}, text]
            return [part for part in found if part != ""]

        return st.builds(weave, sequence, texts)

    def _particle(
        self, particle: Particle, keys: dict[str, Any], depth: int
    ) -> st.SearchStrategy[list[tuple[str, Any]]]:
        """Lists of (key, value) in document order that the particle allows."""
        low = particle.min_occurs
        most = low + (0 if depth > 2 else 2)
        high = most if particle.max_occurs is None else min(particle.max_occurs, most)
        if isinstance(particle, Wildcard):
            once: st.SearchStrategy[list[Any]] = st.sampled_from(FOREIGN).map(lambda xml: [(ANY, xml)])
        elif isinstance(particle, Element):
            key = keys[particle.name][0]
            once = st.deferred(lambda: self.element(particle, depth + 1)).map(lambda v: [(key, v)])
        else:
            once = self._group(particle, keys, depth)
        if (low, high) == (1, 1):
            return once
        return st.lists(once, min_size=low, max_size=high).map(lambda many: [x for one in many for x in one])

    def _group(self, group: Group, keys: dict[str, Any], depth: int) -> st.SearchStrategy[list[Any]]:
        parts = [self._particle(p, keys, depth) for p in group.particles]
        if group.kind == "choice":
            return st.one_of(parts)
        joined = st.tuples(*parts)
        if group.kind == "all":
            joined = joined.flatmap(st.permutations)
        return joined.map(lambda many: [x for one in many for x in one])


def _by_name(keys: dict[str, Any], items: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {key: [] for key, element in keys.values() if element.repeats}
    repeated = {*found, ANY}
    for key, value in items:
        if key in repeated:
            found.setdefault(key, []).append(value)
        else:
            found[key] = value
    return found
