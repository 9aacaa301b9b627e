"""What `banyan diff` was asked for, checked: settings as text become tables and a comparison."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import get_args

from pydantic import ValidationError

from adapters.compare.delimited import DelimitedSpec, DelimitedTable
from adapters.compare.differ import Comparison
from adapters.compare.join import Duplicates
from adapters.compare.table import Table
from schemas.errors import SettingsError
from schemas.names import avro_name


def comparison(
    key: Sequence[str], ignore: Sequence[str], tolerance: Sequence[str], duplicates: str
) -> Comparison:
    """Return the comparison that these options describe; names may be joined by commas.

    Raises:
        SettingsError: no key, a tolerance that is no number, an unknown policy.
    """
    policies: tuple[Duplicates, ...] = get_args(Duplicates)
    chosen = next((p for p in policies if p == duplicates), None)
    if chosen is None:
        raise SettingsError(
            f"no policy {duplicates!r}", where="--duplicates", fix=f"use {', '.join(policies)}"
        )
    names = _names(key)
    if not names:
        raise SettingsError("no key", where="--key", fix="name the columns that tell rows apart")
    return Comparison(names, frozenset(_names(ignore)), dict(map(_tolerance, tolerance)), chosen)


def delimited(path: Path, settings: Mapping[str, str]) -> Table:
    """Return a delimited file as a table.

    Raises:
        SettingsError: an unknown setting, or a file without header.
    """
    try:
        spec = DelimitedSpec.model_validate({k: _unescaped(v) for k, v in settings.items()})
        return DelimitedTable(path, spec)
    except ValidationError as error:
        raise _wrong(error) from None


def decoded(
    old: Path,
    new: Path,
    copybook: Path,
    key: Sequence[str],
    settings: Sequence[str],
    *,
    duplicates: str = "error",
) -> list[Table]:
    """Return two files with one copybook as tables: in bytes where that can be, else decoded.

    A pipe can be read only once, so that nothing of it can be tried. With another policy for duplicates than
    `error` a record that does not decode must not count as the first of its key, so that all are decoded.

    Raises:
        SettingsError: an unknown setting. CopybookError: the copybook cannot be read.
    """
    # Imported where they are needed: they take half a second, longer than comparing a million rows of text.
    from adapters.batch.conversion.options import format_of
    from adapters.batch.source import Source
    from adapters.compare.decoded import DecodedTable
    from adapters.compare.raw import RawTable, key_fields

    spec = format_of([*settings, f"key={','.join(key)}"], copybook)
    reader = spec.read_as(copybook.absolute().parent, system="diff")
    fields = key_fields(reader) if isinstance(reader, Source) and duplicates == "error" else None
    if fields is not None and isinstance(reader, Source) and not (old.is_fifo() or new.is_fifo()):
        return [RawTable(path, reader, fields, spec.opened) for path in (old, new)]
    return [DecodedTable(path, reader, spec.opened) for path in (old, new)]


def avro_named(asked: Comparison) -> Comparison:
    """Return the comparison with the names that decoded columns have: `WEEKLY-AMT` is `WEEKLY_AMT`."""
    return Comparison(
        tuple(map(avro_name, asked.key)),
        frozenset(map(avro_name, asked.ignore)),
        {avro_name(k): v for k, v in asked.tolerance.items()},
        asked.duplicates,
    )


def pairs(settings: Sequence[str]) -> dict[str, str]:
    """Return `KEY=VALUE` texts as a dict.

    Raises:
        SettingsError: one has no value.
    """
    cut = [s.partition("=") for s in settings]
    if wrong := [key for key, equals, _ in cut if not equals]:
        raise SettingsError(f"--set {wrong[0]}: no value", where="--set", fix=f"write --set {wrong[0]}=VALUE")
    return {key: value for key, _, value in cut}


def _names(given: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.strip() for text in given for name in text.split(",") if name.strip())


def _tolerance(text: str) -> tuple[str, Decimal]:
    name, _, bound = text.partition("=")
    try:
        value = Decimal(bound)
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or value < 0:
        raise SettingsError(
            f"{text!r} is no tolerance", where="--tolerance", fix="write --tolerance AMOUNT=0.01"
        )
    return name.strip(), value


def _unescaped(value: str) -> str:
    return "\t" if value in ("\\t", "tab") else value


def _wrong(error: ValidationError) -> SettingsError:
    first = error.errors(include_url=False, include_input=False)[0]
    name = ".".join(map(str, first["loc"])) or "settings"
    return SettingsError(f"{name}: {first['msg']}", where="--set", fix="docs/diff.md lists the settings")
