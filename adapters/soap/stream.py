"""Decode a list answer while it arrives: one value for each repeating element, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from lxml import etree

from adapters.soap.codec import XmlCodec
from adapters.soap.envelope import SoapFault, read_fault, unwrap
from adapters.soap.errors import AnswerMismatch, BadValue, BrokenAnswer
from adapters.soap.faults import typed
from adapters.soap.safe_xml import hostile, looks_like_html, parser_options
from adapters.soap.wsdl import Operation
from adapters.soap.xsd_types import Element, Group, Particle, Schema

#: A list answer may be large, but not endless.
MAX_LIST_BYTES = 2 << 30
#: An element of the list, as raw XML in a dead letter, is cut beyond this.
MAX_RAW_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Item:
    """One repeating element: its value, or why it has none; `raw` is its XML where it has none."""

    value: dict[str, Any] | None
    error: BadValue | None = None
    raw: bytes = b""
    node_keys: tuple[str | None, ...] = ()


class ListDecoder:
    """Feed the bytes of one answer; take the items; then `rest()` gives all but the items, or the fault.

    Args:
        codec: of the contract.
        operation: whose response it is.
        path: local names from the response element to the repeating element, joined by `/`.
        keys: children of the item to read even where the item is bad (for `Item.node_keys`).
        relaxed: the response without its items, from `without_items`; shared between decoders.
        where: the endpoint, for errors.
    """

    #: Whether items come while the answer arrives, and stand in it by themselves.
    streams = True
    #: Whether to read by the rules of SOAP encoding.
    encoded = False

    def __init__(
        self,
        codec: XmlCodec,
        operation: Operation,
        path: str,
        relaxed: Element,
        keys: tuple[str, ...] = (),
        where: str = "",
    ) -> None:
        assert operation.response is not None
        self._operation = operation
        self._codec, self._response, self._where = codec, operation.response, where
        steps = list(codec.schema.walk(operation.response, path))
        self._item = steps[-1]
        self._keys = tuple(
            next(codec.schema.walk(self._item, key)) for key in keys if not key.startswith("@")
        )
        self._ancestors = [e.name for e in reversed(steps[:-1])] + [operation.response.name]
        self._parser = etree.XMLPullParser(events=("end",), tag=self._item.name, **parser_options())
        self._size = 0
        self._checked = False
        self._relaxed = relaxed

    @property
    def item(self) -> Element:
        """The repeating element."""
        return self._item

    @property
    def codec(self) -> XmlCodec:
        """Of the contract."""
        return self._codec

    def feed(self, data: bytes) -> Iterator[Item]:
        """Take more bytes; yield the items that became whole.

        Raises:
            BrokenAnswer: not well-formed, an HTML page, hostile, or endless.
        """
        return (item for item, _ in self.feed_nodes(data))

    def feed_nodes(self, data: bytes) -> Iterator[tuple[Item, Any]]:
        """As `feed`, with each item's element, which is gone when the next is asked for."""
        self.count(data)
        try:
            self._parser.feed(data)
        except etree.XMLSyntaxError:
            raise self._broken("the answer is not well-formed XML") from None
        for _, node in self._parser.read_events():
            if not self._checked:
                self._refuse_hostile(node)
            if self._is_item(node):
                yield self._decode(node), node
                _forget(node)

    def count(self, data: bytes, read: int | None = None) -> None:
        """Count bytes that belong to the answer; `read` of them, if the parser will not see `data`.

        Raises:
            BrokenAnswer: it begins like a page for people, or has no end.
        """
        if self._size == 0 and looks_like_html(data):
            raise self._broken("an HTML page came instead of a SOAP answer")
        self._size += len(data) if read is None else read
        if self._size > MAX_LIST_BYTES:
            raise self._broken(f"the answer is longer than {MAX_LIST_BYTES:,} bytes")

    def rest(self) -> dict[str, Any] | SoapFault:
        """End the answer and return the response without its items, or the fault.

        Raises:
            BrokenAnswer: the answer ends early.
            AnswerMismatch: it is not the response of this operation.
        """
        if self._size == 0:
            raise self._broken("the answer is empty")
        try:
            root = self._parser.close()
        except etree.XMLSyntaxError:
            raise self._broken("the answer ends early or is not well-formed XML") from None
        self._refuse_hostile(root)
        body = unwrap(root, self._where)
        if fault := read_fault(body):
            return typed(self._codec, self._operation, fault)
        check_response(self._response, body, self._where)
        for last in [node for node in body.iter(self._item.name) if self._is_item(node)]:
            last.getparent().remove(last)
        try:
            rest: dict[str, Any] = self._codec.decode(self._relaxed, body)
        except BadValue as error:
            raise AnswerMismatch(
                f"the answer does not fit the contract: {error.path}: {error.reason}",
                where=self._where,
                fix="compare the service's ?wsdl with yours",
            ) from None
        return rest

    def _is_item(self, node: Any) -> bool:
        """Return whether an element of the item's name stands where the items stand."""
        above = [a.tag for _, a in zip(self._ancestors, node.iterancestors(), strict=False)]
        return above == self._ancestors

    def _decode(self, node: Any) -> Item:
        try:
            return Item(self._codec.decode(self._item, node, encoded=self.encoded))
        except BadValue as error:
            raw = bytes(etree.tostring(node, with_tail=False))[:MAX_RAW_BYTES]
            return Item(None, error, raw, tuple(self._key(node, key) for key in self._keys))

    def keys_of(self, value: Any) -> tuple[Any, ...]:
        """Return the values of the key children of a decoded item."""
        return tuple(value.get(key.local) if isinstance(value, dict) else None for key in self._keys)

    def _key(self, node: Any, key: Element) -> Any:
        child = node.find(key.name)
        try:
            return None if child is None else self._codec.decode(key, child)
        except BadValue:
            return None

    def _refuse_hostile(self, node: Any) -> None:
        self._checked = True
        if problem := hostile(node):
            raise self._broken(problem)

    def _broken(self, what: str) -> BrokenAnswer:
        return BrokenAnswer(what, where=self._where, fix="ask the service's owner; the call may be repeated")


