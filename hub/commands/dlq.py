"""Rejected records, with raw bytes, place, field path and reason."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.commands.options import EstateOption, JsonOption, open_estate
from hub.terminal import print_json, print_table, say

EXAMPLE = "Example: banyan dlq list"


def add_to(app: typer.Typer) -> None:
    """Register `list`."""
    app.callback()(lambda: None)  # keeps `list` a subcommand while it is the only one
    app.command("list", epilog=EXAMPLE)(list_)


def list_(
    estate: EstateOption = None,
    last: Annotated[int, typer.Option("--last", "-n", min=1, help="At most so many, newest last.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List dead letters of every system: where they came from and why. Never their content."""
    opened = open_estate(estate)
    from hub.dead_letters import dead_letters

    found = dead_letters(opened)
    if as_json:
        print_json(found[-last:])
    elif not found:
        say("no dead letters")
    else:
        columns = ["at", "adapter", "entity", "file", "record", "field", "reason"]
        print_table(
            columns, ([letter.get(c, "") for c in columns] for letter in found[-last:]), right=["record"]
        )
        say(f"{len(found):,} dead letter{'' if len(found) == 1 else 's'}")
