"""Collect a WSDL and everything that it imports, from files or from one host, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import requests

from adapters.soap.errors import ContractError, ServiceUnavailable
from adapters.soap.safe_xml import MAX_DOCUMENT_BYTES, parse_document

WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
XS = "{http://www.w3.org/2001/XMLSchema}"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
#: A contract is tens of documents; more is a mistake or an attack.
MAX_DOCUMENTS = 500
#: Seconds. Contracts are read at start, where a dead host must not look like a hang.
FETCH_TIMEOUT = 10


@dataclass
class Documents:
    """Documents by location, in the order found; the first is the WSDL.

    Attributes:
        content: raw bytes by location, for a lock file and for other libraries that must not fetch.
        roots: parsed roots by location.
    """

    hosts: frozenset[str]
    content: dict[str, bytes] = field(default_factory=dict)
    roots: dict[str, Any] = field(default_factory=dict)
    folder: Path | None = None

    @classmethod
    def collect(
        cls, location: str | Path, hosts: Iterable[str] = (), folder: Path | None = None
    ) -> Documents:
        """Read `location` and all that it imports or includes.

        A file may import files in `folder` (by default its own) and below. A URL may import from its own
        host. Both may import from `hosts`. A WSDL of another machine may not reach this one's loopback.

        Raises:
            ContractError: an import leads outside, is missing, or is hostile.
            ServiceUnavailable: the host of a URL does not answer.
        """
        start = str(location)
        if _is_url(start):
            own = urlsplit(start).hostname or ""
            found = cls(frozenset(hosts) | {own} | (LOOPBACK if own in LOOPBACK else frozenset()))
        else:
            path = Path(unquote(urlsplit(start).path) if start.startswith("file:") else start).resolve()
            found = cls(frozenset(hosts), folder=(folder or path.parent).resolve())
            start = str(path)
        found.read(start)
        return found

    def read(self, start: str) -> None:
        """Read `start` and then whatever it leads to, breadth first."""
        waiting = [(start, "")]
        while waiting:
            location, importer = waiting.pop(0)
            if location in self.roots:
                continue
            if len(self.roots) >= MAX_DOCUMENTS:
                raise ContractError(
                    f"more than {MAX_DOCUMENTS} documents", where=start, fix="check the imports"
                )
            content = self._fetch(location, importer)
            self.content[location] = content
            self.roots[location] = root = parse_document(content, location)
            waiting += [(self.resolve(location, target), location) for target in _references(root)]

    def resolve(self, base: str, target: str) -> str:
        """Return the location that `target` means inside the document `base`."""
        if _is_url(target):
            return target
        if _is_url(base):
            return urljoin(base, target)
        if "://" in target and not target.startswith("file:"):
            return target
        plain = unquote(urlsplit(target).path) if target.startswith("file:") else target
        candidate = (Path(base).parent / plain).resolve()
        if not candidate.exists():
            candidate = (Path(base).parent / unquote(plain)).resolve()
        return str(candidate)

    def _fetch(self, location: str, importer: str) -> bytes:
        where = importer or location
        if not _is_url(location):
            return self._read_file(location, where)
        host = urlsplit(location).hostname or ""
        if host not in self.hosts:
            raise ContractError(
                f"an import leads to the host {host!r}, which is not allowed",
                where=where,
                fix="put a copy beside the WSDL and point schemaLocation at it, or allow the host",
            )
        return _download(location)

    def _read_file(self, location: str, where: str) -> bytes:
        path = Path(location)
        if "://" in location:
            raise ContractError(
                f"cannot import {location.split(':', 1)[0]}: locations", where=where, fix="use a file"
            )
        if self.folder is None or not path.is_relative_to(self.folder):
            raise ContractError(
                f"an import leads to {path.name!r} outside the folder of the contract",
                where=where,
                fix="put a copy beside the WSDL and point schemaLocation at it",
            )
        try:
            with path.open("rb") as source:
                return source.read(MAX_DOCUMENT_BYTES + 1)
        except OSError as error:
            raise ContractError(
                f"cannot read {path.name!r}: {error.strerror}", where=where, fix="put the document there"
            ) from None


def _references(root: Any) -> list[str]:
    """Return the locations that a document imports, those of inline schemas too."""
    found = [e.get("location", "") for e in root.iter(f"{WSDL}import")]
    for tag in ("import", "include", "redefine"):
        found += [e.get("schemaLocation", "") for e in root.iter(f"{XS}{tag}")]
    return [location for location in found if location]


def _is_url(location: str) -> bool:
    return location.startswith(("http://", "https://"))


def _download(url: str) -> bytes:
    """Return the bytes at `url`; redirects are not followed, they could lead to another host."""
    try:
        with requests.Session() as session:
            # A proxy from the environment must not get calls that are meant for this machine.
            session.trust_env = urlsplit(url).hostname not in LOOPBACK
            response = session.get(url, timeout=FETCH_TIMEOUT, stream=True, allow_redirects=False)
            if response.status_code != 200:
                raise ContractError(
                    f"HTTP {response.status_code}", where=url, fix="check the address of the WSDL"
                )
            content = bytearray()
            for part in response.iter_content(1 << 16):
                content += part
                if len(content) > MAX_DOCUMENT_BYTES:
                    break
            return bytes(content)
    except requests.RequestException as error:
        raise ServiceUnavailable(
            f"cannot fetch the contract ({type(error).__name__})",
            where=url,
            fix="start the service, or use a file",
        ) from None
