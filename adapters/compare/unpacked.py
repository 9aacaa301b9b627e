"""A file that can be read at any place: itself, or unpacked into a temporary one, as what a pipe gives is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from schemas.errors import SettingsError

#: How gzip, bzip2, zstd and zip begin: other files need not wait until what unpacks them is loaded.
_PACKED = (b"\x1f", b"B", b"(", b"P")


def unpacked(
    path: Path, opened: Callable[[Path], BinaryIO] | None = None, work: Path | None = None
) -> BinaryIO:
    """Return the file's bytes as a file that has a descriptor.

    Args:
        path: the file.
        opened: opens it, decompressed; by default as its first bytes say.
        work: where the temporary file goes; None = the system's folder for them.

    Raises:
        SettingsError: no such file. Terminal: its compressed data are not sound.
    """
    try:
        stream = (opened or _sniffed)(path)
        piped = not stream.seekable()
    except OSError as error:
        raise SettingsError(
            f"cannot read the file: {error.strerror}", where=str(path), fix="check the path"
        ) from None
    try:
        stream.fileno()
    except OSError:  # io.UnsupportedOperation: it is unpacked as it is read
        piped = True
    if not piped:
        return stream
    with stream:
        whole = TemporaryFile(dir=work)  # noqa: SIM115 - it lives as long as the table
        shutil.copyfileobj(stream, whole, 1 << 20)
        whole.flush()
        return whole


def _sniffed(path: Path) -> BinaryIO:
    stream = path.open("rb")
    if stream.peek(1)[:1] not in _PACKED:
        return stream
    from adapters.batch.opening import opened

    return opened(stream, name=path.name)
