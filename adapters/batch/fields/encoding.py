"""From the bytes of texts to Arrow strings: UTF-8, UTF-16 and every single-byte page, by column."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from adapters.batch.codepage import CodePage
from schemas.errors import SettingsError

_MISSING = "\ufffe"
_UTF_16 = {"utf-16": "utf-16", "utf-16-le": "utf-16-le", "utf-16-be": "utf-16-be"}
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a file's bytes are characters.

    Attributes:
        name: Python's codec name.
        page: the table of a single-byte page; None for UTF-8 and UTF-16.
    """

    name: str
    page: CodePage | None = None

    @classmethod
    def named(cls, name: str, *, where: str = "") -> Encoding:
        """Return an encoding by name: `utf-8`, `utf-16`, `latin-1`, `cp1252`, `cp285`, or IBM's bare number.

        Raises:
            SettingsError: there is none, or its characters have several bytes in another way.
        """
        plain = name.lower().replace("_", "-")
        if plain in ("utf-8", "utf8", "utf-8-sig"):
            return cls("utf-8")
        if plain.replace("utf16", "utf-16") in _UTF_16:
            return cls(plain.replace("utf16", "utf-16"))
        try:
            page = CodePage.named(name)
        except SettingsError as error:
            raise SettingsError(
                error.what, where=where, fix="use utf-8, utf-16 or a single-byte page such as cp1252 or cp285"
            ) from None
        if page.multibyte:
            # Marks and places are found byte by byte: the second byte of a pair may look like one.
            raise SettingsError(
                f"the encoding {name!r} has characters of several bytes",
                where=where,
                fix="have the file sent as UTF-8, or convert it: `iconv -t utf-8`",
            )
        return cls(page.name, page)

    @property
    def size(self) -> int:
        """Bytes of a code unit."""
        return 2 if self.name.startswith("utf-16") else 1

    def at_start(self, head: bytes) -> tuple[Encoding, int]:
        """Return the encoding of a file by its first bytes, and how many of them are a byte order mark.

        Raises:
            SettingsError: a mark of another encoding, or UTF-16 of unknown byte order.
        """
        for mark, name in _MARKS:
            if head.startswith(mark):
                if not name.startswith(self.name):
                    raise SettingsError(
                        f"the file starts with the byte order mark of {name}, the settings say {self.name}",
                        fix=f'set encoding = "{name.removesuffix("-le").removesuffix("-be")}"',
                    )
                return Encoding(name), len(mark)
        if self.name == "utf-16":
            raise SettingsError(
                "the file has no byte order mark", fix='set encoding = "utf-16-le" or "utf-16-be"'
            )
        return self, 0

    def units(self, data: bytes) -> npt.NDArray[np.unsignedinteger[Any]]:
        """Return the code units of `data`, which are whole."""
        if self.size == 1:
            return np.frombuffer(data, np.uint8)
        order = ">" if self.name.endswith("be") else "<"
        return np.frombuffer(data, f"{order}u2").astype(np.uint16, copy=False)

    def strings(self, raw: pa.BinaryArray) -> tuple[pa.StringArray, dict[int, str]]:
        """Return n texts of n byte strings (null stays null), and why some of them are none."""
        if self.name == "utf-8":
            try:
                return raw.cast(pa.string()), {}
            except pa.ArrowInvalid:
                return self._singly(raw)
        if self.page is None:
            return self._utf_16(raw)
        data, offsets = _content(raw)
        if self.page.digit[0x30] == 0 and data.tobytes().isascii():
            return raw.view(pa.string()), {}
        table = self.page.characters
        text = codecs.charmap_decode(data.tobytes(), "strict", table.replace(_MISSING, "?"))[0]
        lengths = np.array([len(c.encode()) for c in table.replace(_MISSING, "?")], np.uint8)[data]
        found = _strings(raw, text.encode(), lengths, offsets)
        if _MISSING in table:
            missing = np.array([c == _MISSING for c in table])[data]
            if missing.any():
                return self._singly(raw)
        return found, {}

    def _utf_16(self, raw: pa.BinaryArray) -> tuple[pa.StringArray, dict[int, str]]:
        data, offsets = _content(raw)
        try:
            text = data.tobytes().decode(self.name)
        except UnicodeDecodeError:
            return self._singly(raw)
        unit = self.units(data.tobytes())
        # A character beyond 16 bits has two units and four bytes.
        lengths = np.where(unit < 0x80, 1, np.where((unit < 0x800) | (unit >> 11 == 0x1B), 2, 3))
        return _strings(raw, text.encode(), lengths, offsets // 2), {}

    def _singly(self, raw: pa.BinaryArray) -> tuple[pa.StringArray, dict[int, str]]:
        """Return texts one by one; one that is none becomes null."""
        texts: list[str | None] = []
        unreadable: dict[int, str] = {}
        for row, value in enumerate(raw.to_pylist()):
            try:
                texts.append(None if value is None else self.text(value))
            except ValueError as error:
                texts.append(None)
                unreadable[row] = str(error)
        return pa.array(texts, pa.string()), unreadable

    def text(self, raw: bytes) -> str:
        """Return one text.

        Raises:
            ValueError: the bytes are none; the message names the first bad byte.
        """
        if self.page is not None:
            text = "".join(self.page.characters[byte] for byte in raw)
            if _MISSING in text:
                raise ValueError(f"byte 0x{raw[text.index(_MISSING)]:02X} is no character of {self.name}")
            return text
        try:
            return raw.decode(self.name)
        except UnicodeDecodeError as error:
            raise ValueError(f"byte 0x{raw[error.start]:02X} is no {self.name}") from None


def _content(raw: pa.BinaryArray) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]:
    """Return the bytes of n values one behind the other, and n + 1 offsets into them."""
    _, offsets, data = raw.buffers()
    places = np.frombuffer(offsets, np.int32)[raw.offset : raw.offset + len(raw) + 1]
    if not len(places) or data is None:
        return np.empty(0, np.uint8), np.zeros(len(raw) + 1, np.int32)
    return np.frombuffer(data, np.uint8)[places[0] : places[-1]], places - places[0]


def _strings(
    raw: pa.BinaryArray, data: bytes, lengths: npt.NDArray[Any], offsets: npt.NDArray[np.int32]
) -> pa.StringArray:
    """Return strings from UTF-8 bytes, given how many of them each unit became."""
    ends = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=ends[1:])
    made = pa.StringArray.from_buffers(len(raw), pa.py_buffer(ends[offsets]), pa.py_buffer(data))
    if not raw.null_count:
        return made
    return pa.compute.if_else(raw.is_valid(), made, None)
