"""What a person or a script sees: facts on stdout, errors on stderr as what, where, what to do."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from schemas.errors import BanyanError

#: Exit codes of every command (DESIGN 8).
DONE, NO, WRONG_USE, OUTSIDE_FAILED = 0, 1, 2, 3
#: Ended by Ctrl-C: 128 and the number of SIGINT, as shells have it.
INTERRUPTED = 130


def say(text: str = "") -> None:
    """Print one line of facts."""
    print(text, flush=True)


def note(text: str) -> None:
    """Print one line that is not a fact, so that pipes stay clean."""
    print(text, file=sys.stderr, flush=True)


def print_json(value: Any) -> None:
    """Print one JSON document for a machine."""
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str), flush=True)


def print_lines(values: Iterable[Any]) -> None:
    """Print JSON lines."""
    for value in values:
        print(json.dumps(value, ensure_ascii=False, default=str), flush=True)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]], *, right: Sequence[str] = ()) -> None:
    """Print a table; the columns named in `right` are numbers."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    # A pipe has no width: give each row its own line, so that `grep` and `awk` see whole rows.
    Console(highlight=False, width=None if sys.stdout.isatty() else 400).print(table)


def print_error(error: BanyanError) -> None:
    """Print an error as what, where, what to do."""
    note(f"error: {error.what}")
    if error.where:
        note(f"  where: {error.where}")
    if error.fix:
        note(f"  to do: {error.fix}")
