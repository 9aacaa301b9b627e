"""Where the documents of a contract may come from: a folder, a zip archive, the hosts that are allowed."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from posixpath import normpath
from urllib.parse import unquote, urljoin, urlsplit

from adapters.soap.errors import ContractError, Hostile
from adapters.soap.fetch import LOOPBACK, download, host_of, is_url
from adapters.soap.safe_xml import MAX_DOCUMENT_BYTES

__all__ = ["LOOPBACK", "Sources", "is_url"]

#: An archive of a contract is a few megabytes; what unpacks to more than this is a mistake or a bomb.
MAX_ARCHIVE_BYTES = 64 << 20
MAX_MEMBERS = 2_000
_INSIDE = "!/"
_LOCATION = re.compile(rb"""\blocation\s*=\s*["']([^"']*)["']""")


class Sources:
    """Locate and read documents. A location is a URL, a path, or `archive.zip!/member`.

    Attributes:
        start: location of the WSDL.
        hosts: those that may be fetched from.
    """

    def __init__(self, location: str | Path, hosts: Iterable[str] = (), folder: Path | None = None) -> None:
        self._folder: Path | None = None
        self._archive, self._members = "", dict[str, bytes]()
        self._led_to: dict[str, str] = {}
        self.hosts = frozenset(hosts)
        self.start = str(location)
        if is_url(self.start):
            own = host_of(self.start)
            # A WSDL of another machine may not reach this one's loopback.
            self.hosts |= {own} | (LOOPBACK if own in LOOPBACK else frozenset())
            return
        try:
            text = unquote(urlsplit(self.start).path) if self.start.startswith("file:") else self.start
        except ValueError:
            raise ContractError("not an address", where=self.start, fix="give a path, or file:PATH") from None
        name, _, member = text.partition(_INSIDE)
        path = Path(name).resolve()
        if path.is_dir() and not member:
            self._folder = (folder or path).resolve()
            wsdls = {str(found): _head(found) for found in sorted(path.rglob("*.wsdl"))}
            self.start = _only_wsdl(path.name, wsdls)
        elif member or (path.suffix.lower() == ".zip" and path.is_file()):
            self._archive, self._members = str(path), _unpacked(path)
            inside = member or _only_wsdl(f"{path.name}{_INSIDE}", self._members)
            self.start = f"{path}{_INSIDE}{inside}"
        else:
            self._folder = (folder or path.parent).resolve()
            self.start = str(path)

    def locate(self, base: str, target: str) -> str:
        """Return the location that `target` means inside the document `base`."""
        target = target.strip()
        if is_url(target):
            return target
        try:
            urlsplit(target)
        except ValueError:
            return f"unreadable://{target}"  # refused with its name
        if is_url(base):
            return urljoin(self._led_to.get(base, base), target.replace("\\", "/"))
        if "://" in target and not target.startswith("file:"):
            return target
        plain = unquote(urlsplit(target).path) if target.startswith("file:") else target
        plain = plain.replace("\\", "/")
        found = [self._beside(base, name) for name in (plain, unquote(plain), plain.partition("?")[0])]
        return next((location for location in found if self._exists(location)), found[0])

    def elsewhere(self, base: str, target: str) -> str | None:
        """Return a local copy of what `target` names, where its own location is of no use; None if none is.

        A copy has the same file name: beside the importing document, or below the folder of the contract by
        the path that `target` gives.
        """
        if is_url(base):
            return None
        try:
            path = urlsplit(target).path if "://" in target else target.partition("?")[0]
        except ValueError:
            return None
        path = unquote(path).replace("\\", "/").lstrip("/")
        name = PurePosixPath(path).name
        tops = [self._top() + "/"] if self._top() else []
        for top in (base, *tops):
            for wanted in (path, name):
                found = self._beside(top, wanted) if wanted else ""
                if self._exists(found):
                    return found
        if self._folder is not None and name and Path(base).parent.is_relative_to(self._folder):
            for found_path in sorted(Path(base).parent.iterdir()):
                if found_path.name.lower() == name.lower() and found_path.is_file():
                    return str(found_path)
        return None

    def known(self, location: str) -> bool:
        """Return whether a document is there that may be read without the network."""
        return self._exists(location)

    def refusal(self, location: str) -> str | None:
        """Return why a document may not or cannot be read, None if it may be tried."""
        if is_url(location):
            host = host_of(location)
            return (
                None if host in self.hosts else f"an import leads to the host {host!r}, which is not allowed"
            )
        if _INSIDE in location:
            name = location.partition(_INSIDE)[2]
            return None if name in self._members else f"the archive has no {name!r}"
        if "://" in location:
            return f"cannot import {location.split(':', 1)[0]}: locations"
        path = Path(location)
        if self._folder is None or not path.is_relative_to(self._folder):
            return f"an import leads to {path.name!r} outside the folder of the contract"
        return None if path.is_file() else f"cannot read {path.name!r}: No such file or directory"

    def read(self, location: str) -> bytes:
        """Return the bytes at a location.

        Raises:
            ContractError: it may not be read, or is not there. ServiceUnavailable: its host does not answer.
        """
        if problem := self.refusal(location):
            raise ContractError(problem, where=location, fix="put the document there")
        if is_url(location):
            content, self._led_to[location] = download(location, self.hosts)
            return content
        if _INSIDE in location:
            return self._members[location.partition(_INSIDE)[2]]
        try:
            with Path(location).open("rb") as source:
                return source.read(MAX_DOCUMENT_BYTES + 1)
        except OSError as error:
            raise ContractError(
                f"cannot read {Path(location).name!r}: {error.strerror}",
                where=location,
                fix="put the document there",
            ) from None

    def _top(self) -> str:
        return self._archive + _INSIDE.rstrip("/") if self._archive else str(self._folder or "")

    def _beside(self, base: str, name: str) -> str:
        """Return the local location of a path seen from another local location."""
        if _INSIDE in base:
            inside = PurePosixPath(base.partition(_INSIDE)[2] or ".").parent / name.lstrip("/")
            return f"{self._archive}{_INSIDE}{normpath(str(inside))}"
        return str((Path(base).parent / name if not base.endswith("/") else Path(base) / name).resolve())

    def _exists(self, location: str) -> bool:
        return not is_url(location) and "\0" not in location and self.refusal(location) is None


def _unpacked(path: Path) -> dict[str, bytes]:
    """Return the documents of an archive by name, its sizes checked before anything is unpacked."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [e for e in archive.infolist() if not e.is_dir()]
            if len(entries) > MAX_MEMBERS or sum(e.file_size for e in entries) > MAX_ARCHIVE_BYTES:
                raise Hostile(
                    f"the archive has more than {MAX_MEMBERS:,} files or {MAX_ARCHIVE_BYTES >> 20} MB",
                    where=path.name,
                    fix="give one with the WSDL and its schemas alone",
                )
            if any(e.flag_bits & 1 for e in entries):
                raise ContractError("the archive is encrypted", where=path.name, fix="give an open one")
            found = {}
            for entry in entries:
                with archive.open(entry) as source:
                    found[normpath(entry.filename.replace("\\", "/"))] = source.read(MAX_DOCUMENT_BYTES + 1)
            return found
    except (OSError, zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise ContractError(
            f"cannot read the archive ({type(error).__name__})", where=path.name, fix="give a whole zip file"
        ) from None


def _head(path: Path) -> bytes:
    with path.open("rb") as source:
        return source.read(MAX_DOCUMENT_BYTES)


def _only_wsdl(where: str, documents: dict[str, bytes]) -> str:
    """Return the one WSDL of a folder or archive that no other one imports."""
    wsdls = [name for name in documents if name.lower().endswith(".wsdl")]
    targets = {
        PurePosixPath(unquote(target.decode("utf-8", "replace")).replace("\\", "/")).name
        for name in wsdls
        for target in _LOCATION.findall(documents[name])
    }
    tops = [name for name in wsdls if PurePosixPath(name).name not in targets]
    if len(tops) != 1:
        told = ", ".join(sorted(PurePosixPath(name).name for name in tops or wsdls)[:8]) or "none"
        raise ContractError(f"not one WSDL but: {told}", where=where, fix="name the one to read")
    return tops[0]
