"""What stands in a message: the element of the body, and those of the header."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from adapters.soap.documents import WSDL
from adapters.soap.errors import ContractError
from adapters.soap.wsdl_tables import Tables, clark, refusal
from adapters.soap.xsd import SchemaReader
from adapters.soap.xsd_types import ComplexType, Element, Group

_MIME = "{http://schemas.xmlsoap.org/wsdl/mime/}"


@dataclass(frozen=True, slots=True)
class Side:
    """One direction of an operation, as its binding has it.

    Attributes:
        parts: nodes of the parts in the body, with the document they stand in.
        namespace: of the wrapper, for rpc.
    """

    parts: tuple[tuple[Any, str], ...] = ()
    use: str = "literal"
    namespace: str = ""
    headers: tuple[Element, ...] = ()
    present: bool = False


class Messages:
    """Reads messages by their parts."""

    def __init__(self, tables: Tables, reader: SchemaReader) -> None:
        self._tables, self._reader = tables, reader

    def side(self, soap: str, bound: Any, abstract: Any, place: str) -> Side:
        """Return a direction: what the binding says of it, over the message of the port type."""
        if abstract is None:
            return Side()
        message, home = self._tables.find("message", abstract, abstract.get("message", ""), place)
        parts = {p.get("name", ""): p for p in message.iterchildren(f"{WSDL}part")}
        body, headers, attached = None, [], set()
        if bound is not None:
            body = next(bound.iter(f"{soap}body"), None)
            headers = list(bound.iter(f"{soap}header"))
            attached = {c.get("part", "") for c in bound.iter(f"{_MIME}content")}
        named = set(parts)
        if body is not None and body.get("parts") is not None:
            named = set(body.get("parts").split())
        elif bound is not None:
            # Without a list of parts, those that go elsewhere are not in the body.
            own = {h.get("part", "") for h in headers if self._same(h, message, place)}
            named -= own | attached
        use = "literal" if body is None else body.get("use", "literal")
        return Side(
            tuple((part, home) for name, part in parts.items() if name in named),
            "encoded" if use == "encoded" else "literal",
            "" if body is None else body.get("namespace", ""),
            tuple(filter(None, (self._header(header, place) for header in headers))),
            present=True,
        )

    def document(self, side: Side, place: str) -> Element | None:
        """Return the element in the body of a document-style message; None = the body is empty."""
        if not side.parts:
            return None
        if len(side.parts) > 1:
            part, home = side.parts[1]
            raise refusal("a document body of several parts: one element may stand there", part, home)
        part, home = side.parts[0]
        if part.get("element"):
            return self._element(part, home)
        if not part.get("type"):
            raise refusal("a part without element and type", part, home)
        name = part.get("name", "")
        self._tables.report.add(
            "warning",
            "part-with-type",
            f"the document part {name!r} names a type, not an element",
            _at(part, home),
            f"the body holds an element <{name}> of that type",
        )
        return self._typed(part, home, name)

    def rpc(self, side: Side, local: str, abstract: Any, place: str) -> Element | None:
        """Return the wrapper of an rpc-style message, its parts as children in their order."""
        if not side.present:
            return None
        children = []
        for part, home in side.parts:
            if part.get("type"):
                children.append(self._typed(part, home, part.get("name", "")))
            elif part.get("element"):
                self._tables.report.add(
                    "warning",
                    "part-with-element",
                    f"the rpc part {part.get('name', '')!r} names an element, not a type",
                    _at(part, home),
                    "the element itself stands in the wrapper",
                )
                children.append(self._element(part, home))
            else:
                raise refusal("a part without element and type", part, home)
        if side.use == "encoded":
            children = [replace(child, nillable=True) for child in children]
        elements = tuple(children)
        wrapper = ComplexType("", elements, content=Group("sequence", elements))
        return Element(clark(side.namespace, local), wrapper)

    def faults(self, abstract: Any, place: str) -> tuple[Element, ...]:
        """Return the elements of declared faults; of one that cannot be read the detail stays XML."""
        found = []
        for fault in abstract.iterchildren(f"{WSDL}fault"):
            try:
                message, home = self._tables.find("message", fault, fault.get("message", ""), place)
                parts = tuple((p, home) for p in message.iterchildren(f"{WSDL}part"))
                element = self.document(Side(parts), place)
            except ContractError as error:
                what = f"the fault {fault.get('name', '')!r}: {error.what}"
                self._tables.report.add("warning", "fault-unread", what, place, "its detail is kept as XML")
                continue
            if element is not None:
                found.append(element)
        return tuple(found)

    def _element(self, part: Any, home: str) -> Element:
        """Return the element that a part names; where it is defined nowhere, one of any content."""
        name, where = self._tables.qname(part, part.get("element"), home), _at(part, home)
        if self._reader.defines(name, where):
            return self._reader.element(name, where)
        return self._reader.dangling(name, where)

    def _typed(self, part: Any, home: str, name: str) -> Element:
        kind = self._reader.type(self._tables.qname(part, part.get("type"), home), _at(part, home))
        return Element(name, kind)

    def _same(self, header: Any, message: Any, place: str) -> bool:
        found, _ = self._tables.find("message", header, header.get("message", ""), place)
        return found is message

    def _header(self, header: Any, place: str) -> Element | None:
        """Return the element of a header; None, and a report, where it cannot be read."""
        try:
            return self._header_part(header, place)
        except ContractError as error:
            what = f"the header {header.get('part', '')!r}: {error.what}"
            where = f"{place}:{header.sourceline}"
            self._tables.report.add("warning", "header-unread", what, where, "it is neither sent nor read")
            return None

    def _header_part(self, header: Any, place: str) -> Element:
        message, home = self._tables.find("message", header, header.get("message", ""), place)
        wanted = header.get("part", "")
        for part in message.iterchildren(f"{WSDL}part"):
            if part.get("name") == wanted:
                if part.get("element"):
                    name = self._tables.qname(part, part.get("element"), home)
                    return self._reader.element(name, _at(part, home))
                return self._typed(part, home, wanted)
        raise refusal(f"the header's message has no part {wanted!r}", header, place)


def _at(node: Any, location: str) -> str:
    return f"{location}:{node.sourceline}"
