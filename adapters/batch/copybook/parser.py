"""Copybook parser: recursive descent over the entries of a data division fragment.

Grammar: IBM Enterprise COBOL for z/OS Language Reference, "Data division -- data description entry".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from adapters.batch.copybook.checks import check_elementary, check_group, check_redefines, error_at
from adapters.batch.copybook.copying import expanded
from adapters.batch.copybook.cursor import Cursor
from adapters.batch.copybook.entry import Entry, parse_entry
from adapters.batch.copybook.errors import CopybookError
from adapters.batch.copybook.library import CopyLibrary
from adapters.batch.copybook.reference_format import SourceFormat
from adapters.batch.copybook.tree import Copybook, Item, Renames, Usage

#: Headings of a program's data division, and file descriptions: read over up to their period.
_HEADINGS = (
    "DATA", "FILE", "WORKING-STORAGE", "LOCAL-STORAGE", "LINKAGE", "THREAD-LOCAL-STORAGE", "FD", "SD",
)  # fmt: skip


def parse(
    text: str,
    *,
    source_format: SourceFormat = "auto",
    source: str = "<copybook>",
    library: CopyLibrary | None = None,
    currency: str = "$",
) -> Copybook:
    """Return the tree of a copybook.

    `source` names the copybook in errors; `library` is where COPY looks; `currency` is the sign of money in
    PICTURE strings. A copybook without an 01 level (a fragment made for a COPY below one) gets an unnamed
    record around it. The headings of a data division may stand in it; a procedure division ends it.

    Raises:
        CopybookError: with file, line and column, for everything that is not understood.
    """
    text_tokens = expanded(text, source=source, source_format=source_format, library=library)
    cursor = Cursor(text_tokens, source, currency)
    roots: list[_Node] = []
    stack: list[_Node] = []
    while cursor.more and cursor.word != "PROCEDURE":
        if cursor.word in _HEADINGS:
            cursor.until_period()
            continue
        entry = parse_entry(cursor)
        if entry.item.level == 88:
            _condition(entry, stack)
        elif entry.renames is not None:
            _renames(entry, entry.renames, roots)
        else:
            _place(entry.item, roots, stack)
    if not roots:
        raise CopybookError(
            "the copybook describes no data item",
            source=source,
            line=1,
            column=1,
            fix="is this the right file?",
        )
    roots = _wrap(roots)
    check_redefines([root.item for root in roots])
    return Copybook(tuple(node.freeze("DISPLAY") for node in roots), source)


@dataclasses.dataclass(slots=True)
class _Node:
    """An item under construction."""

    item: Item
    children: list[_Node] = dataclasses.field(default_factory=list)

    def freeze(self, usage: Usage, unsigned: bool = False) -> Item:
        """Return the frozen item, with USAGE, SIGN and SYNC handed down from groups."""
        item = self.item
        if item.usage == "DISPLAY" and (self.children or usage != "NATIONAL" or _takes_national(item)):
            item = dataclasses.replace(item, usage=usage, unsigned=unsigned)
        if not self.children:
            check_elementary(item)
            return item
        check_group(item)
        check_redefines([child.item for child in self.children])
        for child in self.children:
            handed = child.item
            if handed.sign is None and item.sign is not None:
                handed = dataclasses.replace(handed, sign=item.sign)
            if item.sync and not handed.sync:
                handed = dataclasses.replace(handed, sync=True)
            child.item = handed
        children = tuple(child.freeze(item.usage, item.unsigned) for child in self.children)
        return dataclasses.replace(item, children=children)


def _takes_national(item: Item) -> bool:
    """Return True if GROUP-USAGE NATIONAL reaches an item: not one of letters, which stays DISPLAY."""
    return item.picture is None or item.picture.category not in ("text", "text-edited", "dbcs")


def _place(item: Item, roots: list[_Node], stack: list[_Node]) -> None:
    node = _Node(item)
    if item.level in (1, 77):
        stack[:] = [node]
        roots.append(node)
        return
    while stack and stack[-1].item.level >= item.level:
        stack.pop()
    if stack and stack[0].item.level == 77:
        raise error_at(
            item, f"level {item.level:02} cannot stand below a level-77 item", "make the item above level 01"
        )
    (stack[-1].children if stack else roots).append(node)
    stack.append(node)


def _wrap(roots: list[_Node]) -> list[_Node]:
    """Give items that stand above every 01 level a record of their own."""
    loose = [node for node in roots if node.item.level not in (1, 77)]
    if not loose:
        return roots
    first = loose[0].item
    renames = tuple(r for node in loose for r in node.item.renames)
    for node in loose:
        node.item = dataclasses.replace(node.item, renames=())
    record = _Node(Item(1, "RECORD", first.line, first.column, first.source, renames=renames), loose)
    return [record, *(node for node in roots if node.item.level in (1, 77))]


def _condition(entry: Entry, stack: list[_Node]) -> None:
    if not stack:
        raise error_at(entry.item, "a level-88 condition needs an item above it", "put it below its item")
    owner = stack[-1]
    assert entry.condition is not None  # parse_entry gives every level 88 its condition
    owner.item = dataclasses.replace(owner.item, conditions=(*owner.item.conditions, entry.condition))


def _renames(entry: Entry, renames: Renames, roots: list[_Node]) -> None:
    if not roots:
        raise error_at(entry.item, "a level-66 item needs a record above it", "put it at the record's end")
    record = roots[-1]
    names = {name for node in _all(record) if (name := node.item.name)}
    if record.item.level not in (1, 77):  # a fragment: the whole of it is the record
        names |= {name for root in roots for node in _all(root) if (name := node.item.name)}
    for qualified in (renames.first, renames.last):
        if qualified[0] not in names:
            raise error_at(
                entry.item,
                f"RENAMES {qualified[0]}: no such item in {record.item.name or 'FILLER'}",
                "a level-66 item renames items of the record above it",
            )
    record.item = dataclasses.replace(record.item, renames=(*record.item.renames, renames))


def _all(node: _Node) -> Sequence[_Node]:
    return [node, *(below for child in node.children for below in _all(child))]