def check_response(response: Element, body: Any, where: str) -> None:
    """Raise AnswerMismatch unless the body element is the response that the contract names."""
    if body is None or body.tag != response.name:
        got = "an empty body" if body is None else f"<{etree.QName(body).localname}>"
        namespace = (
            "" if body is None or etree.QName(body).localname != response.local else " of another namespace"
        )
        raise AnswerMismatch(
            f"{got}{namespace} came instead of <{response.local}>",
            where=where,
            fix="check that the endpoint serves the version of this WSDL",
        )


def without_items(schema: Schema, element: Element, path: list[str]) -> Element:
    """Return `element` with the element at `path` made optional: the shape of an answer without its items."""
    kind = schema.complex(element)
    assert kind is not None

    def changed(child: Element) -> Element:
        if child.local != path[0]:
            return child
        if len(path) > 1:
            return without_items(schema, child, path[1:])
        return replace(child, min_occurs=0)

    elements = tuple(map(changed, kind.elements))
    content = None if kind.content is None else _mapped(kind.content, changed)
    return replace(element, type=replace(kind, elements=elements, content=content))


def _mapped(group: Group, change: Callable[[Element], Element]) -> Group:
    def one(particle: Particle) -> Particle:
        if isinstance(particle, Group):
            return _mapped(particle, change)
        return change(particle) if isinstance(particle, Element) else particle

    return replace(group, particles=tuple(map(one, group.particles)))


def _forget(node: Any) -> None:
    """Free the item and take out the one before it; the parser still holds on to the node itself."""
    node.clear(keep_tail=False)
    before = node.getprevious()
    if before is not None and before.tag == node.tag:
        node.getparent().remove(before)
