"""WS-Addressing 1.0 and 2004/08: headers of a request, and which reply belongs to it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from lxml import etree

from adapters.soap.envelope import envelope_namespace
from adapters.soap.errors import AnswerMismatch

VERSIONS = {
    "1.0": "http://www.w3.org/2005/08/addressing",
    "2004/08": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
}
#: The reply comes back on the connection of the request.
ANONYMOUS = {
    "1.0": f"{VERSIONS['1.0']}/anonymous",
    "2004/08": f"{VERSIONS['2004/08']}/role/anonymous",
}
_REPLY = {
    "1.0": ("", f"{VERSIONS['1.0']}/reply"),
    "2004/08": ("", "wsa:Reply"),
}


@dataclass(frozen=True, slots=True)
class Addresses:
    """The message addressing properties of a message; an empty text = the header is not there.

    Attributes:
        relates_to: MessageIDs of requests that this message replies to.
        version: of WS-Addressing; empty = the message has no such headers.
    """

    version: str = ""
    action: str = ""
    to: str = ""
    message_id: str = ""
    relates_to: tuple[str, ...] = ()
    reply_to: str = ""


def new_message_id() -> str:
    """Return a MessageID that nobody has used."""
    return f"urn:uuid:{uuid.uuid4()}"


def add_headers(envelope: Any, addresses: Addresses, *, must_understand: bool = False) -> None:
    """Write addressing headers into an envelope."""
    version, soap = addresses.version, "{" + str(envelope_namespace(envelope.tag)) + "}"
    header = envelope.find(f"{soap}Header")
    if header is None:
        header = etree.Element(f"{soap}Header")
        envelope.insert(0, header)
    uri = VERSIONS[version]
    for local, text in (
        ("Action", addresses.action),
        ("To", addresses.to),
        ("MessageID", addresses.message_id),
        *(("RelatesTo", related) for related in addresses.relates_to),
    ):
        if text:
            node = etree.SubElement(header, f"{{{uri}}}{local}", nsmap={"wsa": uri})
            node.text = text
            if must_understand:
                node.set(f"{soap}mustUnderstand", "1")
    if addresses.reply_to:
        node = etree.SubElement(header, f"{{{uri}}}ReplyTo", nsmap={"wsa": uri})
        etree.SubElement(node, f"{{{uri}}}Address").text = addresses.reply_to


def read_headers(envelope: Any) -> Addresses:
    """Return the addressing properties of a message; of a header that stands twice, the first."""
    header = envelope.find(f"{{{envelope_namespace(envelope.tag)}}}Header")
    if header is None:
        return Addresses()
    for version, uri in VERSIONS.items():
        if header.find(f"{{{uri}}}*") is None:
            continue

        def text(local: str, uri: str = uri) -> str:
            return (header.findtext(f"{{{uri}}}{local}") or "").strip()

        related = tuple(
            (node.text or "").strip()
            for node in header.iterchildren(f"{{{uri}}}RelatesTo")
            if node.get("RelationshipType", "") in _REPLY[version]
            or node.get("RelationshipType", "").endswith(":Reply")
        )
        address = (header.findtext(f"{{{uri}}}ReplyTo/{{{uri}}}Address") or "").strip()
        return Addresses(version, text("Action"), text("To"), text("MessageID"), related, address)
    return Addresses()


def check_reply(reply: Addresses, message_id: str, where: str) -> None:
    """Refuse a reply to another request. One without RelatesTo came on our own connection, and is taken.

    Raises:
        AnswerMismatch: it relates to something else.
    """
    if reply.relates_to and message_id not in reply.relates_to:
        raise AnswerMismatch(
            "the answer relates to another request",
            where=where,
            fix="look at what stands between: answers are mixed up",
        )
