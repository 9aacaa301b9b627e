"""Where schema documents stand, under which namespaces, and what they define."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adapters.soap.documents import XS, Documents
from adapters.soap.errors import Hostile
from adapters.soap.report import Report
from adapters.soap.xsd_types import local_name

XSD_NAMESPACE = XS[1:-1]
XML = "http://www.w3.org/XML/1998/namespace"
#: Definitions that need one another in a row; real ones stay under ten.
MAX_DEPTH = 60
KINDS = ("element", "complexType", "simpleType", "group", "attributeGroup", "attribute")
_ANNOTATION, _DOCUMENTATION = f"{XS}annotation", f"{XS}documentation"
_OTHERS = (*KINDS, "annotation", "import", "include", "notation", "redefine")


@dataclass(frozen=True, slots=True)
class Place:
    """One schema document under the namespace it counts for (a chameleon include takes its includer's)."""

    root: Any
    namespace: str
    location: str

    def qualified(self, node: Any, kind: str) -> bool:
        """Return whether a local element or attribute is in the target namespace."""
        form = node.get("form") or self.root.get(f"{kind}FormDefault", "unqualified")
        return bool(form == "qualified")

    def meant(self, node: Any, qname: str) -> str | None:
        """Return the Clark name that a QName means at `node`; None if its prefix is not declared."""
        prefix, _, local = qname.strip().rpartition(":")
        uri = XML if prefix == "xml" else node.nsmap.get(prefix or None)
        if uri is None:
            if prefix:
                return None
            uri = "" if self.root.get("targetNamespace") else self.namespace
        return f"{{{uri}}}{local}" if uri else local

    def own(self, local: str) -> str:
        """Return a name in the target namespace."""
        return f"{{{self.namespace}}}{local}" if self.namespace else local

    def at(self, node: Any) -> str:
        """Return document and line, for a person."""
        return f"{self.location}:{node.sourceline}"


def places(documents: Documents) -> Iterator[Place]:
    """Yield every schema document, inline or not, under each namespace that it counts for."""
    waiting: list[Place] = []
    for location, root in documents.roots.items():
        for node in root.iter(f"{XS}schema"):
            # A schema document without namespace counts for whoever includes or imports it.
            if node is not root or node.get("targetNamespace"):
                waiting.append(Place(node, node.get("targetNamespace", ""), location))  # noqa: PERF401
    seen = {(id(p.root), p.namespace) for p in waiting}
    while waiting:
        place = waiting.pop(0)
        yield place
        for tag in ("include", "import", "redefine"):
            for node in place.root.iterchildren(f"{XS}{tag}"):
                found = _led_to(documents, place, node, tag)
                if found is not None and (id(found.root), found.namespace) not in seen:
                    seen.add((id(found.root), found.namespace))
                    waiting.append(found)


def _led_to(documents: Documents, place: Place, node: Any, tag: str) -> Place | None:
    """Return the schema document that an import or include leads to, wrong namespaces named."""
    linked = documents.linked(place.location, node.get("schemaLocation") or "")
    if linked is None or local_name(linked[1].tag) != "schema":
        return None
    location, root = linked
    own = root.get("targetNamespace")
    if tag == "import":
        said = node.get("namespace", "")
        if said != (own or ""):
            documents.report.add(
                "warning",
                "import-namespace",
                place.at(node),
                f"the import says the namespace {said!r}, its document {own or ''!r}",
                "what the document says",
            )
        return Place(root, own or "", location)
    if own and own != place.namespace:
        documents.report.add(
            "warning",
            "include-namespace",
            place.at(node),
            f"an include of the namespace {own!r} into {place.namespace!r}",
            "an import",
        )
    return Place(root, own or place.namespace, location)


class Definitions:
    """Global definitions by kind and Clark name, over all schema documents of a contract.

    What an `xs:redefine` replaces stays reachable as `original`, for the new definition derives from it.
    Standard schemas of the catalogue are taken in when a name in their namespace is first asked for.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._nodes: dict[tuple[str, str], tuple[Any, Place]] = {}
        self._original: dict[tuple[str, str], tuple[Any, Place]] = {}
        self._by_local: dict[tuple[str, str], list[str]] = {}
        self._namespaces: set[str] = set()
        redefined: list[tuple[Any, Place]] = []
        for place in places(documents):
            redefined += self._take(place)
        for node, place in redefined:
            key = (local_name(node.tag), place.own(node.get("name")))
            if key in self._nodes:
                self._original.setdefault(key, self._nodes[key])
            self._nodes[key] = (node, place)

    @property
    def report(self) -> Report:
        """What was found while reading."""
        return self._documents.report

    def __contains__(self, key: tuple[str, str]) -> bool:
        if key in self._nodes:
            return True
        uri = key[1][1:].partition("}")[0] if key[1].startswith("{") else ""
        if uri and uri not in self._namespaces and (found := self._documents.standard(uri)) is not None:
            self._take(Place(found[1], uri, found[0]))
        return key in self._nodes

    def names(self, kind: str) -> list[str]:
        """Return the names of a kind, in document order."""
        return [name for found, name in self._nodes if found == kind]

    def called(self, kind: str, local: str) -> list[str]:
        """Return the Clark names of a kind that have this local name, in any namespace."""
        return self._by_local.get((kind, local), [])

    def find(self, kind: str, name: str) -> tuple[Any, Place]:
        """Return a definition that is there, with its place."""
        return self._nodes[kind, name]

    def original(self, kind: str, name: str) -> tuple[Any, Place] | None:
        """Return what an `xs:redefine` replaced, None if nothing did."""
        return self._original.get((kind, name))

    def _take(self, place: Place) -> list[tuple[Any, Place]]:
        """Index a document; return what it redefines."""
        self._namespaces.add(place.namespace)
        redefined: list[tuple[Any, Place]] = []
        for node in place.root.iterchildren("*"):
            if node.tag == f"{XS}redefine":
                redefined += [(child, place) for child in node.iterchildren("*") if _is_definition(child)]
            elif _is_definition(node):
                self._define(node, place)
            elif node.tag.startswith(XS) and local_name(node.tag) not in _OTHERS:
                what = f"xs:{local_name(node.tag)} is no definition of XML Schema"
                self.report.add("error", "no-definition", place.at(node), what, "it is not there")
        return redefined

    def _define(self, node: Any, place: Place) -> None:
        kind, name = local_name(node.tag), place.own(node.get("name"))
        known = self._nodes.setdefault((kind, name), (node, place))
        if known[0] is node:
            self._by_local.setdefault((kind, local_name(name)), []).append(name)
        elif not _same(known[0], node):
            self.report.add(
                "warning",
                "defined-twice",
                place.at(node),
                f"the {kind} {name} is defined in another way at {known[1].at(known[0])}",
                "the first one",
            )


def check_depth(depth: int, what: str, where: str) -> None:
    """Refuse definitions that need one another in a tower: Python's stack must not decide what is read."""
    if depth >= MAX_DEPTH:
        raise Hostile(f"{what} more than {MAX_DEPTH} others", where=where, fix="check the schema")


def children(node: Any) -> list[Any]:
    """Return the child elements that say something (no comments, no annotation)."""
    return [c for c in node if isinstance(c.tag, str) and c.tag != f"{XS}annotation"]


def documentation(node: Any) -> str:
    """Return the documentation of a node in one line."""
    annotation = node.find(_ANNOTATION)
    if annotation is None:
        return ""
    return " ".join((annotation.findtext(_DOCUMENTATION) or "").split())


def flag(node: Any, name: str) -> bool:
    """Return a boolean attribute; absent is false."""
    return node.get(name, "").strip() in ("true", "1")


def _is_definition(node: Any) -> bool:
    return node.tag.startswith(XS) and local_name(node.tag) in KINDS and bool(node.get("name"))


def _same(one: Any, other: Any) -> bool:
    """Return whether two definitions say the same, but for comments, annotations and white space."""
    if one.tag != other.tag or dict(one.attrib) != dict(other.attrib):
        return False
    inner, outer = children(one), children(other)
    return len(inner) == len(outer) and all(_same(a, b) for a, b in zip(inner, outer, strict=True))
