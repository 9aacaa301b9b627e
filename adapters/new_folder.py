"""The folder of a new adapter, as scaffolds write it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from schemas.errors import SettingsError


def write_new(folder: Path, files: Mapping[str, bytes]) -> list[Path]:
    """Write the files of a new adapter; the folder must not be there, or be empty.

    Raises:
        SettingsError: there is something already; nothing is overwritten.
    """
    if folder.exists() and any(folder.iterdir() if folder.is_dir() else [folder]):
        raise SettingsError(
            "the adapter is there already", where=str(folder), fix="choose another name, or delete it first"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in files]
