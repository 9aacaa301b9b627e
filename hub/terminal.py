"""What a person or a script sees: facts on stdout, errors on stderr as what, where, what to do."""

from __future__ import annotations

import io
import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
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


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    right: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> None:
    """Print a table; the columns named in `right` are numbers, those in `whole` are folded last.

    A terminal has little room, so columns without any value are left out there. A pipe has no width: each row
    is one line with every column, so that `grep` and `awk` see whole rows.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = [["" if cell is None else str(cell) for cell in row] for row in rows]
    terminal = sys.stdout.isatty()
    shown = [i for i in range(len(columns)) if not terminal or not cells or any(row[i] for row in cells)]
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
    for column in (columns[i] for i in shown):
        table.add_column(
            column,
            justify="right" if column in right else "left",
            overflow="fold",
            no_wrap=column in whole,
        )
    for row in cells:
        table.add_row(*(Text(row[i]) for i in shown))
    if terminal:
        size = shutil.get_terminal_size()
        # Both are given: rich takes a dumb terminal for one of 80 columns, whatever COLUMNS says.
        Console(highlight=False, width=size.columns, height=size.lines).print(table)
        return
    lines = io.StringIO()
    Console(highlight=False, width=400, file=lines).print(table)
    print(*(line.rstrip() for line in lines.getvalue().splitlines()), sep="\n", flush=True)


def print_facts(facts: Mapping[str, Any]) -> None:
    """Print one thing's facts: a line each, the names in a column, the parts of a list beside each other."""
    width = max(map(len, facts), default=0) + 2
    for name, value in facts.items():
        if isinstance(value, (list, tuple)):
            value = ", ".join(map(str, value))
        say(f"{name:{width}}{'' if value is None else value}".rstrip())


def say_wrapped(text: str, *, indent: str = "") -> None:
    """Print a sentence: within a terminal's width, with further lines indented; in a pipe as one line."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    further = indent + "    "
    if width > 2 * len(further):
        text = textwrap.fill(
            text, width, initial_indent=indent, subsequent_indent=further,
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
        say(text)
    else:
        say(indent + text)


def print_error(error: BanyanError) -> None:
    """Print an error as what, where, what to do."""
    note(f"error: {error.what}")
    if error.where:
        note(f"  where: {error.where}")
    if error.fix:
        note(f"  to do: {error.fix}")
