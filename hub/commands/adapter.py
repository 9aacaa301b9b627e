"""Adapters: what watches a legacy system and publishes its changes."""

from __future__ import annotations

import getpass
from typing import Annotated, Any

import typer

from hub.commands import adapter_new
from hub.commands.options import EstateArgument, EstateOption, JsonOption, open_estate
from hub.terminal import DONE, NO, print_json, print_table, say
from schemas.errors import SettingsError

EXAMPLE = "Example: banyan adapter run universal_credit --once"

By = Annotated[str, typer.Option(help="Who decides; your login without it.", default_factory=getpass.getuser)]
Reason = Annotated[str, typer.Option(help="Why; it is kept on record.")]


def add_to(app: typer.Typer) -> None:
    """Register `new`, `test`, `list`, `about`, `run`, `approve`, `reject`."""
    adapter_new.add_to(app)
    app.command("list", epilog="Example: banyan adapter list universal_credit --json")(list_)
    app.command(epilog="Example: banyan adapter about batch")(about)
    app.command(epilog=EXAMPLE)(run)
    app.command(epilog='Example: banyan adapter approve awards --reason "the office really closed"')(approve)
    app.command(epilog='Example: banyan adapter reject awards --reason "wrong file"')(reject)


def list_(estate: EstateArgument = None, as_json: JsonOption = False) -> None:
    """List the adapters of an estate, with the entities that they publish."""
    opened = open_estate(estate)
    found: list[dict[str, Any]] = [
        {
            "name": spec.name,
            "kind": spec.kind,
            "system": spec.system,
            "every_seconds": spec.every_seconds,
            "owner": spec.owner,
            "topics": [
                opened.topics.change(spec.system, entity).name
                for entity in sorted(spec.open(folder).entities)
            ],
        }
        for spec, folder in opened.adapters
    ]
    if as_json:
        print_json(found)
    else:
        print_table(
            ["name", "kind", "system", "owner", "topics"],
            ([f["name"], f["kind"], f["system"], f["owner"], ", ".join(f["topics"])] for f in found),
        )


def about(
    kind: Annotated[
        str | None, typer.Argument(help="A kind of adapter; the list of kinds without it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON Schema of adapter.toml.")] = False,
) -> None:
    """Tell what a kind of adapter does, promises, and takes as settings."""
    from adapters.about import about_markdown, about_schema
    from adapters.catalogue import KINDS

    if kind is None:
        if as_json:
            print_json({name: about_schema(spec) for name, spec in KINDS.items()})
        else:
            print_table(
                ["kind", "what it does"], ((n, s.summary.partition("\n")[0]) for n, s in KINDS.items())
            )
        return
    if kind not in KINDS:
        raise SettingsError(
            f"no adapter kind {kind!r}", where="KIND", fix=f"choose from: {', '.join(sorted(KINDS))}"
        )
    if as_json:
        print_json(about_schema(KINDS[kind]))
    else:
        say(about_markdown(KINDS[kind]))


def run(
    estate: EstateArgument = None,
    once: Annotated[bool, typer.Option("--once", help="Look at each source once, publish, and end.")] = False,
    only: Annotated[list[str] | None, typer.Option(help="Run only this adapter; may be repeated.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the adapters: watch the legacy systems and publish what changed."""
    import signal
    import threading

    from hub.ending import end_soon
    from hub.logs import configure

    opened = open_estate(estate)
    specs = [opened.adapter(name) for name in only] if only else opened.adapters
    links = opened.links()
    configure("adapter")
    from adapters.runner import run as run_adapters

    stop = threading.Event()

    def end(*_: object) -> None:
        stop.set()
        end_soon()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    report = run_adapters(specs, links, once=once, stop=stop)
    if once:
        _report(report, as_json=as_json)
    raise typer.Exit(DONE if report.ok else NO)


def approve(
    name: Annotated[str, typer.Argument(help="The adapter whose extract is held.")],
    reason: Reason,
    by: By,
    extract: Annotated[str | None, typer.Option(help="The extract; needed where several are held.")] = None,
    estate: EstateOption = None,
) -> None:
    """Publish an extract that is held."""
    from adapters.approval import approve as approve_extract

    links, held = _held(estate, name, extract)
    approve_extract(links, name, held, by=by, reason=reason)
    say(f"approved {held}; the running adapter publishes it")


def reject(
    name: Annotated[str, typer.Argument(help="The adapter whose extract is held.")],
    reason: Reason,
    by: By,
    extract: Annotated[str | None, typer.Option(help="The extract; needed where several are held.")] = None,
    estate: EstateOption = None,
) -> None:
    """Drop an extract that is held; nothing of it is published."""
    from adapters.approval import reject as reject_extract

    links, held = _held(estate, name, extract)
    reject_extract(links, name, held, by=by, reason=reason)
    say(f"rejected {held}")


def _held(estate: str | None, name: str, extract: str | None) -> tuple[Any, str]:
    """Return the links and the one held extract that is meant."""
    from adapters.approval import held

    opened = open_estate(estate)
    opened.adapter(name)
    links = opened.links()
    waiting = [h.extract for h in held(links) if h.adapter == name and extract in (None, h.extract)]
    if len(waiting) == 1:
        return links, waiting[0]
    if not waiting:
        say(f"{name}: no {'such extract' if extract else 'extract'} is held")
        raise typer.Exit(NO)
    raise SettingsError(
        "several extracts are held", where=name, fix=f"name one by --extract: {', '.join(waiting)}"
    )


def _report(report: Any, *, as_json: bool) -> None:
    rows = [
        {
            "name": s.name,
            "phase": s.phase,
            "committed": s.committed,
            "held": s.held,
            "failed": s.failed,
            "error": s.error,
        }
        for s in report.adapters.values()
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(
            ["adapter", "committed", "held", "failed", "error"],
            ([r["name"], len(r["committed"]), len(r["held"]), len(r["failed"]), r["error"]] for r in rows),
            right=["committed", "held", "failed"],
        )
