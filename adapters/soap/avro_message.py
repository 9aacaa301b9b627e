"""A whole message as one Avro record, both ways: Avro → the same XML.

Types are named records, each written once, so that a type in itself is no trouble; `avro_record` tells how
each construct of XML Schema is held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from adapters.soap.avro_leaf import AvroStyle, Leaf
from adapters.soap.avro_record import Mapper
from adapters.soap.codec import XmlCodec
from adapters.soap.xsd_types import Element
from schemas.entity import or_null


@dataclass(frozen=True, slots=True)
class MessageAvro:
    """The Avro form of one element. A message that is text alone, or nil, is the field `value`."""

    schema: dict[str, Any]
    leaf: Leaf

    @classmethod
    def of(
        cls, codec: XmlCodec, element: Element, namespace: str, decimals: Mapping[str, str] | None = None
    ) -> MessageAvro:
        """Return the Avro form of an element, its records in `namespace`."""
        mapper = Mapper(codec, decimals or {}, arrow=False, style=AvroStyle(enums=True, unions=True))
        leaf, doc = mapper.element(element, f"{namespace}/{element.local}")
        field: dict[str, Any] = {"name": "value", "type": or_null(leaf.type), "default": None}
        schema = {"type": "record", "name": "Message", "namespace": namespace, "fields": [field]}
        return cls(schema | ({"doc": doc} if doc else {}), leaf)

    def to_avro(self, value: Any) -> dict[str, Any]:
        """Return the Avro record of a decoded message.

        Raises:
            BadValue: a value that the Avro type cannot hold.
        """
        return {"value": None if value is None else self.leaf.to_avro(value)}

    def from_avro(self, record: Mapping[str, Any]) -> Any:
        """Return the decoded message of a record."""
        given = record["value"]
        return None if given is None else self.leaf.from_avro(given)
