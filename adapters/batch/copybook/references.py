"""Items that name other items: the counters of OCCURS DEPENDING ON, and level-66 RENAMES."""

from __future__ import annotations

from dataclasses import dataclass, replace

from adapters.batch.copybook.checks import error_at
from adapters.batch.copybook.picture import Picture
from adapters.batch.copybook.slot import Slot
from adapters.batch.copybook.storage import Storage
from adapters.batch.copybook.tree import Item, Renames
from adapters.batch.dialect import Dialect

#: Kinds of number that can count.
_COUNTING = ("zoned", "packed", "unsigned-packed", "binary")


@dataclass(frozen=True, slots=True)
class _Known:
    """A slot and the groups that it is in, outermost first."""

    slot: Slot
    above: tuple[Slot, ...]

    def called(self, name: str, qualifiers: tuple[str, ...]) -> bool:
        """Return True if `name OF qualifier …` can mean this slot: qualifiers may leave groups out."""
        if self.slot.item.name != name:
            return False
        groups = [slot.item.name for slot in self.above]
        for qualifier in qualifiers:
            if qualifier not in groups:
                return False
            groups = groups[: len(groups) - 1 - groups[::-1].index(qualifier)]
        return True


def counted(record: Slot) -> Slot:
    """Return the record with each table's counter found.

    Raises:
        CopybookError: a counter that is not before its table, is no whole number, or could be one of several.
    """
    known: list[_Known] = []
    return _counted(record, (), known)


def _counted(slot: Slot, above: tuple[Slot, ...], known: list[_Known]) -> Slot:
    counter = _counter(slot, above, known) if slot.item.occurs and slot.item.occurs.depending_on else None
    known.append(_Known(slot, above))
    children = tuple(_counted(child, (*above, slot), known) for child in slot.children)
    return replace(slot, children=children, counter=counter)


def _counter(table: Slot, above: tuple[Slot, ...], known: list[_Known]) -> str:
    occurs = table.item.occurs
    assert occurs is not None and occurs.depending_on is not None
    said = " OF ".join((occurs.depending_on, *occurs.qualifiers))
    fix = "the counter must stand in the same record, before the table"
    found = [k for k in known if k.slot.storage and k.called(occurs.depending_on, occurs.qualifiers)]
    if not found:
        raise error_at(table.item, f"{table.path} depends on {said}, which is no item before it", fix)
    # Of several with one name the nearest is meant: the one with which the table shares most groups.
    shared = [sum(a.item is b.item for a, b in zip(k.above, above, strict=False)) for k in found]
    nearest = [k for k, groups in zip(found, shared, strict=True) if groups == max(shared)]
    if len(nearest) > 1:
        fix = f"write {said} OF {nearest[-1].above[-1].item.name or 'its group'}, say"
        raise error_at(table.item, f"{table.path} depends on {said}, which could be several items", fix)
    counter = nearest[0]
    storage = counter.slot.storage
    assert storage is not None
    if storage.kind not in _COUNTING or storage.scale:
        raise error_at(
            table.item, f"{table.path} depends on {said}, which is no whole number", "name a PIC 9 item"
        )
    tables = [s for s in (*counter.above, counter.slot) if s.item.occurs]
    if any(all(s.item is not a.item for a in above) for s in tables):
        raise error_at(
            table.item, f"{table.path} depends on {said}, which occurs several times itself",
            "the counter may stand in a table only together with the table that it counts",
        )  # fmt: skip
    return counter.slot.path


def aliases(record: Slot, dialect: Dialect) -> tuple[Slot, ...]:
    """Return the level-66 items of a record.

    Raises:
        CopybookError: one that renames a table or a part of one, ends before it starts, or could mean
            several items.
    """
    known: list[_Known] = []
    _gather(record, (), known)
    return tuple(_alias(renames, record, known, dialect) for renames in record.item.renames)


def _gather(slot: Slot, above: tuple[Slot, ...], known: list[_Known]) -> None:
    known.append(_Known(slot, above))
    for child in slot.children:
        _gather(child, (*above, slot), known)


def _alias(renames: Renames, record: Slot, known: list[_Known], dialect: Dialect) -> Slot:
    place = Item(66, renames.name, renames.line, renames.column, renames.source)
    first, last = (_renamed(place, names, record, known) for names in (renames.first, renames.last))
    if last.offset < first.offset or last.end < first.end:
        raise error_at(
            place,
            f"{renames.name} RENAMES {renames.first[0]} THRU {renames.last[0]}, which stands before it",
            "name the first item first",
        )  # fmt: skip
    length = last.end - first.offset
    if first is last and first.storage is not None:
        item = replace(first.item, level=66, name=renames.name, redefines=None, conditions=())
        return Slot(item, renames.name, first.offset, length, first.storage)
    item = replace(place, picture=Picture(f"X({length})", "text", length=length, symbols="X"))
    return Slot(item, renames.name, first.offset, length, Storage.of(item, dialect))


def _renamed(place: Item, names: tuple[str, ...], record: Slot, known: list[_Known]) -> Slot:
    said = " OF ".join(names)
    found = [k for k in known if k.called(names[0], names[1:]) and k.slot is not record]
    if len(found) != 1:
        many = f"could be any of {len(found)} items" if found else "is no item of the record"
        fix = (
            f"write {said} OF {found[0].above[-1].item.name or 'its group'}, say"
            if found
            else "check the name"
        )
        raise error_at(place, f"{place.name} RENAMES {said}, which {many}", fix)
    slot = found[0].slot
    if any(s.item.occurs for s in (*found[0].above, *slot.walk())):
        raise error_at(
            place,
            f"{place.name} RENAMES {said}, which is a table or a part of one",
            "redefine the area instead",
        )
    return slot
