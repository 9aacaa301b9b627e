"""The embedded Kafka and schema registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from hub.commands.options import EstateArgument, JsonOption, open_estate
from hub.terminal import NO, print_json, print_table, say

if TYPE_CHECKING:
    from hub.embedded.commands import Status


def add_to(app: typer.Typer) -> None:
    """Register `up`, `down`, `status`."""
    app.command(epilog="Example: banyan up universal_credit")(up)
    app.command(epilog="Example: banyan down universal_credit")(down)
    app.command(epilog="Example: banyan status universal_credit --json")(status)


def up(estate: EstateArgument = None, as_json: JsonOption = False) -> None:
    """Start the embedded Kafka and registry of an estate, and leave them running."""
    opened = open_estate(estate)
    from hub.embedded import TerminalProgress
    from hub.embedded import up as start_services
    from hub.services import embedded_only, ports

    embedded_only(opened)
    _show(start_services(opened.state, ports=ports(opened), progress=TerminalProgress()), as_json=as_json)


def down(estate: EstateArgument = None) -> None:
    """End the embedded Kafka and registry that `banyan up` started."""
    opened = open_estate(estate)
    from hub.embedded import down as end_services
    from hub.services import embedded_only

    embedded_only(opened)
    say("Kafka and the registry have ended" if end_services(opened.state) else "nothing was running")


def status(estate: EstateArgument = None, as_json: JsonOption = False) -> None:
    """Say whether Kafka and the registry answer; exit code 1 where they do not."""
    from hub.services import service_status

    found = service_status(open_estate(estate))
    _show(found, as_json=as_json)
    if not found.healthy:
        raise typer.Exit(NO)


def _show(found: Status, *, as_json: bool) -> None:
    if as_json:
        print_json(found.as_json())
    elif not found.services:
        say("Kafka and the registry do not run")
    else:
        rows = (
            [
                s.name,
                s.at,
                s.pid,
                f"{s.memory / 1e6:.0f} MB" if s.memory else None,
                "yes" if s.answers else "NO",
            ]
            for s in found.services
        )
        print_table(["service", "address", "process", "memory", "answers"], rows, right=["process", "memory"])
