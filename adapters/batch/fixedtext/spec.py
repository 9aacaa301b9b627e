"""Settings of fixed text: the table `[fixed_text]` in adapter.toml."""

from __future__ import annotations

from pydantic import Field, model_validator

from adapters.batch.control_spec import WhenSpec
from adapters.batch.fields.field_spec import FieldSpec, ValueSpec


class FixedFieldSpec(FieldSpec):
    """A field at a fixed place."""

    start: int | None = Field(
        None, ge=1, description="Its first character, from 1; right behind the field before, if not given."
    )
    length: int | None = Field(None, ge=1, description="Its number of characters.")
    end: int | None = Field(None, ge=1, description="Its last character, instead of its length.")

    @model_validator(mode="after")
    def _placed(self) -> FixedFieldSpec:
        if (self.length is None) == (self.end is None):
            raise ValueError(f"field {self.name}: give either length or end")
        if self.source is not None:
            raise ValueError(f"field {self.name}: `from` is for columns and paths; give start and length")
        if self.end is not None and self.end < (self.start or 1):
            raise ValueError(f"field {self.name}: it ends before it starts")
        return self


class FixedTextSpec(ValueSpec):
    """Records of text with fields at fixed places."""

    encoding: str = Field(
        "utf-8", description="`utf-8` (places count characters) or a single-byte page: cp1252, cp285, cp1047…"
    )
    fields: tuple[FixedFieldSpec, ...] = Field((), description="The fields, in the order of their places.")
    layouts: dict[str, tuple[FixedFieldSpec, ...]] = Field(
        default_factory=dict,
        description="Fields of each kind of record by name, where there are several; `group` of [[records]] "
        "names one.",
    )
    leave_out: tuple[WhenSpec, ...] = Field(
        (), description="Records that are neither data nor control records."
    )
