"""Resolve the QNames of schemas, and repair those that lead nowhere, each repair named in the report."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

from adapters.soap.documents import WSDL, XS
from adapters.soap.lexical import BUILTINS
from adapters.soap.safe_xml import WELL_KNOWN
from adapters.soap.xsd_places import XSD_NAMESPACE, Definitions, Place
from adapters.soap.xsd_types import SimpleType, local_name, namespace

Kind = Literal["element", "type", "simpleType", "group", "attributeGroup", "attribute"]

ANY_TYPE = f"{{{XSD_NAMESPACE}}}anyType"
ANY_SIMPLE = f"{{{XSD_NAMESPACE}}}anySimpleType"
SOAP_ENCODINGS = ("http://schemas.xmlsoap.org/soap/encoding/", "http://www.w3.org/2003/05/soap-encoding")
_LISTS = {"NMTOKENS": "NMTOKEN", "IDREFS": "IDREF", "ENTITIES": "ENTITY"}
#: Drafts of XML Schema that old contracts still name, and types that were called otherwise in them.
_DRAFTS = ("http://www.w3.org/1999/XMLSchema", "http://www.w3.org/2000/10/XMLSchema")
_OLD_NAMES = {
    "timeInstant": "dateTime",
    "uriReference": "anyURI",
    "binary": "base64Binary",
    "ur-type": "anyType",
}
_DEFINING = {"type": ("complexType", "simpleType"), "simpleType": ("simpleType",)}
_WORDS = {"type": "type", "simpleType": "simple type", "attributeGroup": "attribute group"}


class Names:
    """Clark names for the QNames in schemas."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._imported: dict[int, frozenset[str]] = {}

    def find(self, kind: Kind, node: Any, place: Place, qname: str, assumed: str) -> str | None:
        """Return the Clark name of what a QName means, after repair; None = nothing of that name is there.

        `assumed` tells, for the report, how the caller goes on without it.
        """
        if (known := self.exact(kind, node, place, qname)) is not None:
            return known
        name = place.meant(node, qname)
        return self.repaired(kind, place.at(node), place.namespace, qname, name, assumed)

    def exact(self, kind: Kind, node: Any, place: Place, qname: str) -> str | None:
        """Return the Clark name of what a QName means, None if nothing is there or its prefix is not."""
        name = place.meant(node, qname)
        if name is None or not self.knows(kind, name):
            return None
        self._note_missing_import(node, place, name)
        return name

    def repaired(
        self, kind: Kind, where: str, own: str, qname: str, name: str | None, assumed: str
    ) -> str | None:
        """Return the one thing that a QName which leads nowhere can mean, else None; both are reported.

        `own` is the namespace of the document, `name` what the QName says, None where its prefix is not
        declared.
        """
        word = _WORDS.get(kind, kind)
        if name is None:
            what, code = f"the prefix of the {word} {qname!r} is not declared", "undeclared-prefix"
        else:
            what = f"there is no {word} {local_name(name)!r} in the namespace {namespace(name)!r}"
            code = "default-namespace" if ":" not in qname else "wrong-namespace"
        report = self._definitions.report
        if (found := self._candidate(kind, own, qname, name)) is not None:
            report.add("warning", code, where, what, found)
            return found
        if kind == "simpleType" and name is not None and self.knows("type", name):
            what = f"{qname!r} is a complex type where a simple type is needed"
        report.add("error", f"dangling-{kind}", where, what, assumed)
        return None

    def knows(self, kind: Kind, name: str) -> bool:
        """Return whether something of that kind and name is there."""
        if kind in ("type", "simpleType"):
            if builtin(name) is not None:
                return True
            if kind == "type" and (name == ANY_TYPE or is_array(name)):
                return True
        return any((defining, name) in self._definitions for defining in _DEFINING.get(kind, (kind,)))

    def _candidate(self, kind: Kind, home: str, qname: str, name: str | None) -> str | None:
        prefix, _, local = qname.strip().rpartition(":")
        wanted = namespace(name) if name is not None else WELL_KNOWN.get(prefix, "")
        if name is None and wanted and self.knows(kind, f"{{{wanted}}}{local}"):
            return f"{{{wanted}}}{local}"
        if self.knows(kind, own := f"{{{home}}}{local}" if home else local):
            return own
        standard = f"{XS}{_OLD_NAMES.get(local, local)}"
        simple = kind in ("type", "simpleType") and self.knows(kind, standard)
        if simple and (wanted in ("", WSDL[1:-1], *_DRAFTS) or "/soap" in wanted):
            return standard
        defining = _DEFINING.get(kind, (kind,))
        found = {name for one in defining for name in self._definitions.called(one, local)}
        if len(found) == 1:
            return found.pop()
        return standard if simple and not found else None

    def _note_missing_import(self, node: Any, place: Place, name: str) -> None:
        uri = namespace(name)
        if uri in ("", XSD_NAMESPACE, place.namespace) or uri in self._imports(place):
            return
        self._definitions.report.add(
            "info",
            "not-imported",
            place.location,
            f"the schema of {place.namespace!r} uses names of {uri!r} without importing it",
            "the import",
        )

    def _imports(self, place: Place) -> frozenset[str]:
        if id(place.root) not in self._imported:
            found = frozenset(n.get("namespace", "") for n in place.root.iterchildren(f"{XS}import"))
            self._imported[id(place.root)] = found | {"http://www.w3.org/XML/1998/namespace"}
        return self._imported[id(place.root)]


@lru_cache(maxsize=4096)
def builtin(name: str) -> SimpleType | None:
    """Return the built-in type of a Clark name, those that SOAP encoding mirrors too; None if it is none."""
    uri, local = namespace(name), local_name(name)
    if uri != XSD_NAMESPACE and uri not in SOAP_ENCODINGS:
        return None
    if local in _LISTS:
        return SimpleType("string", name, variety="list", item=SimpleType(_LISTS[local]), min_length=1)
    if name == ANY_SIMPLE:
        return SimpleType("string", name)
    if uri in SOAP_ENCODINGS and local == "base64":
        local = "base64Binary"
    return SimpleType(local) if local in BUILTINS else None


def is_array(name: str) -> bool:
    """Return whether a Clark name is the array of SOAP encoding."""
    return namespace(name) in SOAP_ENCODINGS and local_name(name) == "Array"
