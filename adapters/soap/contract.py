"""A SOAP service's contract, read from its WSDL: operations, schemas, and the codec for its messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import aiohttp

from adapters.soap import avro_entity, canonical, fidelity
from adapters.soap.avro_leaf import TEXTS, AvroStyle
from adapters.soap.call import Reply, post
from adapters.soap.codec import XmlCodec
from adapters.soap.documents import Documents
from adapters.soap.encoded import ENCODINGS, inline_references
from adapters.soap.encoded_list import EncodedListDecoder
from adapters.soap.envelope import (
    NAMESPACES,
    SoapFault,
    body_elements,
    fault_element,
    header_elements,
    read_fault,
    the_body,
    unwrap,
    wrap,
)
from adapters.soap.errors import AnswerMismatch, BadValue, ContractError
from adapters.soap.faults import typed
from adapters.soap.http_reply import place
from adapters.soap.report import Report
from adapters.soap.rows import RowDecoder
from adapters.soap.safe_xml import parse_answer
from adapters.soap.stream import ListDecoder, check_response, without_items
from adapters.soap.wsdl import Operation, read_operations
from adapters.soap.wsdl_messages import is_body
from adapters.soap.xsd import SchemaReader
from adapters.soap.xsd_types import Element, Schema, namespace
from schemas.entity import Entity, KeyPrivacy
from schemas.errors import SettingsError


class Contract:
    """Operations by name, and their messages both ways.

    Values are dicts by XML name: absent = key missing, nil = None, empty = "" (see `codec`).

    Attributes:
        location: where the WSDL was read.
        operations: those that can be called.
        refused: operation → why it could not be imported.
        documents: raw bytes of the WSDL and of all that it imports, by location.
        decimals: "precision,scale" by element name, for decimals that the schema leaves open.
        report: what was repaired or could not be read, with its place.
    """

    def __init__(
        self,
        location: str,
        operations: Mapping[str, Operation],
        refused: Mapping[str, str],
        schema: Schema,
        documents: Mapping[str, bytes],
        *,
        zone: str | None = None,
        decimals: Mapping[str, str] | None = None,
        prefixes: Mapping[str, str] | None = None,
        report: Report | None = None,
    ) -> None:
        self.location, self.operations, self.refused = location, operations, refused
        self.report = report if report is not None else Report()
        self.schema, self.documents, self.decimals = schema, documents, dict(decimals or {})
        self._relaxed: dict[tuple[str, str], Element] = {}
        self.codec = XmlCodec(schema, _zone(zone, location), prefixes)

    @classmethod
    def from_wsdl(
        cls,
        location: str | Path,
        *,
        hosts: Iterable[str] = (),
        folder: Path | None = None,
        zone: str | None = None,
        decimals: Mapping[str, str] | None = None,
        binding: str = "",
        prefixes: Mapping[str, str] | Literal["wsdl"] | None = None,
    ) -> Contract:
        """Read a WSDL 1.1 from a file, folder, zip archive, lock or HTTP address, with all that it imports.

        `hosts` may be fetched from beside the WSDL's own host; files may be imported from
        `folder` (by default the WSDL's own) and below; `zone` is what a dateTime without zone means in this
        system; `binding` names the port (or `service/port`), the binding or the version of SOAP (`1.1` or
        `1.2`) to take operations from where there are several; `prefixes` gives namespaces the prefixes
        that a service insists on, or all of them those that the WSDL declares.

        Raises:
            ContractError: not a WSDL 1.1, hostile, or an import leads where it may not.
            ServiceUnavailable: the address does not answer.
        """
        documents = Documents.collect(location, hosts, folder)
        reader = SchemaReader(documents)
        operations, refused = read_operations(documents, reader, binding)
        return cls(
            next(iter(documents.content)),
            operations,
            refused,
            reader.schema(),
            documents.content,
            zone=zone,
            decimals=decimals,
            prefixes=declared_prefixes(documents.roots.values()) if prefixes == "wsdl" else prefixes,
            report=documents.report,
        )

    def __repr__(self) -> str:
        return f"Contract({self.location!r}, {len(self.operations)} operations, {len(self.refused)} refused)"

    @property
    def endpoint(self) -> str:
        """The first address in the WSDL, empty if it gives none."""
        return next((o.endpoint for o in self.operations.values() if o.endpoint), "")

    def operation(self, name: str) -> Operation:
        """Return an operation, or raise SettingsError with the reason or the names that exist."""
        if name in self.operations:
            return self.operations[name]
        if name in self.refused:
            raise SettingsError(
                f"the operation {name!r} cannot be used: {self.refused[name]}",
                where=self.location,
                fix="choose another operation",
            )
        known = ", ".join(sorted(self.operations)[:12])
        raise SettingsError(
            f"there is no operation {name!r}", where=self.location, fix=f"choose from: {known}"
        )

    def unmade_request(self, operation: str, why: str) -> SettingsError:
        """Return the error for a request that cannot be made, with what the operation takes."""
        request = self.operation(operation).request
        kind = self.schema.complex(request) if request else None
        wanted = ", ".join(e.local for e in kind.elements) if kind else "nothing"
        return SettingsError(
            f"the request of {operation} cannot be made{why}",
            where=self.location,
            fix=f"its request takes: {wanted}",
        )

    def element(self, operation: str, path: str = "") -> Element:
        """Return the element at `path` (names joined by `/`) in the response of `operation`."""
        response = self.operation(operation).response
        if response is None:
            raise SettingsError(
                f"{operation} has no response", where=self.location, fix="choose another operation"
            )
        try:
            return [response, *self.schema.walk(response, path)][-1]
        except KeyError as error:
            raise SettingsError(
                f"the response of {operation} has no {error.args[0]!r} on the path {path!r}",
                where=self.location,
                fix="look at the operation's schema in the WSDL",
            ) from None

    def shape(
        self,
        operation: str,
        path: str,
        key: Sequence[str],
        system: str,
        name: str,
        *,
        classification: Mapping[str, str] | None = None,
        key_privacy: KeyPrivacy = "plain",
        style: AvroStyle = TEXTS,
    ) -> avro_entity.EntityShape:
        """Return the entity at `path` of a response, with the way from values to its rows."""
        return avro_entity.shape(
            self.schema,
            self.element(operation, path),
            key=key,
            system=system,
            name=name,
            decimals=self.decimals,
            classification=classification,
            key_privacy=key_privacy,
            style=style,
        )

    def entity(self, operation: str, path: str, key: Sequence[str], system: str, name: str) -> Entity:
        """Return the entity at `path` of a response."""
        return self.shape(operation, path, key, system, name).entity

    def encode_request(self, operation: str, values: Any, headers: Mapping[str, Any] | None = None) -> bytes:
        """Return a request as a whole envelope; `headers`: values of declared header elements, by name.

        Raises:
            BadValue: a value does not fit.
        """
        found = self.operation(operation)
        return self._encode(found, found.request, values, self._headers(found.request_headers, headers))

    def encode_response(self, operation: str, values: Any, headers: Mapping[str, Any] | None = None) -> bytes:
        """Return a response (or a SoapFault) as a whole envelope."""
        found = self.operation(operation)
        if isinstance(values, SoapFault):
            return wrap(found.version, fault_element(values, found.version))
        return self._encode(found, found.response, values, self._headers(found.response_headers, headers))

    def decode_request(self, operation: str, message: bytes) -> Any:
        """Return the values of a request.

        Raises:
            BrokenAnswer, AnswerMismatch: not a whole SOAP message, or of another operation.
            BadValue: a value outside its type.
        """
        return self.request_values(operation, parse_answer(message, operation))

    def request_values(self, operation: str, envelope: Any) -> Any:
        """As `decode_request`, of an envelope that was parsed already, and checked as that very tree."""
        found = self.operation(operation)
        body = self._body(found, found.request, envelope, operation)
        return self._decode(found, found.request, body, operation)

    def decode_response(self, operation: str, message: bytes, where: str = "") -> dict[str, Any] | SoapFault:
        """Return the values of a response, or its fault; errors as in `decode_request`."""
        where = where or operation
        found = self.operation(operation)
        body = self._body(found, found.response, parse_answer(message, where), where)
        if fault := read_fault(body):
            return typed(self.codec, found, fault)
        values: dict[str, Any] = self._decode(found, found.response, body, where)
        return values

    def decode_headers(self, operation: str, message: bytes, *, response: bool = False) -> dict[str, Any]:
        """Return the values of those header elements that the operation declares, by name.

        Of a response those of a fault about headers (`soap:headerfault`) count too.

        Raises:
            BrokenAnswer: not a whole SOAP message. BadValue: a value outside its type.
        """
        found = self.operation(operation)
        wanted = (*found.response_headers, *found.header_faults) if response else found.request_headers
        declared = {e.name: e for e in wanted}
        nodes = header_elements(parse_answer(message, operation))
        return {
            declared[n.tag].local: self.codec.decode(declared[n.tag], _bare(n))
            for n in nodes
            if n.tag in declared
        }

    def decode_answer(self, operation: str, message: bytes, where: str) -> dict[str, Any] | SoapFault:
        """As `decode_response`, for a message that a service has sent: what does not fit is its mismatch."""
        try:
            return self.decode_response(operation, message, where)
        except BadValue as error:
            raise AnswerMismatch(
                f"the answer does not fit the contract: {error.path}: {error.reason}",
                where=where,
                fix="compare the service's ?wsdl with yours",
            ) from None

    def faithful(self, operation: str, message: bytes) -> bool:
        """Return whether decode → encode gives the same message (DESIGN 10.7); True for a fault."""
        found = self.operation(operation)
        body = self._body(found, found.response, parse_answer(message, operation), operation)
        response = found.response
        if response is None or body is None:
            return body is None and response is None
        if read_fault(body) is not None:
            return True
        if found.use == "encoded":
            return fidelity.survives_encoded(self.codec, response, body)
        return body.tag == response.name and fidelity.survives(self.codec, response, body)

    def list_decoder(
        self, operation: str, path: str, keys: Sequence[str] = (), where: str = ""
    ) -> ListDecoder:
        """Return a streaming decoder for the repeating element at `path` of a response."""
        if (relaxed := self._relaxed.get((operation, path))) is None:
            if not self.element(operation, path).repeats:
                raise SettingsError(
                    f"{path!r} does not repeat in the response of {operation}",
                    where=self.location,
                    fix="give the path of the element that stands once for each row",
                )
            relaxed = without_items(self.schema, self.element(operation), path.split("/"))
            self._relaxed[operation, path] = relaxed
        found = self.operation(operation)
        kind = EncodedListDecoder if found.use == "encoded" else ListDecoder
        return kind(self.codec, found, path, relaxed, tuple(keys), where or operation)

    def row_decoder(
        self,
        operation: str,
        path: str,
        shape: avro_entity.EntityShape,
        keys: Sequence[str] = (),
        where: str = "",
    ) -> RowDecoder:
        """Return a streaming decoder for the same, as Arrow columns of the entity that `shape` is of it."""
        return RowDecoder(self.list_decoder(operation, path, keys, where), shape)

    def canonical(self, operation: str, values: Any) -> Any:
        """Return the JSON-able canonical form of a decoded response."""
        return canonical.canonical(self.schema, self.element(operation), values, self.decimals)

    def canonical_row(self, operation: str, path: str, row: Mapping[str, Any]) -> Any:
        """Return the canonical form of a projection's row of the element at `path`."""
        return canonical.canonical_row(self.schema, self.element(operation, path), row, self.decimals)

    async def call(
        self,
        session: aiohttp.ClientSession,
        operation: str,
        values: Any,
        timeout: float,  # noqa: ASYNC109  (handed to aiohttp, which owns the socket)
        *,
        endpoint: str | None = None,
    ) -> Reply:
        """Call an operation and return the reply; a fault is a reply.

        Raises:
            ServiceUnavailable, BrokenAnswer: transient. CallRefused, AnswerMismatch: terminal.
            BadValue: a request value does not fit the schema, nothing was sent.
        """
        found = self.operation(operation)
        if found.http is not None:
            raise SettingsError(
                f"{operation} has an HTTP binding", where=self.location, fix="choose an operation with SOAP"
            )
        address = endpoint or found.endpoint
        if not address:
            raise SettingsError("the WSDL gives no address", where=self.location, fix="set the endpoint")
        envelope = self.encode_request(operation, values)
        status, raw = await post(session, found, address, envelope, timeout)
        where = place(address, operation)
        value = self.decode_answer(operation, raw, where)
        return Reply(value, raw, status, isinstance(value, SoapFault) or self.faithful(operation, raw))

    def _encode(
        self, operation: Operation, element: Element | None, values: Any, headers: Sequence[Any] = ()
    ) -> bytes:
        if element is None:
            return wrap(operation.version, None, headers)
        encoded = operation.use == "encoded"
        body = self.codec.encode(element, values, nsmap=self.codec.nsmap(element), encoded=encoded)
        if encoded:
            body.set(f"{{{NAMESPACES[operation.version]}}}encodingStyle", ENCODINGS[operation.version])
        return wrap(operation.version, body, headers)

    def _headers(self, declared: Sequence[Element], values: Mapping[str, Any] | None) -> list[Any]:
        given = dict(values or {})
        nodes = [
            self.codec.encode(element, given.pop(element.local), nsmap=self.codec.nsmap(element))
            for element in declared
            if element.local in given
        ]
        if given:
            raise BadValue(next(iter(given)), "not a header that the operation declares")
        return nodes

    def _body(self, operation: Operation, element: Element | None, root: Any, where: str) -> Any:
        """Return the one body element; of an encoded message with what it refers to put in place.

        Of a message of several parts it is the Body itself, unless a fault is in it.
        """
        if is_body(element):
            children = body_elements(root, where)
            return children[0] if children and read_fault(children[0]) else the_body(root, where)
        if operation.use != "encoded":
            return unwrap(root, where)
        children = body_elements(root, where)
        if not children or read_fault(children[0]):
            return children[0] if children else None
        return inline_references(children)

    def _decode(self, operation: Operation, element: Element | None, body: Any, where: str) -> Any:
        if element is None:
            if body is not None:
                raise AnswerMismatch(
                    "a body came where none is expected", where=where, fix="check the endpoint"
                )
            return {}
        # The name of an encoded answer means nothing (SOAP 1.1, 7.1).
        if operation.use != "encoded" or body is None:
            check_response(element, body, where)
        return self.codec.decode(element, body, encoded=operation.use == "encoded")


def declared_prefixes(roots: Iterable[Any]) -> dict[str, str]:
    """Return the prefixes that documents declare at their top, by namespace; the first one of each counts."""
    found: dict[str, str] = {}
    for root in roots:
        for prefix, uri in root.nsmap.items():
            if prefix and uri not in found and prefix not in found.values():
                found[uri] = prefix
    return found


def _bare(header: Any) -> Any:
    """Return a header element without what the envelope says about it (mustUnderstand, actor, role…)."""
    for name in [n for n in header.keys() if namespace(n) in NAMESPACES.values()]:  # noqa: SIM118
        del header.attrib[name]
    return header


def _zone(name: str | None, where: str) -> ZoneInfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ContractError(
            f"{name!r} is not a time zone", where=where, fix='write one like "Europe/London"'
        ) from None
