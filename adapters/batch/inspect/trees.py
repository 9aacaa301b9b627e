"""Trees of records by their order alone: of which type is the record that each belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Above:
    """The type above another; `sure` where the order leaves no other tree."""

    parent: str
    sure: bool


def parents(order: Sequence[str]) -> dict[str, Above]:
    """Return the parent of each type but the first, as records in hierarchical order (preorder) have them.

    A type is below another if since the last record of that one no record further up has come, for each of
    its records. Where several are possible, records of the other type that follow its own under the same
    grandparent settle it (children never stand before what comes beside their parent); else they are taken
    for brothers and sisters.

    Args:
        order: the type of each record, in file order.
    """
    types = list(dict.fromkeys(order))
    found: dict[str, Above] = {}
    for at, child in enumerate(types[1:], 1):
        chains = {one: _chain(one, found) for one in types[:at]}
        fit = [one for one in types[:at] if _always(order, child, chains[one])]
        if not fit:
            continue
        proven = [one for one in fit if one in found and _follows(order, one, child, chains[one][1:])]
        chosen = max(proven or fit, key=lambda one: len(chains[one]) * (1 if proven else -1))
        found[child] = Above(chosen, bool(proven) or len(fit) == 1)
    return found


def _chain(kind: str, found: dict[str, Above]) -> list[str]:
    """Return a type and those above it."""
    chain = [kind]
    while chain[-1] in found:
        chain.append(found[chain[-1]].parent)
    return chain


def _always(order: Sequence[str], child: str, chain: Sequence[str]) -> bool:
    """Return whether the last record of the chain before each child is one of its first type."""
    last = ""
    for kind in order:
        if kind == child and last != chain[0]:
            return False
        last = kind if kind in chain else last
    return True


def _follows(order: Sequence[str], parent: str, child: str, above: Sequence[str]) -> bool:
    """Return whether a parent stands behind a child with no record further up between them."""
    seen = False
    for kind in order:
        if kind in above:
            seen = False
        elif kind == child:
            seen = True
        elif kind == parent and seen:
            return True
    return False
