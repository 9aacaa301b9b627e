"""Messages, port types, bindings, ports and policies of a WSDL by name, over all its documents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adapters.soap.documents import WSDL, Documents
from adapters.soap.errors import ContractError
from adapters.soap.safe_xml import WELL_KNOWN
from adapters.soap.xsd_types import local_name, namespace

_WORDS = {"portType": "port type"}
_OTHER_ROOTS = {
    "{http://www.w3.org/ns/wsdl}description": "a WSDL 2.0",
    "{http://www.w3.org/2006/01/wsdl}description": "a WSDL 2.0",
    "{http://wadl.dev.java.net/2009/02}application": "a WADL (no SOAP)",
    "{http://www.w3.org/2001/XMLSchema}schema": "a schema",
}


@dataclass(frozen=True, slots=True)
class Defined:
    """A definition, with the target namespace and the location of its document."""

    node: Any
    namespace: str
    location: str

    @property
    def name(self) -> str:
        """Its Clark name."""
        return clark(self.namespace, self.node.get("name", ""))

    def at(self, node: Any = None) -> str:
        """Return document and line, for a person."""
        return f"{self.location}:{(self.node if node is None else node).sourceline}"


@dataclass(frozen=True, slots=True)
class Port:
    """Where a binding can be reached; without a service, `node` is None and the address empty."""

    binding: Defined
    service: str = ""
    name: str = ""
    address: str = ""
    node: Any = None


class Tables:
    """All definitions of a WSDL.

    Raises:
        ContractError: the first document is no WSDL 1.1.
    """

    def __init__(self, documents: Documents) -> None:
        self.report = documents.report
        self._by_name: dict[tuple[str, str], Defined] = {}
        self._services: list[Defined] = []
        self.roots: dict[str, Any] = {}
        first_location, first = next(iter(documents.roots.items()))
        if first.tag != f"{WSDL}definitions":
            kind = _OTHER_ROOTS.get(first.tag, f"<{local_name(first.tag)}>")
            if local_name(first.tag) == "definitions":
                kind = f"<definitions> of the namespace {namespace(first.tag)!r}"
            raise ContractError(
                f"{kind} is not WSDL 1.1", where=first_location, fix="give the WSDL 1.1 of the service"
            )
        for location, root in documents.roots.items():
            self.roots[location] = root
            if root.tag != f"{WSDL}definitions":
                continue
            for node in root.iterchildren(f"{WSDL}*"):
                found = Defined(node, root.get("targetNamespace", ""), location)
                kind = local_name(node.tag)
                if node.get("name"):
                    self._by_name.setdefault((kind, found.name), found)
                if kind == "service":
                    self._services.append(found)

    def all(self, kind: str) -> list[Defined]:
        """Return the definitions of a kind in document order."""
        return [found for (known, _), found in self._by_name.items() if known == kind]

    def ports(self) -> Iterator[Port]:
        """Yield the ports of all services, then the bindings that no port offers."""
        offered: set[str] = set()
        for service in self._services:
            for node in service.node.iterchildren(f"{WSDL}port"):
                try:
                    binding = self.find("binding", service, node, node.get("binding", ""))
                except ContractError as error:
                    self.report.add("error", "dangling-binding", error.where, error.what)
                    continue
                offered.add(binding.name)
                addresses = [c.get("location", "") for c in node if local_name(str(c.tag)) == "address"]
                yield Port(
                    binding,
                    service.node.get("name", ""),
                    node.get("name", ""),
                    next(iter(addresses), "").strip(),
                    node,
                )
        for binding in self.all("binding"):
            if binding.name not in offered:
                yield Port(binding)

    def find(self, kind: str, home: Defined, node: Any, qname: str) -> Defined:
        """Return what a QName at `node` names, repaired where there is one way to.

        Raises:
            ContractError: nothing of that name is there.
        """
        name, prefix = self.meant(home, node, qname)
        if (kind, name) in self._by_name:
            return self._by_name[kind, name]
        word = _WORDS.get(kind, kind)
        what = (
            f"there is no {word} {qname!r}" if prefix is None else f"the prefix of {qname!r} is not declared"
        )
        candidates = [clark(home.namespace, local_name(name))]
        candidates += [n for known, n in self._by_name if known == kind and local_name(n) == local_name(name)]
        found = list(dict.fromkeys(n for n in candidates if (kind, n) in self._by_name))
        if found and (len(found) == 1 or found[0] == candidates[0]):
            code = "undeclared-prefix" if prefix else "wrong-namespace"
            if ":" not in qname:
                code = "default-namespace"
            self.report.add("warning", code, home.at(node), what, found[0])
            return self._by_name[kind, found[0]]
        raise refusal(what, home, node)

    def meant(self, home: Defined, node: Any, qname: str) -> tuple[str, str | None]:
        """Return the Clark name of a QName, and its prefix if that is not declared."""
        prefix, _, local = qname.strip().rpartition(":")
        uri = node.nsmap.get(prefix or None)
        if uri is None and prefix:
            return clark(WELL_KNOWN.get(prefix, home.namespace), local), prefix
        return clark(uri or "", local), None


def clark(uri: str, local: str) -> str:
    """Return the Clark name of a local name in a namespace."""
    return f"{{{uri}}}{local}" if uri else local


def refusal(what: str, home: Defined, node: Any = None) -> ContractError:
    """Return the reason why an operation cannot be used, with its place."""
    node = home.node if node is None else node
    return ContractError(f"{what} (line {node.sourceline})", where=home.at(node), fix="leave it out")


def kind_of(binding: Any) -> tuple[str, str]:
    """Return (what speaks over a binding, its namespace): `soap`, `http` or what else its extension is."""
    for child in binding.iterchildren("*"):
        uri = namespace(child.tag)
        if local_name(child.tag) == "binding" and uri != WSDL[1:-1]:
            return {
                "http://schemas.xmlsoap.org/wsdl/soap/": "soap",
                "http://schemas.xmlsoap.org/wsdl/soap12/": "soap",
                "http://schemas.xmlsoap.org/wsdl/http/": "http",
            }.get(uri, "other"), uri
    return "none", ""
