"""Which operation a SOAP request is: the body says so, and whatever else names one must agree."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from lxml import etree

from adapters.soap.envelope import CONTENT_TYPES, NAMESPACES
from adapters.soap.safe_xml import MAX_DEPTH, depth, parser_options
from adapters.soap.xsd_types import local_name, namespace
from schemas.errors import Terminal

#: Made once: making one costs more than parsing a request with it.
_PARSER: Final = etree.XMLParser(**parser_options())
#: Encodings in which markup has one reading only. UTF-7 and its like spell `<` in a second way, so a service
#: that trusts the HTTP header's charset could see other elements than a parser that trusts the message.
_ENCODINGS: Final = frozenset(
    (
        "utf-8",
        "us-ascii",
        "ascii",
        "iso-8859-1",
        "iso-8859-15",
        "windows-1252",
        "utf-16",
        "utf-16le",
        "utf-16be",
    )
)
_MEDIA_PARAMETER: Final = re.compile(r';\s*(action|charset)\b[^=;]*=\s*("[^"]*"|[^;]*)', re.IGNORECASE)
#: Roles in which every receiver acts (SOAP 1.1, 4.2.2; SOAP 1.2 part 1, 2.2).
_OURS: Final = frozenset(
    {
        "",
        "http://schemas.xmlsoap.org/soap/actor/next",
        f"{NAMESPACES['1.2']}/role/next",
        f"{NAMESPACES['1.2']}/role/ultimateReceiver",
    }
)


class NotThisOperation(Terminal):
    """A message that is not a request of the operation at whose address it arrived."""


class UnknownVersion(NotThisOperation):
    """An envelope of a SOAP version that is neither 1.1 nor 1.2, or that the contract does not offer."""


class NotUnderstood(NotThisOperation):
    """A header that must be understood is not."""


def content_type(version: str) -> str:
    """Return the media type of SOAP 1.1 or 1.2."""
    return CONTENT_TYPES[version]


@dataclass(frozen=True, slots=True)
class Message:
    """A request, read as far as it takes to say which operation it is.

    Attributes:
        version: of SOAP, by the envelope.
        root: the envelope.
        elements: the body's children.
        headers: the header's entries.
    """

    version: str
    root: Any
    elements: tuple[Any, ...]
    headers: tuple[Any, ...]

    @classmethod
    def read(cls, body: bytes) -> Message:
        """Read a message.

        Raises:
            UnknownVersion: an envelope of another version of SOAP.
            NotThisOperation: not XML, a document type declaration, nested too deep, or no envelope.
        """
        try:
            root = etree.fromstring(body, _PARSER)
        except (etree.XMLSyntaxError, ValueError):
            raise NotThisOperation("the request is not well-formed XML") from None
        if root.getroottree().docinfo.doctype:
            raise NotThisOperation("the request has a document type declaration")
        if depth(root) > MAX_DEPTH:
            raise NotThisOperation(f"the request is nested deeper than {MAX_DEPTH}")
        if local_name(root.tag) != "Envelope":
            raise NotThisOperation("the request is not a SOAP envelope")
        for version, soap in NAMESPACES.items():
            if namespace(root.tag) == soap:
                bodies = root.findall(f"{{{soap}}}Body")
                elements = tuple(c for b in bodies for c in b if isinstance(c.tag, str))
                headers = tuple(
                    e for h in root.findall(f"{{{soap}}}Header") for e in h if isinstance(e.tag, str)
                )
                return cls(version, root, elements, headers)
        raise UnknownVersion("the envelope is of an unknown version of SOAP")

    def again(self) -> Message:
        """Return the message as its tree is now: what was encrypted may have been decrypted."""
        soap = NAMESPACES[self.version]
        bodies = self.root.findall(f"{{{soap}}}Body")
        return replace(self, elements=tuple(c for b in bodies for c in b if isinstance(c.tag, str)))

    def check(self, element: str, actions: Container[str], headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Refuse a message that is not a request of one operation alone.

        A service that listens for all its operations at one address trusts the body, an HTTP header or
        WS-Addressing; so all of them must agree, or a caller of a read could send a write through it.

        Args:
            element: Clark name of the operation's request element; empty for an empty body.
            actions: what SOAPAction and WS-Addressing may say.
            headers: the caller's, names in lower case; each may come more than once, and every one counts.

        Raises:
            NotThisOperation: another operation, or two of them.
        """
        if [c.tag for c in self.elements] != ([element] if element else []):
            raise NotThisOperation("the request's body is not this operation")
        said, charsets = _said(headers)
        if any(action not in actions for action in said if action):
            raise NotThisOperation("the SOAPAction header is not this operation's")
        if any(action not in actions for action in self.addressed()):
            raise NotThisOperation("the WS-Addressing action is not this operation's")
        encoding = self.root.getroottree().docinfo.encoding or "utf-8"
        if not {c.lower() for c in (*charsets, encoding)} <= _ENCODINGS:
            raise NotThisOperation("the request is in an encoding that is not accepted")

    def check_headers(self, understood: Container[str]) -> None:
        """Refuse a message with a header that must be understood and is not.

        Args:
            understood: namespaces of headers that are.

        Raises:
            NotUnderstood: there is one, meant for us.
        """
        soap = f"{{{NAMESPACES[self.version]}}}"
        role = "actor" if self.version == "1.1" else "role"
        for entry in self.headers:
            must = entry.get(f"{soap}mustUnderstand", "").strip() in ("1", "true")
            if must and entry.get(f"{soap}{role}", "") in _OURS and namespace(entry.tag) not in understood:
                raise NotUnderstood(f"the header {local_name(entry.tag)} is not understood")

    def addressed(self) -> list[str]:
        """Return the actions that WS-Addressing headers name, of any of its versions."""
        return [(e.text or "").strip() for e in self.headers if e.tag.endswith("/addressing}Action")]


def check_request(body: bytes, element: str, action: str, headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Refuse a message that is not a request of this one operation: `Message.read`, then `check`.

    Raises:
        NotThisOperation: see there.
    """
    Message.read(body).check(element, (action,), headers)


def _said(headers: Iterable[tuple[bytes, bytes]]) -> tuple[list[str], list[str]]:
    """Return the actions and the character sets that the HTTP headers name (SOAP 1.2: by the media type)."""
    actions: list[str] = []
    charsets: list[str] = []
    for name, value in headers:
        text = value.decode("latin-1")
        if name == b"soapaction":
            actions.append(text.strip().strip('"'))
        elif name == b"content-type":
            for parameter, said in _MEDIA_PARAMETER.findall(text):
                (actions if parameter.lower() == "action" else charsets).append(said.strip().strip('"'))
    return actions, charsets
