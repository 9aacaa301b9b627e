"""Projections: pure folds from events to the rows that the API serves."""

from __future__ import annotations

import typer

from hub.commands import parked
from hub.commands.options import EstateOption, JsonOption, open_estate
from hub.terminal import print_json, print_table, say

EXAMPLE = "Example: banyan projection list"


def add_to(app: typer.Typer) -> None:
    """Register `list`."""
    app.command("list", epilog=EXAMPLE)(list_)
    waiting = typer.Typer(name="parked", help=parked.__doc__, epilog=parked.EXAMPLE, no_args_is_help=True)
    parked.add_to(waiting)
    app.add_typer(waiting)


def list_(estate: EstateOption = None, as_json: JsonOption = False) -> None:
    """List the projections with version, source topic, API path and rows where a read model exists."""
    opened = open_estate(estate)
    from hub.rows import row_counts

    rows = row_counts(opened)
    found = [
        {
            "projection": p.name,
            "version": p.version,
            "topic": p.topic(opened.settings.prefix),
            "path": f"/v1/{p.collection}",
            "rows": rows.get((p.name, p.version)),
        }
        for p in opened.projections
    ]
    if as_json:
        print_json(found)
    elif not found:
        say("this estate has no projections")
    else:
        print_table(list(found[0]), (list(f.values()) for f in found), right=["version", "rows"])
