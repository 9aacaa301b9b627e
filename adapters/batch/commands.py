"""What `banyan layout` prints: a pure function over texts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adapters.batch.copybook import CopyLibrary, Layout, Slot, layouts, parse
from adapters.batch.dialect import Dialect

#: The name that rows of slack bytes have: bytes that SYNCHRONIZED leaves unused.
SLACK = "(slack)"


def layout_rows(
    copybook_text: str,
    *,
    dialect: str = "ibm",
    where: str = "<copybook>",
    library: CopyLibrary | None = None,
) -> list[dict[str, Any]]:
    """Return one dict an item, in order: level, depth, name, path, offset (from 0), length and so on.

    Slack bytes are rows of their own, named `(slack)`, and level-66 items stand at the end of their record.

    Raises:
        CopybookError: the copybook cannot be read.
    """
    profile = Dialect.named(dialect)
    tree = parse(copybook_text, source=where, library=library, currency=profile.currency)
    return [row for part in layouts(tree, profile) for row in _record(part)]


def _record(part: Layout) -> Iterator[dict[str, Any]]:
    yield from _rows(part.record, part.name, 0)
    for alias in part.aliases:
        renames = next(r for r in part.record.item.renames if r.name == alias.item.name)
        ends = [" OF ".join(renames.first), " OF ".join(renames.last)]
        yield _row(alias, part.name, 1) | {"renames": " THRU ".join(dict.fromkeys(ends))}


def _rows(slot: Slot, record: str, depth: int) -> Iterator[dict[str, Any]]:
    yield _row(slot, record, depth)
    position = slot.offset
    for child in slot.children:
        if child.item.redefines is None and child.offset > position:
            yield _slack(slot, record, position, child.offset, depth + 1)
        yield from _rows(child, record, depth + 1)
        position = max(position, child.end)
    if slot.children and position < slot.offset + slot.length:
        yield _slack(slot, record, position, slot.offset + slot.length, depth + 1)


def _row(slot: Slot, record: str, depth: int) -> dict[str, Any]:
    item, occurs = slot.item, slot.item.occurs
    usage = item.usage if slot.storage else ""
    avro = slot.storage.avro if slot.storage else "record"
    if isinstance(avro, dict):
        avro = f"decimal({avro['precision']}, {avro['scale']})"
    times = "" if occurs is None else str(occurs.most)
    if occurs is not None and occurs.depending_on:
        times = f"{occurs.least} to {occurs.most}"
    name = item.name or "FILLER"
    sign = "" if item.sign is None else f"SIGN {'LEADING' if item.sign.leading else 'TRAILING'}"
    return {
        "level": item.level, "depth": depth, "name": name, "field": name, "record": record, "path": slot.path,
        "offset": slot.offset, "length": slot.length * slot.count, "occurrence": slot.length, "occurs": times,
        "depends_on": (occurs.depending_on or "") if occurs else "", "counter": slot.counter or "",
        "redefines": item.redefines or "", "renames": "",
        "picture": item.picture.text if item.picture else "",
        "usage": usage, "sign": f"{sign} SEPARATE" if item.sign and item.sign.separate else sign,
        "sync": item.sync, "justified": item.justified, "blank_when_zero": item.blank_when_zero,
        "value": item.value, "type": avro, "conditions": [str(c) for c in item.conditions],
        "source": f"{item.source}:{item.line}",
    }  # fmt: skip


def _slack(slot: Slot, record: str, start: int, end: int, depth: int) -> dict[str, Any]:
    return {
        "level": None, "depth": depth, "name": SLACK, "field": SLACK, "record": record,
        "path": f"{slot.path}.{SLACK}", "offset": start, "length": end - start, "occurrence": end - start,
        "occurs": "", "depends_on": "", "counter": "", "redefines": "", "renames": "", "picture": "",
        "usage": "", "sign": "", "sync": False, "justified": False, "blank_when_zero": False, "value": None,
        "type": "", "conditions": [], "source": "",
    }  # fmt: skip


def described(row: dict[str, Any]) -> str:
    """Return what a row of the table says beside name and place, in COBOL's words."""
    words = [row["picture"], row["usage"] if row["usage"] != "DISPLAY" else "", row["sign"]]
    words.append("SYNC" if row["sync"] and row["usage"] else "")
    words.append(f"OCCURS {row['occurs']}" if row["occurs"] else "")
    words.append(f"by {row['counter']}" if row["counter"] else "")
    words.append(f"REDEFINES {row['redefines']}" if row["redefines"] else "")
    words.append(f"RENAMES {row['renames']}" if row["renames"] else "")
    return " ".join(word for word in words if word)
