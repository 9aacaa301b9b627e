"""A file that a person names on the command line."""

from __future__ import annotations

from pathlib import Path

from schemas.errors import SettingsError


def check_file(path: Path) -> None:
    """Return if `path` is a file that can be read more than once.

    Raises:
        SettingsError: a folder, a pipe, or nothing.
    """
    if path.is_file():
        return
    if path.is_dir():
        raise SettingsError("this is a folder, not a file", where=str(path), fix="check the path")
    if str(path) == "-" or path.exists():
        # What a file is like is found out, and its trailer looked for, before its first record is read.
        raise SettingsError(
            "this is a pipe, which can be read only once",
            where=str(path),
            fix="write it into a file first; compressed files are read as they are",
        )
    raise SettingsError("no such file", where=str(path), fix="check the path")
