"""Kills and restores of this host, on their way from the local journal into the decision log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from strangler.kill_switch import write_durably

if TYPE_CHECKING:
    from strangler.control import Controller


def waiting(state: Path) -> list[str]:
    """Return the journal's lines that are not yet in the log."""
    journal, first = state / "facade" / "journal.jsonl", _done(state)
    lines = journal.read_text(encoding="utf-8").splitlines() if journal.exists() else []
    return lines[first:]


def carry(controller: Controller, state: Path) -> int:
    """Append what waits to the decision log, oldest first; return how many.

    A crash between the two writes repeats an entry in the log, which changes nothing; none is lost.
    """
    lines = waiting(state)
    for line in lines:
        entry = json.loads(line)
        controller.record(entry["operation"], entry["kind"], by=entry["by"], reason=entry["reason"])
        write_durably(state / "facade" / "journal.logged", str(_done(state) + 1))
    return len(lines)


def _done(state: Path) -> int:
    path = state / "facade" / "journal.logged"
    return int(path.read_text()) if path.exists() else 0
