"""Settings of JSON files: the table `[json]` in adapter.toml."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from adapters.batch.fields.field_spec import AnyNested, ValueSpec

LINES = "lines"


class JsonSpec(ValueSpec):
    """Files of JSON: one record a line, or an array of records in a document. Always UTF-8 (RFC 8259)."""

    null: tuple[str, ...] = Field(
        (), description="Texts that mean nothing, beside null; compared without the blanks around them."
    )
    records: str = Field(
        LINES,
        description="`lines`, or where a document has its array of records: `[]`, `data.items[]`.",
    )
    duplicate_keys: Literal["reject", "last"] = Field(
        "reject", description="A record with a key twice: `reject` it, or take the `last`."
    )
    max_record: int = Field(16 << 20, ge=64, description="The longest record that is believed, in bytes.")
    fields: tuple[AnyNested, ...] = Field(
        min_length=1, description="The fields, as tables, or in short `name:type`; `from` is a dotted path."
    )

    @field_validator("records")
    @classmethod
    def _is_array(cls, value: str) -> str:
        if value != LINES and not re.fullmatch(r"(?:[^.\[\]]+(?:\.[^.\[\]]+)*)?\[\]", value):
            raise ValueError(f"{value!r} is no array: write `lines`, `[]` or `data.items[]`, say")
        return value
