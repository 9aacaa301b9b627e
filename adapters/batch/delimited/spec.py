"""Settings of delimited files: the table `[delimited]` in adapter.toml."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from adapters.batch.control_spec import WhenSpec
from adapters.batch.fields.field_spec import AnyField, ValueSpec


class DelimitedSpec(ValueSpec):
    """Files of cells between delimiters: CSV and its many relatives."""

    encoding: str = Field(
        "utf-8", description="`utf-8`, `utf-16` or a single-byte page: latin-1, cp1252, cp285, cp1047…"
    )
    delimiter: str = Field(",", min_length=1, description="Stands between cells; one character or several.")
    quote: str = Field('"', max_length=1, description="Opens and closes a cell; empty for none.")
    escape: str = Field(
        "",
        max_length=1,
        description="Takes the next character literally, such as a backslash; empty for none. A doubled "
        "quote is always one quote.",
    )
    line_end: str = Field(
        "any",
        description="`any` (LF, CR LF, CR; NEL in EBCDIC), `lf`, `crlf` (LF or CR alone are data), `cr`, or "
        "a character of its own.",
    )
    multiline: bool = Field(True, description="A quoted cell may hold line ends.")
    comment: str = Field("", max_length=1, description="At the start of a line makes it no record.")
    header: bool = Field(True, description="The first record holds the columns' names.")
    skip_top: int = Field(0, ge=0, description="Lines to leave out before the header.")
    skip_bottom: int = Field(0, ge=0, description="Records to leave out at the end.")
    columns: int | None = Field(
        None, ge=1, description="Cells of a record, where there is no header and the fields do not name all."
    )
    missing_columns: Literal["refuse", "null"] = Field(
        "refuse", description="A field whose column the header lacks: `refuse` the file, or read `null`."
    )
    extra_columns: Literal["allow", "refuse"] = Field(
        "allow", description="Columns that no field names: leave them out, or `refuse` the file."
    )
    column_order: Literal["any", "declared"] = Field(
        "any", description="`declared` refuses a file whose columns stand in another order than the fields."
    )
    long_records: Literal["reject", "cut"] = Field(
        "reject",
        description="A record with more cells than columns. Empty cells at its end are always left out.",
    )
    last_line_end: Literal["optional", "required"] = Field(
        "optional", description="`required` takes a file whose last line has no end for one that was cut off."
    )
    max_record: int = Field(
        1 << 20, ge=64, description="A record longer than this (bytes) has an unclosed quote."
    )
    fields: tuple[AnyField, ...] = Field(
        (), description="The fields, as tables, or in short `name:type`; in the order of the columns."
    )
    layouts: dict[str, tuple[AnyField, ...]] = Field(
        default_factory=dict,
        description="Fields of each kind of record by name, where there are several; `group` of [[records]] "
        "names one.",
    )
    leave_out: tuple[WhenSpec, ...] = Field(
        (), description="Records that are neither data nor control records."
    )
