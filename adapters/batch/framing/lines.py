"""Text lines: one record a line, in chunks of bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from adapters.batch.codepage import CodePage
from adapters.batch.framing.frames import CHUNK, Broken, Frames


def lines(stream: BinaryIO, length: int, page: CodePage, chunk: int = CHUNK) -> Iterator[Frames | Broken]:
    """Yield the records of a text file: one a line (LF or CRLF; NEL or LF in EBCDIC), padded to `length`.

    A line may be shorter than the record, as editors and transfers cut trailing blanks; a longer one, or
    one cut off so early that a number is blank, is a bad record. So is a last line without an end that is
    shorter than the record where all before it are whole: there the file was cut. Empty lines are
    skipped.
    """
    separator, carriage = _line_ends(page)
    pad = bytes([page.space])
    number, offset, rest = 1, 0, b""
    whole = False
    while True:
        data = stream.read(chunk)
        parts = (rest + data).split(separator)
        rest = parts.pop() if data else b""
        good: list[tuple[int, int, bytes]] = []
        for part in parts:
            line = part.removesuffix(carriage)
            if len(line) > length and line[length:].strip(pad):
                yield Broken(number, offset, line, f"the line has {len(line)} bytes; the record has {length}")
            elif not data and whole and 0 < len(line) < length:
                reason = f"truncated: the last line has {len(line)} of {length} bytes and no end"
                yield Broken(number, offset, line, reason)
            elif line:
                whole = len(line) >= length and (whole or number == 1)
                good.append((number, offset, line[:length].ljust(length, pad)))
            offset += len(part) + 1
            number += 1
        if good:
            view = np.frombuffer(b"".join(g[2] for g in good), np.uint8).reshape(len(good), length)
            yield Frames(view, np.array([g[0] for g in good]), np.array([g[1] for g in good]))
        if not data:
            return


def _line_ends(page: CodePage) -> tuple[bytes, bytes]:
    """Return the line separator and the byte before it to drop.

    EBCDIC text on z/OS UNIX ends lines by NEL (0x15), ASCII by LF with or without CR.
    """
    return (b"\x15", b"\x0d") if page.digit[0xF0] == 0 else (b"\n", b"\r")
