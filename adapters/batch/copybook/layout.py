"""Where each item of a record is: offsets, lengths and slack bytes.

Rules: IBM Enterprise COBOL Language Reference, "SYNCHRONIZED clause" and "Slack bytes". Records with OCCURS
DEPENDING ON are laid out at their greatest size, as fixed-length files hold them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from adapters.batch.copybook.errors import CopybookError
from adapters.batch.copybook.storage import Storage
from adapters.batch.copybook.tree import Copybook, Item
from adapters.batch.dialect import PROFILES, Dialect


@dataclass(frozen=True, slots=True)
class Slot:
    """One item in its place.

    Attributes:
        item: the item as written.
        path: names from below the record down to it, joined by '.'; FILLERs as 'FILLER'.
        offset: bytes from the record's start to its first occurrence.
        length: bytes of one occurrence, with the slack that keeps the next one aligned.
        storage: for an elementary item what its bytes mean.
        children: items below, in order, redefinitions among them.
    """

    item: Item
    path: str
    offset: int
    length: int
    storage: Storage | None
    children: tuple[Slot, ...] = ()

    @property
    def count(self) -> int:
        """The greatest number of occurrences, 1 without OCCURS."""
        return self.item.occurs.most if self.item.occurs else 1

    def walk(self) -> Iterator[Slot]:
        """Yield this slot and all below it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Layout:
    """One record of a copybook, laid out."""

    record: Slot
    source: str

    @property
    def name(self) -> str:
        """The record's name."""
        return self.record.item.name

    @property
    def length(self) -> int:
        """The record's length in bytes."""
        return self.record.length


def layouts(copybook: Copybook, dialect: Dialect = PROFILES["ibm"]) -> tuple[Layout, ...]:
    """Return the layout of each 01 and 77 item.

    Raises:
        CopybookError: a DEPENDING ON names no item before, or an item cannot be stored.
    """
    return tuple(_Placer(copybook.source, dialect).record(item) for item in copybook.records)


@dataclass(slots=True)
class _Placer:
    source: str
    dialect: Dialect

    def record(self, item: Item) -> Layout:
        slot = self._place(item, 0, "")
        self._check_counters(slot)
        return Layout(slot, self.source)

    def _place(self, item: Item, offset: int, parent: str) -> Slot:
        name = item.name or "FILLER"
        path = name if not parent or item.level == 1 else f"{parent}.{name}"
        if not item.children:
            storage = self._storage(item)
            return Slot(item, path, offset, storage.length, storage)
        children: list[Slot] = []
        end = position = offset
        by_name: dict[str, Slot] = {}
        inner = "" if item.level == 1 else path
        for child in item.children:
            if child.redefines is not None:
                start = by_name[child.redefines].offset
            else:
                start = _aligned(position, self._leading_alignment(child))
            slot = self._place(child, start, inner)
            children.append(slot)
            by_name[child.name] = slot
            after = slot.offset + slot.length * slot.count
            # A redefinition may be longer only at level 01; elsewhere compilers warn and make room.
            position = after if child.redefines is None else max(position, after)
            end = max(end, position)
        length = end - offset
        if item.occurs:
            length = _aligned(length, self._greatest_alignment(item))
        return Slot(item, path, offset, length, None, tuple(children))

    def _storage(self, item: Item) -> Storage:
        try:
            return Storage.of(item, self.dialect)
        except ValueError as error:
            raise CopybookError(
                f"{item.name or 'FILLER'}: {error}", source=self.source, line=item.line, column=item.column
            ) from None

    def _leading_alignment(self, item: Item) -> int:
        """Slack before a group whose first elementary item is SYNC goes before the group."""
        if not item.children:
            return self._storage(item).alignment
        if item.occurs:
            return self._greatest_alignment(item)
        return self._leading_alignment(item.children[0])

    def _greatest_alignment(self, item: Item) -> int:
        if not item.children:
            return self._storage(item).alignment
        return max(self._greatest_alignment(child) for child in item.children)

    def _check_counters(self, record: Slot) -> None:
        seen: set[str] = set()
        for slot in record.walk():
            occurs = slot.item.occurs
            if occurs and occurs.depending_on and occurs.depending_on not in seen:
                raise CopybookError(
                    f"{slot.path} depends on {occurs.depending_on}, which is no item before it",
                    source=self.source, line=slot.item.line, column=slot.item.column,
                    fix="the counter must stand in the same record, before the table",
                )  # fmt: skip
            if slot.storage and slot.item.name:
                seen.add(slot.item.name)


def _aligned(offset: int, boundary: int) -> int:
    return -(-offset // boundary) * boundary


def union(parts: tuple[Layout, ...]) -> Layout:
    """Return one layout for several 01 levels of a file: they redefine each other (FD semantics)."""
    if len(parts) == 1:
        return parts[0]
    length = max(part.length for part in parts)
    first = parts[0].record
    children = tuple(
        replace(part.record, item=replace(part.record.item, redefines=first.item.name if i else None))
        for i, part in enumerate(parts)
    )
    item = Item(1, "RECORD", first.item.line, first.item.column)
    return Layout(Slot(item, "RECORD", 0, length, None, children), parts[0].source)
