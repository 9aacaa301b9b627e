"""Adapters: what watches a legacy system and publishes its changes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands import adapter_new, extract
from hub.commands.options import EstateArgument, JsonOption, open_estate
from hub.terminal import DONE, NO, note, print_json, print_table, say
from schemas.errors import SettingsError, Transient

if TYPE_CHECKING:
    from adapters.standing import Standing
    from hub.estate import Estate

EXAMPLE = "Example: banyan adapter run universal_credit --once"


def add_to(app: typer.Typer) -> None:
    """Register `new`, `test`, `list`, `about`, `run`, and what is done with extracts."""
    adapter_new.add_to(app)
    app.command("list", epilog="Example: banyan adapter list universal_credit --json")(list_)
    app.command(epilog="Example: banyan adapter about batch")(about)
    app.command(epilog=EXAMPLE)(run)
    extract.add_to(app)


def list_(estate: EstateArgument = None, as_json: JsonOption = False) -> None:
    """List the adapters of an estate: what they publish, and how each stands where Kafka runs."""
    opened = open_estate(estate)
    standing = _standings(opened)
    found: list[dict[str, Any]] = [
        {
            "name": spec.name,
            "kind": spec.kind,
            "system": spec.system,
            "every_seconds": spec.every_seconds,
            "owner": spec.owner,
            "entities": (entities := sorted(spec.open(folder).entities)),
            "topics": [opened.topics.change(spec.system, entity).name for entity in entities],
            **_stands(standing.get(spec.name)),
        }
        for spec, folder in opened.adapters
    ]
    if as_json:
        print_json(found)
    else:
        # A terminal has room for how they stand; whose they are stands in `--json`, and in a pipe.
        whose = [] if sys.stdout.isatty() else ["kind", "owner"]
        columns = ["name", "system", *whose, "state", "last", "open", "expected", "contract"]
        print_table(
            [*columns, "entities"],
            ([*(f[c] for c in columns), " ".join(f["entities"])] for f in found),
            right=["open"],
            whole=["name", "system"],
        )


def _standings(opened: Estate) -> dict[str, Standing]:
    """Return how each adapter stands; nothing where Kafka does not run."""
    from adapters.lifecycle import history
    from adapters.standing import standings
    from hub.embedded.health import kafka_answers

    try:
        links = opened.links()
        # A client would look for a silent broker for half a minute; a list of names must not wait for that.
        if not kafka_answers(links.kafka.bootstrap.partition(",")[0]):
            return {}
        return standings(list(history(links)))
    except Transient:
        return {}


def _stands(standing: Standing | None) -> dict[str, Any]:
    newest = standing.newest if standing else None
    return {
        "state": standing.state if standing else "",
        "last": (newest.file or newest.extract) if newest else "",
        "open": len(standing.open) if standing else 0,
        "expected": standing.expected if standing else "",
        "contract": standing.contract.state if standing and standing.contract else "",
        "drift": list(standing.drift) if standing else [],
    }


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
            print_table(["kind", "what it does"], ((n, _sentence(s.summary)) for n, s in KINDS.items()))
        return
    if kind not in KINDS:
        raise SettingsError(
            f"no adapter kind {kind!r}", where="KIND", fix=f"choose from: {', '.join(sorted(KINDS))}"
        )
    if as_json:
        print_json(about_schema(KINDS[kind]))
    else:
        say(about_markdown(KINDS[kind]))


def _sentence(text: str) -> str:
    """Return the first sentence of a text in lines."""
    return " ".join(text.split()).partition(". ")[0].rstrip(".")


def run(
    estate: EstateArgument = None,
    once: Annotated[bool, typer.Option("--once", help="Look at each source once, publish, and end.")] = False,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Run only this adapter; may be repeated.")
    ] = None,
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


def _report(report: Any, *, as_json: bool) -> None:
    rows = [
        {
            "name": s.name,
            "phase": s.phase,
            "committed": s.committed,
            "held": s.held,
            "failed": s.failed,
            "error": s.error,
            "waiting": s.unready | s.waiting,
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
        for row in rows:
            for file, why in row["waiting"].items():
                note(f"{row['name']}: {file} waits: {why}")
