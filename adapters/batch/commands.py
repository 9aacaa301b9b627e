"""What `banyan layout` prints: a pure function over texts."""

from __future__ import annotations

from typing import Any

from adapters.batch.copybook import Slot, layouts, parse
from adapters.batch.dialect import Dialect


def layout_rows(
    copybook_text: str, *, dialect: str = "ibm", where: str = "<copybook>"
) -> list[dict[str, Any]]:
    """Return one dict an item, in order: level, name, path, offset (from 0), length and so on.

    Raises:
        CopybookError: the copybook cannot be read.
    """
    parts = layouts(parse(copybook_text, source=where), Dialect.named(dialect))
    return [_row(slot, part.name) for part in parts for slot in part.record.walk()]


def _row(slot: Slot, record: str) -> dict[str, Any]:
    item, occurs = slot.item, slot.item.occurs
    usage = item.usage if slot.storage else ""
    avro = slot.storage.avro if slot.storage else "record"
    if isinstance(avro, dict):
        avro = f"decimal({avro['precision']}, {avro['scale']})"
    times = "" if occurs is None else str(occurs.most)
    if occurs is not None and occurs.depending_on:
        times = f"{occurs.least} to {occurs.most}"
    name = item.name or "FILLER"
    return {
        "level": item.level, "name": name, "field": name, "record": record, "path": slot.path,
        "offset": slot.offset, "length": slot.length * slot.count, "occurs": times,
        "depends_on": (occurs.depending_on or "") if occurs else "", "redefines": item.redefines or "",
        "picture": item.picture.text if item.picture else "", "usage": usage, "type": avro,
        "conditions": [str(c) for c in item.conditions],
    }  # fmt: skip
