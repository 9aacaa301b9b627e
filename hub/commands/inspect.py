"""What a file is: guessed from its bytes, with reasons and settings that read it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands.options import JsonOption
from hub.terminal import DONE, NO, print_json, print_table, say

if TYPE_CHECKING:
    from adapters.batch.inspect import Guess, Report

_COLUMNS = ("name", "offset", "length", "path", "picture", "type", "format", "empty", "shape", "value")


def add_to(app: typer.Typer) -> None:
    """Register `inspect`."""
    app.command(epilog="Example: banyan inspect AWARDS.20261102.dat --copybook awards.cpy")(inspect)


def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The data.")],
    copybook: Annotated[
        Path | None,
        typer.Option("--copybook", "-c", help="File with the record description, if there is one."),
    ] = None,
    copy_path: Annotated[
        list[Path] | None,
        typer.Option("--copy-path", help="Folder in which COPY looks for members; repeatable."),
    ] = None,
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Show values of the sample; they may be personal data.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Guess framing, code page, record length, record types, delimiter and columns of a file, and say why.

    Proposes an adapter.toml and tries it on the sample. Reads three pieces of at most 1 MiB, whatever the
    file's size. Exit code 1 where nothing can be proposed.
    """
    from adapters.batch.inspect import inspect_file

    report = inspect_file(file, copybook=copybook, copy_path=tuple(copy_path or ()), show_values=show_values)
    if as_json:
        print_json(report.as_json())
    else:
        _show(report)
    raise typer.Exit(DONE if report.settings is not None else NO)


def _show(report: Report) -> None:
    say(f"{report.name}: {report.size:,} bytes\n")
    for guess in report.guesses:
        _guess(guess)
    for warning in report.warnings:
        say(f"warning: {warning}")
    if report.fields:
        say()
        columns = [c for c in _COLUMNS if any(c in field for field in report.fields)]
        print_table(
            columns, ([f.get(c, "") for c in columns] for f in report.fields), right=["offset", "length"]
        )
    if report.draft:
        say("\n--- draft.cpy")
        say(report.draft.rstrip())
    if report.adapter_toml:
        say("\n--- adapter.toml")
        say(report.adapter_toml.rstrip())
        say("---")
    for note in report.notes:
        say(note)


def _guess(guess: Guess) -> None:
    value = "cannot tell" if guess.value is None else _word(guess.value)
    say(f"{guess.of.replace('_', ' ')}: {value} ({guess.confidence:.2f})")
    for reason in guess.why:
        say(f"    {reason}")
    for other in guess.others:
        reasons = f": {other.why[0]}" if other.why else ""
        say(f"    or {_word(other.value)} ({other.confidence:.2f}){reasons}")


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    text = str(value)
    return text if text and text.isprintable() else repr(text)
