"""Projections: pure folds from events to the rows that the API serves."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hub.commands import parked
from hub.commands.options import EstateOption, JsonOption, login, open_estate
from hub.terminal import NO, print_facts, print_json, print_table, say

EXAMPLE = "Example: banyan projection list"
Name = Annotated[str, typer.Argument(metavar="NAME", help="The projection.")]
Version = Annotated[int, typer.Option("--version", min=1, help="Which version.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept in the journal.")]
By = Annotated[str, typer.Option(help="Who decides; your login without it.", default_factory=login)]
Force = Annotated[
    bool,
    typer.Option("--force", help="Also to one that is not caught up, or not compared; it is kept on record."),
]


def add_to(app: typer.Typer) -> None:
    """Register the subcommands."""
    app.command("list", epilog=EXAMPLE)(list_)
    app.command(epilog="Example: banyan projection compare case --version 2")(compare)
    app.command(epilog='Example: banyan projection switch case --to 2 --reason "CHG-1042"')(switch)
    app.command(epilog='Example: banyan projection pause case --version 2 --reason "busy hours"')(pause)
    app.command(epilog='Example: banyan projection resume case --version 2 --reason "night"')(resume)
    app.command(epilog='Example: banyan projection drop case --version 1 --reason "kept for a week"')(drop)
    app.command(epilog='Example: banyan projection rebuild case --version 2 --reason "mended"')(rebuild)
    app.command(epilog="Example: banyan projection journal")(journal)
    waiting = typer.Typer(name="parked", help=parked.__doc__, epilog=parked.EXAMPLE, no_args_is_help=True)
    parked.add_to(waiting)
    app.add_typer(waiting)


def list_(estate: EstateOption = None, as_json: JsonOption = False) -> None:
    """List the projections: versions, which one is live, rows, and how far a build has come."""
    opened = open_estate(estate)
    from hub.versions import overview

    found = overview(opened)
    if as_json:
        print_json(found)
    elif not found:
        say("this estate has no projections")
    else:
        columns = ["projection", "version", "state", "rows", "done", "left"]
        print_table(
            columns,
            ([_shown(c, f[c]) for c in columns] for f in found),
            right=["version", "rows", "done", "left"],
        )


def compare(
    name: Name,
    version: Version,
    by: By,
    other: Annotated[
        int | None, typer.Option("--with", min=1, help="The version to compare with; else the live one.")
    ] = None,
    reason: Reason = "before a switch",
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Show the samples' values: they may be personal data.")
    ] = False,
    estate: EstateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two versions row by row at the same offsets; differences that rules explain count as none.

    Exit code 1 where something is unexplained. The outcome is kept: a switch demands a green one.
    """
    opened = open_estate(estate)
    from hub.comparing import compare_versions, facts

    against, found = compare_versions(opened, name, version, other, by=by, reason=reason, reveal=reveal)
    shown = facts(name, version, against, found)
    if as_json:
        print_json(shown)
    else:
        samples, rules, fields = shown.pop("samples"), shown.pop("rules"), shown.pop("fields")
        print_facts(shown | {"offsets": [f"{p}:{n}" for p, n in shown["offsets"].items()]})
        for title, counts in (("differences by field", fields), ("hidden by rules", rules)):
            if counts:
                say(f"{title}:")
                print_facts({f"  {label}": f"{count:,}" for label, count in counts.items()})
        for sample in samples:
            pairs = ", ".join(f"{f}: {old} → {new}" for f, (old, new) in sample["fields"].items())
            say(f"event {sample['other'] or '-'} → {sample['this'] or '-'}  {pairs}")
    if not found.green:
        raise typer.Exit(NO)


def switch(
    name: Name,
    reason: Reason,
    by: By,
    to: Annotated[int, typer.Option("--to", min=1, help="The version that becomes live.")],
    force: Force = False,
    estate: EstateOption = None,
) -> None:
    """Make another version live at once; consumers notice nothing. Rolling back is a switch, too."""
    from hub.versions import switch_to

    was = switch_to(open_estate(estate), name, to, by=by, reason=reason, force=force)
    say(f"{name}: version {to} is live, it was {was}; back: banyan projection switch {name} --to {was}")


def pause(name: Name, version: Version, reason: Reason, by: By, estate: EstateOption = None) -> None:
    """Let no worker write a version for now; what is stored stays, readers go on."""
    from hub.versions import declared, versions_of

    opened = open_estate(estate)
    declared(opened, name, version)
    versions_of(opened).hold(name, version, "pause", by=by, reason=reason)
    say(f"{name}: version {version} is paused")


def resume(name: Name, version: Version, reason: Reason, by: By, estate: EstateOption = None) -> None:
    """Let a paused version go on from where it stands."""
    from hub.versions import declared, versions_of

    opened = open_estate(estate)
    declared(opened, name, version)
    versions_of(opened).release(name, version, "resume", by=by, reason=reason)
    say(f"{name}: version {version} goes on")


def drop(name: Name, version: Version, reason: Reason, by: By, estate: EstateOption = None) -> None:
    """Delete the read model of a version that is not live."""
    from hub.versions import drop_version

    drop_version(open_estate(estate), name, version, by=by, reason=reason)
    say(f"{name}: the read model of version {version} is gone; take its declaration out of the estate")


def rebuild(name: Name, version: Version, reason: Reason, by: By, estate: EstateOption = None) -> None:
    """Build a version that is not live from the beginning again."""
    from hub.versions import rebuild_version

    rebuild_version(open_estate(estate), name, version, by=by, reason=reason)
    say(f"{name}: version {version} is built from the beginning; see banyan projection list")


def journal(estate: EstateOption = None, as_json: JsonOption = False) -> None:
    """Show who switched, paused, dropped and rebuilt what, when and why."""
    from datetime import UTC, datetime

    from hub.versions import versions_of

    entries = versions_of(open_estate(estate)).document.journal
    if as_json:
        print_json([e.model_dump() for e in entries])
        return
    columns = ["at", "action", "projection", "version", "by", "reason"]
    print_table(
        columns,
        (
            [
                f"{datetime.fromtimestamp(e.at_ms / 1000, UTC):%Y-%m-%d %H:%M}",
                e.action,
                e.projection,
                e.version,
                e.by,
                e.reason,
            ]
            for e in entries
        ),
        right=["version"],
    )


def _shown(column: str, value: Any) -> Any:
    if value is None:
        return ""
    return f"{value:.1%}" if column == "done" else f"{value:,}" if column in ("rows", "left") else value
