"""A message with its personal data replaced by pseudonyms, still valid under its schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lxml import etree

from adapters.soap.addressing import VERSIONS
from adapters.soap.cassette.pseudonym import Pseudonyms
from adapters.soap.contract import Contract
from adapters.soap.envelope import NAMESPACES, envelope_namespace
from adapters.soap.errors import BadValue
from adapters.soap.safe_xml import parse_answer
from adapters.soap.xsd_types import Element, SimpleType, local_name
from schemas.errors import SettingsError

_XSI = "{http://www.w3.org/2001/XMLSchema-instance}"
_OPEN = frozenset({"public", "internal"})
#: Parts of a fault that name the kind of error, not the person.
_FAULT_CODES = frozenset({"faultcode", "Value"})


class Masker:
    """Replaces what is personal in the messages of one contract."""

    def __init__(self, contract: Contract, classification: Mapping[str, str], secret: bytes) -> None:
        """Prepare for a recording.

        Args:
            contract: whose messages they are.
            classification: element (or `@attribute`) = class; what is not named is personal.
            secret: random, and forgotten with the recording.
        """
        self._contract, self._classes = contract, dict(classification)
        self._pseudonyms = Pseudonyms(secret)

    def request(self, operation: str, message: bytes) -> bytes:
        """Return a request's envelope, masked.

        Raises:
            SettingsError: a value has no pseudonym within its type.
            BrokenAnswer: it is not XML.
        """
        return self._masked(message, self._contract.operation(operation).request)

    def reply(self, operation: str, message: bytes) -> bytes:
        """Return a reply's envelope, masked; errors as `request`."""
        return self._masked(message, self._contract.operation(operation).response)

    def _masked(self, message: bytes, element: Element | None) -> bytes:
        root = parse_answer(message, "cassette")
        soap = envelope_namespace(root.tag) or NAMESPACES["1.1"]
        self._headers(root.find(f"{{{soap}}}Header"))
        body = root.find(f"{{{soap}}}Body")
        for node in body if body is not None else root:
            if element is not None and node.tag == element.name:
                self._element(element, node)
            else:
                self._unknown(node)
        return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))

    @staticmethod
    def _headers(header: Any) -> None:
        """Keep addressing alone: security headers hold proofs, others may hold anything."""
        spaces = tuple(f"{{{uri}}}" for uri in VERSIONS.values())
        for node in list(header) if header is not None else []:
            if not str(node.tag).startswith(spaces):
                header.remove(node)

    def _element(self, element: Element, node: Any) -> None:
        kind = self._contract.schema.complex(element)
        if kind is None:
            assert isinstance(element.type, SimpleType)
            if len(node):  # not what the schema says
                self._unknown(node)
                return
            self._attributes({}, node)
            self._text(element.local, element.type, node)
            return
        self._attributes({a.name: a.type for a in kind.attributes}, node)
        if kind.text is not None:
            self._text(element.local, kind.text, node)
            return
        node.text = self._between(node.text)
        children = {child.name: child for child in kind.elements}
        for child in node:
            child.tail = self._between(child.tail)
            if child.tag in children:
                self._element(children[child.tag], child)
            else:
                self._unknown(child)

    def _text(self, name: str, kind: SimpleType, node: Any) -> None:
        if node.text and not self._open(name):
            node.text = self._pseudonym(name, kind, node.text)

    def _attributes(self, known: Mapping[str, SimpleType], node: Any) -> None:
        for name, text in node.attrib.items():
            local = f"@{local_name(name)}"
            if name.startswith(_XSI) or self._open(local):
                continue
            kind = known.get(name)
            made = self._pseudonym(local, kind, text) if kind else self._pseudonyms.shape(text)
            node.set(name, made)

    def _pseudonym(self, name: str, kind: SimpleType, text: str) -> str:
        def fits(made: str) -> bool:
            try:
                self._contract.codec.decode_text(kind, made)
            except BadValue:
                return False
            return True

        if not fits(text):  # a bad value stays one of the same shape, so that its error can be played again
            return self._pseudonyms.shape(text)
        made = self._pseudonyms.of(kind, text, fits)
        if made is None:
            raise SettingsError(
                f"no pseudonym of {name!r} fits its type",
                where="cassette",
                fix=f'classify it, if it may be shown: [classification] "{name}" = "internal"',
            )
        return made

    def _unknown(self, node: Any) -> None:
        """Mask what no schema describes: every text and attribute, by shape."""
        for inner in node.iter("*"):
            name = local_name(inner.tag)
            if not (self._open(name) or name in _FAULT_CODES) and inner.text:
                inner.text = self._pseudonyms.shape(inner.text)
            if inner is not node:
                inner.tail = self._between(inner.tail)
            self._attributes({}, inner)

    def _between(self, text: str | None) -> str | None:
        return self._pseudonyms.shape(text) if text and not text.isspace() else text

    def _open(self, name: str) -> bool:
        return self._classes.get(name, "personal") in _OPEN
