"""A contract in a folder: every document with its digest, so that building again needs no network.

`contract.lock.json` names each document's origin, file and SHA-256, and where each import leads.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from adapters.soap.errors import ContractError, Hostile
from adapters.soap.fetch import is_url
from adapters.soap.safe_xml import MAX_DOCUMENT_BYTES
from schemas.errors import SettingsError

if TYPE_CHECKING:
    from adapters.soap.documents import Documents

LOCK_NAME = "contract.lock.json"
_VERSION = 1
#: A lock of 500 documents has about 200 kB.
_MAX_LOCK_BYTES = 8 << 20
_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


def is_lock(location: str | Path) -> bool:
    """Return whether a location is a lock file or a folder with one."""
    if is_url(str(location)):
        return False
    path = Path(location)
    return path.name == LOCK_NAME or (path / LOCK_NAME).is_file()


def write_lock(documents: Documents, folder: Path) -> Path:
    """Copy every document into `folder` with a lock file; return its path.

    The folder may be new, empty, or hold an older lock, whose files it replaces.
    """
    old = _old_files(folder)
    folder.mkdir(parents=True, exist_ok=True)
    origins = _origins(list(documents.content))
    entries = []
    for number, (location, content) in enumerate(documents.content.items(), 1):
        file = f"{number:03d}-{_file_name(origins[location])}"
        (folder / file).write_bytes(content)
        old.discard(file)
        entries.append(
            {"origin": origins[location], "file": file, "sha256": _digest(content), "bytes": len(content)}
        )
    links = [
        {"from": origins[base], "import": target, "to": origins.get(found) if found else None}
        for (base, target), found in documents.links.items()
        if base in origins
    ]
    text = json.dumps(
        {"version": _VERSION, "documents": entries, "links": links}, indent=1, ensure_ascii=False
    )
    path = folder / LOCK_NAME
    part = path.with_suffix(".part")
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(path)
    for name in old:
        (folder / name).unlink(missing_ok=True)
    return path


class Locked:
    """The documents of a lock file, each checked against its digest."""

    def __init__(self, path: Path) -> None:
        self._path = path if path.name == LOCK_NAME else path / LOCK_NAME
        lock = _read(self._path)
        try:
            self._entries: dict[str, Mapping[str, Any]] = {e["origin"]: e for e in lock["documents"]}
            self._links = {(link["from"], link["import"]): link["to"] for link in lock["links"]}
            self.start = next(iter(self._entries))
        except (KeyError, TypeError, StopIteration):
            raise self._broken("is not whole") from None

    def locate(self, base: str, target: str) -> str:
        """Return where the import led when the lock was made."""
        return self._links.get((base, target)) or target

    def elsewhere(self, base: str, target: str) -> str | None:
        """Return None: a lock holds what it holds."""
        return None

    def known(self, location: str) -> bool:
        """Return whether the lock holds it."""
        return location in self._entries

    def refusal(self, location: str) -> str | None:
        """Return why it cannot be read."""
        return (
            None if location in self._entries else "an import could not be read when the contract was locked"
        )

    def read(self, location: str) -> bytes:
        """Return a document. Raises Hostile if it is not the one that was locked."""
        entry = self._entries[location]
        name = str(entry.get("file", ""))
        if Path(name).name != name:
            raise self._broken("names a file outside its folder")
        try:
            with (self._path.parent / name).open("rb") as source:
                content = source.read(MAX_DOCUMENT_BYTES + 1)
        except OSError as error:
            raise self._broken(f"names {name!r}: {error.strerror}") from None
        if _digest(content) != entry.get("sha256"):
            raise Hostile(
                f"{name!r} is not what was locked (its SHA-256 differs)",
                where=str(self._path),
                fix="restore the file, or import the contract again",
            )
        return content

    def _broken(self, what: str) -> Hostile:
        return Hostile(
            f"the lock file {what}",
            where=str(self._path),
            fix="import the contract again: banyan wsdl import",
        )


def _read(path: Path) -> Any:
    try:
        with path.open("rb") as source:
            content = source.read(_MAX_LOCK_BYTES + 1)
        lock = json.loads(content)
    except OSError as error:
        raise SettingsError(
            f"cannot read the lock file: {error.strerror}", where=str(path), fix="banyan wsdl import"
        ) from None
    except (ValueError, RecursionError):
        lock = None
    if not isinstance(lock, dict) or lock.get("version") != _VERSION:
        raise ContractError(
            "this is no lock file of this version", where=str(path), fix="import the contract again"
        )
    return lock


def _old_files(folder: Path) -> set[str]:
    """Return the files that an older lock in this folder names; refuse a folder with something else in it."""
    if not folder.exists():
        return set()
    if not (folder / LOCK_NAME).is_file():
        if not folder.is_dir() or any(folder.iterdir()):
            raise SettingsError(
                "the folder holds something else", where=str(folder), fix="name a new or an empty folder"
            )
        return set()
    entries = _read(folder / LOCK_NAME).get("documents", [])
    return {str(e["file"]) for e in entries if Path(str(e["file"])).name == e["file"]}


def _origins(locations: list[str]) -> dict[str, str]:
    """Return each location as the lock tells it: paths relative to the common folder, never a machine's."""
    paths = [location for location in locations if location.startswith("/")]
    top = os.path.commonpath([str(Path(p.partition("!/")[0]).parent) for p in paths]) if paths else ""
    return {
        location: location.removeprefix(top).lstrip("/") if location.startswith("/") else location
        for location in locations
    }


def _file_name(origin: str) -> str:
    parts = urlsplit(origin)
    name = unquote(parts.path if is_url(origin) else origin.partition(":")[2] or origin).rpartition("/")[2]
    query = f"-{parts.query}" if is_url(origin) and parts.query else ""
    plain = _PLAIN.sub("-", name + query).strip("-.")[-80:] or "document"
    return plain if plain.lower().endswith((".wsdl", ".xsd", ".xml")) else f"{plain}.xml"


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
