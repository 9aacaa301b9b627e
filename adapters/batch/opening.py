"""Compressed files as streams: told by their first bytes, read piece by piece, never trusted.

A member that is cut off, damaged or followed by other bytes is an error, and so is one that grows beyond all
measure: a file of rows is no compression bomb.
"""

from __future__ import annotations

import bz2
import fnmatch
import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, cast

import zstandard

from schemas.errors import Terminal

Compression = Literal["auto", "none", "gzip", "bz2", "zstd", "zip"]
#: Compressed bytes that are read at once.
_READ = 1 << 16
#: A block of zstd is 4 bytes at least and 128 KiB unpacked at most: so much is unpacked at once, at worst.
_ZSTD_READ = 1 << 10
#: Bytes up to which no ratio is judged: small files of blanks pack very well.
_JUDGED = 64 << 20
#: Window of a zstd frame that is given memory: what `zstd --ultra --long=27` writes.
_ZSTD_WINDOW = 1 << 27
_MAGIC: tuple[tuple[bytes, Compression], ...] = (
    (b"\x1f\x8b\x08", "gzip"), (b"BZh", "bz2"), (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"PK\x03\x04", "zip"), (b"PK\x05\x06", "zip"),
)  # fmt: skip
#: Bytes of the record that ends a zip's directory, without its comment.
_DIRECTORY_END = 22
#: After the level byte of bz2: the digits of pi (a block) or of its root (no block at all).
_BZ2_BLOCKS = (bytes.fromhex("314159265359"), bytes.fromhex("177245385090"))
_SNIFFED = 10


def opened(
    source: Path | BinaryIO,
    compression: Compression = "auto",
    *,
    name: str = "",
    member: str = "*",
    max_ratio: int = 1000,
) -> BinaryIO:
    """Return a stream of a file's bytes after decompression.

    Args:
        source: a path, or a stream (which the returned one closes).
        compression: `auto` looks at the first bytes; `none` never unpacks.
        name: the file's name in errors; by default that of the path.
        member: a zip's only member by this glob pattern.
        max_ratio: unpacked bytes to packed ones beyond which reading stops.

    Raises:
        Terminal: here or while it is read: the file is not what `compression` says, is cut off or damaged, a
            zip has no or several such members, or it grows beyond `max_ratio`.
        OSError: the file cannot be read.
    """
    name = name or (source.name if isinstance(source, Path) else "")
    raw = source.open("rb") if isinstance(source, Path) else source
    stream = raw if hasattr(raw, "peek") else io.BufferedReader(cast(io.RawIOBase, raw))
    kind = _kind(stream) if compression == "auto" else compression
    if kind == "none":
        return stream
    packed = _Counted(stream)
    pieces = _zipped(packed, member, name) if kind == "zip" else _members(packed, kind, name)
    return cast(BinaryIO, Unpacked(_Pieces(_limited(pieces, packed, max_ratio, name), stream)))


class Unpacked(io.BufferedReader):
    """A decompressed stream: its size is not that of the file."""


class _Counted:
    """A stream that counts what was read of it, in all."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream, self.count = stream, 0

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes."""
        data = self.stream.read(size)
        self.count += len(data)
        return data


class _Unpacker(Protocol):
    """One member of a compressed file."""

    @property
    def unused_data(self) -> bytes:
        """What stands behind the member's end."""
        ...

    @property
    def eof(self) -> bool:
        """True at the member's end."""
        ...

    def unpack(self, data: bytes) -> Iterator[bytes]:
        """Yield what a piece unpacks to."""
        ...


class _Gzip:
    def __init__(self) -> None:
        self._inner = zlib.decompressobj(zlib.MAX_WBITS | 16)

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    @property
    def eof(self) -> bool:
        return self._inner.eof

    def unpack(self, data: bytes) -> Iterator[bytes]:
        while data:
            yield self._inner.decompress(data, 1 << 20)
            data = self._inner.unconsumed_tail


class _Bz2:
    def __init__(self) -> None:
        self._inner = bz2.BZ2Decompressor()

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    @property
    def eof(self) -> bool:
        return self._inner.eof

    def unpack(self, data: bytes) -> Iterator[bytes]:
        yield self._inner.decompress(data, 1 << 20)
        while not self._inner.eof and not self._inner.needs_input:
            yield self._inner.decompress(b"", 1 << 20)


class _Zstd:
    def __init__(self) -> None:
        self._inner = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
        self._unused = b""

    @property
    def unused_data(self) -> bytes:
        return self._unused

    @property
    def eof(self) -> bool:
        return self._inner.eof

    def unpack(self, data: bytes) -> Iterator[bytes]:
        for at in range(0, len(data), _ZSTD_READ):
            yield self._inner.decompress(data[at : at + _ZSTD_READ])
            if self._inner.eof:
                self._unused = self._inner.unused_data + data[at + _ZSTD_READ :]
                return


_UNPACKERS: dict[str, type[_Unpacker]] = {"gzip": _Gzip, "bz2": _Bz2, "zstd": _Zstd}


