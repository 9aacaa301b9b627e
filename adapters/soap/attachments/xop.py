"""XOP 1.0: binary values beside the XML. In: each xop:Include becomes a text again. Out: the other way."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from adapters.soap.attachments.receive import cid
from adapters.soap.attachments.store import Attachment
from adapters.soap.codec import NIL
from adapters.soap.errors import BrokenAnswer
from adapters.soap.xsd_types import Element, Schema, SimpleType

XOP = "http://www.w3.org/2004/08/xop/include"
INCLUDE = f"{{{XOP}}}Include"


def included(
    envelope: Any, attachments: Mapping[str, Attachment], where: str
) -> list[tuple[Any, Attachment]]:
    """Take each xop:Include out of the tree; return the elements that they stood in, and their attachments.

    Raises:
        BrokenAnswer: an Include names no part of the message, or does not stand alone.
    """
    found = []
    for node in list(envelope.iter(INCLUDE)):
        holder = node.getparent()
        name = cid(node.get("href", ""))
        if holder is None or len(holder) != 1 or (holder.text or "").strip() or (node.tail or "").strip():
            raise _broken("an xop:Include does not stand alone in its element", where)
        if name is None or name not in attachments:
            raise _broken("an xop:Include names no part of this message", where)
        holder.remove(node)
        found.append((holder, attachments[name]))
    return found


def refer(places: list[tuple[Any, Attachment]]) -> None:
    """Put a reference, as base64Binary, where each attachment belongs."""
    for holder, attachment in places:
        holder.text = base64.b64encode(attachment.reference).decode()


def inline(places: list[tuple[Any, Attachment]], read: Callable[[Attachment], bytes]) -> None:
    """Put the bytes themselves in, in canonical form: that is what a signature was made over."""
    for holder, attachment in places:
        holder.text = base64.b64encode(read(attachment)).decode()


def refer_swa(envelope: Any, attachments: Mapping[str, Attachment]) -> None:
    """Replace `cid:` URLs that name a part of the message, in href attributes and in texts, by references."""
    for node in envelope.iter("*"):
        name = cid((node.text or "").strip()) if len(node) == 0 else None
        if name is not None and name in attachments:
            node.text = attachments[name].reference.decode()
        name = cid(node.get("href", ""))
        if name is not None and name in attachments:
            node.set("href", attachments[name].reference.decode())


@dataclass(frozen=True, slots=True)
class Package:
    """A message for the wire: its content type and bytes."""

    content_type: str
    body: bytes


def packaged(
    envelope: Any, schema: Schema, request: Element | None, content_type: str, action: str, threshold: int
) -> Package | None:
    """Return the envelope with its large binary values as MTOM parts; None = it has none.

    Args:
        envelope: complete and signed; its values are taken out of this tree.
        schema: of the contract.
        request: element in the body.
        content_type: of the plain message, such as `text/xml`.
        action: of the operation, which SOAP 1.2 has in the content type.
        threshold: bytes from which a value goes aside.
    """
    body = envelope[-1][0] if len(envelope[-1]) else None
    if request is None or body is None or body.tag != request.name:
        return None
    boundary = f"banyan-{uuid.uuid4().hex}"
    parts: list[bytes] = []
    for node in list(_binary(schema, request, body)):
        content = _bytes(node.text)
        if content is None or len(content) < threshold:
            continue
        name = f"{uuid.uuid4().hex}@banyan"
        node.text = None
        etree.SubElement(node, INCLUDE, nsmap={"xop": XOP}).set("href", f"cid:{name}")
        head = (
            f"\r\n--{boundary}\r\nContent-Type: application/octet-stream\r\n"
            f"Content-Transfer-Encoding: binary\r\nContent-ID: <{name}>\r\n\r\n"
        )
        parts.append(head.encode() + content)
    if not parts:
        return None
    media = content_type.partition(";")[0]
    more = f'; action="{action}"' if media == "application/soap+xml" and action else ""
    kind = media + (f'; action=\\"{action}\\"' if more else "")
    root = (
        f'--{boundary}\r\nContent-Type: application/xop+xml; charset=UTF-8; type="{kind}"\r\n'
        "Content-Transfer-Encoding: binary\r\nContent-ID: <root@banyan>\r\n\r\n"
    )
    xml = etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")
    whole = root.encode() + bytes(xml) + b"".join(parts) + f"\r\n--{boundary}--\r\n".encode()
    header = (
        f'multipart/related; type="application/xop+xml"; start="<root@banyan>"; '
        f'start-info="{media}"; boundary="{boundary}"{more}'
    )
    return Package(header, whole)


def _binary(schema: Schema, element: Element, node: Any) -> Iterator[Any]:
    """Yield the nodes whose declared type is base64Binary."""
    if isinstance(element.type, SimpleType):
        if (
            element.type.base == "base64Binary"
            and element.type.variety == "atomic"
            and NIL not in node.attrib
        ):
            yield node
        return
    kind = schema.complex(element)
    assert kind is not None
    children = {child.name: child for child in kind.elements}
    for child in node:
        if (declared := children.get(child.tag)) is not None:
            yield from _binary(schema, declared, child)


def _bytes(text: str | None) -> bytes | None:
    try:
        return base64.b64decode("".join((text or "").split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _broken(what: str, where: str) -> BrokenAnswer:
    return BrokenAnswer(what, where=where, fix="ask the service's owner; the call may be repeated")
