"""Messages, port types, bindings and addresses by name, over all WSDL documents of a contract."""

from __future__ import annotations

from typing import Any

from adapters.soap.documents import WSDL, Documents
from adapters.soap.errors import ContractError
from adapters.soap.prefixes import USUAL
from adapters.soap.xsd_types import local_name, namespace


class Tables:
    """Named parts of the WSDL.

    Attributes:
        first: location of the WSDL itself.
        bindings: (Clark name, node, location), in document order.
        addresses: binding → address of the first port that has it. ports: binding → that port's name.
        port_nodes: binding → that port.
    """

    def __init__(self, documents: Documents) -> None:
        self.report = documents.report
        self._by_name: dict[tuple[str, str], tuple[Any, str]] = {}
        self.bindings: list[tuple[str, Any, str]] = []
        self.addresses: dict[str, str] = {}
        self.ports: dict[str, str] = {}
        self.port_nodes: dict[str, Any] = {}
        self.first, root = next(iter(documents.roots.items()))
        if root.tag != f"{WSDL}definitions":
            kind = f"<{local_name(root.tag)}> in namespace {namespace(root.tag)!r}"
            if local_name(root.tag) == "description":
                kind = "a WSDL 2.0"
            raise ContractError(
                f"{kind} is not WSDL 1.1", where=self.first, fix="give the WSDL 1.1 of the service"
            )
        services = []
        for location, root in documents.roots.items():
            for node in root.iterchildren(f"{WSDL}*"):
                kind, name = local_name(node.tag), self.name_of(node)
                self._by_name.setdefault((kind, name), (node, location))
                if kind == "binding":
                    self.bindings.append((name, node, location))
                if kind == "service":
                    services.append((node, location))
        for node, location in services:
            self._read_ports(node, location)

    def name_of(self, node: Any) -> str:
        """Return the Clark name of a part of a WSDL."""
        return clark(node.getroottree().getroot().get("targetNamespace", ""), node.get("name", ""))

    def find(self, kind: str, node: Any, qname: str, place: str) -> tuple[Any, str]:
        """Return (part, its document) that a QName at `node` names; a wrong namespace is repaired.

        Raises:
            ContractError: there is none.
        """
        name = self.qname(node, qname, place)
        if (kind, name) not in self._by_name:
            others = [
                key for key in self._by_name if key[0] == kind and local_name(key[1]) == local_name(name)
            ]
            if len(others) != 1:
                raise refusal(f"there is no {kind} {qname!r}", node, place)
            self.report.add(
                "warning",
                "wrong-namespace",
                f"no {kind} {local_name(name)!r} in namespace {namespace(name)!r}",
                f"{place}:{node.sourceline}",
                f"the one in namespace {namespace(others[0][1])!r} is meant",
            )
            name = others[0][1]
        return self._by_name[kind, name]

    def abstract(self, binding: Any, name: str, place: str) -> tuple[Any, Any]:
        """Return (port type, operation) of a binding's operation."""
        port_type, _ = self.find("portType", binding, binding.get("type", ""), place)
        for node in port_type.iterchildren(f"{WSDL}operation"):
            if node.get("name") == name:
                return port_type, node
        raise refusal(f"the port type has no operation {name!r}", binding, place)

    def qname(self, node: Any, qname: str, place: str) -> str:
        """Return the Clark name of a QName; a usual prefix that is not declared is repaired and reported."""
        prefix, _, local = qname.strip().rpartition(":")
        uri = node.nsmap.get(prefix or None)
        if uri is None and prefix:
            if prefix not in USUAL:
                raise refusal(f"the prefix {prefix!r} is not declared", node, place)
            uri = USUAL[prefix]
            what = f"the prefix {prefix!r} is used and not declared"
            self.report.add(
                "info", "undeclared-prefix", what, f"{place}:{node.sourceline}", f"it means {uri!r}"
            )
        return clark(uri or "", local)

    def _read_ports(self, service: Any, location: str) -> None:
        for port in service.iterchildren(f"{WSDL}port"):
            try:
                _, name = self._binding_of(port, location)
            except ContractError as error:
                self.report.add("error", "port-without-binding", error.what, location, "the port is left out")
                continue
            for address in port:
                if local_name(address.tag) == "address" and name not in self.addresses:
                    self.addresses[name] = address.get("location", "")
                    self.ports[name] = port.get("name", "")
                    self.port_nodes[name] = port

    def _binding_of(self, port: Any, location: str) -> tuple[Any, str]:
        node, _ = self.find("binding", port, port.get("binding", ""), location)
        return node, self.name_of(node)


def clark(uri: str, local: str) -> str:
    """Return the Clark name."""
    return f"{{{uri}}}{local}" if uri else local


def text_of(node: Any) -> str:
    """Return a part's documentation in one line."""
    found = node.find(f"{WSDL}documentation")
    return "" if found is None else " ".join("".join(found.itertext()).split())


def refusal(what: str, node: Any, place: str) -> ContractError:
    """Return the reason why something is left out, with its line."""
    return ContractError(
        f"{what} (line {node.sourceline})", where=f"{place}:{node.sourceline}", fix="leave it out"
    )
