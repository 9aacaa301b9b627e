"""Copybook parser: recursive descent over the entries of a data division fragment.

Grammar: IBM Enterprise COBOL for z/OS Language Reference, "Data division -- data description entry".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from adapters.batch.copybook.clauses import Cursor, Entry, parse_entry
from adapters.batch.copybook.errors import CopybookError
from adapters.batch.copybook.lexer import SourceFormat, tokens
from adapters.batch.copybook.tree import Copybook, Item, Renames, Usage


def parse(text: str, *, source_format: SourceFormat = "auto", source: str = "<copybook>") -> Copybook:
    """Return the tree of a copybook.

    `source` names the copybook in errors. A copybook without an 01 level (a fragment made for a COPY below
    one) gets an unnamed record around it.

    Raises:
        CopybookError: with line and column, for everything that is not understood.
    """
    cursor = Cursor(tokens(text, source_format=source_format, source=source), source)
    roots: list[_Node] = []
    stack: list[_Node] = []
    while cursor.more:
        entry = parse_entry(cursor)
        if entry.item.level == 88:
            _condition(entry, stack, source)
        elif entry.renames is not None:
            _renames(entry, entry.renames, roots, source)
        else:
            _place(entry.item, roots, stack, source)
    if not roots:
        raise CopybookError(
            "the copybook describes no data item",
            source=source,
            line=1,
            column=1,
            fix="is this the right file?",
        )
    records = [node.freeze("DISPLAY", source) for node in _wrap(roots)]
    return Copybook(tuple(records), source)


@dataclasses.dataclass(slots=True)
class _Node:
    """An item under construction."""

    item: Item
    children: list[_Node] = dataclasses.field(default_factory=list)

    def freeze(self, usage: Usage, source: str) -> Item:
        """Return the frozen item, with USAGE and SIGN handed down from groups."""
        item = self.item
        own = item.usage if item.usage != "DISPLAY" else usage
        if self.children:
            _check_group(item, source)
            _check_redefines(self.children, source)
            for child in self.children:
                if child.item.sign is None and item.sign is not None:
                    child.item = dataclasses.replace(child.item, sign=item.sign)
        children = tuple(child.freeze(own, source) for child in self.children)
        item = dataclasses.replace(item, usage=own, children=children)
        if not children:
            _check_elementary(item, source)
        return item


def _place(item: Item, roots: list[_Node], stack: list[_Node], source: str) -> None:
    node = _Node(item)
    if item.level in (1, 77):
        stack[:] = [node]
        roots.append(node)
        return
    while stack and stack[-1].item.level >= item.level:
        stack.pop()
    if stack and stack[0].item.level == 77:
        raise _at(item, f"level {item.level:02} cannot stand below a level-77 item", source)
    (stack[-1].children if stack else roots).append(node)
    stack.append(node)


def _wrap(roots: list[_Node]) -> list[_Node]:
    """Give items that stand above every 01 level a record of their own."""
    loose = [node for node in roots if node.item.level not in (1, 77)]
    if not loose:
        return roots
    first = loose[0].item
    record = _Node(Item(1, "RECORD", first.line, first.column), loose)
    return [record, *(node for node in roots if node.item.level in (1, 77))]


def _condition(entry: Entry, stack: list[_Node], source: str) -> None:
    if not stack:
        raise _at(entry.item, "a level-88 condition needs an item above it", source)
    owner = stack[-1]
    assert entry.condition is not None  # parse_entry gives every level 88 its condition
    owner.item = dataclasses.replace(owner.item, conditions=(*owner.item.conditions, entry.condition))


def _renames(entry: Entry, renames: Renames, roots: list[_Node], source: str) -> None:
    if not roots:
        raise _at(entry.item, "a level-66 item needs a record above it", source)
    record = roots[-1]
    names = {name for node in _all(record) if (name := node.item.name)}
    for name in (renames.first, renames.last):
        if name not in names:
            raise _at(entry.item, f"RENAMES {name}: no such item in {record.item.name}", source)
    record.item = dataclasses.replace(record.item, renames=(*record.item.renames, renames))


def _all(node: _Node) -> Sequence[_Node]:
    return [node, *(below for child in node.children for below in _all(child))]


def _check_redefines(children: Sequence[_Node], source: str) -> None:
    seen: set[str] = set()
    for child in children:
        target = child.item.redefines
        if target is not None and target not in seen:
            raise _at(
                child.item,
                f"{child.item.name or 'FILLER'} REDEFINES {target}, which is no item before it at this level",
                source,
                fix="name an item of the same group that stands above",
            )
        seen.add(child.item.name)


def _check_group(item: Item, source: str) -> None:
    if item.picture is not None:
        raise _at(
            item, f"{item.name or 'FILLER'} has a PICTURE and items below it", source, "check level numbers"
        )


def _check_elementary(item: Item, source: str) -> None:
    name = item.name or "FILLER"
    if item.level in (1, 77) and item.occurs:
        raise _at(item, f"OCCURS cannot stand at level {item.level:02}", source, "move it to a level below")
    picture = item.picture
    if item.usage in ("COMP-1", "COMP-2"):
        if picture is not None:
            raise _at(item, f"{name} is {item.usage} and cannot have a PICTURE", source, "drop the PICTURE")
    elif picture is None:
        raise _at(
            item, f"{name} has neither a PICTURE nor items below it", source, "check the level numbers below"
        )
    elif item.usage != "DISPLAY" and picture.category != "numeric":
        raise _at(item, f"{name} is {item.usage} but its PICTURE {picture.text} is not numeric", source)
    elif item.sign and item.sign.separate and item.usage != "DISPLAY" and picture.signed:
        raise _at(item, f"{name}: SIGN SEPARATE is only for USAGE DISPLAY", source)


def _at(item: Item, what: str, source: str, fix: str = "") -> CopybookError:
    return CopybookError(what, source=source, line=item.line, column=item.column, fix=fix)
