"""Trees of records in a file with a copybook: whose key tells the records of a type apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt

from adapters.batch.copybook import Slot
from adapters.batch.inspect.guess import Guess
from adapters.batch.inspect.trees import parents
from schemas.names import avro_name

#: Items that are tried as the own part of a key, and how long one may be.
_ITEMS, _LONGEST = 6, 60


@dataclass(frozen=True, slots=True)
class Kind:
    """Records of one entity.

    Attributes:
        entity: its name.
        rows: which records they are.
        items: what may be their key.
        key: what is proposed for it.
        sure: whether that tells them apart.
    """

    entity: str
    rows: Sequence[int]
    items: Sequence[Slot]
    key: Sequence[Slot]
    sure: bool


@dataclass(frozen=True, slots=True)
class Branch:
    """Where records of a type hang.

    Attributes:
        parent: the entity above.
        above: the names that its key fields have here.
        own: the own part of the key.
        prefix: put before the names of the parent's key fields, where the record has fields called so.
        sure: whether the order of the records leaves no other tree.
        count: records seen.
    """

    parent: str
    above: tuple[str, ...]
    own: tuple[Slot, ...]
    prefix: str
    sure: bool
    count: int


def branches(kinds: Sequence[Kind], view: npt.NDArray[np.uint8], end: int) -> dict[str, Branch]:
    """Return where types hang whose records only their parent's key tells apart.

    A type with a key needs no parent, and one that not even the parent's key helps gets none. But a key may
    tell the records of a sample apart by chance: if the first item counts up behind each parent record, or
    any item does where several are needed for a key, it is that and the parent's key.

    Args:
        kinds: the types.
        view: all records.
        end: so many of them stand one behind the other in the file.
    """
    kind_of = {row: kind for kind in kinds for row in kind.rows if row < end}
    order = [kind_of[row].entity for row in sorted(kind_of)]
    tree = parents(order)
    names = {k.entity: tuple(avro_name(s.item.name) for s in k.key) for k in kinds if k.sure}
    found: dict[str, Branch] = {}
    for entity in dict.fromkeys(order):
        kind = next(k for k in kinds if k.entity == entity)
        above = tree.get(entity)
        if above is None or above.parent not in names:
            continue
        rows = np.array([row for row in kind.rows if row < end])
        whose = _last(rows, [row for row, k in kind_of.items() if k.entity == above.parent])
        only_first = kind.sure and len(kind.key) == 1
        choices = [
            o for o in _choices(kind.items[:1] if only_first else kind.items) if _unique(view[rows], o, whose)
        ]
        own: tuple[Slot, ...] | None
        own = next((o for o in choices if len(o) == 1 and _ascending(view[rows], o[0], whose)), None)
        own = own if kind.sure or own is not None else next(iter(choices), None)
        if own is None:
            continue
        fields = {avro_name(s.item.name) for s in kind.items}
        prefix = f"{above.parent.upper()}_" if fields & set(names[above.parent]) else ""
        inherited = tuple(prefix + name for name in names[above.parent])
        names[entity] = (*inherited, *(avro_name(s.item.name) for s in own))
        found[entity] = Branch(above.parent, inherited, own, prefix, above.sure, len(rows))
    return found


def guesses(found: Mapping[str, Branch]) -> list[Guess]:
    """Return the guess `parents`, where there are some."""
    if not found:
        return []
    why = []
    for child, one in found.items():
        own = " and ".join(slot.item.name for slot in one.own)
        doubt = (
            "" if one.sure else f"; the order fits {one.parent} and others, the nearest to the root is taken"
        )
        why.append(
            f"no item alone tells the {one.count:,} {child} records apart, but {own} does among those behind "
            f"one {one.parent}{doubt}"
        )
    sure = 0.9 if all(b.sure for b in found.values()) else 0.6
    return [Guess("parents", ", ".join(f"{c} below {b.parent}" for c, b in found.items()), sure, why)]


def _choices(items: Sequence[Slot]) -> Iterator[tuple[Slot, ...]]:
    """Yield what may be the own part of a key: one item, then two."""
    usable = [item for item in items if item.length <= _LONGEST][:_ITEMS]
    yield from ((item,) for item in usable)
    yield from combinations(usable, 2)


def _last(rows: npt.NDArray[np.int64], above: Sequence[int]) -> npt.NDArray[np.int64]:
    """Return for each row the number of the last row above it."""
    return np.searchsorted(np.array(sorted(above)), rows)


def _ascending(view: npt.NDArray[np.uint8], slot: Slot, whose: npt.NDArray[np.int64]) -> bool:
    """Return whether an item grows from record to record behind each record above, and starts again."""
    texts = [row.tobytes() for row in view[:, slot.offset : slot.offset + slot.length]]
    same = whose[1:] == whose[:-1]
    grows = [after > before for before, after in pairwise(texts)]
    return bool(np.array(grows, np.bool_)[same].all()) and not all(grows)


def _unique(view: npt.NDArray[np.uint8], own: Sequence[Slot], whose: npt.NDArray[np.int64]) -> bool:
    parts = [view[:, slot.offset : slot.offset + slot.length] for slot in own]
    texts = [row.tobytes() for row in np.concatenate(parts, axis=1)]
    return len(set(zip(whose.tolist(), texts, strict=True))) == len(texts)
