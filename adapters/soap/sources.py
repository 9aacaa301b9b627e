"""Where the documents of a contract come from: files of a folder, hosts, or a packed set of documents."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urljoin, urlsplit

import requests

from adapters.soap.errors import ContractError, ServiceUnavailable
from adapters.soap.safe_xml import MAX_DOCUMENT_BYTES

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
#: Seconds. Contracts are read at start, where a dead host must not look like a hang.
FETCH_TIMEOUT = 10
#: An archive of documents, unpacked.
MAX_ARCHIVE_BYTES = 64 << 20
#: Between the name of an archive and the name in it.
INSIDE = "!/"


class Source(Protocol):
    """Reads documents by location, and nothing else than it was opened for."""

    def resolve(self, base: str, target: str) -> str:
        """Return the location that `target` means inside the document `base`."""

    def read(self, location: str, where: str) -> bytes:
        """Return a document.

        Raises:
            ContractError: it is not there, or may not be read; `where` is the document that asks for it.
            ServiceUnavailable: its host does not answer.
        """


class Web:
    """Documents of hosts that are named; redirects are not followed, they could lead to another."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self._hosts = frozenset(hosts)

    def resolve(self, base: str, target: str) -> str:
        """Return an absolute URL."""
        return urljoin(base, target)

    def read(self, location: str, where: str) -> bytes:
        """Return what is at a URL of an allowed host."""
        if not is_url(location):
            raise ContractError(
                f"cannot import {location.split(':', 1)[0]}: locations", where=where, fix="use a file"
            )
        host = urlsplit(location).hostname or ""
        if host not in self._hosts:
            raise ContractError(
                f"an import leads to the host {host!r}, which is not allowed",
                where=where,
                fix="put a copy beside the WSDL and point schemaLocation at it, or allow the host",
            )
        return _download(location)


class Folder:
    """Files of one folder and below; a URL in them is read where its host is allowed."""

    def __init__(self, folder: Path, web: Web) -> None:
        self.folder, self._web = folder.resolve(), web

    def resolve(self, base: str, target: str) -> str:
        """Return an absolute path, or a URL."""
        if is_url(target) or is_url(base):
            return self._web.resolve(base, target)
        if "://" in target and not target.startswith("file:"):
            return target
        plain = unquote(urlsplit(target).path) if target.startswith("file:") else target
        candidates = [plain, unquote(plain), plain.partition("?")[0]]
        paths = [(Path(base).parent / candidate).resolve() for candidate in candidates]
        return str(next((path for path in paths if path.exists()), paths[0]))

    def read(self, location: str, where: str) -> bytes:
        """Return a file of the folder."""
        if "://" in location:
            return self._web.read(location, where)
        path = Path(location)
        if not path.is_relative_to(self.folder):
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


class Packed:
    """Documents in memory, by name; from a zip archive or a lock. Nothing else is ever read."""

    def __init__(self, name: str, documents: Mapping[str, bytes], addresses: Mapping[str, str]) -> None:
        self._name, self._documents, self._addresses = name, documents, addresses

    @classmethod
    def from_zip(cls, path: Path) -> Packed:
        """Read an archive of WSDLs and schemas.

        Raises:
            ContractError: no archive, encrypted, or too large when unpacked.
        """
        documents: dict[str, bytes] = {}
        left = MAX_ARCHIVE_BYTES
        try:
            with zipfile.ZipFile(path) as archive:
                for member in archive.infolist():
                    if member.is_dir() or not member.filename.lower().endswith((".wsdl", ".xsd", ".xml")):
                        continue
                    with archive.open(member) as stream:
                        content = stream.read(min(left, MAX_DOCUMENT_BYTES) + 1)
                    left -= len(content)
                    if left < 0:
                        raise ContractError(
                            f"the archive holds more than {MAX_ARCHIVE_BYTES:,} bytes",
                            where=path.name,
                            fix="give only the contract's documents",
                        )
                    documents[posixpath.normpath(member.filename)] = content
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError, EOFError) as error:
            raise ContractError(
                f"the archive cannot be read ({type(error).__name__})",
                where=path.name,
                fix="pack the documents again, without a password",
            ) from None
        return cls(path.name, documents, {})

    def names(self) -> list[str]:
        """Return the locations of all documents."""
        return [f"{self._name}{INSIDE}{name}" for name in self._documents]

    def resolve(self, base: str, target: str) -> str:
        """Return a URL, or a name inside the pack."""
        if is_url(target) or is_url(base):
            return urljoin(base, target)
        folder = posixpath.dirname(base.partition(INSIDE)[2])
        candidates = [target, unquote(target), target.partition("?")[0]]
        names = [posixpath.normpath(posixpath.join(folder, candidate)) for candidate in candidates]
        return f"{self._name}{INSIDE}{next((n for n in names if n in self._documents), names[0])}"

    def read(self, location: str, where: str) -> bytes:
        """Return a packed document."""
        name = self._addresses.get(location, location.partition(INSIDE)[2])
        if name not in self._documents:
            raise ContractError(
                f"{location!r} is not among the packed documents", where=where, fix="pack it as well"
            )
        return self._documents[name]


def is_url(location: str) -> bool:
    """Return whether a location is read over HTTP."""
    return location.startswith(("http://", "https://"))


def _download(url: str) -> bytes:
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
