"""Items of a layout by the names that settings may use: COBOL name, dotted path or Avro name."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from adapters.batch.copybook import Layout, Slot
from schemas.errors import SettingsError
from schemas.names import avro_name


def find(name: str, layout: Layout, *, where: str) -> Slot:
    """Return the elementary item of a COBOL name, dotted path or Avro name.

    Raises:
        SettingsError: none or several.
    """
    found = [s for s in layout.record.walk() if s.storage and s.item.name and called(s, name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise SettingsError(
            f"{name!r} is {len(found)} items", where=where, fix=f"write {found[0].path!r}, say"
        )
    known = [s.item.name for s in layout.record.walk() if s.storage and s.item.name]
    raise SettingsError(f"no item {name!r} in {layout.name}", where=where, fix=suggestion(name, known))


def suggestion(name: str, known: Sequence[str]) -> str:
    """Return a remedy for an unknown name."""
    close = difflib.get_close_matches(name.upper().replace("_", "-"), known, 1)
    return f"did you mean {close[0]!r}?" if close else f"choose from: {', '.join(known[:12])}"


def called(slot: Slot, name: str) -> bool:
    """True if settings may call the item by `name`."""
    wanted = name.upper()
    return wanted in (slot.item.name, slot.path) or wanted == avro_name(slot.item.name)
