"""COBOL copybooks: what a record looks like, and what a file says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.commands.options import JsonOption
from hub.terminal import print_json, print_lines, print_table
from schemas.errors import SettingsError


def add_to(app: typer.Typer) -> None:
    """Register `layout` and `decode`."""
    app.command(epilog="Example: banyan layout examples/universal_credit/adapters/awards/awards.cpy")(layout)
    app.command(epilog="Example: banyan decode CUSTDATA.PS --copybook CVCUS01Y.cpy --set code_page=cp037")(
        decode
    )


def layout(
    copybook: Annotated[Path, typer.Argument(metavar="COPYBOOK", help="File with the record description.")],
    dialect: Annotated[str, typer.Option(help="Compiler whose rules for binary sizes hold.")] = "ibm",
    as_json: JsonOption = False,
) -> None:
    """Show the fields of a copybook with types, offsets (from 0) and lengths in bytes."""
    from adapters.batch.commands import layout_rows

    rows = layout_rows(_text(copybook), dialect=dialect, where=str(copybook))
    if as_json:
        print_json(rows)
        return
    columns = ["offset", "length", "field", "picture", "usage", "occurs", "type"]
    print_table(
        columns,
        (
            [
                row["offset"],
                row["length"],
                f"{'  ' * _depth(row, rows)}{row['level']:02d} {row['name']}",
                row["picture"],
                row["usage"],
                row["occurs"],
                row["type"],
            ]
            for row in rows
        ),
        right=["offset", "length"],
    )


def decode(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The data.")],
    copybook: Annotated[Path, typer.Option("--copybook", "-c", help="File with the record description.")],
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="code_page, framing, dialect, record, trim, group; repeatable."
        ),
    ] = None,
    to: Annotated[str, typer.Option(help="Output format; jsonl is the only one.")] = "jsonl",
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many records.")] = None,
) -> None:
    """Decode a file into one JSON line a record. Shows the data as they are, personal data too."""
    from itertools import islice

    from adapters.batch.commands import decode_file

    if to != "jsonl":
        raise SettingsError(f"no output format {to!r}", where="--to", fix="use --to jsonl")
    pairs = [s.partition("=") for s in settings or []]
    if wrong := [key for key, equals, _ in pairs if not equals]:
        raise SettingsError(f"--set {wrong[0]}: no value", where="--set", fix=f"write --set {wrong[0]}=VALUE")
    for path in (file, copybook):
        if not path.is_file():
            raise SettingsError("no such file", where=str(path), fix="check the path")
    print_lines(islice(decode_file(file, copybook, {k: v for k, _, v in pairs}), limit))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise SettingsError(
            f"cannot read the copybook: {error.strerror}", where=str(path), fix="check the path"
        ) from None


def _depth(row: dict[str, object], rows: list[dict[str, object]]) -> int:
    """Nesting by level number, so that the table reads like the copybook."""
    levels: list[int] = []
    for other in rows:
        level = int(str(other["level"]))
        while levels and levels[-1] >= level:
            levels.pop()
        if other is row:
            return len(levels)
        levels.append(level)
    return 0
