"""What follows from a content model: its elements with their occurrence, and whether names give the order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from adapters.soap.xsd_types import Element, Group, Particle, Wildcard

_ANY = "#any"


@dataclass(frozen=True, slots=True)
class Flat:
    """A content model seen from its elements.

    Attributes:
        elements: each once, in schema order, its occurrence what the whole model allows of it.
        free: whether order and number do not follow from the names.
    """

    elements: tuple[Element, ...]
    free: bool


def flatten(group: Group | None) -> Flat:
    """Return the elements of a content model, and whether its values must keep their order."""
    if group is None:
        return Flat((), False)
    first: dict[str, Element] = {}
    places = 0
    for particle in leaves(group):
        places += 1
        if isinstance(particle, Element):
            first.setdefault(particle.name, particle)
    counts = _counts(group)
    elements = tuple(
        element
        if (element.min_occurs, element.max_occurs) == counts[name]
        else replace(element, min_occurs=counts[name][0], max_occurs=counts[name][1])
        for name, element in first.items()
    )
    free = _repeats_several(group) or (places > len(counts) and _orders_clash(group))
    return Flat(elements, free)


def leaves(particle: Particle) -> Iterator[Element | Wildcard]:
    """Yield the elements and wildcards of a particle in schema order, but those that may never stand."""
    if particle.max_occurs == 0:
        return
    if isinstance(particle, Group):
        for child in particle.particles:
            yield from leaves(child)
    else:
        yield particle


def _name(particle: Element | Wildcard) -> str:
    return particle.name if isinstance(particle, Element) else _ANY


def _names(particle: Particle) -> set[str]:
    return {_name(leaf) for leaf in leaves(particle)}


Count = tuple[int, int | None]


def _counts(particle: Particle) -> dict[str, Count]:
    """Return how often each name may stand, least and most (None = no limit)."""
    if particle.max_occurs == 0:
        return {}
    own = (particle.min_occurs, particle.max_occurs)
    if not isinstance(particle, Group):
        return {_name(particle): own}
    branches = [_counts(child) for child in particle.particles]
    total: dict[str, Count] = {}
    for name in dict.fromkeys(name for branch in branches for name in branch):
        each = [branch.get(name, (0, 0)) for branch in branches]
        lows, highs = [low for low, _ in each], [high for _, high in each]
        if particle.kind == "choice":
            count = (min(lows), None if None in highs else max(h for h in highs if h is not None))
        else:
            count = (sum(lows), None if None in highs else sum(h for h in highs if h is not None))
        total[name] = (count[0] * own[0], _times(count[1], own[1]))
    return total


def _times(inner: int | None, outer: int | None) -> int | None:
    if inner == 0:
        return 0
    return None if inner is None or outer is None else inner * outer


def _repeats_several(particle: Particle) -> bool:
    """Whether a group with two names in it may stand more than once."""
    if not isinstance(particle, Group) or particle.max_occurs == 0:
        return False
    several = particle.max_occurs is None or particle.max_occurs > 1
    if several and len(_names(particle)) > 1:
        return True
    return any(_repeats_several(child) for child in particle.particles)


def _orders_clash(group: Group) -> bool:
    """Whether one name may stand on both sides of another, as in `a b a`, or in `a b` against `b a`."""
    pairs = _precedences(group)
    return any((after, before) in pairs for before, after in pairs)


def _precedences(particle: Particle) -> set[tuple[str, str]]:
    if not isinstance(particle, Group) or particle.max_occurs == 0:
        return set()
    pairs = set().union(*(_precedences(child) for child in particle.particles))
    if particle.kind == "sequence":
        before: set[str] = set()
        for child in particle.particles:
            names = _names(child)
            pairs |= {(first, second) for first in before for second in names}
            before |= names
    return pairs
