"""The embedded Kafka and schema registry."""

from __future__ import annotations

import typer

from hub.commands.options import EstateArgument, JsonOption, open_estate
from hub.terminal import NO, print_json, say


def add_to(app: typer.Typer) -> None:
    """Register `up`, `down`, `status`."""
    app.command(epilog="Example: banyan up universal_credit")(up)
    app.command(epilog="Example: banyan down universal_credit")(down)
    app.command(epilog="Example: banyan status universal_credit --json")(status)


def up(estate: EstateArgument = None, as_json: JsonOption = False) -> None:
    """Start the embedded Kafka and registry of an estate, and leave them running."""
    from hub.services import start_detached

    found = start_detached(open_estate(estate))
    if as_json:
        print_json(found)
    else:
        say(f"Kafka {found['bootstrap']}, registry {found['registry']}; `banyan down` ends them")


def down(estate: EstateArgument = None) -> None:
    """End the embedded Kafka and registry that `banyan up` started."""
    from hub.services import stop_detached

    say("ended" if stop_detached(open_estate(estate)) else "nothing was running")


def status(estate: EstateArgument = None, as_json: JsonOption = False) -> None:
    """Say whether Kafka and the registry answer; exit code 1 where they do not."""
    from hub.services import service_status

    found = service_status(open_estate(estate))
    if as_json:
        print_json(found)
    else:
        for name in ("kafka", "registry"):
            outcome = "answers" if found[name]["answers"] else "does not answer"
            say(f"{name}: {outcome}  {found[name]['at'] or ''}".rstrip())
    if not (found["kafka"]["answers"] and found["registry"]["answers"]):
        raise typer.Exit(NO)
