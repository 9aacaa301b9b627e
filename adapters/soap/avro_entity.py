"""An element of the schema as an `Entity`, and its decoded values as rows of it, both ways.

A row always leads back to one XML (DESIGN 10.7); how each construct of XML Schema is held: `avro_record`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.soap.avro_leaf import TEXTS, AvroStyle
from adapters.soap.avro_record import NIL_SUFFIX, Mapper, Member, Record
from adapters.soap.codec import XmlCodec
from adapters.soap.errors import BadValue
from adapters.soap.xsd_types import Element, Schema
from schemas.entity import Entity, Field, KeyPrivacy
from schemas.errors import SettingsError

__all__ = ["NIL_SUFFIX", "EntityShape", "Member", "shape"]


@dataclass(frozen=True, slots=True)
class EntityShape:
    """An entity with the way from a decoded value to its row, and back."""

    entity: Entity
    record: Record

    @property
    def members(self) -> tuple[Member, ...]:
        """The children, attributes and text that are fields."""
        return self.record.members

    def row(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Return the row of a decoded element, by Avro name.

        Raises:
            BadValue: a value that the declared Avro type cannot hold, or a null key.
        """
        row = self.record.row(value)
        for key in self.entity.key:
            if row[key] is None:
                raise BadValue(key, "a key field is absent or nil")
        return row

    def value(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the decoded value that a row stands for: what `row` was made from."""
        return self.record.value(row)

    def key_row(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the key fields alone, by Avro name, from decoded values by XML name."""
        return self.record.part(values, self.entity.key)


def shape(
    schema: Schema,
    element: Element,
    *,
    key: Sequence[str],
    system: str,
    name: str,
    decimals: Mapping[str, str] | None = None,
    classification: Mapping[str, str] | None = None,
    key_privacy: KeyPrivacy = "plain",
    style: AvroStyle = TEXTS,
) -> EntityShape:
    """Return the entity that `element` is, all its children as fields.

    `key`, `decimals` ("precision,scale" for an xs:decimal without digits facets) and `classification` go by
    the name in the schema; so does `style`. A key is never an enum: codes that a reader does not know would
    become one key.

    Raises:
        SettingsError: the element is simple, a key is no field, or a decimal has no scale.
    """
    where = f"{system}.{name}"
    kind = schema.complex(element)
    if kind is None or kind.array is not None:
        raise SettingsError(
            f"<{element.local}> has no children to make fields of", where=where, fix="choose its parent"
        )
    record = Mapper(XmlCodec(schema), decimals or {}, arrow=True, style=style, plain=key).record(
        kind, element.local, where
    )
    names = {m.key: m.name for m in record.members}
    if missing := [k for k in key if k not in names]:
        raise SettingsError(
            f"the key {missing[0]!r} is not in <{element.local}>",
            where=where,
            fix=f"choose from: {', '.join(list(names)[:12])}",
        )
    fields = []
    classes = classification or {}
    for member in record.members:
        about = classes.get(member.key, "personal")
        fields.append(Field(member.name, member.type, member.key, member.doc, about))
        if member.marks_nil:
            doc = f"true where {member.key} was nil, null where it was absent or has a value"
            fields.append(Field(member.name + NIL_SUFFIX, "boolean", "", doc, about))
    return EntityShape(Entity(system, name, tuple(fields), tuple(names[k] for k in key), key_privacy), record)
