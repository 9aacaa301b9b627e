"""Mixed EBCDIC pages by the C library: Python has no codec for them, and glibc's iconv does.

They hold single bytes and, between shift-out (0x0E) and shift-in (0x0F), pairs. glibc ships its tables with
the library itself or in a package of their own (Fedora: glibc-gconv-extra); musl and macOS have none.
"""

from __future__ import annotations

import codecs
import ctypes
import errno
import functools
import re
import threading
from typing import Any

#: Pages that glibc has, as far as its tables are installed.
PAGES = (930, 933, 935, 937, 939, 1364, 1371, 1388, 1390, 1399)
_WIDE = "UTF-32LE"
#: Bytes of one character at most: shift-out, a pair, shift-in; or two characters of 4 bytes from one byte.
_ROOM, _SPARE = 8, 64
_NONE = ctypes.c_size_t(-1).value
_open = threading.local()


def available(name: str) -> bool:
    """Return whether the C library has the page `cp939`, say."""
    return _search(name) is not None


def register() -> None:
    """Add the pages that the C library has to Python's codecs, as `cp939` and so on."""
    _registered()


@functools.cache
def _registered() -> bool:
    codecs.register(_search)
    return True


def _search(name: str) -> codecs.CodecInfo | None:
    number = re.fullmatch(r"cp0*(\d+)", name)
    if number is None or int(number[1]) not in PAGES or not _has(f"IBM{number[1]}"):
        return None
    page = f"IBM{number[1]}"

    def encode(text: str, errors: str = "strict") -> tuple[bytes, int]:
        wide = text.encode("utf-32-le")
        raw, done = _converted(wide, page, _WIDE)
        if done < len(wide):
            at = done // 4
            raise UnicodeEncodeError(name, text, at, at + 1, "the page does not have it")
        return raw, len(text)

    def decode(given: Any, errors: str = "strict") -> tuple[str, int]:
        raw, start, pieces = bytes(given), 0, list[str]()
        while True:
            wide, done = _converted(raw[start:], _WIDE, page)
            pieces.append(wide.decode("utf-32-le"))
            start += done
            if start == len(raw):
                return "".join(pieces), len(raw)
            if errors == "strict":
                raise UnicodeDecodeError(name, raw, start, start + 1, "no character of the page")
            # What follows is read from the single-byte state, as nobody knows what the bad byte was.
            pieces.append("\ufffd" if errors == "replace" else "")
            start += 1

    return codecs.CodecInfo(encode, decode, name=name)


@functools.cache
def _has(page: str) -> bool:
    """Return whether the C library converts a page, by a pair that all of them have."""
    try:
        return _converted(b"\x0e\x40\x40\x0f\xf1", _WIDE, page)[0] == "\u30001".encode("utf-32-le")
    except (AttributeError, LookupError, OSError):
        return False


def _converted(given: bytes, to: str, of: str) -> tuple[bytes, int]:
    """Return what was converted from the initial state, and of how many bytes: not all on an error."""
    library, descriptor = _library(), _converter(to, of).descriptor
    library.iconv(descriptor, None, None, None, None)
    source = ctypes.create_string_buffer(given, len(given))
    room = len(given) * _ROOM + _SPARE
    target = ctypes.create_string_buffer(room)
    at, left = ctypes.c_void_p(ctypes.addressof(source)), ctypes.c_size_t(len(given))
    out, free = ctypes.c_void_p(ctypes.addressof(target)), ctypes.c_size_t(room)
    said = library.iconv(
        descriptor, ctypes.byref(at), ctypes.byref(left), ctypes.byref(out), ctypes.byref(free)
    )
    if said == _NONE and ctypes.get_errno() == errno.E2BIG:
        raise OSError("iconv needs more room than any character takes")
    # The last shift-in is written when it is told that this was all.
    library.iconv(descriptor, None, None, ctypes.byref(out), ctypes.byref(free))
    return ctypes.string_at(target, room - free.value), len(given) - left.value


@functools.cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(None, use_errno=True)
    pointer, size = ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(ctypes.c_size_t)
    library.iconv_open.restype, library.iconv_open.argtypes = ctypes.c_void_p, (ctypes.c_char_p,) * 2
    library.iconv_close.argtypes = (ctypes.c_void_p,)
    library.iconv.restype = ctypes.c_size_t
    library.iconv.argtypes = (ctypes.c_void_p, pointer, size, pointer, size)
    return library


class _Converter:
    """A converter of two pages, closed with the thread that opened it."""

    def __init__(self, to: str, of: str) -> None:
        library = _library()
        self._close = library.iconv_close
        self.descriptor: int | None = library.iconv_open(to.encode(), of.encode())
        if self.descriptor is None or self.descriptor == _NONE:
            self.descriptor = None
            raise LookupError(f"iconv has no way from {of} to {to}")

    def __del__(self) -> None:
        if self.descriptor is not None:
            self._close(self.descriptor)


def _converter(to: str, of: str) -> _Converter:
    """Return this thread's converter of two pages; one converter keeps a state, so threads cannot share it.

    Raises:
        LookupError: the library has no such page.
    """
    way = f"{of} to {to}"
    known: _Converter | None = getattr(_open, way, None)
    if known is None:
        known = _Converter(to, of)
        setattr(_open, way, known)
    return known
