"""What every place for files can do: list, fetch, archive. Settings, gates and formats know only this."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from schemas.errors import Terminal

#: Longest file name that file systems take, in bytes; the hash behind an archived name must fit in it.
_NAME_BYTES = 255


class FileUnreadable(Terminal):
    """One file of a place cannot be read, its neighbours can (permissions, a symbolic link)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file as a look at its place shows it.

    Attributes:
        name: its name in the place; bytes that are no UTF-8 are surrogate escapes in it (see `shown`).
        size: in bytes.
        modified_ns: when its content was last written, in the place's own clock.
        arrived_ns: when it came under this name, where the place tells; else `modified_ns`.
        version: tells one content from the next where size and time do not: inode, entity tag.
        fault: why it can never be read as it lies there ('' = it can).
    """

    name: str
    size: int
    modified_ns: int
    arrived_ns: int
    version: str = ""
    fault: str = ""

    @property
    def content(self) -> tuple[int, int, str]:
        """What changes whenever the content does."""
        return self.size, self.modified_ns, self.version


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that can be read here: the file itself, or a private copy of it."""

    path: Path
    sha256: str
    copied: bool


class Place(Protocol):
    """Where files arrive. One thread uses it; it connects at the first look and again after a failure."""

    @property
    def address(self) -> str:
        """Where it is, for people: without any secret."""
        ...

    @property
    def whole(self) -> bool:
        """True where a file is seen only once it is complete (object stores)."""
        ...

    def entries(self) -> list[Entry]:
        """Return the files that lie there, in no order; nothing where the folder is not there yet.

        Raises:
            Transient: the place does not answer.
            Terminal: it answers that it will not let us in.
        """
        ...

    def fetch(self, entry: Entry, copy: Path) -> Fetched | None:
        """Return the file for reading, `copy` being where a private copy goes if one is needed.

        Returns:
            None where it has changed or gone since `entry` was seen.

        Raises:
            FileUnreadable: this file cannot be read.
            Transient: the place does not answer.
        """
        ...

    def unchanged(self, entry: Entry) -> bool:
        """True while the file in the place is the one that `entry` describes."""
        ...

    def archive(self, entry: Entry, sha256: str) -> bool:
        """Move the file away; a name that is taken there gets the hash behind it.

        Returns:
            False where it has changed or gone, or the place has no archive.
        """
        ...

    def recall(self, name: str, sha256: str) -> bool:
        """Bring a file back from the archive; `sha256` may be its first 32 digits.

        Returns:
            False where it is not there.
        """
        ...

    def remove(self, name: str) -> None:
        """Take away a marker; nothing where it is not there."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def shown(name: str) -> str:
    """Return a file name for records, logs and pages: one line of printable text, different for each name."""
    return "".join(c if c.isprintable() and c != "\\" else _escaped(c) for c in name)


def beside(name: str, sha256: str) -> str:
    """Return the archive's name for a file whose own name is taken there: with the hash behind it."""
    tail = f".{sha256[:16]}"
    head = name.encode("utf-8", "surrogateescape")[: _NAME_BYTES - len(tail)]
    return head.decode("utf-8", "surrogateescape") + tail


def _escaped(char: str) -> str:
    if char == "\\":
        return "\\\\"
    raw = char.encode("utf-8", "surrogateescape")
    return "".join(f"\\x{byte:02x}" for byte in raw)
