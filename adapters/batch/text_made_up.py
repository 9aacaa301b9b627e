"""Made-up records of text formats: delimited, fixed text, XML and JSON."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.batch.delimited.spec import DelimitedSpec
from adapters.batch.fields.field_spec import FieldSpec, ValueSpec
from adapters.batch.format_spec import FormatSpec, RecordSpec
from schemas.errors import SettingsError
from schemas.names import avro_name

_DAY = datetime.date(2026, 11, 2)
Row = Mapping[str, str]


def text_made_up(spec: FormatSpec, n: int) -> bytes:
    """Return a file with `n` records of each entity.

    Raises:
        SettingsError: a format (or a control record) that cannot be made up.
    """
    table: Any = getattr(spec, spec.format, None)
    if isinstance(table, DelimitedSpec):
        return _delimited(spec, table, n)
    raise SettingsError(
        f"no records of format {spec.format!r} can be made up",
        where="format", fix="test the adapter with a file of yours: `banyan adapter test NAME --sample FILE`",
    )  # fmt: skip


def _delimited(spec: FormatSpec, table: DelimitedSpec, n: int) -> bytes:
    if spec.header is not None or spec.trailer is not None:
        raise SettingsError(
            "header and trailer records of delimited files are not made up",
            where="trailer", fix="test the adapter with a file of yours",
        )  # fmt: skip
    end = {"crlf": "\r\n", "cr": "\r"}.get(table.line_end, "\n")
    lines = ["" for _ in range(table.skip_top)]
    if table.header:
        lines.append(table.delimiter.join(str(f.source or f.name) for f in table.fields))
    for fields, key, fixed in _kinds(spec, table.fields, table.layouts):
        made = (row | dict(fixed) for row in rows(fields, key, table, n))
        lines += [table.delimiter.join(row[f.name] for f in fields) for row in made]
    return "".join(line + end for line in lines).encode(table.encoding)


def _kinds(
    spec: FormatSpec, only: Sequence[FieldSpec], layouts: Mapping[str, Sequence[FieldSpec]]
) -> Iterator[tuple[Sequence[FieldSpec], Sequence[str], Row]]:
    """Yield fields, key and what marks the record type, for each entity."""
    if not spec.records:
        yield only, spec.key, {}
    for record in spec.records:
        fields = layouts.get(record.group or "", only)
        yield fields, record.key, {record.when.field: _first(record)}


def _first(record: RecordSpec) -> str:
    equals = record.when.equals
    return str(equals[0] if isinstance(equals, tuple) else equals)


def rows(
    fields: Sequence[FieldSpec], key: Sequence[str], values: ValueSpec, n: int
) -> Iterator[dict[str, str]]:
    """Yield rows as texts by field: keys count up, the rest is the same in each."""
    keys = {name.upper() for name in key}
    for number in range(1, n + 1):
        yield {
            f.name: _text(f, values, number if {f.name.upper(), avro_name(f.name).upper()} & keys else 0)
            for f in fields
        }


def _text(field: FieldSpec, values: ValueSpec, number: int) -> str:
    kind = field.type.partition("(")[0]
    if kind == "integer":
        return str(number)
    if kind == "decimal":
        scale = int(field.type.rstrip(")").partition(",")[2] or 0)
        return f"{number}{values.decimal + '0' * scale if scale else ''}"
    if kind == "date":
        form = field.format or values.date_format
        return _date(form, _DAY + datetime.timedelta(days=number))
    if kind == "timestamp":
        return _moment(field.format or values.timestamp_format)
    if kind == "boolean":
        return (field.true or values.true)[0]
    return f"{number:06d}" if number else "A"


def _date(form: str, day: datetime.date) -> str:
    from adapters.batch.dates import DateFormat

    return DateFormat.parse(form, 50, where="date_format").format(day)


def _moment(form: str) -> str:
    """Return noon in a form of time stamps."""
    if form == "iso":
        return "2026-11-02T12:00:00Z"
    parts = {
        "yyyy": "2026",
        "yy": "26",
        "mm": "11",
        "dd": "02",
        "hh": "12",
        "mi": "00",
        "ss": "00",
        "zz": "+00:00",
    }
    text = re.sub("f+", lambda found: "0" * len(found[0]), form)
    for part, value in parts.items():
        text = text.replace(part, value)
    return text
