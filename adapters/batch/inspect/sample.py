"""A bounded sample of a file: its head, a piece of its middle, its tail, whatever its size."""

from __future__ import annotations

import bz2
import gzip
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

import zstandard

Container = Literal["none", "gzip", "bz2", "zstd", "zip", "xz", "pgp", "pgp-armor", "zip-encrypted"]
#: Bytes of each piece. Record lengths go up to 32,760 bytes, and 32 records of that size tell a period.
PIECE = 1 << 20
_MAGIC: tuple[tuple[bytes, Container], ...] = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "bz2"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK\x03\x04", "zip"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"-----BEGIN PGP MESSAGE-----", "pgp-armor"),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """Pieces of one file's content, after decompression.

    Attributes:
        size: bytes of the content; None where it is compressed and longer than the head.
        head: its first bytes.
        middle: bytes from its middle, b'' where the head or tail hold them.
        middle_at: where `middle` starts.
        tail: its last bytes, b'' where the head holds them or nobody knows where the end is.
        container: how the file is packed.
        packed: bytes of the file on disk.
        fault: what is wrong with the packing ('' = nothing that was seen).
    """

    size: int | None
    head: bytes
    middle: bytes = b""
    middle_at: int = 0
    tail: bytes = b""
    container: Container = "none"
    packed: int = 0
    fault: str = ""

    @property
    def whole(self) -> bool:
        """True if the head is the whole content."""
        return self.size == len(self.head)

    @property
    def end(self) -> bytes:
        """The last bytes that are known to be the last: the tail, or the head where it is everything."""
        return self.head if self.whole else self.tail

    def pieces(self) -> Iterator[bytes]:
        """Yield the pieces that hold something."""
        yield from (piece for piece in (self.head, self.middle, self.tail) if piece)

    @classmethod
    def of(cls, content: bytes) -> Sample:
        """Return the sample of a content in memory, as `read` would take it from a file."""
        container = container_of(content)
        if container in ("gzip", "bz2", "zstd", "zip"):
            import io

            return _unpacked(io.BytesIO(content), container, len(content))
        return _pieces(content, container)

    @classmethod
    def read(cls, path: Path) -> Sample:
        """Return the sample of a file.

        Raises:
            OSError: the file cannot be read.
        """
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(PIECE)
            container = container_of(head)
            if container in ("gzip", "bz2", "zstd", "zip"):
                stream.seek(0)
                return _unpacked(stream, container, size)
            if size <= 3 * PIECE:
                return _pieces(head + stream.read(), container)
            middle_at = size // 2 - PIECE // 2
            stream.seek(middle_at)
            middle = stream.read(PIECE)
            stream.seek(size - PIECE)
            return cls(size, head, middle, middle_at, stream.read(PIECE), container, size)


def container_of(head: bytes) -> Container:
    """Return how a file is packed, from its first bytes."""
    for magic, container in _MAGIC:
        if head.startswith(magic):
            # Bit 0 of the general purpose flags (APPNOTE 4.4.4): the entry is encrypted.
            return "zip-encrypted" if container == "zip" and head[6:7] and head[6] & 1 else container
    return "pgp" if _is_pgp(head) else "none"


def _is_pgp(head: bytes) -> bool:
    """Tell a binary OpenPGP message: an encrypted session key packet of version 3 or 6 (RFC 9580, 4.2, 5.1).

    Tag 1 (public key) or 3 (passphrase), in the old or new packet format, whose length and version agree.
    """
    if len(head) < 16:
        return False
    first = head[0]
    if first in (0xC1, 0xC3):
        at = 2 if head[1] < 192 else 3
    elif first in (0x84, 0x85, 0x8C, 0x8D):
        at = 2 if first in (0x84, 0x8C) else 3
    else:
        return False
    public = first in (0xC1, 0x84, 0x85)
    length = head[1] if at == 2 else int.from_bytes(head[1:3], "big")
    versions = (3, 6) if public else (4, 5, 6)
    # An algorithm number in its place makes a chance hit on legacy data unlikely.
    algorithm = head[at + 9] if public and head[at] == 3 else head[at + 1]
    return head[at] in versions and 10 < length < 2048 and algorithm in range(1, 28)


def _pieces(content: bytes, container: Container) -> Sample:
    size = len(content)
    if size <= 3 * PIECE:
        return Sample(size, content, container=container, packed=size)
    middle_at = size // 2 - PIECE // 2
    middle = content[middle_at : middle_at + PIECE]
    return Sample(size, content[:PIECE], middle, middle_at, content[-PIECE:], container, size)


def _unpacked(stream: BinaryIO, container: Container, packed: int) -> Sample:
    """Return the head of what a packed file holds; its end is known only where the head reaches it."""
    head, fault = bytearray(), ""
    try:
        source = _reader(stream, container)
        while len(head) <= 3 * PIECE and (block := source.read(1 << 16)):
            head += block
    except (OSError, EOFError, ValueError, zlib.error, zstandard.ZstdError, zipfile.BadZipFile) as error:
        fault = f"the {container} data cannot be unpacked after {len(head):,} bytes: {type(error).__name__}"
    whole = len(head) <= 3 * PIECE
    return Sample(len(head) if whole else None, bytes(head), container=container, packed=packed, fault=fault)


def _reader(stream: BinaryIO, container: Container) -> BinaryIO:
    if container == "gzip":
        return cast(BinaryIO, gzip.GzipFile(fileobj=stream))
    if container == "bz2":
        return cast(BinaryIO, bz2.BZ2File(stream))
    if container == "zstd":
        return cast(BinaryIO, zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True))
    archive = zipfile.ZipFile(stream)
    names = [i.filename for i in archive.infolist() if not i.filename.endswith("/")]
    if len(names) != 1:
        raise ValueError(f"{len(names)} files")
    return cast(BinaryIO, archive.open(names[0]))
