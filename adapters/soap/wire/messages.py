"""Requests as bytes for HTTP, and replies as bytes for the decoder: addressing, security, attachments."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lxml import etree

from adapters.soap.addressing import (
    ANONYMOUS,
    Addresses,
    add_headers,
    check_reply,
    new_message_id,
    read_headers,
)
from adapters.soap.attachments.receive import receive
from adapters.soap.attachments.store import Attachment, AttachmentStore
from adapters.soap.attachments.xop import included, inline, packaged, refer, refer_swa
from adapters.soap.call import headers as http_headers
from adapters.soap.contract import Contract
from adapters.soap.envelope import CONTENT_TYPES, NAMESPACES, envelope_namespace, read_fault, unwrap
from adapters.soap.errors import BrokenAnswer
from adapters.soap.http_form import HttpCall, enveloped, http_call
from adapters.soap.safe_xml import MAX_ANSWER_BYTES, parse_answer, parser_options
from adapters.soap.security.errors import SecurityFailure
from adapters.soap.security.header import Security
from adapters.soap.wire.spec import WireSpec
from adapters.soap.wsdl_http import HttpBinding
from schemas.errors import SettingsError

#: Old attachments are looked for so often, when new ones come.
_PRUNE_SECONDS = 3600.0
#: Headers come before the body; more than this is no SOAP header.
_MAX_HEADER_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """One request, ready for the wire; with `http` it goes without SOAP, and that is what is sent."""

    operation: str
    headers: Mapping[str, str]
    body: bytes
    message_id: str = ""
    http: HttpCall | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply's bytes for the decoder, checked as far as the settings ask.

    Attributes:
        parts: the envelope, as it arrives, or whole where it had to be checked as a whole.
        attachments: by Content-ID.
        addresses: WS-Addressing headers; empty where none are used.
    """

    parts: AsyncIterator[bytes]
    attachments: Mapping[str, Attachment] = field(default_factory=dict)
    addresses: Addresses = field(default_factory=Addresses)


