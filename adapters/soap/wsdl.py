"""Read the operations of a WSDL 1.1: over SOAP 1.1 or 1.2, document or rpc, literal or encoded; over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from adapters.soap.documents import WSDL, Documents
from adapters.soap.errors import ContractError, Hostile
from adapters.soap.wsdl_actions import declared_action, default_action
from adapters.soap.wsdl_http import HttpBinding, check_location, read_http, xml_part
from adapters.soap.wsdl_messages import Binding, Messages
from adapters.soap.wsdl_policy import Policies
from adapters.soap.wsdl_tables import Defined, Port, Tables, kind_of, refusal
from adapters.soap.xsd import SchemaReader
from adapters.soap.xsd_types import Element, local_name

#: Namespace of the binding's extension elements → version of SOAP.
SOAP_BINDINGS = {
    "http://schemas.xmlsoap.org/wsdl/soap/": "1.1",
    "http://schemas.xmlsoap.org/wsdl/soap12/": "1.2",
}
_HTTP = (
    "",
    "http://schemas.xmlsoap.org/soap/http",
    "http://schemas.xmlsoap.org/soap/http/",
    "http://www.w3.org/2003/05/soap/bindings/HTTP",
    "http://www.w3.org/2003/05/soap/bindings/HTTP/",
    # Written by some tools for SOAP 1.2; there is no other transport that they can mean.
    "http://schemas.xmlsoap.org/soap12/http",
    "http://schemas.xmlsoap.org/wsdl/soap12/http",
)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        name: as in the WSDL.
        action: the SOAPAction.
        version: of SOAP, `1.1` or `1.2`.
        request, response: the element in the body; None = an empty body, or one way. Of a document message
            whose parts are not one element, it is the SOAP Body itself (`wsdl_messages.is_body`).
        faults: the elements that a fault's detail may hold.
        endpoint: the address in the WSDL, empty if it gives none.
        binding: Clark name of the WSDL binding it was read from.
        style, use: of the binding. An `rpc` operation's `request` and `response` are made-up elements:
            the wrapper (operation, or operation + "Response") with the parts as unqualified children.
        request_headers, response_headers: elements that the binding puts into the SOAP header.
        request_action, response_action: WS-Addressing actions, as declared or by the default pattern.
        policies: what the WSDL demands by WS-Policy, each assertion by its Clark name.
        service, port, port_type: where it was found; names without namespace.
        request_attachments, response_attachments: names of the parts that travel as MIME parts, not in the
            body (SOAP with Attachments).
        header_faults: header elements of a fault that is about the request's or response's headers
            (`soap:headerfault`).
        http: how it is called without SOAP; None = by SOAP. Its request is then a made-up element with the
            parts as children, its version means nothing.
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
    service: str = ""
    port: str = ""
    port_type: str = ""
    request_attachments: tuple[str, ...] = ()
    response_attachments: tuple[str, ...] = ()
    http: HttpBinding | None = None
    header_faults: tuple[Element, ...] = ()


def read_operations(
    documents: Documents, reader: SchemaReader, binding: str = ""
) -> tuple[dict[str, Operation], dict[str, str]]:
    """Return the operations that can be called, and for each other one the reason.

    An operation that several ports offer is taken from the first, SOAP 1.1 before 1.2, unless `binding` names
    a port (`port` or `service/port`), a binding or a version of SOAP.

    Raises:
        ContractError: this is no WSDL 1.1, or it has no binding that can be used.
    """
    found = _Operations(documents, reader, binding)
    for port, version in found.ports():
        found.take(port, version)
    if not found.operations and not found.refused:
        raise found.nothing()
    for name, (error, _) in found.refused.items():
        documents.report.add("error", "operation-refused", error.where, f"{name}: {error.what}")
    return found.operations, {name: error.what for name, (error, _) in found.refused.items()}


class _Operations:
    def __init__(self, documents: Documents, reader: SchemaReader, wanted: str) -> None:
        self._wanted = wanted
        self._tables = Tables(documents)
        self._messages = Messages(self._tables, reader)
        self._policies = Policies(self._tables.roots, documents.report)
        self._first = next(iter(documents.roots))
        self._other: dict[str, str] = {}
        self.operations: dict[str, Operation] = {}
        self.refused: dict[str, tuple[ContractError, Port]] = {}

    def ports(self) -> list[tuple[Port, str]]:
        """Return the ports that may be used with their version of SOAP ("" = no SOAP), 1.1 first."""
        found = []
        for port in self._tables.ports():
            kind, uri = kind_of(port.binding.node)
            version = SOAP_BINDINGS.get(uri, "")
            if kind == "none":
                self._other[port.binding.name] = "a binding without a protocol"
            elif kind == "other":
                self._other[port.binding.name] = f"a binding of the kind {uri!r}"
            names = ("", version, port.name, f"{port.service}/{port.name}", local_name(port.binding.name))
            if self._wanted not in names:
                continue
            found.append((port, version))
        return sorted(found, key=lambda item: item[1] or "9")

    def take(self, port: Port, version: str) -> None:
        """Read every operation of a port that no port before it has given."""
        counts: dict[str, int] = {}
        for node in port.binding.node.iterchildren(f"{WSDL}operation"):
            name = node.get("name", "")
            counts[name] = counts.get(name, 0) + 1
            if counts[name] > 1:  # overloaded: told apart by the name of its input
                given = node.find(f"{WSDL}input")
                name = f"{name}.{given.get('name') if given is not None else counts[name]}"
            if name in self.operations:
                self._note_taken(name, port)
                continue
            try:
                self.operations[name] = self._operation(port, version, node)
                self.refused.pop(name, None)
            except Hostile:
                raise
            except ContractError as error:
                self.refused.setdefault(name, (error, port))

    def nothing(self) -> ContractError:
        """Return why this WSDL has no operation."""
        if self._wanted:
            ports = ", ".join(f"{p.service}/{p.name}" for p in self._tables.ports() if p.name) or "none"
            return ContractError(
                f"no such port; there are: {ports}", where=self._first, fix="choose one of them"
            )
        if self._other:
            return ContractError(
                f"no operation with a SOAP binding, but {next(iter(self._other.values()))}",
                where=self._first,
                fix="give a WSDL 1.1 with SOAP bindings",
            )
        if self._tables.all("portType"):
            return ContractError(
                "no operation with a SOAP binding: port types only, the abstract part of a contract",
                where=self._first,
                fix="give the WSDL that imports this one and has the bindings",
            )
        return ContractError(
            "no operation with a SOAP binding", where=self._first, fix="give a WSDL 1.1 with SOAP bindings"
        )

    def _operation(self, port: Port, version: str, node: Any) -> Operation:
        home = port.binding
        if not version:
            if kind_of(home.node)[0] == "http":
                return self._plain_http(port, node)
            raise self._no_soap(home, node)
        soap = "{" + next(u for u, v in SOAP_BINDINGS.items() if v == version) + "}"
        general = home.node.find(f"{soap}binding")
        special = node.find(f"{soap}operation")
        special = special if special is not None else {}
        self._check_transport(general, home)
        style = special.get("style") or general.get("style") or "document"
        if style not in ("document", "rpc"):
            raise refusal(f"there is no style {style!r}", home, node)
        port_type, abstract = self._abstract(home, node)
        inputs, outputs = abstract.find(f"{WSDL}input"), abstract.find(f"{WSDL}output")
        self._check_pattern(inputs, outputs, abstract, port_type)
        request = Binding.of(node.find(f"{WSDL}input"), soap, home)
        response = Binding.of(node.find(f"{WSDL}output"), soap, home)
        uses = {b.get("use") or "literal" for b in (request, response) if b.body is not None} or {"literal"}
        if uses not in ({"literal"}, {"encoded"}) or (style == "document" and uses != {"literal"}):
            raise refusal(f"{style} style with {' and '.join(sorted(uses))} bodies", home, node)
        encoded = uses == {"encoded"}
        self._messages.check_order(abstract, port_type)
        name = node.get("name", "")
        elements = [
            None
            if side is None
            else self._messages.document(side, port_type, binding, version)
            if style == "document"
            else self._messages.rpc(side, port_type, binding, name + suffix, encoded=encoded)
            for side, binding, suffix in ((inputs, request, ""), (outputs, response, "Response"))
        ]
        action = special.get("soapAction") or ""
        one_way = outputs is None
        place = port_type.namespace, port_type.node.get("name", ""), name
        return Operation(
            name,
            action,
            version,
            elements[0],
            elements[1],
            self._messages.faults(abstract, port_type),
            port.address,
            home.name,
            " ".join((abstract.findtext(f"{WSDL}documentation") or "").split()),
            "rpc" if style == "rpc" else "document",
            "encoded" if encoded else "literal",
            self._messages.headers(request),
            self._messages.headers(response),
            one_way,
            declared_action(inputs) or action or default_action(*place, inputs, "input", one_way=one_way),
            ""
            if one_way
            else declared_action(outputs) or default_action(*place, outputs, "output", one_way=False),
            self._demands(port, node, port_type, abstract),
            port.service,
            port.name,
            port_type.node.get("name", ""),
            request.attachments,
            response.attachments,
            header_faults=(
                *self._messages.headers(request, faults=True),
                *self._messages.headers(response, faults=True),
            ),
        )

    def _plain_http(self, port: Port, node: Any) -> Operation:
        home = port.binding
        http = read_http(home, node)
        port_type, abstract = self._abstract(home, node)
        inputs, outputs = abstract.find(f"{WSDL}input"), abstract.find(f"{WSDL}output")
        self._check_pattern(inputs, outputs, abstract, port_type)
        name = node.get("name", "")
        request = (
            self._messages.plain(inputs, port_type, xml_part(home, node, "input") or "")
            if http.place == "xml"
            else self._messages.form(inputs, port_type, name)
        )
        check_location(http, request, home, node)
        answer = xml_part(home, node, "output") if outputs is not None else None
        return Operation(
            name,
            "",
            "1.1",
            request,
            None if answer is None else self._messages.plain(outputs, port_type, answer),
            (),
            port.address,
            home.name,
            " ".join((abstract.findtext(f"{WSDL}documentation") or "").split()),
            one_way=outputs is None,
            policies=self._demands(port, node, port_type, abstract),
            service=port.service,
            port=port.name,
            port_type=port_type.node.get("name", ""),
            http=http,
        )

    def _abstract(self, home: Defined, node: Any) -> tuple[Defined, Any]:
        port_type = self._tables.find("portType", home, home.node, home.node.get("type", ""))
        name = node.get("name", "")
        found = [n for n in port_type.node.iterchildren(f"{WSDL}operation") if n.get("name") == name]
        if len(found) > 1:
            given = {side: _name_of(node, side) for side in ("input", "output")}
            found = [
                n for n in found if all(given[s] in (None, _name_of(n, s)) for s in ("input", "output"))
            ] or found
        if not found:
            raise refusal(f"the port type has no operation {name!r}", home, node)
        return port_type, found[0]

    def _check_pattern(self, inputs: Any, outputs: Any, abstract: Any, home: Defined) -> None:
        if inputs is None and outputs is None:
            raise refusal("an operation without messages", home, abstract)
        if inputs is None:
            raise refusal("a notification: the service sends it, nobody can call it", home, abstract)
        if outputs is not None and abstract.index(outputs) < abstract.index(inputs):
            raise refusal("a solicit-response: the service calls, nobody can call it", home, abstract)

    def _check_transport(self, general: Any, home: Defined) -> None:
        transport = (general.get("transport") or "").strip()
        if transport in _HTTP:
            if not transport:
                self._tables.report.add(
                    "warning", "no-transport", home.at(general), "the binding names no transport", "HTTP"
                )
            return
        kind = next((word for word in ("JMS", "SMTP", "TCP") if word.lower() in transport.lower()), "")
        told = f"{kind} ({transport})" if kind else repr(transport)
        raise refusal(f"the transport is {told}, not HTTP", home, general)

    def _no_soap(self, home: Defined, node: Any) -> ContractError:
        _, uri = kind_of(home.node)
        return refusal(
            f"a binding of the kind {uri!r}, not SOAP" if uri else "a binding without a protocol", home, node
        )

    def _demands(self, port: Port, node: Any, port_type: Defined, abstract: Any) -> tuple[str, ...]:
        home = port.binding
        service = port.node.getparent() if port.node is not None else None
        where = next(
            (k for k, r in self._tables.roots.items() if service is not None and r is service.getparent()), ""
        )
        nodes = [(service, where), (port.node, where), (home.node, home.location), (node, home.location)]
        nodes += [(child, home.location) for child in node.iterchildren(f"{WSDL}input", f"{WSDL}output")]
        nodes += [(port_type.node, port_type.location), (abstract, port_type.location)]
        nodes += [
            (child, port_type.location) for child in abstract.iterchildren(f"{WSDL}input", f"{WSDL}output")
        ]
        return self._policies.of(nodes)

    def _note_taken(self, name: str, port: Port) -> None:
        taken = self.operations[name]
        port_type = local_name(port.binding.node.get("type", "").rpartition(":")[2])
        if port_type != taken.port_type:
            self._tables.report.add(
                "warning",
                "operation-taken",
                port.binding.at(),
                f"the port type {port_type!r} has another operation {name!r}",
                f"that of {taken.port_type!r}; choose a port to get the other",
            )


def _name_of(operation: Any, side: str) -> str | None:
    found = operation.find(f"{WSDL}{side}")
    name = found.get("name") if found is not None else None
    return str(name) if name is not None else None
