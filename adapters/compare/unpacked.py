"""A file that can be read at any place: itself, or unpacked into a temporary one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from schemas.errors import SettingsError


def unpacked(path: Path, opened: Callable[[Path], BinaryIO], work: Path | None = None) -> BinaryIO:
    """Return the file's bytes as a file that has a descriptor.

    Args:
        path: the file.
        opened: opens it, decompressed; by `adapters.batch.opening`.
        work: where the temporary file goes; None = the system's folder for them.

    Raises:
        SettingsError: no such file. Terminal: its compressed data are not sound.
    """
    from adapters.batch.opening import Unpacked

    try:
        stream = opened(path)
    except OSError as error:
        raise SettingsError(
            f"cannot read the file: {error.strerror}", where=str(path), fix="check the path"
        ) from None
    if not isinstance(stream, Unpacked):
        return stream
    with stream:
        whole = TemporaryFile(dir=work)  # noqa: SIM115 - it lives as long as the table
        shutil.copyfileobj(stream, whole, 1 << 20)
        whole.flush()
        return whole
