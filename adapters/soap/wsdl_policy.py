"""What a WSDL demands by WS-Policy, collected from every place that an operation is attached to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from adapters.soap.report import Report
from adapters.soap.xsd_types import local_name, namespace

POLICIES = ("http://www.w3.org/ns/ws-policy", "http://schemas.xmlsoap.org/ws/2004/09/policy")
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_XML_ID = "{http://www.w3.org/XML/1998/namespace}id"
#: An assertion by itself, without a policy around it.
_USING = ("UsingAddressing",)
#: Policies of policies: more references than this on one path are a mistake or an attack.
_MAX_DEPTH = 20


class Policies:
    """Policies by the identifiers under which they are referred to."""

    def __init__(self, roots: dict[str, Any], report: Report) -> None:
        self._report = report
        self._by_id: dict[str, Any] = {}
        for location, root in roots.items():
            for uri in POLICIES:
                for node in root.iter(f"{{{uri}}}Policy"):
                    for name in (node.get(f"{{{_WSU}}}Id"), node.get(_XML_ID)):
                        if name:
                            self._by_id.setdefault(f"#{name}", node)
                            self._by_id.setdefault(f"{location}#{name}", node)
                    if node.get("Name"):
                        self._by_id.setdefault(node.get("Name"), node)

    def of(self, nodes: Iterable[tuple[Any, str]]) -> tuple[str, ...]:
        """Return the assertions attached to these (node, location), each once, by Clark name.

        Nested assertions are told too; those marked optional are not, and neither are policy operators.
        """
        found: dict[str, None] = {}
        for node, location in nodes:
            if node is not None:
                found |= dict.fromkeys(self._attached(node, location))
        return tuple(found)

    def _attached(self, node: Any, location: str) -> Iterator[str]:
        for uri in POLICIES:
            for reference in (node.get(f"{{{uri}}}PolicyURIs") or "").split():
                yield from self._referred(reference, node, location, 0)
        for child in node.iterchildren("*"):
            uri, local = namespace(child.tag), local_name(child.tag)
            if local in _USING:
                yield child.tag
            elif uri in POLICIES:
                yield from self._assertions(child, location, 0)

    def _assertions(self, node: Any, location: str, depth: int) -> Iterator[str]:
        uri, local = namespace(node.tag), local_name(node.tag)
        if uri in POLICIES:
            if local == "PolicyReference":
                yield from self._referred(node.get("URI", ""), node, location, depth)
                return
        elif any(node.get(f"{{{policy}}}Optional", "").strip() in ("true", "1") for policy in POLICIES):
            return
        else:
            yield node.tag
        for child in node.iterchildren("*"):
            yield from self._assertions(child, location, depth)

    def _referred(self, reference: str, node: Any, location: str, depth: int) -> Iterator[str]:
        found = self._by_id.get(f"{location}{reference}") if reference.startswith("#") else None
        found = found if found is not None else self._by_id.get(reference)
        if found is None and "#" in reference:
            found = self._by_id.get("#" + reference.rpartition("#")[2])
        if found is None or depth >= _MAX_DEPTH:
            self._report.add(
                "warning",
                "dangling-policy",
                f"{location}:{node.sourceline}",
                f"there is no policy {reference!r}",
                "it demands nothing",
            )
            return
        yield from self._assertions(found, location, depth + 1)
