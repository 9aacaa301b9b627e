"""Where COPY finds its members."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

#: Endings that a member's file may have, in the order that they are tried.
EXTENSIONS = (".cpy", ".cbl", ".cob", "")


@dataclass(frozen=True, slots=True)
class CopyLibrary:
    """Folders searched for COPY members, first one first; names and extensions in any case.

    `COPY member OF library` looks first in folders of that name: one of `folders` itself, or one inside them.
    On a mainframe the library is a DD name that no folder need have, so all other folders are searched after.
    """

    folders: tuple[Path, ...]

    @classmethod
    def beside(cls, copybook: Path, folders: Iterable[Path] = ()) -> CopyLibrary:
        """Return the library of a copybook: the folders given, then its own."""
        return cls((*folders, copybook.parent))

    def find(self, member: str, library: str | None = None) -> Path | None:
        """Return the file of a member, None where there is none. A member never names a file elsewhere."""
        wanted = [f"{member}{extension}".lower() for extension in EXTENSIONS]
        for folder in self._searched(library):
            files = {entry.name.lower(): entry for entry in _entries(folder) if entry.is_file()}
            for name in wanted:
                if name in files:
                    return files[name]
        return None

    def _searched(self, library: str | None) -> list[Path]:
        if library is None:
            return list(self.folders)
        named = [folder for folder in self.folders if folder.name.lower() == library.lower()]
        below = [
            entry
            for folder in self.folders
            for entry in _entries(folder)
            if entry.name.lower() == library.lower() and entry.is_dir()
        ]
        return [*named, *below, *self.folders]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
