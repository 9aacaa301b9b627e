"""`banyan diff`: change events between two extracts."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from hub.commands.options import JsonOption
from hub.terminal import NO, note, print_json, print_table
from schemas.errors import SettingsError


def add_to(app: typer.Typer) -> None:
    """Register `diff`."""
    app.command(epilog="Example: banyan diff monday.csv tuesday.csv --csv --key claim_id --to jsonl")(diff)


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The extract before.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The extract after.")],
    key: Annotated[
        list[str],
        typer.Option("--key", "-k", metavar="COLUMN", help="Columns of the business key, joined by commas."),
    ],
    copybook: Annotated[
        Path | None, typer.Option("--copybook", "-c", help="Both are files of records that this describes.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Both are delimited text with a header.")] = False,
    ignore: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column whose changes do not count; repeatable."),
    ] = None,
    tolerance: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=NUMBER", help="Difference that does not count; repeatable."),
    ] = None,
    duplicates: Annotated[
        str, typer.Option(help="A key that one file has twice: error, or its first or last row counts.")
    ] = "error",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="How the files are written, see docs/diff.md; repeatable."
        ),
    ] = None,
    to: Annotated[str, typer.Option(help="jsonl, csv, or summary (figures only).")] = "jsonl",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the events to this file.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two extracts by key. Exit code 0: the same; 1: they differ. Shows the data, personal data too.

    Each event has the whole row before and after. Without --to, --json prints the figures alone.
    """
    from adapters.compare.differ import Differ
    from adapters.compare.report import Csv, JsonLines, Report, Summary, figures
    from adapters.compare.request import avro_named, comparison, decoded, delimited, pairs

    if as_csv == (copybook is not None):
        raise SettingsError("what are the files?", where="diff", fix="give either --csv or --copybook FILE")
    asked, given = comparison(key, ignore or [], tolerance or [], duplicates), settings or []
    if copybook is not None:
        tables = decoded(old, new, copybook, asked.key, given, duplicates=asked.duplicates)
        asked = avro_named(asked)
    else:
        tables = [delimited(path, pairs(given)) for path in (old, new)]
    before, after = tables
    columns = tuple(dict.fromkeys([*after.columns, *before.columns]))
    reports: dict[str, Report] = {
        "jsonl": JsonLines(asked, tuple(after.columns)),
        "csv": Csv(columns),
        "summary": Summary(),
    }
    if to not in reports:
        raise SettingsError(f"no output format {to!r}", where="--to", fix=f"use {', '.join(reports)}")
    differ = Differ(before, after, asked)
    report = Summary() if as_json and output is None else reports[to]
    with _sink(output) as sink:
        report.write(differ, sink)
    shown = figures(differ.counts)
    if as_json:
        print_json(shown)
    elif to == "summary":
        print_table(["figure", "rows"], list(shown.items()), right=["rows"])
    else:
        note(
            ", ".join(
                f"{n} {name}" for name, n in shown.items() if n or name in ("created", "updated", "deleted")
            )
        )
    if differ.counts.differ:
        raise typer.Exit(NO)


def _sink(output: Path | None) -> AbstractContextManager[BinaryIO]:
    if output is None:
        return nullcontext(sys.stdout.buffer)
    try:
        return output.open("wb")
    except OSError as error:
        raise SettingsError(
            f"cannot write: {error.strerror}", where=str(output), fix="choose another file"
        ) from None
