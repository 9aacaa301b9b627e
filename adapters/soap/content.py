"""Content models: which children may stand where (XSD 1.0 part 1, 3.8).

A model is compiled into a regular expression over one private character for each element name, so that the
check of a record is one call into C. Models of XSD 1.0 are deterministic: the next name decides the branch.
Therefore repeated groups are possessive, and no message can make the check backtrack for ever. `walk` is the
slow, obvious twin; it is also what finds the words for a message that does not match.

An `xs:any` never takes an element that the type itself declares.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from adapters.soap.errors import BadValue
from adapters.soap.xsd_types import ComplexType, Element, Group, Particle, Wildcard, local_name, namespace

#: Names and wildcards become characters of the private planes, which no pattern needs to escape.
_NAMES, _WILD = 0xF0000, 0x100000
#: More different wildcards than this in one type are not told apart by namespace.
_MAX_WILDCARDS = 8


class Model:
    """The content model of one type.

    Attributes:
        root: the group; for a type that was made without one, its elements in order.
        wildcards: all that stand in it.
        unordered: whether it is an `xs:all`.
    """

    def __init__(self, kind: ComplexType) -> None:
        self.root = content_of(kind)
        self._elements = kind.elements
        self.wildcards = tuple(dict.fromkeys(_wildcards(self.root)))[:_MAX_WILDCARDS]
        self.unordered = _has_all(self.root)
        names = dict.fromkeys([e.name for e in kind.elements] + _names(self.root))
        self._chars = {name: chr(_NAMES + n) for n, name in enumerate(names)}
        self._match = None if self.unordered else re.compile(self._pattern(self.root)).fullmatch

    def check(self, tags: Sequence[str]) -> None:
        """Raise BadValue, its path the child in question, unless these children may stand so."""
        chars = self._chars
        try:
            text = "".join([chars[tag] for tag in tags])
        except KeyError:
            text = "".join([chars.get(tag) or self._unknown(tag) for tag in tags])
        if self._match is None:
            self._check_counts(tags)
        elif self._match(text) is None:
            self._check_counts(tags)
            raise self._explain(tags)

    def knows(self, tag: str) -> bool:
        """Return whether the type declares an element of this name, or a wildcard takes it."""
        return tag in self._chars or any(accepts(w, namespace(tag)) for w in self.wildcards)

    def walk(self, tags: Sequence[str]) -> tuple[bool, int, tuple[str, ...]]:
        """Follow the model by hand: does it match, else how far did it come, and what could stand there."""
        return _Walk(self, tags).run()

    def takes(self, wildcard: Wildcard, tag: str) -> bool:
        """Return whether a wildcard of this model takes an element."""
        return tag not in self._chars and accepts(wildcard, namespace(tag))

    def _unknown(self, tag: str) -> str:
        mask = sum(1 << n for n, w in enumerate(self.wildcards) if accepts(w, namespace(tag)))
        if not mask:
            raise unknown(tag)
        return chr(_WILD + mask)

    def _check_counts(self, tags: Sequence[str]) -> None:
        for element in self._elements:
            count = tags.count(element.name)
            low, high = element.min_occurs, element.max_occurs
            if count < low:
                reason = f"fewer than {low}" if element.repeats else "a required element is missing"
                raise BadValue(element.local, reason)
            if high is not None and count > high:
                raise BadValue(element.local, f"more than {high}" if element.repeats else "stands twice")

    def _explain(self, tags: Sequence[str]) -> BadValue:
        _, at, expected = self.walk(tags)
        names = " or ".join(sorted({f"<{local_name(name)}>" for name in expected})[:6])
        if at < len(tags):
            hint = f"; {names} is expected" if names else ""
            return BadValue(local_name(tags[at]), f"not where the schema puts it{hint}")
        return BadValue(local_name(expected[0]) if expected else "", f"{names or 'an element'} is missing")

    # --- the regular expression -------------------------------------------------------------------

    def _pattern(self, particle: Particle) -> str:
        if isinstance(particle, Element):
            return self._chars[particle.name] + _quantity(particle.min_occurs, particle.max_occurs)
        if isinstance(particle, Wildcard):
            return self._wild(particle) + _quantity(particle.min_occurs, particle.max_occurs)
        low, high = particle.min_occurs, particle.max_occurs
        if high == 0:
            return ""
        if particle.kind == "choice":
            body = self._choice(particle)
        else:
            body = "".join(map(self._pattern, particle.particles))
        if (low, high) == (1, 1):
            return f"(?:{body})"
        low = 0 if nullable(particle) else low
        return f"(?:{body}){_quantity(low, high)}" + ("+" if high != 1 else "")

    def _choice(self, group: Group) -> str:
        """Branches that may be empty are entered only by what they start with: a loop must move on."""
        branches = []
        for branch in group.particles:
            pattern = self._pattern(branch)
            if nullable(branch):
                first = "".join(map(self._class, _firsts(branch)))
                if not first:
                    continue
                pattern = f"(?=[{first}]){pattern}"
            branches.append(pattern)
        if any(map(nullable, group.particles)):
            branches.append("")
        return "|".join(branches) if branches else "(?!)"

    def _class(self, first: Element | Wildcard) -> str:
        return self._chars[first.name] if isinstance(first, Element) else self._wild(first)[1:-1]

    def _wild(self, wildcard: Wildcard) -> str:
        if wildcard not in self.wildcards:
            return f"[{chr(_WILD + 1)}-{chr(_WILD + (1 << _MAX_WILDCARDS) - 1)}]"
        bit = 1 << self.wildcards.index(wildcard)
        return "[" + "".join(chr(_WILD + m) for m in range(1 << len(self.wildcards)) if m & bit) + "]"


class _Walk:
    """One pass by hand over a model, without going back but for the branches of a choice."""

    def __init__(self, model: Model, tags: Sequence[str]) -> None:
        self._model, self._tags = model, tags
        self._furthest, self._expected = 0, dict[str, None]()

    def run(self) -> tuple[bool, int, tuple[str, ...]]:
        end = self._repeat(self._model.root, 0)
        if end == len(self._tags):
            return True, end, ()
        return False, max(self._furthest, end or 0), tuple(self._expected)

    def _repeat(self, particle: Particle, at: int) -> int | None:
        """Return where the particle's occurrences end, None if there are too few."""
        low, high = particle.min_occurs, particle.max_occurs
        count = 0
        while high is None or count < high:
            end = self._once(particle, at)
            if end is None:
                break
            count += 1
            if end == at:
                count = max(count, low)
                break
            at = end
        return at if count >= low else None

    def _once(self, particle: Particle, at: int) -> int | None:
        if isinstance(particle, Group):
            return self._choice(particle, at) if particle.kind == "choice" else self._sequence(particle, at)
        tag = self._tags[at] if at < len(self._tags) else None
        if isinstance(particle, Element):
            if tag == particle.name:
                return at + 1
            self._expect(at, particle.name)
        elif tag is not None and self._model.takes(particle, tag):
            return at + 1
        return None

    def _sequence(self, group: Group, at: int) -> int | None:
        for particle in group.particles:
            end = self._repeat(particle, at)
            if end is None:
                return None
            at = end
        return at

    def _choice(self, group: Group, at: int) -> int | None:
        empty = False
        for branch in group.particles:
            end = self._repeat(branch, at)
            if end is not None and end > at:
                return end
            empty = empty or end is not None
        return at if empty else None

    def _expect(self, at: int, name: str) -> None:
        if at > self._furthest:
            self._furthest = at
            self._expected.clear()
        if at == self._furthest:
            self._expected[name] = None


