"""Collect a WSDL and everything that it imports, from where that is allowed, and from nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from adapters.soap.catalogue import SCHEME, location_of, standard_schema
from adapters.soap.errors import ContractError, Hostile
from adapters.soap.fetch import LOOPBACK
from adapters.soap.lock import Locked, is_lock
from adapters.soap.report import Report
from adapters.soap.safe_xml import parse_document
from adapters.soap.sources import Sources

__all__ = ["LOOPBACK", "WSDL", "XS", "Documents"]

WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
XS = "{http://www.w3.org/2001/XMLSchema}"
#: A contract is tens of documents; more is a mistake or an attack.
MAX_DOCUMENTS = 500
MAX_TOTAL_BYTES = 64 << 20


class Source(Protocol):
    """Where documents are looked up."""

    @property
    def start(self) -> str:
        """Location of the WSDL."""

    def locate(self, base: str, target: str) -> str:
        """Return what `target` means inside `base`."""

    def elsewhere(self, base: str, target: str) -> str | None:
        """Return a local copy of it, if there is one."""

    def known(self, location: str) -> bool:
        """Return whether it is here."""

    def refusal(self, location: str) -> str | None:
        """Return why it cannot be read."""

    def read(self, location: str) -> bytes:
        """Return its bytes."""


class Documents:
    """Documents by location, in the order found; the first is the WSDL.

    Attributes:
        content: raw bytes by location, for a lock file and for other libraries that must not fetch.
        roots: parsed roots by location.
        report: what was repaired, and which imports could not be read.
        links: (importing document, its reference) → location of the document; None = it could not be read.
    """

    def __init__(self, source: Source, report: Report | None = None) -> None:
        self._source = source
        self.report = report if report is not None else Report()
        self.content: dict[str, bytes] = {}
        self.roots: dict[str, Any] = {}
        self.links: dict[tuple[str, str], str | None] = {}

    @classmethod
    def collect(
        cls, location: str | Path, hosts: Iterable[str] = (), folder: Path | None = None
    ) -> Documents:
        """Read `location` and all that it imports or includes.

        A file may import files in `folder` (by default its own) and below, a zip archive what it holds. A URL
        may import from its own host. All may import from `hosts`. A lock file (or its folder) gives what was
        locked. An import that cannot be read is an error in the report, not an exception: operations that
        do not need it can be used.

        Raises:
            ContractError: the WSDL itself cannot be read, or a document is hostile or not what was locked.
            ServiceUnavailable: an allowed host does not answer.
        """
        found = cls(Locked(Path(location)) if is_lock(location) else Sources(location, hosts, folder))
        found.read()
        return found

    def read(self) -> None:
        """Read the WSDL and then whatever it leads to, breadth first."""
        waiting = [self._source.start]
        while waiting:
            location = waiting.pop(0)
            if location in self.roots:
                continue
            root = self._add(location)
            if root is None:
                continue
            for namespace, target in _references(root):
                found = self._follow(location, namespace, target)
                self.links[location, target] = found
                if found is not None:
                    waiting.append(found)

    def linked(self, base: str, target: str) -> tuple[str, Any] | None:
        """Return location and root of what `base` imports as `target`; None if it could not be read."""
        location = self.links.get((base, target))
        root = self.roots.get(location) if location is not None else None
        return (location, root) if location is not None and root is not None else None

    def standard(self, namespace: str) -> tuple[str, Any] | None:
        """Return location and root of a standard schema, added if it is not there; None if it is none."""
        location = location_of(namespace)
        if location is None:
            return None
        if location not in self.roots:
            self._add(location)
        return location, self.roots[location]

    def _add(self, location: str) -> Any:
        if len(self.roots) >= MAX_DOCUMENTS:
            raise Hostile(f"more than {MAX_DOCUMENTS} documents", where=location, fix="check the imports")
        content = None if self._source.known(location) else standard_schema(location)
        first = not self.roots
        try:
            if content is None:
                content = self._source.read(location)
            root = parse_document(content, location, self.report)
        except Hostile:
            raise
        except ContractError as error:
            if first:
                raise
            self.report.add("error", "import-not-read", location, error.what, "it says nothing")
            return None
        if sum(map(len, self.content.values())) + len(content) > MAX_TOTAL_BYTES:
            raise Hostile(f"more than {MAX_TOTAL_BYTES >> 20} MB", where=location, fix="check the imports")
        self.content[location], self.roots[location] = content, root
        return root

    def _follow(self, base: str, namespace: str, target: str) -> str | None:
        """Return the location that an import leads to, None if nothing there can be used."""
        location = self._source.locate(base, target)
        standard = location_of(namespace) or location_of(target)
        if standard is not None and not self._usable(location):
            return standard
        problem = self._source.refusal(location)
        if problem is None:
            return location
        copy = self._source.elsewhere(base, target)
        if copy is not None:
            self.report.add("warning", "import-location", base, problem, f"{Path(copy).name} is its copy")
            return copy
        fix = "put a copy beside the WSDL, or allow the host"
        self.report.add("error", "import-not-read", base, f"{problem} ({fix})", "it says nothing")
        return None

    def _usable(self, location: str) -> bool:
        """Return whether a local copy of a standard schema can be used (W3C's own have a DOCTYPE)."""
        if not self._source.known(location):
            return False
        try:
            parse_document(self._source.read(location), location)
        except ContractError:
            return False
        return True


def _references(root: Any) -> Iterator[tuple[str, str]]:
    """Yield (namespace, location) of what a document imports, by its inline schemas too."""
    for node in root.iter(f"{WSDL}import"):
        if node.get("location"):
            yield node.get("namespace", ""), node.get("location")
    for tag in ("import", "include", "redefine"):
        for node in root.iter(f"{XS}{tag}"):
            if node.get("schemaLocation"):
                yield node.get("namespace", ""), node.get("schemaLocation")


def is_standard(location: str) -> bool:
    """Return whether a document comes from Banyan's own catalogue."""
    return location.startswith(SCHEME)
