"""A contract's own WSDL and schemas for `?wsdl`, with our address and locations that lead back to us."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from lxml import etree

from adapters.soap.catalogue import location_of
from adapters.soap.documents import WSDL, XS
from adapters.soap.report import Report
from adapters.soap.safe_xml import WELL_KNOWN, parse_document
from adapters.soap.wsdl import SOAP_BINDINGS

_ADDRESSES = frozenset(f"{{{uri}}}address" for uri in (*SOAP_BINDINGS, WELL_KNOWN["http"]))
_LOCATIONS = {
    f"{WSDL}import": "location",
    f"{XS}import": "schemaLocation",
    f"{XS}include": "schemaLocation",
    f"{XS}redefine": "schemaLocation",
}


class Description:
    """The documents of a contract as a caller of `?wsdl` sees them.

    Args:
        documents: raw bytes by location; the first is the WSDL.
    """

    def __init__(self, documents: Mapping[str, bytes]) -> None:
        self._documents = list(documents.items())
        self._number = {location: n for n, location in enumerate(documents)}

    def __len__(self) -> int:
        return len(self._documents)

    def document(self, number: int, address: str) -> bytes | None:
        """Return one document, 0 = the WSDL; None if there is none.

        Every address of a service in it is `address`, and what it imports is found at `address?document=N`.
        """
        if not 0 <= number < len(self._documents):
            return None
        return self.relocated(number, lambda n: f"{address}?document={n}", address)

    def relocated(self, number: int, place: Callable[[int], str], address: str = "") -> bytes:
        """Return one document whose imports are found at `place(n)`, with `address` if there is one.

        An import whose document is not part of the contract (a standard schema) loses its location: the
        namespace says enough.
        """
        location, content = self._documents[number]
        root = parse_document(content, location, Report())
        for node in root.iter():
            if node.tag in _ADDRESSES and address:
                node.set("location", address)
            elif attribute := _LOCATIONS.get(node.tag):
                self._relocate(node, attribute, location, place)
        return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))

    def _relocate(self, node: Any, attribute: str, base: str, place: Callable[[int], str]) -> None:
        if (target := node.get(attribute)) is None:
            return
        number = self._find(base, target, node.get("namespace", ""))
        if number is not None:
            node.set(attribute, place(number))
        else:
            del node.attrib[attribute]

    def _find(self, base: str, target: str, namespace: str) -> int | None:
        if "://" in base or target.startswith(("http://", "https://")):
            candidates = [urljoin(base, target)]
        else:
            plain = urlsplit(target).path if target.startswith("file:") else target
            candidates = [str((Path(base).parent / p).resolve()) for p in (plain, unquote(plain))]
        # Of a standard schema the contract has Banyan's own copy, whatever address stood there.
        candidates += [c for c in (location_of(target), location_of(namespace)) if c is not None]
        return next((self._number[c] for c in candidates if c in self._number), None)