def content_of(kind: ComplexType) -> Group:
    """Return the content model of a type, made from its elements where it has none."""
    if kind.content is not None:
        return kind.content
    return Group("sequence" if kind.ordered else "all", kind.elements)


def accepts(wildcard: Wildcard, uri: str) -> bool:
    """Return whether a wildcard takes names of this namespace."""
    if wildcard.namespaces is not None and uri not in wildcard.namespaces:
        return False
    return uri not in wildcard.excluded


def nullable(particle: Particle) -> bool:
    """Return whether a particle may be empty."""
    if particle.min_occurs == 0 or particle.max_occurs == 0:
        return True
    if not isinstance(particle, Group):
        return False
    if particle.kind == "choice":
        return any(map(nullable, particle.particles))
    return all(map(nullable, particle.particles))


def unknown(tag: object) -> BadValue:
    """Return the error for an element that a type does not have."""
    name = local_name(tag) if isinstance(tag, str) else "entity reference"
    return BadValue(name, "not an element of this type (or of another namespace)")


def _firsts(particle: Particle) -> list[Element | Wildcard]:
    if particle.max_occurs == 0:
        return []
    if not isinstance(particle, Group):
        return [particle]
    found: list[Element | Wildcard] = []
    for child in particle.particles:
        found += _firsts(child)
        if particle.kind == "sequence" and not nullable(child):
            break
    return found


def _names(particle: Particle) -> list[str]:
    if isinstance(particle, Element):
        return [particle.name]
    if isinstance(particle, Wildcard):
        return []
    return [name for child in particle.particles for name in _names(child)]


def _wildcards(particle: Particle) -> list[Wildcard]:
    if isinstance(particle, Group):
        return [w for child in particle.particles for w in _wildcards(child)]
    return [particle] if isinstance(particle, Wildcard) else []


def _has_all(particle: Particle) -> bool:
    if not isinstance(particle, Group):
        return False
    return particle.kind == "all" or any(map(_has_all, particle.particles))


def _quantity(low: int, high: int | None) -> str:
    match low, high:
        case 1, 1:
            return ""
        case 0, 1:
            return "?"
        case 0, None:
            return "*"
        case 1, None:
            return "+"
    return f"{{{low},{'' if high is None else high}}}"
