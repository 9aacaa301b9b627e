"""`banyan bench`: benchmarks, each with its peers in the same run."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.commands.options import JsonOption
from hub.terminal import NO, note, print_json, print_table, say


def add_to(app: typer.Typer) -> None:
    """Register `bench`."""
    app.command(epilog="Example: banyan bench avro_codec --json")(bench)


def bench(
    name: Annotated[
        str | None, typer.Argument(help="Only the benchmark of this name; all without it.")
    ] = None,
    list_only: Annotated[bool, typer.Option("--list", help="Only say which there are.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Run benchmarks and tabulate what they print."""
    from hub.bench import find, run

    chosen = find(name)
    if list_only:
        if as_json:
            print_json([{"name": b.name, "about": b.about} for b in chosen])
        else:
            print_table(["benchmark", "about"], [(b.name, b.about) for b in chosen])
        return
    results = []
    for benchmark in chosen:
        if not as_json:
            note(f"{benchmark.name}: {benchmark.about}")
        outcome = run(benchmark)
        results.append(outcome)
        if not as_json:
            print_table(
                ["figure", "value", "unit"],
                [(f.name, f.shown, f.unit) for f in outcome.figures],
                right=["value"],
            )
            say(f"{benchmark.name}: {'ok' if outcome.ok else 'FAILED'} ({outcome.seconds:.1f} s)\n")
    if as_json:
        print_json([r.as_json() for r in results])
    if not all(r.ok for r in results):
        raise typer.Exit(NO)
