"""Read the operations of a WSDL 1.1: document/literal, wrapped or bare, over SOAP 1.1 or 1.2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from adapters.soap.documents import WSDL, Documents
from adapters.soap.errors import ContractError
from adapters.soap.xsd import SchemaReader
from adapters.soap.xsd_types import Element, local_name

SOAP_BINDINGS = {
    "http://schemas.xmlsoap.org/wsdl/soap/": "1.1",
    "http://schemas.xmlsoap.org/wsdl/soap12/": "1.2",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        name: as in the WSDL.
        action: the SOAPAction.
        version: of SOAP, `1.1` or `1.2`.
        request, response: the element in the body; None = an empty body, or one way.
        faults: the elements that a fault's detail may hold.
        endpoint: the address in the WSDL, empty if it gives none.
        binding: Clark name of the WSDL binding it was read from.
        style, use: of the binding. An `rpc` operation's `request` and `response` are made-up elements:
            the wrapper (operation, or operation + "Response") with the parts as unqualified children.
        request_headers, response_headers: elements that the binding puts into the SOAP header.
        request_action, response_action: WS-Addressing actions, as declared or by the default pattern.
        policies: what the WSDL demands by WS-Policy, each assertion by its Clark name.
    """

    name: str
    action: str
    version: str
    request: Element | None
    response: Element | None
    faults: tuple[Element, ...] = ()
    endpoint: str = ""
    binding: str = ""
    doc: str = ""
    style: Literal["document", "rpc"] = "document"
    use: Literal["literal", "encoded"] = "literal"
    request_headers: tuple[Element, ...] = ()
    response_headers: tuple[Element, ...] = ()
    one_way: bool = False
    request_action: str = ""
    response_action: str = ""
    policies: tuple[str, ...] = ()


def read_operations(
    documents: Documents, reader: SchemaReader
) -> tuple[dict[str, Operation], dict[str, str]]:
    """Return the operations that can be called, and for each other one the reason.

    SOAP 1.1 is taken where a WSDL offers both versions.

    Raises:
        ContractError: this is no WSDL 1.1, or it has no SOAP binding.
    """
    tables = _Tables(documents)
    operations: dict[str, Operation] = {}
    refused: dict[str, str] = {}
    for version, binding, place in tables.bindings():
        for node in binding.iterchildren(f"{WSDL}operation"):
            name = node.get("name", "")
            if name in operations:
                continue
            try:
                operations[name] = tables.operation(version, binding, node, place, reader)
                refused.pop(name, None)
            except ContractError as error:
                refused.setdefault(name, error.what)
    if not operations and not refused:
        first = next(iter(documents.roots))
        raise ContractError(
            "no operation with a SOAP binding", where=first, fix="give a WSDL 1.1 with SOAP bindings"
        )
    return operations, refused


