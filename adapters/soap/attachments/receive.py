"""A message with attachments: its root part in memory, the others straight into the store."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from adapters.soap.attachments.multipart import Begin, Data, Multipart, parameters
from adapters.soap.attachments.store import Attachment, AttachmentStore, Incoming
from adapters.soap.errors import BrokenAnswer
from adapters.soap.safe_xml import MAX_ANSWER_BYTES

_PLAIN = frozenset({"", "binary", "8bit", "7bit"})
_ROOT_TYPES = frozenset({"application/xop+xml", "text/xml", "application/soap+xml", "application/xml"})


@dataclass(frozen=True, slots=True)
class Received:
    """A message with attachments.

    Attributes:
        root: the envelope, as it came; where XOP put a part aside it has an xop:Include.
        attachments: by Content-ID; of a part without one, by `part-N`.
    """

    root: bytes
    attachments: Mapping[str, Attachment]


async def receive(
    parts: AsyncIterator[bytes],
    content_type: str,
    store: AttachmentStore,
    *,
    max_bytes: int,
    max_parts: int,
    where: str,
) -> Received:
    """Read a multipart/related message.

    Args:
        parts: its bytes.
        content_type: of the whole message.
        store: where attachments go.
        max_bytes: of one attachment.
        max_parts: attachments beside the root.
        where: the endpoint, for errors.

    Raises:
        BrokenAnswer: cut off, too large, without a root, or with a Content-ID that stands twice.
        Transient: the store is full.
    """
    _, given = parameters(content_type)
    reader = Multipart(given.get("boundary", ""), max_parts=max_parts + 1, where=where)
    start = given.get("start", "").strip().removeprefix("<").removesuffix(">")
    gathering = _Gathering(store, start, max_bytes, where)
    try:
        async for data in parts:
            for event in reader.feed(data):
                if isinstance(event, Begin):
                    gathering.begin(event)
                elif isinstance(event, Data):
                    gathering.data(event.content)
                else:
                    gathering.end()
        reader.close()
        return gathering.whole()
    finally:
        gathering.stop()


@dataclass
class _Gathering:
    store: AttachmentStore
    start: str
    max_bytes: int
    where: str
    found: dict[str, Attachment] = field(default_factory=dict)
    root: bytearray | None = None
    part: Begin | None = None
    incoming: Incoming | None = None
    base64: bytearray | None = None

    def begin(self, part: Begin) -> None:
        encoding = part.headers.get("content-transfer-encoding", "").strip().lower()
        if encoding not in _PLAIN and encoding != "base64":
            raise self._broken(f"a part comes in the transfer encoding {encoding[:20]!r}")
        self.part, self.base64 = part, bytearray() if encoding == "base64" else None
        # Without a start parameter the first part is the root (RFC 2387 section 3.2).
        is_root = part.content_id == self.start if self.start else self.root is None
        if is_root:
            if self.root is not None:
                raise self._broken("the message has two root parts")
            media, _ = parameters(part.headers.get("content-type", "text/xml"))
            if media not in _ROOT_TYPES:
                raise self._broken(f"the root part is of the type {media[:40]!r}, not a SOAP message")
            self.root, self.incoming = bytearray(), None
        else:
            self.incoming = self.store.begin()

    def data(self, content: bytes) -> None:
        if self.base64 is not None:
            content = self._decoded(content)
        if self.incoming is None:
            assert self.root is not None
            self.root += content
            if len(self.root) > MAX_ANSWER_BYTES:
                raise self._broken(f"the root part is longer than {MAX_ANSWER_BYTES:,} bytes")
            return
        if self.incoming.size + len(content) > self.max_bytes:
            raise self._broken(f"an attachment is larger than {self.max_bytes:,} bytes")
        self.incoming.write(content)

    def end(self) -> None:
        if self.base64:
            raise self._broken("a part holds broken Base64")
        if self.incoming is not None and self.part is not None:
            name = self.part.content_id or f"part-{len(self.found) + 1}"
            if name in self.found:
                raise self._broken("a Content-ID stands twice in the message")
            self.found[name] = self.incoming.keep(self.part.headers.get("content-type", ""))
        self.incoming = self.part = None

    def whole(self) -> Received:
        if self.root is None:
            raise self._broken("the message has no root part")
        return Received(bytes(self.root), dict(self.found))

    def stop(self) -> None:
        if self.incoming is not None:
            self.incoming.drop()

    def _decoded(self, content: bytes) -> bytes:
        assert self.base64 is not None
        self.base64 += b"".join(content.split())
        ready = len(self.base64) // 4 * 4
        text = bytes(self.base64[:ready])
        del self.base64[:ready]
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise self._broken("a part holds broken Base64") from None

    def _broken(self, what: str) -> BrokenAnswer:
        return BrokenAnswer(what, where=self.where, fix="ask the service's owner; the call may be repeated")


def cid(href: str) -> str | None:
    """Return the Content-ID that a `cid:` URL names (RFC 2392), None if it is another URL."""
    return unquote(href[4:]) if href[:4].lower() == "cid:" else None