class Messages:
    """Makes and reads the messages of one contract at one endpoint."""

    def __init__(
        self,
        contract: Contract,
        endpoint: str,
        spec: WireSpec,
        folder: Path,
        security: Security | None = None,
    ) -> None:
        """Read the keys that security needs.

        Raises:
            SettingsError: one cannot be used.
        """
        self._contract, self._endpoint, self._spec = contract, endpoint, spec
        self._security = security or (Security(spec.security) if spec.security else None)
        self._store, self._pruned = AttachmentStore(folder / spec.attachments.store), 0.0

    def request(self, operation: str, values: Any, message_id: str = "") -> Request:
        """Return a request; each has a MessageID, a timestamp and a nonce of its own.

        Raises:
            BadValue: a value does not fit the schema.
        """
        found = self._contract.operation(operation)
        if found.http is not None:
            return self._plain(found.http, operation, values)
        headers = http_headers(found)
        body = self._contract.encode_request(operation, values)
        addressing, mtom = self._spec.addressing, self._spec.attachments.mtom
        if addressing is None and self._security is None and not mtom:
            return Request(operation, headers, body)
        envelope = etree.fromstring(body, etree.XMLParser(**parser_options()))
        if addressing is not None:
            message_id = message_id or new_message_id()
            addresses = Addresses(
                addressing.version,
                found.request_action or found.action or operation,
                self._endpoint,
                message_id,
                reply_to=addressing.reply_to or ANONYMOUS[addressing.version],
            )
            add_headers(envelope, addresses, must_understand=addressing.must_understand)
        if self._security is not None:
            self._security.protect(envelope)
        if mtom:
            content_type, threshold = CONTENT_TYPES[found.version], self._spec.attachments.mtom_threshold
            package = packaged(
                envelope, self._contract.schema, found.request, content_type, found.action, threshold
            )
            if package is not None:
                headers = {**headers, "Content-Type": package.content_type}
                return Request(operation, headers, package.body, message_id)
        body = bytes(etree.tostring(envelope, xml_declaration=True, encoding="UTF-8"))
        return Request(operation, headers, body, message_id)

    def _plain(self, binding: HttpBinding, operation: str, values: Any) -> Request:
        """Return a request of an HTTP binding, which has no place for a SOAP header."""
        for name in ("security", "addressing"):
            if getattr(self._spec, name) is not None:
                raise SettingsError(
                    f"{operation} has an HTTP binding: there is no header for [wire.{name}]",
                    where=self._contract.location,
                    fix=f"take the port that has SOAP, or leave [wire.{name}] out",
                )
        envelope = parse_answer(self._contract.encode_request(operation, values), operation)
        call = http_call(binding, self._endpoint, unwrap(envelope, operation))
        return Request(operation, call.headers, call.body, http=call)

    async def reply(
        self, request: Request, content_type: str, parts: AsyncIterator[bytes], where: str
    ) -> Reply:
        """Return a reply, its proofs checked, its attachments stored.

        Raises:
            BrokenAnswer: it is not whole, or too long.
            SecurityFailure: it does not prove what it must.
            AnswerMismatch: it replies to another request.
        """
        attachments: Mapping[str, Attachment] = {}
        if request.http is not None:
            return Reply(enveloped(parts, where))
        if content_type[:17].lower() == "multipart/related":
            limits = self._spec.attachments
            received = await receive(
                parts,
                content_type,
                self._store,
                max_bytes=limits.max_bytes,
                max_parts=limits.max_parts,
                where=where,
            )
            content, attachments = received.root, received.attachments
            self._prune(limits.keep_days)
        elif self._security is not None and self._security.reads_replies:
            content = await _whole(parts, where)
        elif self._spec.addressing is not None:
            addresses, parts = await _peeked(parts)
            check_reply(addresses, request.message_id, where)
            return Reply(parts, {}, addresses)
        else:
            return Reply(parts)
        root = parse_answer(content, where)
        self._check(root, attachments, request, where)
        addresses = read_headers(root)
        if self._spec.addressing is not None:
            check_reply(addresses, request.message_id, where)
        return Reply(_one(bytes(etree.tostring(root))), attachments, addresses)

    def _prune(self, keep_days: float | None) -> None:
        if keep_days is not None and time.time() - self._pruned > _PRUNE_SECONDS:
            self._pruned = time.time()
            self._store.prune(self._pruned - keep_days * 86_400)

    def _check(self, root: Any, attachments: Mapping[str, Attachment], request: Request, where: str) -> None:
        """Check the proofs of a whole envelope, and put references where attachments belong."""
        places = included(root, attachments, where)
        if self._security is not None and self._security.reads_replies:
            if sum(a.size for _, a in places) > MAX_ANSWER_BYTES:
                raise BrokenAnswer("attachments of a signed answer are too large to be checked", where=where)
            inline(places, lambda attachment: self._store.path(attachment.sha256).read_bytes())
            try:
                self._security.check(root, where)
            except SecurityFailure as failure:
                raise _with_fault(failure, root) from None
        refer(places)
        refer_swa(root, attachments)


def _with_fault(failure: SecurityFailure, root: Any) -> SecurityFailure:
    """Return the failure, with the code of the fault that came without proof: mostly our own are refused."""
    body = root.find(f"{{{envelope_namespace(root.tag)}}}Body")
    fault = read_fault(body[0]) if body is not None and len(body) else None
    if fault is None:
        return failure
    return SecurityFailure(
        f"{failure.what}; it is a fault {fault.code[:40]}",
        failure.where,
        "look at our credentials, certificate and clock first: services do not sign such faults",
    )


async def _whole(parts: AsyncIterator[bytes], where: str) -> bytes:
    content = bytearray()
    async for part in parts:
        content += part
        if len(content) > MAX_ANSWER_BYTES:
            raise BrokenAnswer(
                f"an answer that must be checked whole is longer than {MAX_ANSWER_BYTES:,} bytes", where=where
            )
    return bytes(content)


async def _peeked(parts: AsyncIterator[bytes]) -> tuple[Addresses, AsyncIterator[bytes]]:
    """Return the addressing headers and all bytes again; what is not XML is left to the decoder."""
    bodies = [f"{{{uri}}}Body" for uri in NAMESPACES.values()]
    parser = etree.XMLPullParser(events=("start",), tag=bodies, **parser_options())
    seen: list[bytes] = []
    size, addresses = 0, Addresses()
    async for part in parts:
        seen.append(part)
        size += len(part)
        try:
            parser.feed(part)
        except etree.XMLSyntaxError:
            break
        body = next((node for _, node in parser.read_events()), None)
        if body is not None:
            root = body.getroottree().getroot()
            addresses = read_headers(root) if envelope_namespace(root.tag) else addresses
            break
        if size > _MAX_HEADER_BYTES:
            break

    async def again() -> AsyncIterator[bytes]:
        for part in seen:
            yield part
        async for part in parts:
            yield part

    return addresses, again()


async def _one(content: bytes) -> AsyncIterator[bytes]:
    yield content
