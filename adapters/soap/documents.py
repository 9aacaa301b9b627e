"""Collect a WSDL and everything that it imports, from where it may come from, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from adapters.soap import catalogue
from adapters.soap.errors import ContractError
from adapters.soap.lock import Lock
from adapters.soap.report import Report
from adapters.soap.safe_xml import parse_document
from adapters.soap.sources import LOOPBACK, Folder, Packed, Source, Web, is_url

WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
XS = "{http://www.w3.org/2001/XMLSchema}"
#: A contract is tens of documents; more is a mistake or an attack.
MAX_DOCUMENTS = 500


@dataclass
class Documents:
    """Documents by location, in the order found; the first is the WSDL.

    Attributes:
        source: where they come from.
        content: raw bytes by location, for a lock and for other libraries that must not fetch.
        roots: parsed roots by location.
        missing: location → why a document that is imported could not be read.
        report: what was repaired or left out.
    """

    source: Source
    content: dict[str, bytes] = field(default_factory=dict)
    roots: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    report: Report = field(default_factory=Report)

    @classmethod
    def collect(
        cls, location: str | Path, hosts: Iterable[str] = (), folder: Path | None = None
    ) -> Documents:
        """Read `location` (a file, a folder, a zip archive, a lock, or a URL) and all that it imports.

        A file may import files in `folder` (by default its own) and below. A URL may import from its own
        host. Both may import from `hosts`. A WSDL of another machine may not reach this one's loopback.
        An import that leads elsewhere, or to a hostile document, is left out and reported.

        Raises:
            ContractError: the document itself is missing or hostile.
            ServiceUnavailable: the host of a URL does not answer.
        """
        start = str(location)
        if is_url(start):
            own = urlsplit(start).hostname or ""
            found = cls(Web(frozenset(hosts) | {own} | (LOOPBACK if own in LOOPBACK else frozenset())))
            found.read(start)
            return found
        path = Path(unquote(urlsplit(start).path) if start.startswith("file:") else start).resolve()
        if Lock.is_at(path):
            lock = Lock.load(path)
            found = cls(lock.source())
            found.read(lock.start)
        elif path.is_dir():
            found = cls(Folder(folder or path, Web(hosts)))
            found.read(_only_root(found.source, [str(p) for p in sorted(path.rglob("*.wsdl"))], path.name))
        elif path.suffix.lower() == ".zip" and path.is_file():
            packed = Packed.from_zip(path)
            found = cls(packed)
            found.read(_only_root(packed, [n for n in packed.names() if n.endswith(".wsdl")], path.name))
        else:
            found = cls(Folder(folder or path.parent, Web(hosts)))
            found.read(str(path))
        return found

    def read(self, start: str) -> None:
        """Read `start`, then whatever it leads to, breadth first, and the standard schemas that it names."""
        waiting = [(start, "")]
        while waiting:
            location, importer = waiting.pop(0)
            if location in self.roots or location in self.missing:
                continue
            if len(self.roots) >= MAX_DOCUMENTS:
                raise ContractError(
                    f"more than {MAX_DOCUMENTS} documents", where=start, fix="check the imports"
                )
            root = self._add(location, importer)
            waiting += [
                (self.resolve(location, target), location)
                for target in _references(root)
                if target is not None
            ]
        self._complete()

    def resolve(self, base: str, target: str) -> str:
        """Return the location that `target` means inside the document `base`."""
        if (standard := catalogue.location_of(target)) is not None:
            return standard
        return self.source.resolve(base, target)

    def _add(self, location: str, importer: str) -> Any:
        """Read one document; one that is imported and cannot be read is reported and left out."""
        try:
            if catalogue.holds(location):
                content = catalogue.read(location)
            else:
                content = self.source.read(location, importer or location)
            root = parse_document(content, location, self.report)
        except ContractError as error:
            if not importer:
                raise
            self.missing[location] = error.what
            assumed = "the document is left out; types of it are kept as XML text"
            self.report.add("error", "document-missing", error.what, importer, assumed)
            return None
        self.content[location] = content
        self.roots[location] = root
        return root

    def _complete(self) -> None:
        """Add the standard schemas of namespaces that are imported without a location."""
        defined = {schema.get("targetNamespace", "") for schema in self._schemas()}
        waiting = {
            node.get("namespace", "")
            for schema in self._schemas()
            for node in schema.iterchildren(f"{XS}import")
            if not node.get("schemaLocation") or self._unread(schema, node)
        }
        while waiting:
            uri = waiting.pop()
            if uri not in defined and (location := catalogue.location_of(uri)) is not None:
                defined.add(uri)
                root = self._add(location, "catalogue")
                waiting |= {node.get("namespace", "") for node in root.iterchildren(f"{XS}import")}

    def _unread(self, schema: Any, node: Any) -> bool:
        here = next(
            location for location, root in self.roots.items() if root is schema.getroottree().getroot()
        )
        return self.resolve(here, node.get("schemaLocation")) in self.missing

    def _schemas(self) -> list[Any]:
        return [schema for root in self.roots.values() for schema in root.iter(f"{XS}schema")]


def _references(root: Any) -> list[str]:
    """Return the locations that a document imports, those of inline schemas too."""
    if root is None:
        return []
    found = [e.get("location", "") for e in root.iter(f"{WSDL}import")]
    for tag in ("import", "include", "redefine"):
        found += [e.get("schemaLocation", "") for e in root.iter(f"{XS}{tag}")]
    return [location for location in found if location]


def _only_root(source: Source, candidates: list[str], where: str) -> str:
    """Return the one WSDL that no other imports."""
    imported: set[str] = set()
    for location in candidates:
        root = parse_document(source.read(location, where), location)
        imported |= {source.resolve(location, e.get("location", "")) for e in root.iter(f"{WSDL}import")}
    roots = [location for location in candidates if location not in imported]
    if len(roots) != 1:
        names = ", ".join(Path(location).name for location in roots[:6])
        raise ContractError(
            f"{len(roots)} WSDLs stand here that no other imports" + (f": {names}" if names else ""),
            where=where,
            fix="name the file",
        )
    return roots[0]
