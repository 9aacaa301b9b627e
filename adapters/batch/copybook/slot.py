"""Items in their places: what a layout is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from adapters.batch.copybook.storage import Storage
from adapters.batch.copybook.tree import Item


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
        counter: the path of the DEPENDING ON item that says how many occurrences there are.
    """

    item: Item
    path: str
    offset: int
    length: int
    storage: Storage | None
    children: tuple[Slot, ...] = ()
    counter: str | None = None

    @property
    def count(self) -> int:
        """The greatest number of occurrences, 1 without OCCURS."""
        return self.item.occurs.most if self.item.occurs else 1

    @property
    def end(self) -> int:
        """The offset after the last occurrence."""
        return self.offset + self.length * self.count

    def walk(self) -> Iterator[Slot]:
        """Yield this slot and all below it, in order."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Layout:
    """One record of a copybook, laid out.

    `aliases` are its level-66 items: slots of their own, outside the record's tree. An alias of one
    elementary item has that item's storage; one of a group or a range is text, as in COBOL.
    """

    record: Slot
    source: str
    aliases: tuple[Slot, ...] = ()

    @property
    def name(self) -> str:
        """The record's name."""
        return self.record.item.name

    @property
    def length(self) -> int:
        """The record's length in bytes."""
        return self.record.length
