"""The items of an encoded answer: references lead anywhere in it, so it is held whole before any is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lxml import etree

from adapters.soap.codec import XmlCodec
from adapters.soap.encoded import ARRAY_TYPES, inline_references
from adapters.soap.envelope import NAMESPACES, SoapFault, body_elements, read_fault
from adapters.soap.errors import AnswerMismatch, BadValue
from adapters.soap.faults import typed
from adapters.soap.safe_xml import MAX_ANSWER_BYTES, MAX_DEPTH, depth, hostile, parser_options
from adapters.soap.stream import Item, ListDecoder
from adapters.soap.wsdl import Operation
from adapters.soap.xsd_types import Element, local_name


class EncodedListDecoder(ListDecoder):
    """As `ListDecoder`, for `use="encoded"`; the list may be a SOAP array, its items then under `item`."""

    streams = False
    encoded = True

    def __init__(
        self,
        codec: XmlCodec,
        operation: Operation,
        path: str,
        relaxed: Element,
        keys: tuple[str, ...] = (),
        where: str = "",
    ) -> None:
        super().__init__(codec, operation, path, relaxed, keys, where)
        tags = tuple(f"{{{uri}}}Envelope" for uri in NAMESPACES.values())
        self._parser = etree.XMLPullParser(events=("end",), tag=tags, **parser_options())
        self._path = path.split("/")
        holder = [self._response, *codec.schema.walk(self._response, "/".join(self._path[:-1]))][-1]
        kind = codec.schema.complex(holder)
        self._in_array = kind is not None and kind.array is not None
        self._rest: dict[str, Any] | SoapFault | None = None

    def feed_nodes(self, data: bytes) -> Iterator[tuple[Item, Any]]:
        """Take more bytes; yield all items when the answer has ended."""
        self.count(data)
        if self._size > MAX_ANSWER_BYTES:
            raise self._broken(f"the answer is longer than {MAX_ANSWER_BYTES:,} bytes")
        try:
            self._parser.feed(data)
        except etree.XMLSyntaxError:
            raise self._broken("the answer is not well-formed XML") from None
        for _, root in self._parser.read_events():
            if self._rest is None:
                yield from self._read(root)

    def rest(self) -> dict[str, Any] | SoapFault:
        """Return the answer without its items, or the fault; errors as in `ListDecoder`."""
        if self._size == 0:
            raise self._broken("the answer is empty")
        try:
            root = self._parser.close()
        except etree.XMLSyntaxError:
            raise self._broken("the answer ends early or is not well-formed XML") from None
        if self._rest is None:
            body_elements(root, self._where)  # says what it is instead
            raise AnswerMismatch("the body is empty", where=self._where, fix="check the endpoint")
        return self._rest

    def _read(self, root: Any) -> Iterator[tuple[Item, Any]]:
        if problem := hostile(root):
            raise self._broken(problem)
        if depth(root) > MAX_DEPTH:
            raise self._broken(f"the answer is nested deeper than {MAX_DEPTH}")
        children = body_elements(root, self._where)
        if not children:
            return
        if fault := read_fault(children[0]):
            self._rest = typed(self._codec, self._operation, fault)
            return
        try:
            body = inline_references(children)
            holder, items = self._items(body)
            for node in items:
                yield self._decode(node), node
            for node in items:
                holder.remove(node)
            for name in ARRAY_TYPES & set(() if holder is None else holder.keys()):
                del holder.attrib[name]
            rest: dict[str, Any] = self._codec.decode(self._response, body, encoded=True)
        except BadValue as error:
            raise AnswerMismatch(
                f"the answer does not fit the contract: {error.path}: {error.reason}",
                where=self._where,
                fix="compare the service's ?wsdl with yours",
            ) from None
        self._rest = rest

    def _items(self, body: Any) -> tuple[Any, list[Any]]:
        """Return the element that holds the items, None if it is not there, and the items."""
        holder = body
        for step in self._path[:-1]:
            holder = next((child for child in holder if local_name(child.tag) == step), None)
            if holder is None:
                return None, []
        if self._in_array:
            return holder, list(holder)
        return holder, [child for child in holder if local_name(child.tag) == self._path[-1]]
