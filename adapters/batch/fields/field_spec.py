"""Settings of fields, and of what all fields of a file have in common."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from adapters.batch.moments import Ambiguous
from schemas.classification import Classification


class FieldSpec(BaseModel):
    """One field: its name, where its text stands, and what the text means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, description="The field's name; `-` and the like become `_` in Avro.")
    source: str | int | None = Field(
        None,
        alias="from",
        description="Where its text stands, if not under its name: a column's name or number (from 1), an "
        "XML or JSON path.",
    )
    type: str = Field(
        "text",
        description="`text`, `integer`, `integer(9)`, `decimal(11,2)`, `date`, `timestamp`, `timestamp(6)` "
        "or `boolean`.",
    )
    format: str | None = Field(
        None, description="Form of its dates or time stamps, instead of the file's date_format."
    )
    implied_decimals: bool = Field(
        False, description="Digits without a decimal mark: 12345 of decimal(9,2) is 123.45."
    )
    zone: str | None = Field(None, description="Time zone of its time stamps, instead of the file's.")
    null: tuple[str, ...] | None = Field(None, description="Texts that mean nothing, instead of the file's.")
    true: tuple[str, ...] | None = Field(None, description="Words that mean true, instead of the file's.")
    false: tuple[str, ...] | None = Field(None, description="Words that mean false, instead of the file's.")
    classification: Classification | None = Field(
        None, description="`public`, `internal`, `personal` or `sensitive`; `personal` until classified."
    )
    doc: str = Field("", description="What it means; stands in the schema.")


class NestedFieldSpec(FieldSpec):
    """A field of a document: a value, a list (`many`), or a record with fields of its own."""

    many: bool = Field(False, description="It repeats: a list.")
    fields: tuple[AnyNested, ...] = Field(
        (), description="Fields of a record inside the record; their `from` starts there."
    )


def spelled_out(value: Any) -> Any:
    """Return the short form `name:type` as a table."""
    if not isinstance(value, str):
        return value
    name, _, kind = value.partition(":")
    return {"name": name.strip()} | ({"type": kind.strip()} if kind else {})


#: A field as a table, or in short `name:type`.
AnyField = Annotated[FieldSpec, BeforeValidator(spelled_out, json_schema_input_type=FieldSpec | str)]


#: A field of a document, as a table, or in short `name:type`.
AnyNested = Annotated[
    NestedFieldSpec, BeforeValidator(spelled_out, json_schema_input_type=NestedFieldSpec | str)
]
NestedFieldSpec.model_rebuild()


class ValueSpec(BaseModel):
    """How the texts of a file are read as values, where a field does not say otherwise."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    decimal: str = Field(".", min_length=1, max_length=1, description="The decimal mark: `.` or `,`.")
    grouping: str = Field(
        "", max_length=1, description="Mark between groups of three digits, if there is one."
    )
    null: tuple[str, ...] = Field(
        ("",), description="Texts that mean nothing; compared without the blanks around them."
    )
    true: tuple[str, ...] = Field(("true",), description="Words that mean true, in any case.")
    false: tuple[str, ...] = Field(("false",), description="Words that mean false, in any case.")
    date_format: str = Field(
        "yyyy-mm-dd",
        description="Form of dates, of yyyy, yy, mmm, mm, m, ddd, dd, d and separators: `dd/mm/yyyy`, "
        "`d.m.yyyy`, `dd-mmm-yy`.",
    )
    timestamp_format: str = Field(
        "iso",
        description="Form of time stamps: a date's, with hh, mi, ss, fff (fractions) and zz (offset), such "
        "as `yyyy-mm-dd hh:mi:ss`; or `iso`.",
    )
    zone: str | None = Field(None, description="Time zone of time stamps that have no offset: Europe/London.")
    ambiguous: Ambiguous = Field(
        "reject",
        description="A local time that clocks show twice: `reject` it, or take the `earlier` or the `later`.",
    )
    month_names: tuple[str, ...] = Field((), description="What `mmm` stands for, if not JAN to DEC.")
