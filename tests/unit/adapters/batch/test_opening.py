"""Compressed files: told by their bytes, read as streams; damage is an error, never a shorter file."""

from __future__ import annotations

import bz2
import gzip
import io
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.batch.opening import Unpacked, opened
from schemas.errors import Terminal

CONTENT = bytes(range(256)) * 3000


def zipped(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


PACKED = {
    "gzip": gzip.compress(CONTENT[:5000]) + gzip.compress(CONTENT[5000:]),
    "bz2": bz2.compress(CONTENT[:5000]) + bz2.compress(CONTENT[5000:]),
    "zstd": zstandard.compress(CONTENT[:5000]) + zstandard.compress(CONTENT[5000:]),
    "zip": zipped(("a/DATA.dat", CONTENT)),
}


class Pipe(io.RawIOBase):
    """A stream that cannot seek, as one that is decrypted on the way."""

    def __init__(self, data: bytes) -> None:
        self._inner = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._inner.readinto(memoryview(buffer)[:1000])


def pipe(data: bytes) -> BinaryIO:
    return cast(BinaryIO, Pipe(data))


@pytest.mark.parametrize("kind", PACKED)
def test_each_kind_is_told_by_its_bytes(kind: Any, tmp_path: Path) -> None:
    """Several members or streams are one file; by path, by stream, by name of the kind or by itself."""
    path = tmp_path / "x"
    path.write_bytes(PACKED[kind])
    for source in (path, io.BytesIO(PACKED[kind]), pipe(PACKED[kind])):
        for compression in ("auto", kind):
            if isinstance(source, Path):
                with opened(source, compression) as stream:
                    assert isinstance(stream, Unpacked)
                    assert stream.read() == CONTENT
        if not isinstance(source, Path):
            assert opened(source).read() == CONTENT


@pytest.mark.parametrize(
    "content", [b"", b"BZh plain", b"BZh9 text that is none", b"\x1f\x8b\x08\xff", b"PK", CONTENT]
)
def test_what_is_not_compressed_is_left_alone(content: bytes) -> None:
    """Bytes that only look a little like a compressed file are read as they are, and `none` never looks."""
    assert opened(io.BytesIO(content)).read() == content
    assert opened(io.BytesIO(PACKED["gzip"]), "none").read() == PACKED["gzip"]


@settings(max_examples=60, deadline=None)
@given(kind=st.sampled_from(sorted(PACKED)), share=st.floats(0.02, 0.999), seekable=st.booleans())
def test_a_cut_is_never_a_shorter_file(kind: Any, share: float, seekable: bool) -> None:
    """Wherever a compressed file is cut off, reading it is an error, but exactly between two members."""
    data = PACKED[kind][: int(len(PACKED[kind]) * share)]
    try:
        found = opened(io.BytesIO(data) if seekable else pipe(data), kind, name="F").read()
    except Terminal as error:
        assert error.where == "F"
        return
    assert found == CONTENT[:5000]  # the first member, whole: nothing in the bytes tells


@settings(max_examples=60, deadline=None)
@given(kind=st.sampled_from(sorted(PACKED)), at=st.floats(0.02, 0.98), flip=st.integers(1, 255))
def test_damage_is_never_other_data(kind: Any, at: float, flip: int) -> None:
    """A changed byte either changes nothing that is read (a name, a time) or is an error."""
    data = bytearray(PACKED[kind])
    data[int(len(data) * at)] ^= flip
    try:
        found = opened(io.BytesIO(bytes(data)), kind).read()
    except Terminal:
        return
    assert found == CONTENT or kind == "zstd"  # frames of zstd need not have a checksum


@pytest.mark.parametrize("kind", ["gzip", "bz2", "zstd"])
def test_other_bytes_behind_are_an_error(kind: Any) -> None:
    """Bytes behind the last member are not dropped in silence; only NULs behind gzip are."""
    with pytest.raises(Terminal, match="other bytes behind"):
        opened(io.BytesIO(PACKED[kind] + b"some rows more")).read()
    assert opened(io.BytesIO(PACKED["gzip"] + bytes(700))).read() == CONTENT


def test_a_zip_gives_one_member_by_pattern() -> None:
    """Of several members the pattern chooses one; none or two is an error that says so."""
    data = zipped(("a.dat", b"A"), ("b.txt", b"B"), ("__MACOSX/a.dat", b"x"))
    for make in (io.BytesIO, pipe):
        assert opened(make(data), member="*.dat").read() == b"A"
        for member, count in (("*.csv", 0), ("*", 2)):
            with pytest.raises(Terminal, match=f"has {count} members like"):
                opened(make(data), member=member).read()


@pytest.mark.parametrize("kind", ["gzip", "bz2", "zstd", "zip"])
def test_a_bomb_is_stopped(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that unpacks to more than the ratio is given up, at once and not at its end."""
    monkeypatch.setattr("adapters.batch.opening._JUDGED", 1 << 20)
    zeros = bytes(8 << 20)
    pack = {
        "gzip": gzip.compress,
        "bz2": bz2.compress,
        "zstd": zstandard.compress,
        "zip": lambda z: zipped(("z", z)),
    }
    stream = opened(io.BytesIO(pack[kind](zeros)), max_ratio=100)
    with pytest.raises(Terminal, match="more than 100 times"):
        while stream.read(1 << 16):
            pass
    assert len(opened(io.BytesIO(pack[kind](zeros)), max_ratio=10**9).read()) == len(zeros)