class _Tables:
    """Messages, port types, bindings and addresses by name, over all WSDL documents."""

    def __init__(self, documents: Documents) -> None:
        self._by_name: dict[tuple[str, str], Any] = {}
        self._location: dict[int, str] = {}
        self._bindings: list[tuple[Any, str]] = []
        self._addresses: dict[str, str] = {}
        first_location, first = next(iter(documents.roots.items()))
        if first.tag != f"{WSDL}definitions":
            kind = "a WSDL 2.0" if local_name(first.tag) == "description" else f"<{local_name(first.tag)}>"
            raise ContractError(
                f"{kind} is not WSDL 1.1", where=first_location, fix="give the WSDL 1.1 of the service"
            )
        for location, root in documents.roots.items():
            for node in root.iterchildren(f"{WSDL}*"):
                kind, name = local_name(node.tag), node.get("name", "")
                key = _clark(root.get("targetNamespace", ""), name)
                self._by_name.setdefault((kind, key), node)
                if kind == "binding":
                    self._bindings.append((node, location))
                if kind == "service":
                    self._read_ports(node)

    def bindings(self) -> list[tuple[str, Any, str]]:
        """Return (SOAP version, binding, location), version 1.1 first."""
        found = []
        for node, location in self._bindings:
            for uri, version in SOAP_BINDINGS.items():
                if node.find(f"{{{uri}}}binding") is not None:
                    found.append((version, node, location))
        return sorted(found, key=lambda item: item[0])

    def operation(self, version: str, binding: Any, node: Any, place: str, reader: SchemaReader) -> Operation:
        """Return one operation of a binding."""
        soap = "{" + next(u for u, v in SOAP_BINDINGS.items() if v == version) + "}"
        general = binding.find(f"{soap}binding")
        special = node.find(f"{soap}operation")
        special = special if special is not None else {}
        style = special.get("style") or general.get("style") or "document"
        if style != "document":
            raise _refusal(f"{style} style is not supported yet", node, place)
        abstract = self._abstract(binding, node.get("name", ""), place)
        for side in ("input", "output"):
            self._check_body(soap, node.find(f"{WSDL}{side}"), place)
        owner = _name_in(binding, binding.getroottree().getroot())
        return Operation(
            node.get("name", ""),
            special.get("soapAction") or "",
            version,
            self._element(abstract.find(f"{WSDL}input"), reader, place),
            self._element(abstract.find(f"{WSDL}output"), reader, place),
            self._faults(abstract, reader, place),
            self._addresses.get(owner, ""),
            owner,
            " ".join((abstract.findtext(f"{WSDL}documentation") or "").split()),
        )

    def _abstract(self, binding: Any, name: str, place: str) -> Any:
        port_type = self._find("portType", binding, binding.get("type", ""), place)
        for node in port_type.iterchildren(f"{WSDL}operation"):
            if node.get("name") == name:
                return node
        raise _refusal(f"the port type has no operation {name!r}", binding, place)

    def _check_body(self, soap: str, side: Any, place: str) -> None:
        if side is None:
            return
        if side.find(f"{soap}header") is not None:
            raise _refusal("SOAP headers are not supported yet", side, place)
        if any(local_name(child.tag) == "multipartRelated" for child in side):
            raise _refusal("attachments are not supported yet", side, place)
        body = side.find(f"{soap}body")
        if body is not None and body.get("use", "literal") != "literal":
            raise _refusal("encoded bodies are not supported yet", side, place)

    def _element(self, side: Any, reader: SchemaReader, place: str) -> Element | None:
        if side is None:
            return None
        message = self._find("message", side, side.get("message", ""), place)
        parts = list(message.iterchildren(f"{WSDL}part"))
        if not parts:
            return None
        if len(parts) > 1 or not parts[0].get("element"):
            raise _refusal("a document/literal message has one part with an element", message, place)
        prefix, _, local = parts[0].get("element").rpartition(":")
        return reader.element(_clark(parts[0].nsmap.get(prefix or None) or "", local))

    def _faults(self, abstract: Any, reader: SchemaReader, place: str) -> tuple[Element, ...]:
        found = []
        for fault in abstract.iterchildren(f"{WSDL}fault"):
            try:
                element = self._element(fault, reader, place)
            except ContractError:
                continue  # its detail stays XML; the fault itself is still understood
            if element is not None:
                found.append(element)
        return tuple(found)

    def _find(self, kind: str, node: Any, qname: str, place: str) -> Any:
        prefix, _, local = qname.rpartition(":")
        name = _clark(node.nsmap.get(prefix or None) or "", local)
        if (kind, name) not in self._by_name:
            raise _refusal(f"there is no {kind} {qname!r}", node, place)
        return self._by_name[kind, name]

    def _read_ports(self, service: Any) -> None:
        for port in service.iterchildren(f"{WSDL}port"):
            prefix, _, local = port.get("binding", "").rpartition(":")
            name = _clark(port.nsmap.get(prefix or None) or "", local)
            for address in port:
                if local_name(address.tag) == "address":
                    self._addresses.setdefault(name, address.get("location", ""))


def _name_in(node: Any, root: Any) -> str:
    return _clark(root.get("targetNamespace", ""), node.get("name", ""))


def _clark(uri: str, local: str) -> str:
    return f"{{{uri}}}{local}" if uri else local


def _refusal(what: str, node: Any, place: str) -> ContractError:
    return ContractError(
        f"{what} (line {node.sourceline})", where=f"{place}:{node.sourceline}", fix="leave it out"
    )
