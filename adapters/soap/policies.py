"""WS-Policy in a contract: which assertions a binding demands, by name."""

from __future__ import annotations

from typing import Any

from adapters.soap.documents import Documents
from adapters.soap.xsd_types import local_name, namespace

_POLICY = ("http://www.w3.org/ns/ws-policy", "http://schemas.xmlsoap.org/ws/2004/09/policy")
_ID = (
    "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}Id",
    "Name",
)


class Policies:
    """Policies of all documents, by the URIs that refer to them."""

    def __init__(self, documents: Documents) -> None:
        self._report = documents.report
        self._by_uri: dict[str, Any] = {}
        for root in documents.roots.values():
            for uri in _POLICY:
                for node in root.iter(f"{{{uri}}}Policy"):
                    for attribute in _ID:
                        if name := node.get(attribute):
                            self._by_uri.setdefault(name if attribute == "Name" else f"#{name}", node)

    def of(self, *nodes: Any) -> tuple[str, ...]:
        """Return the assertions that apply to parts of a WSDL, each once, in document order."""
        found: dict[str, None] = {}
        for node in nodes:
            for policy in self._attached(node):
                for assertion in policy.iter("*"):
                    if namespace(assertion.tag) not in _POLICY:
                        found[assertion.tag] = None
        return tuple(found)

    def _attached(self, node: Any) -> list[Any]:
        uris = list((node.get("PolicyURIs") or "").split())
        for namespace_uri in _POLICY:
            uris += (node.get(f"{{{namespace_uri}}}PolicyURIs") or "").split()
        policies = []
        for child in node.iterchildren("*"):
            if namespace(child.tag) in _POLICY:
                if local_name(child.tag) == "Policy":
                    policies.append(child)
                elif local_name(child.tag) == "PolicyReference":
                    uris.append(child.get("URI", ""))
        for uri in dict.fromkeys(uris):
            found = self._by_uri.get(uri)
            if found is None and "#" in uri:
                found = self._by_uri.get("#" + uri.rpartition("#")[2])
            if found is None:
                where = f"line {node.sourceline}"
                what = f"the policy {uri!r} is not among the documents"
                self._report.add("warning", "policy-missing", what, where, "nobody can say what it demands")
            else:
                policies += [found, *self._attached(found)]
        return policies
