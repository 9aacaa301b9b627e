"""The parts of a running hub: all at once, or one a process."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hub.commands.options import EstateArgument, open_estate


def add_to(app: typer.Typer) -> None:
    """Register `run`, `worker`, `api`, `facade`, `controller`, `console`."""
    app.command(epilog="Example: banyan run universal_credit")(run)
    app.command(epilog="Example: banyan worker universal_credit --only claimant")(worker)
    app.command(epilog="Example: banyan api universal_credit")(api)
    app.command(epilog="Example: banyan facade universal_credit")(facade)
    app.command(epilog="Example: banyan controller universal_credit")(controller)
    app.command(epilog="Example: banyan console universal_credit")(console)


def run(estate: EstateArgument = None) -> None:
    """Run everything of an estate on this machine until Ctrl-C."""
    import asyncio

    from hub.run import run_estate

    asyncio.run(run_estate(open_estate(estate)))


def worker(
    estate: EstateArgument = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Host only this projection; may be repeated.")
    ] = None,
    member: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="This worker's own lasting name, where several share PostgreSQL: started again under it, it "
            "gets its partitions back at once. Two workers must not have the same.",
        ),
    ] = None,
    health_port: Annotated[
        int | None,
        typer.Option(
            metavar="PORT",
            min=1,
            max=65535,
            help="Answer /health/live and /health/ready on this port of loopback; ready: none is far behind.",
        ),
    ] = None,
) -> None:
    """Run the projections: events from Kafka into read models."""
    import asyncio
    import signal

    from hub.ending import end_soon
    from hub.logs import configure
    from schemas.errors import SettingsError

    opened = open_estate(estate)
    projections = [p for p in opened.hosted_projections if not only or p.name in only]
    if only and (unknown := sorted(set(only) - {p.name for p in projections})):
        raise SettingsError(
            f"no projection {unknown[0]!r} in this estate",
            where=str(opened.path),
            fix="see `banyan projection list`",
        )
    links = opened.links()
    configure("worker")

    async def main() -> None:
        from streams.worker import run as run_worker

        stop = asyncio.Event()

        def end() -> None:
            stop.set()
            end_soon()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, end)
        await run_worker(projections, links, stop=stop, member=member, health_port=health_port)

    asyncio.run(main())


def api(estate: EstateArgument = None) -> None:
    """Serve the read API made from the projections."""
    from hub.logs import configure

    opened = open_estate(estate)
    links = opened.links()
    configure("api")
    from streams.api import create_app

    settings = opened.settings.api
    app = create_app(opened.projections, opened.documents, links, contact=settings.contact)
    _serve(app, settings, "api")


def facade(estate: EstateArgument = None) -> None:
    """Serve the façade that stands in front of legacy and modern."""
    from hub.logs import configure

    opened = open_estate(estate)
    links = opened.links(needed=False)
    configure("facade")
    from strangler.facade import create_app

    _serve(create_app(opened.operations, links), opened.settings.facade, "facade")


def controller(estate: EstateArgument = None) -> None:
    """Step operations down when the modern side fails, and up where their gates are automatic."""
    import asyncio
    import contextlib

    from hub.ending import end_soon
    from hub.logs import configure
    from hub.run import stop_on_signal
    from schemas.errors import SettingsError

    opened = open_estate(estate)
    if not any(o.step_down.enabled or o.gate.automatic for o in opened.operations):
        raise SettingsError(
            "no operation of this estate is left to the controller",
            where=str(opened.path),
            fix="set [step_down] enabled = true, or [gate] automatic = true, in an operation's file",
        )
    links = opened.links(needed=False)
    configure("controller")

    async def main() -> None:
        from strangler.automatic import Automatic

        stop = stop_on_signal()
        running = asyncio.create_task(
            Automatic(opened.operations, links, opened.settings.facade_instances()).run()
        )
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        end_soon()  # a Kafka client that waits for a dead broker sits in a thread
        stopping.cancel()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running

    asyncio.run(main())


def console(estate: EstateArgument = None) -> None:
    """Serve the operations console."""
    from hub.logs import configure

    opened = open_estate(estate)
    opened.links()  # says now, not in the browser, that nothing is running
    configure("console")
    from hub.console.app import create_app

    _serve(create_app(opened), opened.settings.console, "console")


def _serve(app: Any, listen: Any, part: str) -> None:
    import asyncio

    from hub.serve import serve

    asyncio.run(serve(app, listen, part=part))
