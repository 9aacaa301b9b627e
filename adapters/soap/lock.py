"""A contract's documents copied with their digests: built again without a network, and no change unseen."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters.soap.errors import ContractError
from adapters.soap.sources import INSIDE, Packed, is_url

FILE = "contract.lock.json"
_FORMAT = 1
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Lock:
    """The documents of one contract.

    Attributes:
        name: of the folder that they lie in.
        documents: content by path in that folder.
        addresses: URL → path, for what was read over HTTP.
        first: path of the WSDL.
    """

    name: str
    documents: Mapping[str, bytes]
    addresses: Mapping[str, str]
    first: str

    @staticmethod
    def is_at(path: Path) -> bool:
        """Return whether a folder, or its lock file itself, is given."""
        return (path / FILE).is_file() or path.name == FILE

    @classmethod
    def load(cls, path: Path) -> Lock:
        """Read a lock and its documents.

        Raises:
            ContractError: the lock is broken, or a document is missing or not what was locked.
        """
        folder = path.parent if path.name == FILE else path
        where = f"{folder.name}/{FILE}"
        try:
            lock = json.loads((folder / FILE).read_bytes())
            entries = {entry["file"]: entry for entry in lock["documents"]}
            first, version = str(lock["wsdl"]), lock["format"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ContractError(
                f"the lock cannot be read ({type(error).__name__})", where=where, fix="import the WSDL again"
            ) from None
        if version != _FORMAT or first not in entries:
            raise ContractError("the lock is of another version", where=where, fix="import the WSDL again")
        documents = {name: _verified(folder, name, entry, where) for name, entry in entries.items()}
        addresses = {entry["url"]: name for name, entry in entries.items() if "url" in entry}
        return cls(folder.name, documents, addresses, first)

    @classmethod
    def of(cls, content: Mapping[str, bytes], name: str) -> Lock:
        """Return the lock of documents by location, the WSDL first; standard schemas need none."""
        files = [location for location in content if not is_url(location) and "catalogue:" not in location]
        folders = [posixpath.dirname(location) for location in files]
        base = posixpath.commonpath(folders) if folders else ""
        documents: dict[str, bytes] = {}
        addresses: dict[str, str] = {}
        for location, raw in content.items():
            if location.startswith("catalogue:"):
                continue
            if is_url(location):
                path = _file_name(location, len(documents))
                addresses[location] = path
            else:
                path = posixpath.relpath(location, base)
            documents[path] = raw
        return cls(name, documents, addresses, next(iter(documents)))

    def write(self, folder: Path) -> None:
        """Write documents and lock; the lock last, so that half a copy is never taken for a whole one."""
        by_path = {path: url for url, path in self.addresses.items()}
        for path, raw in self.documents.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(raw)
        entries = []
        for path, raw in self.documents.items():
            entry = {"file": path, "sha256": hashlib.sha256(raw).hexdigest()}
            if path in by_path:
                entry["url"] = by_path[path]
            entries.append(entry)
        lock = {"format": _FORMAT, "wsdl": self.first, "documents": entries}
        draft = folder / f"{FILE}.part"
        draft.write_text(json.dumps(lock, indent=2) + "\n", encoding="utf-8")
        draft.replace(folder / FILE)

    @property
    def start(self) -> str:
        """The location of the WSDL in `source`."""
        urls = {path: url for url, path in self.addresses.items()}
        return urls.get(self.first, f"{self.name}{INSIDE}{self.first}")

    def source(self) -> Packed:
        """Return the documents as a source that reads nothing else."""
        return Packed(self.name, self.documents, self.addresses)


def _verified(folder: Path, name: str, entry: Mapping[str, str], where: str) -> bytes:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise ContractError(f"{name!r} leads outside the lock", where=where, fix="import the WSDL again")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ContractError(
            f"cannot read {name!r}: {error.strerror}", where=where, fix="import the WSDL again"
        ) from None
    if hashlib.sha256(raw).hexdigest() != entry.get("sha256"):
        raise ContractError(
            f"{name!r} is not the document that was locked",
            where=where,
            fix="undo the change, or import the WSDL again and look at `banyan wsdl diff`",
        )
    return raw


def _file_name(url: str, number: int) -> str:
    last = _UNSAFE.sub("_", url.rpartition("//")[2].partition("/")[2].rpartition("/")[2]) or "document"
    return f"{number:02d}_{last[-80:]}" + ("" if last.endswith((".wsdl", ".xsd")) else ".xml")
