"""`banyan check`: lint a whole estate without starting anything."""

from __future__ import annotations

import typer

from hub.commands.options import EstateArgument, JsonOption, open_estate
from hub.terminal import NO, print_json, say


def add_to(app: typer.Typer) -> None:
    """Register `check`."""
    app.command(epilog="Example: banyan check examples/universal_credit")(check)


def check(estate: EstateArgument = None, as_json: JsonOption = False) -> None:
    """Lint an estate: settings, copybooks, WSDLs, projections, documents, operations. Starts nothing."""
    from hub.lint import lint

    findings, counts = lint(open_estate(estate))
    if as_json:
        print_json({"findings": [vars(f) for f in findings], "counts": counts})
    else:
        for finding in findings:
            say(f"{finding.where}: {finding.what}\n  → {finding.fix}")
        parts = ", ".join(f"{n} {name}" for name, n in counts.items())
        say(f"{len(findings)} findings in {parts}")
    if findings:
        raise typer.Exit(NO)
