"""Settings of XML files: the table `[xml]` in adapter.toml."""

from __future__ import annotations

from pydantic import Field

from adapters.batch.fields.field_spec import AnyNested, ValueSpec


class XmlSpec(ValueSpec):
    """Files of XML without DTD: elements at a path are records."""

    records: str = Field(
        description="The path of the elements that are records: `/export/claims/claim`, or `//claim` "
        "anywhere; `*` is any name."
    )
    namespaces: dict[str, str] = Field(
        default_factory=dict,
        description="Prefix → namespace, for names such as `c:claim`. A name without prefix is that name in "
        "any namespace.",
    )
    max_depth: int = Field(64, ge=2, description="Elements that nest deeper than this fail the file.")
    max_attributes: int = Field(
        256, ge=1, description="More attributes than this on one element fail the file."
    )
    max_record: int = Field(16 << 20, ge=64, description="A longer record (bytes) fails the file.")
    fields: tuple[AnyNested, ...] = Field(
        min_length=1,
        description="The fields, as tables, or in short `name:type`; `from` is a path from the record: "
        "`name`, `name/last`, `@id`, `name/@lang`, or `.` for its own text.",
    )
