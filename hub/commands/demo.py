"""`banyan demo`: a running example that tells what happens."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.terminal import NO


def add_to(app: typer.Typer) -> None:
    """Register `demo`."""
    app.command(epilog="Example: banyan demo --exit")(demo)


def demo(
    end: Annotated[
        bool, typer.Option("--exit", help="Check the story's facts against the legacy data, then end.")
    ] = False,
    estate: Annotated[
        str, typer.Option(metavar="NAME", help="An estate with a story.py.")
    ] = "universal_credit",
) -> None:
    """Run the example: two legacy systems, Kafka, projections, API and façade. Ctrl-C ends it."""
    import asyncio

    from hub.demo import tell
    from hub.estate import Estate

    if not asyncio.run(tell(Estate(estate), end=end)):
        raise typer.Exit(NO)
