"""Read the operations of a WSDL 1.1: document and rpc style, literal and encoded, over SOAP 1.1 and 1.2."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from adapters.soap.documents import WSDL, Documents
from adapters.soap.errors import ContractError
from adapters.soap.policies import Policies
from adapters.soap.wsdl_messages import Messages
from adapters.soap.wsdl_tables import Tables, refusal, text_of
from adapters.soap.xsd import SchemaReader
from adapters.soap.xsd_types import Element, local_name

SOAP_BINDINGS = {
    "http://schemas.xmlsoap.org/wsdl/soap/": "1.1",
    "http://schemas.xmlsoap.org/wsdl/soap12/": "1.2",
}
_ADDRESSING = (
    "{http://www.w3.org/2007/05/addressing/metadata}Action",
    "{http://www.w3.org/2006/05/addressing/wsdl}Action",
    "{http://schemas.xmlsoap.org/ws/2004/08/addressing}Action",
)


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
    documents: Documents, reader: SchemaReader, binding: str = ""
) -> tuple[dict[str, Operation], dict[str, str]]:
    """Return the operations that can be called, and for each other one the reason.

    An operation that several bindings offer is taken from the first, SOAP 1.1 before 1.2, unless `binding`
    names one (or its port).

    Raises:
        ContractError: this is no WSDL 1.1, or it has no SOAP binding.
    """
    tables = Tables(documents)
    bindings = _Bindings(tables, Messages(tables, reader), Policies(documents))
    operations: dict[str, Operation] = {}
    refused: dict[str, str] = {}
    for version, node, place in bindings.all(binding):
        seen: set[str] = set()
        for operation in node.iterchildren(f"{WSDL}operation"):
            name = operation.get("name", "")
            if name in seen:
                refused.setdefault(
                    f"{name} (line {operation.sourceline})",
                    "an overloaded operation: the first of its name is read",
                )
                continue
            seen.add(name)
            if name in operations:
                continue
            try:
                operations[name] = bindings.operation(version, node, operation, place)
                refused.pop(name, None)
            except ContractError as error:
                refused.setdefault(name, error.what)
    for name, reason in refused.items():
        documents.report.add(
            "error", "operation-refused", f"{name}: {reason}", tables.first, "it is left out"
        )
    if not operations and not refused:
        raise ContractError(
            f"no operation with a SOAP binding{bindings.others()}",
            where=tables.first,
            fix="give a WSDL 1.1 with SOAP bindings",
        )
    return operations, refused


class _Bindings:
    """Reads bindings: how operations of a port type go over the wire."""

    def __init__(self, tables: Tables, messages: Messages, policies: Policies) -> None:
        self._tables, self._messages, self._policies = tables, messages, policies

    def all(self, wanted: str) -> list[tuple[str, Any, str]]:
        """Return (SOAP version, binding, location), those with an address and version 1.1 first."""
        found = []
        for name, node, location in self._tables.bindings:
            if wanted and wanted not in (local_name(name), self._tables.ports.get(name, "")):
                continue
            for uri, version in SOAP_BINDINGS.items():
                if node.find(f"{{{uri}}}binding") is not None:
                    found.append((name not in self._tables.addresses, version, node, location))
        if wanted and not found:
            known = ", ".join(local_name(name) for name, *_ in self._tables.bindings)
            raise ContractError(
                f"no SOAP binding or port {wanted!r}", where=self._tables.first, fix=f"choose from: {known}"
            )
        return [entry[1:] for entry in sorted(found, key=lambda entry: entry[:2])]

    def others(self) -> str:
        """Return in words which bindings there are that are not SOAP's."""
        kinds = set()
        for _, node, _ in self._tables.bindings:
            kinds |= {_KINDS.get(_uri(c), _uri(c)) for c in node if local_name(c.tag) == "binding"}
        return f"; there is {', '.join(sorted(kinds))}" if kinds else "; it has no binding at all"

    def operation(self, version: str, binding: Any, node: Any, place: str) -> Operation:
        """Return one operation of a binding.

        Raises:
            ContractError: it needs what cannot be read, or what SOAP over HTTP does not have.
        """
        soap = "{" + next(u for u, v in SOAP_BINDINGS.items() if v == version) + "}"
        general = binding.find(f"{soap}binding")
        transport = general.get("transport", "")
        if transport and not transport.startswith(("http://schemas.xmlsoap.org/soap/http", _SOAP12_HTTP)):
            raise refusal(f"the transport {transport!r} is not HTTP", general, place)
        special = node.find(f"{soap}operation")
        special = special if special is not None else {}
        style = special.get("style") or general.get("style") or "document"
        if style not in ("document", "rpc"):
            raise refusal(f"{style!r} is not a style of SOAP", node, place)
        port_type, abstract = self._tables.abstract(binding, node.get("name", ""), place)
        inputs, outputs = abstract.find(f"{WSDL}input"), abstract.find(f"{WSDL}output")
        if inputs is None:
            raise refusal("a notification: the service sends it, nobody can call it", abstract, place)
        if outputs is not None and abstract.index(outputs) < abstract.index(inputs):
            raise refusal("solicit-response: the service asks, nobody can call it", abstract, place)
        request = self._messages.side(soap, node.find(f"{WSDL}input"), inputs, place)
        response = self._messages.side(soap, node.find(f"{WSDL}output"), outputs, place)
        name = node.get("name", "")
        bodies = [
            self._messages.rpc(side, local, inputs if side is request else outputs, place)
            if style == "rpc"
            else self._messages.document(side, place)
            for side, local in ((request, name), (response, f"{name}Response"))
        ]
        owner = self._tables.name_of(binding)
        return Operation(
            name,
            special.get("soapAction") or "",
            version,
            bodies[0],
            bodies[1],
            self._messages.faults(abstract, place),
            self._tables.addresses.get(owner, ""),
            owner,
            text_of(abstract),
            "rpc" if style == "rpc" else "document",
            "encoded" if "encoded" in (request.use, response.use) else "literal",
            request.headers,
            response.headers,
            outputs is None,
            _action(port_type, abstract, inputs, "Request" if outputs is not None else ""),
            _action(port_type, abstract, outputs, "Response") if outputs is not None else "",
            self._policies.of(binding, node, *node.iterchildren(f"{WSDL}input"), *self._ports(owner)),
        )

    def _ports(self, owner: str) -> Iterable[Any]:
        node = self._tables.port_nodes.get(owner)
        return () if node is None else (node,)


_SOAP12_HTTP = "http://www.w3.org/2003/05/soap/bindings/HTTP"
_KINDS = {
    "http://schemas.xmlsoap.org/wsdl/http/": "an HTTP binding (urlencoded GET or POST), which is not SOAP",
    "http://www.w3.org/2010/soapjms/": "a JMS binding",
    "http://schemas.xmlsoap.org/wsdl/jms/": "a JMS binding",
}


def _uri(node: Any) -> str:
    return str(node.tag)[1:].partition("}")[0]


def _action(port_type: Any, abstract: Any, side: Any, suffix: str) -> str:
    """Return the WS-Addressing action of a message: as declared, else by the standard's pattern."""
    for attribute in _ADDRESSING:
        if declared := side.get(attribute):
            return str(declared)
    root = port_type.getroottree().getroot()
    target = root.get("targetNamespace", "")
    delimiter = ":" if target.startswith("urn:") else "/"
    name = side.get("name") or f"{abstract.get('name', '')}{suffix}"
    return delimiter.join((target.rstrip(delimiter), port_type.get("name", ""), name))
