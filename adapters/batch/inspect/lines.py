"""Text lines: which line end, how regular, and whether all lines are of one length."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from adapters.batch.inspect.alphabet import ASCII_TEXT, EBCDIC_WORDS
from adapters.batch.inspect.guess import Guess
from adapters.batch.inspect.sample import Sample

#: (alphabet, line end, its name); the longer ones first, as each holds the shorter.
_ENDS = {
    "ebcdic": ((b"\x0d\x15", "CR NEL"), (b"\x0d\x25", "CR LF (0x25)"), (b"\x15", "NEL (0x15)"),
               (b"\x25", "LF (0x25)"), (b"\x0d\x0a", "CR LF of ASCII"), (b"\x0a", "LF of ASCII")),
    "ascii": ((b"\r\n", "CRLF"), (b"\n", "LF"), (b"\r", "CR"), (b"\x85", "NEL")),
}  # fmt: skip
_EBCDIC_TEXT = EBCDIC_WORDS.copy()
_EBCDIC_TEXT[0x41:0x100] = True
_EBCDIC_TEXT[[0x05, 0x0D, 0x15, 0x25, 0x0A, 0x3F, 0xFF]] = [True, True, True, True, True, True, False]


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a sample's head.

    Attributes:
        end: the line end.
        name: its name.
        lines: whole lines without it; the last one only where it is whole.
        length: the length of all lines (nearly all), None where they differ.
        mixed: other line ends, with how often.
        unended: the file's last line has no end.
    """

    end: bytes
    name: str
    lines: tuple[bytes, ...]
    length: int | None
    mixed: tuple[tuple[str, int], ...]
    unended: bool


def framing_by_lines(sample: Sample, family: str) -> tuple[Guess, Lines] | None:
    """Guess `framing` = `lines`; None where line ends make no sense of the file.

    `family` is `ebcdic` or `ascii` (every other single-byte alphabet and UTF-8).
    """
    data = sample.head
    counts = [(end, name, data.count(end)) for end, name in _ENDS[family]]
    # CRLF is counted once, not as LF too.
    counts = [
        (end, name, n - sum(m for other, _, m in counts if end in other and other != end))
        for end, name, n in counts
    ]
    end, name, times = max(counts, key=lambda c: c[2])
    if times < 1:
        return None
    found = _split(sample, end, name, counts)
    text = _EBCDIC_TEXT if family == "ebcdic" else ASCII_TEXT.copy()
    if family == "ascii":
        text[0x80:] = True
    values = np.frombuffer(data, np.uint8)
    share = float(text[values].mean())
    regular = found.length is not None and len(found.lines) >= 3
    longest = max(map(len, found.lines), default=0)
    if (share < 0.99 and not regular) or longest > 32_760:
        return None
    if family == "ebcdic" and not regular and not _ends_of_text(found, sample):
        return None
    sure = 0.97 if share > 0.999 else 0.9 if regular else 0.7
    why = [f"{times:,} line ends ({name}), {share:.1%} of the bytes are text"]
    if regular:
        why.append(f"the lines are {found.length:,} bytes long")
    elif found.lines:
        why.append(f"the lines are {min(map(len, found.lines)):,} to {longest:,} bytes long")
    return Guess("framing", "lines", sure, why), found


def _split(sample: Sample, end: bytes, name: str, counts: list[tuple[bytes, str, int]]) -> Lines:
    parts = sample.head.split(end)
    last = parts.pop()
    if end == b"\n":
        parts = [part.removesuffix(b"\r") for part in parts]
    unended = bool(last.rstrip(b"\x1a")) and sample.whole
    if unended:
        parts.append(last)
    widths = Counter(len(part) for part in parts if part)
    length, times = widths.most_common(1)[0] if widths else (0, 0)
    same = times >= 0.98 * sum(widths.values()) - 1 and length > 0
    mixed = tuple((other, n) for e, other, n in counts if e != end and n > 0 and _notable(e, end, n, parts))
    return Lines(end, name, tuple(parts), length if same else None, mixed, unended)


def _notable(other: bytes, end: bytes, times: int, parts: list[bytes]) -> bool:
    """A stray control character is no second line end; line ends come in numbers, or are CR and LF."""
    return times >= 2 or (other in (b"\r\n", b"\n") and end in (b"\r\n", b"\n") and len(parts) > 2)


def _ends_of_text(found: Lines, sample: Sample) -> bool:
    """In EBCDIC a line end is also a byte of numbers: lines hold nothing below the space."""
    low = sum(any(byte < 0x40 for byte in line) for line in found.lines)
    return len(found.lines) >= 2 and low <= 0.02 * len(found.lines)
