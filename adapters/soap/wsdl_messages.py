"""From the parts of a WSDL message to the elements that stand in the envelope."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from adapters.soap.documents import WSDL
from adapters.soap.errors import ContractError
from adapters.soap.wsdl_tables import Defined, Tables, clark, refusal
from adapters.soap.xsd import ANY_TYPE, SchemaReader
from adapters.soap.xsd_model import flatten
from adapters.soap.xsd_types import ComplexType, Element, Group, SimpleType, Wildcard, local_name, namespace

ENVELOPES = {
    "1.1": "http://schemas.xmlsoap.org/soap/envelope/",
    "1.2": "http://www.w3.org/2003/05/soap-envelope",
}
_MIME = "http://schemas.xmlsoap.org/wsdl/mime/"


@dataclass(frozen=True, slots=True)
class Binding:
    """How one side of an operation is put into a message.

    Attributes:
        body: the `soap:body`, None if it is not told.
        headers: the `soap:header` elements.
        attachments: names of the parts that travel as MIME parts.
        home: the binding that it stands in.
        soap: namespace of the binding's elements, in braces.
    """

    body: Any
    headers: tuple[Any, ...]
    attachments: tuple[str, ...]
    home: Defined
    soap: str = ""

    @classmethod
    def of(cls, side: Any, soap: str, home: Defined) -> Binding:
        """Read the `wsdl:input` or `wsdl:output` of a binding; `soap` is the namespace in braces."""
        if side is None:
            return cls(None, (), (), home)
        # With MIME, the body stands in the first part of mime:multipartRelated.
        attachments = [n.get("part", "") for n in side.iter(f"{{{_MIME}}}content")]
        return cls(
            next(side.iter(f"{soap}body"), None),
            tuple(side.iter(f"{soap}header")),
            tuple(dict.fromkeys(name for name in attachments if name)),
            home,
            soap,
        )

    def get(self, name: str) -> str | None:
        """Return an attribute of the body."""
        value = self.body.get(name) if self.body is not None else None
        return str(value) if value is not None else None


class Messages:
    """Reads messages of one WSDL."""

    def __init__(self, tables: Tables, reader: SchemaReader) -> None:
        self._tables, self._reader = tables, reader

    def document(self, side: Any, home: Defined, binding: Binding, version: str) -> Element | None:
        """Return the element in the body of a document message; None = an empty body.

        Where the parts are not one element, it is the SOAP Body itself, with the parts in it.
        """
        message = self._message(side, home)
        parts = self._body_parts(message, binding)
        if not parts:
            return None
        if len(parts) == 1 and parts[0].get("element"):
            return self._part_element(parts[0], message)
        self._tables.report.add(
            "warning",
            "body-parts",
            message.at(),
            f"the document message {message.node.get('name')!r} has not one part with an element",
            "the parts stand in the body one after the other",
        )
        body = _holding(f"{{{ENVELOPES[version]}}}Body", (self._any_part(part, message) for part in parts))
        assert isinstance(body.type, ComplexType)
        # A signature, say, gives the Body an Id.
        return replace(body, type=replace(body.type, any_attribute=Wildcard(process="lax")))

    def rpc(self, side: Any, home: Defined, binding: Binding, name: str, *, encoded: bool) -> Element:
        """Return the made-up wrapper of an RPC message: the operation's name, its parts as children."""
        message = self._message(side, home)
        elements = []
        for part in self._body_parts(message, binding):
            if part.get("element"):
                self._tables.report.add(
                    "warning",
                    "rpc-element-part",
                    message.at(part),
                    f"the part {part.get('name')!r} of an rpc operation names an element, not a type",
                    "the type of that element",
                )
            elements.append(replace(self._any_part(part, message, rpc=True), nillable=encoded))
        uri = binding.get("namespace")
        if uri is None:
            uri = binding.home.namespace
            self._tables.report.add(
                "warning",
                "rpc-namespace",
                binding.home.at(binding.body),
                f"the body of the rpc message {name!r} has no namespace",
                f"the target namespace {uri!r}",
            )
        return _holding(clark(uri, name), tuple(elements))

    def form(self, side: Any, home: Defined, name: str) -> Element:
        """Return the made-up element of a request without SOAP: its parts as children."""
        message = self._message(side, home)
        return _holding(name, tuple(self._any_part(part, message, rpc=True) for part in _parts(message)))

    def plain(self, side: Any, home: Defined, wanted: str) -> Element | None:
        """Return the element that a body without SOAP is: that of the part, or of the only one.

        Raises:
            ContractError: there are several, or the part has a type and so no name on the wire.
        """
        message = self._message(side, home)
        parts = _parts(message)
        found = [p for p in parts if p.get("name") == wanted] or parts
        if not found:
            return None
        if len(found) > 1 or not found[0].get("element"):
            raise refusal("a body of plain XML that is not one part with an element", message)
        return self._part_element(found[0], message)

    def headers(self, binding: Binding, *, faults: bool = False) -> tuple[Element, ...]:
        """Return the elements that a binding puts into the SOAP header, or those of `faults` about them."""
        found = []
        nodes = [f for h in binding.headers for f in h.iterchildren(f"{binding.soap}headerfault")]
        for node in nodes if faults else binding.headers:
            try:
                message = self._tables.find("message", binding.home, node, node.get("message", ""))
                part = next((p for p in _parts(message) if p.get("name") == node.get("part")), None)
                if part is None:
                    raise refusal(
                        f"the message of a header has no part {node.get('part')!r}", binding.home, node
                    )
                found.append(self._any_part(part, message))
            except ContractError as error:
                self._tables.report.add("error", "dangling-header", error.where, error.what, "no such header")
        return tuple(found)

    def check_order(self, abstract: Any, home: Defined) -> None:
        """Report a parameterOrder that says something else than the messages (WSDL 1.1, 2.4.6: a hint)."""
        if (hint := abstract.get("parameterOrder")) is None:
            return
        sides = [n for n in (abstract.find(f"{WSDL}input"), abstract.find(f"{WSDL}output")) if n is not None]
        known = [[p.get("name", "") for p in _parts(self._message(side, home))] for side in sides]
        named = hint.split()
        unknown = [name for name in named if not any(name in names for names in known)]
        if unknown:
            what = f"parameterOrder names {unknown[0]!r}, which is no part of its messages"
        elif known and [n for n in named if n in known[0]] != [n for n in known[0] if n in named]:
            what = f"parameterOrder gives {hint!r}, the message {' '.join(known[0])!r}"
        else:
            return
        self._tables.report.add(
            "info", "parameter-order", home.at(abstract), what, "the order of the message's parts"
        )

    def faults(self, abstract: Any, home: Defined) -> tuple[Element, ...]:
        """Return the elements that the detail of a fault may hold."""
        found: dict[str, Element] = {}
        for node in abstract.iterchildren(f"{WSDL}fault"):
            try:
                message = self._tables.find("message", home, node, node.get("message", ""))
                for part in _parts(message):
                    element = self._any_part(part, message)
                    found.setdefault(element.name, element)
            except ContractError as error:  # its detail stays XML; the fault itself is still understood
                self._tables.report.add("error", "dangling-fault", error.where, error.what, "any detail")
        return tuple(found.values())

    def _message(self, side: Any, home: Defined) -> Defined:
        return self._tables.find("message", home, side, side.get("message", ""))

    def _body_parts(self, message: Defined, binding: Binding) -> list[Any]:
        parts = _parts(message)
        wanted = binding.get("parts")
        if wanted is not None:
            known = {part.get("name") for part in parts}
            for name in set(wanted.split()) - known:
                self._tables.report.add(
                    "warning",
                    "body-parts",
                    binding.home.at(binding.body),
                    f"the body names a part {name!r} that the message does not have",
                    "it is not there",
                )
            named = [part for part in parts if part.get("name") in wanted.split()]
            if named or not wanted.strip():
                return named
        elsewhere = set(binding.attachments) | {
            node.get("part")
            for node in binding.headers
            if local_name(node.get("message", "").rpartition(":")[2]) == message.node.get("name")
        }
        return [part for part in parts if part.get("name") not in elsewhere]

    def _part_element(self, part: Any, message: Defined) -> Element:
        """Return the global element that a part names; open content where it is not there."""
        qname = part.get("element")
        name, undeclared = self._tables.meant(message, part, qname)
        if undeclared is None and self._reader.names.knows("element", name):
            return self._reader.element(name)
        assumed = "any content in an element of that name"
        found = self._reader.names.repaired(
            "element",
            message.at(part),
            message.namespace,
            qname,
            None if undeclared else name,
            assumed,
        )
        if found is not None:
            return self._reader.element(found)
        if namespace(name) == WSDL[1:-1]:  # the default namespace of the document, never that of a message
            name = clark(message.namespace, local_name(name))
        return Element(name, ANY_TYPE)

    def _any_part(self, part: Any, message: Defined, *, rpc: bool = False) -> Element:
        """Return the element of a part; a part with a type is an element of the part's own name."""
        if part.get("element"):
            element = self._part_element(part, message)
            return Element(part.get("name", ""), element.type, doc=element.doc) if rpc else element
        kind: SimpleType | str = ANY_TYPE
        if qname := part.get("type"):
            name, undeclared = self._tables.meant(message, part, qname)
            if undeclared is not None or not self._reader.names.knows("type", name):
                found = self._reader.names.repaired(
                    "type",
                    message.at(part),
                    message.namespace,
                    qname,
                    None if undeclared else name,
                    "any content (xs:anyType)",
                )
                name = found or ANY_TYPE
            kind = self._reader.type(name)
        else:
            self._tables.report.add(
                "error",
                "untyped-part",
                message.at(part),
                f"the part {part.get('name')!r} has neither element nor type",
                "any content",
            )
        return Element(part.get("name", ""), kind)


def is_body(element: Element | None) -> bool:
    """Return whether an operation's element is the SOAP Body itself: a message of several parts."""
    return element is not None and element.local == "Body" and namespace(element.name) in ENVELOPES.values()


def _parts(message: Defined) -> list[Any]:
    return list(message.node.iterchildren(f"{WSDL}part"))


def _holding(name: str, elements: Iterable[Element]) -> Element:
    content = Group("sequence", tuple(elements))
    flat = flatten(content)
    return Element(name, ComplexType("", flat.elements, content=content, free=flat.free))
