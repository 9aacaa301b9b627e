"""Where each item of a record is: offsets, lengths and slack bytes.

Rules: IBM Enterprise COBOL Language Reference, "SYNCHRONIZED clause", "Slack bytes within records" and
"Slack bytes between records"; GnuCOBOL's were found by compiling. Records with OCCURS DEPENDING ON are laid
out at their greatest size, as fixed-length files hold them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from adapters.batch.copybook.checks import error_at
from adapters.batch.copybook.references import aliases, counted
from adapters.batch.copybook.slot import Layout, Slot
from adapters.batch.copybook.storage import Storage
from adapters.batch.copybook.tree import Copybook, Item
from adapters.batch.dialect import PROFILES, Dialect


def layouts(copybook: Copybook, dialect: Dialect = PROFILES["ibm"]) -> tuple[Layout, ...]:
    """Return the layout of each 01 and 77 item.

    Raises:
        CopybookError: a DEPENDING ON names no item before, an item cannot be stored, or a RENAMES makes no
            sense.
    """
    placer = _Placer(dialect)
    slots = [counted(placer.place(item, 0, "")) for item in copybook.records]
    return tuple(Layout(slot, copybook.source, aliases(slot, dialect)) for slot in slots)


@dataclass(slots=True)
class _Placer:
    dialect: Dialect

    def place(self, item: Item, offset: int, parent: str) -> Slot:
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
            slot = self.place(child, start, inner)
            children.append(slot)
            by_name[child.name] = slot
            # A redefinition may be longer only at level 01; elsewhere compilers warn and make room.
            position = slot.end if child.redefines is None else max(position, slot.end)
            end = max(end, position)
        length = end - offset
        if not item.occurs:
            return Slot(item, path, offset, length, None, tuple(children))
        if not self.dialect.slack_in_groups:
            length = _aligned(length, self._greatest_alignment(item))
            return Slot(item, path, offset, length, None, tuple(children))
        padded = _aligned(length, self._running_alignment(item)) if item.occurs.most > 1 else length
        slot = Slot(item, path, offset, padded, None, tuple(children))
        return _last_moved(slot, padded - length)

    def _storage(self, item: Item) -> Storage:
        try:
            return Storage.of(item, self.dialect)
        except ValueError as error:
            raise error_at(item, f"{item.name or 'FILLER'}: {error}", "check the PICTURE") from None

    def _leading_alignment(self, item: Item) -> int:
        """Return the boundary that an item starts on; slack of a group's first item goes before it."""
        if not item.children:
            return self._storage(item).alignment
        return 1 if self.dialect.slack_in_groups else self._leading_alignment(item.children[0])

    def _greatest_alignment(self, item: Item) -> int:
        if not item.children:
            return self._storage(item).alignment
        return max(self._greatest_alignment(child) for child in item.children)

    def _running_alignment(self, item: Item) -> int:
        """Return GnuCOBOL's boundary of a table: it forgets what came before a group among the items."""
        running = 1
        for child in item.children:
            if child.children:
                running = self._running_alignment(child)
            elif child.redefines is None:
                running = max(running, self._storage(child).alignment)
        return running


def _last_moved(slot: Slot, slack: int) -> Slot:
    """Return a table with the slack of an occurrence before its last item, where GnuCOBOL puts it.

    Raises:
        CopybookError: the last item is in a table inside this one: it would lie over that one's next entry.
    """
    if not slack:
        return slot
    last = slot.children[-1]
    if not last.children:
        moved = replace(last, offset=last.offset + slack)
    elif last.item.occurs:
        raise error_at(
            last.item,
            f"{last.item.name or 'FILLER'}: GnuCOBOL moves the last item of an entry by its {slack} bytes of "
            "slack, over the next entry",
            "such records cannot be read: is the dialect right?",
        )
    else:
        moved = replace(_last_moved(last, slack), length=last.length + slack)
    return replace(slot, children=(*slot.children[:-1], moved))


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
    item = Item(1, "RECORD", first.item.line, first.item.column, first.item.source)
    aliases = tuple(alias for part in parts for alias in part.aliases)
    return Layout(Slot(item, "RECORD", 0, length, None, children), parts[0].source, aliases)