def _kind(stream: BinaryIO) -> Compression:
    head = cast(io.BufferedReader, stream).peek(_SNIFFED)[:_SNIFFED]
    kind: Compression = next((kind for magic, kind in _MAGIC if head.startswith(magic)), "none")
    if kind == "bz2" and (head[3:4] not in b"123456789" or head[4:10] not in _BZ2_BLOCKS):
        return "none"
    if kind == "gzip" and head[3:4] and head[3] & 0xE0:
        return "none"
    return kind


def _members(packed: _Counted, kind: str, name: str) -> Iterator[bytes]:
    """Yield the bytes of all members one after the other, as gzip, bzip2 and zstd programs do."""
    unpacker = _UNPACKERS[kind]
    one, fresh, first = unpacker(), True, True
    while data := packed.read(_READ):
        while data:
            if fresh and not first and kind == "gzip" and not data.strip(b"\0"):
                break  # a gzip file may be padded with NULs, on tapes
            try:
                yield from one.unpack(data)
            except (zlib.error, OSError, ValueError, EOFError, zstandard.ZstdError):
                what = (
                    "is no"
                    if fresh and first
                    else "is damaged or has other bytes behind it: not all of it is"
                )
                raise _fault(f"the file {what} {kind} data, near byte {packed.count}", name) from None
            fresh, data = False, b""
            if one.eof:
                data = one.unused_data
                one, fresh, first = unpacker(), True, False
    if not fresh or first:
        raise _fault(f"the {kind} data is cut off after {packed.count} bytes", name)


def _zipped(packed: _Counted, member: str, name: str) -> Iterator[bytes]:
    """Yield the bytes of a zip's one member; by its directory if the stream can seek, else as they come."""
    if not packed.stream.seekable():
        yield from _zip_stream(packed, member, name)
        return
    try:
        with zipfile.ZipFile(packed.stream) as archive:
            # Not `is_dir`: of a member without a name, as damage makes one, it asks the last letter.
            files = [i.filename for i in archive.infolist() if not i.filename.endswith("/")]
            chosen = _only(files, member, name)
            if archive.getinfo(chosen).flag_bits & 1:
                raise _fault("the zip file's member is encrypted", name, "give its passphrase in [decrypt]")
            packed.count = archive.getinfo(chosen).compress_size
            with archive.open(chosen) as unpacked:
                while data := unpacked.read(_READ):
                    yield data
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise _fault(f"the zip file is damaged or cut off: {type(error).__name__}", name) from None


def _zip_stream(packed: _Counted, member: str, name: str) -> Iterator[bytes]:
    from stream_unzip import UnzipError, stream_unzip

    found: list[str] = []
    tail = b""

    def blocks() -> Iterator[bytes]:
        nonlocal tail
        while data := packed.read(_READ):
            tail = tail[-_READ:] + data
            yield data

    source = blocks()
    try:
        for raw_name, _, chunks in stream_unzip(source):
            title = raw_name.decode("utf-8", "replace")
            wanted = _wanted(title, member)
            if wanted:
                found.append(title)
            for data in chunks:
                if wanted and len(found) == 1:
                    yield data
    except UnzipError as error:
        raise _fault(f"the zip file is damaged or cut off: {type(error).__name__}", name) from None
    for _ in source:
        pass
    end = tail.rfind(b"PK\x05\x06")
    comment = int.from_bytes(tail[end + 20 : end + _DIRECTORY_END], "little")
    if end < 0 or len(tail) - end != _DIRECTORY_END + comment:
        # Members are whole, but without the directory's end nobody knows whether there were more.
        raise _fault("the zip file is damaged or cut off: its directory has no end", name)
    _only(found, member, name)


def _wanted(title: str, member: str) -> bool:
    hidden = title.endswith("/") or title.startswith("__MACOSX/")
    return not hidden and (
        fnmatch.fnmatchcase(title, member) or fnmatch.fnmatchcase(Path(title).name, member)
    )


def _only(titles: list[str], member: str, name: str) -> str:
    found = [title for title in titles if _wanted(title, member)]
    if len(found) != 1:
        raise _fault(
            f"the zip file has {len(found)} members like {member!r}; exactly one is read",
            name,
            "set zip_member to a pattern that only one member's name fits",
        )
    return found[0]


def _limited(pieces: Iterator[bytes], packed: _Counted, ratio: int, name: str) -> Iterator[bytes]:
    """Pass pieces on until they are out of all proportion to what was read of the file."""
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > _JUDGED and size > ratio * packed.count:
            raise _fault(
                f"the file unpacks to more than {ratio} times its size",
                name,
                "raise max_ratio if that is right",
            )
        yield piece


class _Pieces(io.RawIOBase):
    """An iterator of pieces as a file; closes the stream below it."""

    def __init__(self, pieces: Iterator[bytes], stream: BinaryIO) -> None:
        self._pieces, self._stream = pieces, stream
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill a buffer with what comes next; 0 at the end."""
        view = memoryview(cast(bytearray, buffer)).cast("B")
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        n = min(len(view), len(self._left))
        view[:n] = self._left[:n]
        self._left = self._left[n:]
        return n

    def close(self) -> None:
        """Close this and the stream below."""
        if not self.closed:
            self._stream.close()
        super().close()


def _fault(what: str, name: str, fix: str = "have the file sent again, or set compression") -> Terminal:
    return Terminal(what, where=name, fix=fix)
