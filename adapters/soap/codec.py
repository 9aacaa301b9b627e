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
from adapters.soap.xsd_types import ComplexType, Element, Schema, SimpleType

__all__ = ["NIL", "XmlCodec"]


class XmlCodec:
    """Decode and encode elements of one schema. `zone` is what a dateTime without zone means."""

    def __init__(
        self, schema: Schema, zone: tzinfo | None = None, prefixes: Mapping[str, str] | None = None
    ) -> None:
        self.schema, self.zone = schema, zone
        self.plans = Plans(schema, zone)
        self._decoders = {False: Decoder(self.plans), True: Decoder(self.plans, encoded=True)}
        self._encoders = {False: Encoder(self.plans), True: Encoder(self.plans, encoded=True)}
        self._given, self._nsmaps = dict(prefixes or {}), dict[str, dict[str, str]]()

    def decode(self, element: Element, node: Any, depth: int = 0, *, encoded: bool = False) -> Any:
        """Return the value of one element.

        `encoded` reads by the rules of SOAP encoding: any order, and anything may be nil or left out.

        Raises:
            BadValue: not what the schema says; its path is relative to `node`.
        """
        return self._decoders[encoded].element(element, node, depth)

    def decode_text(self, kind: SimpleType, text: str) -> Any:
        """Return the value of an element's or attribute's text, checked against the facets."""
        return self._decoders[False].text(kind, text)

    def encode(
        self,
        element: Element,
        value: Any,
        parent: Any = None,
        nsmap: Mapping[str, str] | None = None,
        *,
        encoded: bool = False,
    ) -> Any:
        """Return `value` as an element, appended to `parent` if there is one.

        `encoded` writes by the rules of SOAP encoding, the type of each element as `xsi:type`.

        Raises:
            BadValue: the value does not fit; nothing half-made is ever sent.
        """
        return self._encoders[encoded].element(element, value, parent, nsmap)

    def nsmap(self, element: Element) -> dict[str, str]:
        """Return prefix → namespace for a message: as given, else `ns`, `ns1`… in the schema's order."""
        if (found := self._nsmaps.get(element.name)) is None:
            found = self._nsmaps[element.name] = {}
            for number, uri in enumerate(self.plans.namespaces(element)):
                found[self._given.get(uri, f"ns{number or ''}")] = uri
        return found

    def actual(self, element: Element, node: Any) -> tuple[SimpleType | ComplexType, str]:
        """Return the type of an element on the wire, and its name where `xsi:type` says another."""
        return self._decoders[True].type_of(element, node)

    def encode_text(self, kind: SimpleType, value: Any) -> str:
        """Return the text of a simple value, checked against the facets."""
        return self._encoders[False].text(kind, value)
