"""Where schema documents stand, and which names they define."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapters.soap.documents import XS, Documents
from adapters.soap.errors import ContractError
from adapters.soap.prefixes import USUAL
from adapters.soap.report import Report
from adapters.soap.xsd_types import local_name, namespace

XSD_NAMESPACE = XS[1:-1]
XML = "http://www.w3.org/XML/1998/namespace"
KINDS = ("element", "complexType", "simpleType", "group", "attributeGroup", "attribute")


@dataclass(frozen=True, slots=True)
class Place:
    """One schema document under the namespace it counts for (a chameleon include takes its includer's)."""

    root: Any
    namespace: str
    location: str
    report: Report

    def qualified(self, node: Any, kind: str) -> bool:
        """Return whether a local element or attribute is in the target namespace."""
        form = node.get("form") or self.root.get(f"{kind}FormDefault", "unqualified")
        return bool(form == "qualified")

    def clark(self, node: Any, qname: str) -> str:
        """Return the Clark name that a QName means at `node`."""
        prefix, _, local = qname.strip().rpartition(":")
        uri: str | None = XML if prefix == "xml" else node.nsmap.get(prefix or None)
        if uri is None:
            if prefix:
                uri = self._undeclared(node, prefix)
            else:
                uri = "" if self.root.get("targetNamespace") else self.namespace
        return f"{{{uri}}}{local}" if uri else local

    def _undeclared(self, node: Any, prefix: str) -> str:
        """Return what an undeclared prefix in a QName means, if it is a usual one."""
        if prefix not in USUAL:
            raise ContractError(
                f"the prefix {prefix!r} is not declared", where=self.at(node), fix="declare it"
            )
        what, assumed = f"the prefix {prefix!r} is used and not declared", f"it means {USUAL[prefix]!r}"
        self.report.add("info", "undeclared-prefix", what, self.at(node), assumed)
        return USUAL[prefix]

    def own(self, local: str) -> str:
        """Return a name in the target namespace."""
        return f"{{{self.namespace}}}{local}" if self.namespace else local

    def at(self, node: Any) -> str:
        """Return document and line, for a person."""
        return f"{self.location}:{node.sourceline}"


class Definitions:
    """Global definitions by kind and Clark name, over all schema documents of a contract.

    What an `xs:redefine` replaces stays reachable as `original`, for the new definition derives from it.
    """

    def __init__(self, documents: Documents) -> None:
        self.report = documents.report
        #: Why documents are missing: names without definition may be theirs.
        self.missing = tuple(documents.missing.values())
        self._by_local: dict[tuple[str, str], list[str]] = {}
        self._nodes: dict[tuple[str, str], tuple[Any, Place]] = {}
        self._original: dict[tuple[str, str], tuple[Any, Place]] = {}
        redefined: list[tuple[Any, Place]] = []
        for place in _places(documents):
            for node in place.root:
                if not isinstance(node.tag, str):
                    continue
                if node.tag == f"{XS}redefine":
                    redefined += [(child, place) for child in node if _is_definition(child)]
                elif _is_definition(node):
                    key = (local_name(node.tag), place.own(node.get("name")))
                    self._nodes.setdefault(key, (node, place))
        for node, place in redefined:
            key = (local_name(node.tag), place.own(node.get("name")))
            if key in self._nodes:
                self._original.setdefault(key, self._nodes[key])
            self._nodes[key] = (node, place)
        for kind, name in self._nodes:
            self._by_local.setdefault((kind, local_name(name)), []).append(name)

    def __contains__(self, key: tuple[str, str]) -> bool:
        return key in self._nodes

    def names(self, kind: str) -> list[str]:
        """Return the names of a kind, in document order."""
        return [name for found, name in self._nodes if found == kind]

    def find(self, kind: str, name: str) -> tuple[Any, Place]:
        """Return a definition with its place.

        Raises:
            ContractError: there is none.
        """
        if (kind, name) not in self._nodes:
            raise self.unknown(kind, name)
        return self._nodes[kind, name]

    def unknown(self, kind: str, name: str, where: str = "") -> ContractError:
        """Return the error for a name that is nowhere, with the document that may be missing."""
        because = f" ({self.missing[0]})" if self.missing else ""
        return ContractError(
            f"no {kind} {local_name(name)!r} in namespace {namespace(name)!r}{because}",
            where=where,
            fix="add the schema document that defines it",
        )

    def settle(self, kind: str, name: str, where: str) -> str:
        """Return the name that is meant: one that nothing has may stand in just one other namespace.

        Such a repair is reported; a name that is there stays as it is, and so does one that is nowhere.
        """
        others = self._by_local.get((kind, local_name(name)), [])
        if (kind, name) in self._nodes or len(others) != 1:
            return name
        self.report.add(
            "warning",
            "wrong-namespace",
            f"no {kind} {local_name(name)!r} in namespace {namespace(name)!r}",
            where,
            f"the one in namespace {namespace(others[0])!r} is meant",
        )
        return others[0]

    def original(self, kind: str, name: str) -> tuple[Any, Place] | None:
        """Return what an `xs:redefine` replaced, None if nothing did."""
        return self._original.get((kind, name))


def children(node: Any) -> list[Any]:
    """Return the child elements that say something (no comments, no annotation)."""
    return [c for c in node if isinstance(c.tag, str) and c.tag != f"{XS}annotation"]


def documentation(node: Any) -> str:
    """Return the documentation of a node in one line."""
    return " ".join((node.findtext(f"{XS}annotation/{XS}documentation") or "").split())


def flag(node: Any, name: str) -> bool:
    """Return a boolean attribute; absent is false."""
    return node.get(name, "").strip() in ("true", "1")


def _is_definition(node: Any) -> bool:
    return isinstance(node.tag, str) and local_name(node.tag) in KINDS and bool(node.get("name"))


def _places(documents: Documents) -> list[Place]:
    """Return every schema document, inline or not, under each namespace that it counts for."""
    waiting: list[Place] = []
    for location, root in documents.roots.items():
        for node in root.iter(f"{XS}schema"):
            # A schema document without namespace counts for whoever includes or imports it.
            if node is not root or node.get("targetNamespace"):
                waiting.append(Place(node, node.get("targetNamespace", ""), location, documents.report))  # noqa: PERF401
    found = list(waiting)
    seen = {(id(p.root), p.namespace) for p in waiting}
    while waiting:
        place = waiting.pop(0)
        for tag in ("include", "import", "redefine"):
            for node in place.root.iterchildren(f"{XS}{tag}"):
                if not (target := node.get("schemaLocation")):
                    continue
                location = documents.resolve(place.location, target)
                root = documents.roots.get(location)
                if root is None or local_name(root.tag) != "schema":
                    continue
                uri = root.get("targetNamespace") or ("" if tag == "import" else place.namespace)
                if (id(root), uri) not in seen:
                    seen.add((id(root), uri))
                    found.append(added := Place(root, uri, location, documents.report))
                    waiting.append(added)
    return found
