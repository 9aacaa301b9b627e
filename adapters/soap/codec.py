"""XML elements ↔ Python values, by the schema.

A complex element is a dict by local name, its attributes under `@name`, the text of an element with
attributes under `#text`; an element that may repeat is a list. Absent, nil and empty are three things:
absent = key missing, nil = None, empty = "" (DESIGN 10.7). What the schema does not know is an error, never
dropped: a value that was decoded can be encoded again. All conventions: docs/soap-values.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from adapters.soap.decoding import Decoder
from adapters.soap.encoding import Encoder
from adapters.soap.plans import NIL, Plans
from adapters.soap.xsd_types import Element, Schema, SimpleType

__all__ = ["NIL", "XmlCodec"]


class XmlCodec:
    """Decode and encode elements of one schema. `zone` is what a dateTime without zone means."""

    def __init__(self, schema: Schema, zone: tzinfo | None = None) -> None:
        self.schema, self.zone = schema, zone
        self.plans = Plans(schema, zone)
        self._decoder = Decoder(self.plans)
        self._encoder, self._typed = Encoder(self.plans), Encoder(self.plans, typed=True)

    def decode(self, element: Element, node: Any, depth: int = 0) -> Any:
        """Return the value of one element.

        Raises:
            BadValue: not what the schema says; its path is relative to `node`.
        """
        return self._decoder.element(element, node, depth)

    def decode_text(self, kind: SimpleType, text: str) -> Any:
        """Return the value of an element's or attribute's text, checked against the facets."""
        return self._decoder.text(kind, text)

    def encode(
        self,
        element: Element,
        value: Any,
        parent: Any = None,
        nsmap: Mapping[str, str] | None = None,
        *,
        typed: bool = False,
    ) -> Any:
        """Return `value` as an element, appended to `parent` if there is one.

        `typed` writes the type of each element as `xsi:type`, as SOAP encoding asks for.

        Raises:
            BadValue: the value does not fit; nothing half-made is ever sent.
        """
        return (self._typed if typed else self._encoder).element(element, value, parent, nsmap)

    def encode_text(self, kind: SimpleType, value: Any) -> str:
        """Return the text of a simple value, checked against the facets."""
        return self._encoder.text(kind, value)
