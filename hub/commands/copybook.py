"""COBOL copybooks: what a record looks like, and what a file says."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from hub.commands.options import JsonOption
from hub.terminal import NO, note, print_error, print_json, print_table
from schemas.errors import SettingsError


def add_to(app: typer.Typer) -> None:
    """Register `layout`, `decode` and `encode`."""
    app.command(epilog="Example: banyan layout examples/universal_credit/adapters/awards/awards.cpy")(layout)
    app.command(epilog="Example: banyan decode CUSTDATA.PS --copybook CVCUS01Y.cpy --set code_page=cp037")(
        decode
    )
    app.command(epilog="Example: banyan encode out.jsonl --copybook CVCUS01Y.cpy -o CUSTDATA.PS")(encode)


def layout(
    copybook: Annotated[Path, typer.Argument(metavar="COPYBOOK", help="File with the record description.")],
    dialect: Annotated[str, typer.Option(help="Compiler whose rules for sizes and slack hold.")] = "ibm",
    copy_path: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR", help="Folder in which COPY looks, before the copybook's own; repeatable."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the fields of a copybook with types, offsets (from 0) and lengths in bytes."""
    from adapters.batch.commands import described, layout_rows
    from adapters.batch.copybook import CopyLibrary

    library = CopyLibrary.beside(copybook, copy_path or ())
    rows = layout_rows(_text(copybook), dialect=dialect, where=str(copybook), library=library)
    if as_json:
        print_json(rows)
        return
    lines: list[list[object]] = []
    for row in rows:
        indent = "  " * int(row["depth"])
        level = "" if row["level"] is None else f"{row['level']:02d} "
        lines.append(
            [row["offset"], row["length"], f"{indent}{level}{row['name']}", described(row), row["type"]]
        )
        for name, _, values in (said.partition(": ") for said in row["conditions"]):
            lines.append(["", "", f"{indent}  88 {name}", values, ""])
    print_table(
        ["offset", "length", "field", "described", "type"], lines,
        right=["offset", "length"], whole=["field"],
    )  # fmt: skip


SettingsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE",
        help="A setting of batch adapters: code_page, framing, dialect, odo, record, group, trim… "
        "Repeatable; tables by dots: frame.rdw_inclusive=false.",
    ),
]  # fmt: skip
CopybookOption = Annotated[
    Path | None, typer.Option("--copybook", "-c", help="File with the record description.")
]


def decode(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The data.")],
    copybook: CopybookOption = None,
    settings: SettingsOption = None,
    to: Annotated[str, typer.Option(help="Output format: jsonl, csv or parquet.")] = "jsonl",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="File to write; else the terminal. {entity} in its name makes one for each entity.",
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many records.")] = None,
    keep_raw: Annotated[
        bool, typer.Option("--keep-raw", help="Keep the bytes that `encode` would write otherwise.")
    ] = False,
    rejects: Annotated[
        Path | None, typer.Option(help="File for bad records; else they stand among the JSON lines.")
    ] = None,
    places: Annotated[
        bool,
        typer.Option("--places", help="Say where each row comes from: _record (from 1), _offset, _length."),
    ] = False,
    segments: Annotated[
        str | None,
        typer.Option(
            metavar="FIELD=VALUE,...",
            help="Number the segments of a tree too: the field that tells a record's level, and its value at "
            "each, the root's first.",
        ),
    ] = None,
) -> None:
    """Decode a file. Shows the data as they are, personal data too.

    Rows of several entities (`--set records=…`) stand in the order of the file, each with its `_entity`.
    A bad record becomes {"_record", "_offset", "_error", "_raw"}. Exit code 1 where there is one, or where
    the file is cut off, damaged, or does not fit the settings.
    """
    from contextlib import ExitStack

    from adapters.batch.conversion import decode_file, format_of, sink_for
    from adapters.batch.conversion.place import Places
    from adapters.batch.conversion.sinks import EACH, Sink, check_output, path_for

    check_output(to, output)
    wanted = Places.parse(segments) if places or segments else None
    if wanted and keep_raw:
        raise SettingsError(
            "--keep-raw gives what `encode` reads, which has no places", where="banyan decode", fix="drop one"
        )
    spec = format_of(settings or [], copybook)
    _check_files(file, copybook)
    with ExitStack() as stack:
        each = output is not None and EACH in output.name

        def own(name: str, schema: Any) -> Sink:
            assert output is not None
            return sink_for(to, stack.enter_context(_created(path_for(output, name))), schema)

        stream = stack.enter_context(_created(output)) if output and not each else sys.stdout.buffer
        bad = stack.enter_context(_created(rejects)) if rejects else None
        try:
            outcome = decode_file(
                file, spec, lambda schema: sink_for(to, stream, schema),
                keep_raw=keep_raw, limit=limit, rejects=bad, places=wanted,
                sink_of=own if each else None,
            )  # fmt: skip
            sys.stdout.flush()
        except BrokenPipeError:
            _end_quietly()
            return
    if output:
        note(f"{outcome.records - outcome.bad:,} records in {output}")
    for name, count in sorted(outcome.nulled.items()):
        note(f"{count:,} bad values of {name} became null")
    for problem in outcome.problems:
        note(f"problem: {problem}")
    if outcome.bad:
        note(f"{outcome.bad:,} of {outcome.records:,} records are bad; the first is {outcome.first_bad}")
    if outcome.refused is not None:
        print_error(outcome.refused)
    if not outcome.clean:
        raise typer.Exit(NO)


def encode(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON lines, one a record.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    copybook: CopybookOption = None,
    settings: SettingsOption = None,
) -> None:
    """Write JSON lines as a file of records: the way back of `decode`.

    What `decode --keep-raw` kept under "_raw" is written too, so that unchanged lines give the same bytes.
    Exit code 1 where a value does not fit its field; then nothing is written.
    """
    from adapters.batch.conversion import encode_file, format_of
    from adapters.batch.encode import EncodeError

    spec = format_of(settings or [], copybook)
    _check_files(file, copybook)
    partial = output.with_name(f"{output.name}.partial")
    try:
        with _created(partial, output) as stream:
            count = encode_file(file, spec, stream)
        partial.replace(output)
    except EncodeError as error:
        print_error(error)
        raise typer.Exit(NO) from None
    finally:
        partial.unlink(missing_ok=True)
    note(f"{count:,} records in {output}")


def _check_files(*paths: Path | None) -> None:
    from adapters.batch.given_file import check_file

    for path in paths:
        if path is not None:
            check_file(path)


def _created(path: Path, shown: Path | None = None) -> BinaryIO:
    """Open a file to write; `shown` is the name that the user gave, where it is another."""
    try:
        return path.open("wb")
    except OSError as error:
        raise SettingsError(
            f"cannot write: {error.strerror}", where=str(shown or path), fix="choose another file"
        ) from None


def _end_quietly() -> None:
    """Leave nothing to flush: the reader of the pipe has gone, which is its right."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise SettingsError(
            f"cannot read the copybook: {error.strerror}", where=str(path), fix="check the path"
        ) from None
