"""Which alphabet the bytes are written in: EBCDIC, or one of ASCII's family."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from adapters.batch.inspect.guess import Guess, cannot_tell
from adapters.batch.inspect.sample import Sample

Bools = npt.NDArray[np.bool_]
#: Shorter runs of letters and digits also arise in packed and binary numbers: a run of six by chance once in
#: some 80 places of ASCII letters in packed digits, in random bytes once in 4,600.
RUN = 6
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def _set(*ranges: tuple[int, int]) -> Bools:
    made = np.zeros(256, np.bool_)
    for first, last in ranges:
        made[first : last + 1] = True
    return made


#: Letters, digits and the space: sixty-three bytes in both alphabets, so that noise favours neither.
EBCDIC_WORDS = _set(
    (0x40, 0x40), (0xF0, 0xF9), (0xC1, 0xC9), (0xD1, 0xD9), (0xE2, 0xE9), (0x81, 0x89), (0x91, 0x99),
    (0xA2, 0xA9),
)  # fmt: skip
ASCII_WORDS = _set((0x20, 0x20), (0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A))
#: Printable ASCII and what text files hold beside it: tab, line ends, form feed, and the end-of-file of DOS.
ASCII_TEXT = _set((0x20, 0x7E), (0x09, 0x0A), (0x0C, 0x0D), (0x1A, 0x1A))


def alphabet(sample: Sample) -> Guess:
    """Guess `alphabet`: `ebcdic`, `ascii`, `utf-8`, `utf-16`, `latin-1`, `cp1252`."""
    head = sample.head
    for bom, name in _BOMS:
        if head.startswith(bom):
            return Guess("alphabet", name, 0.99, [f"the file starts with a byte order mark ({bom.hex(' ')})"])
    if wide := _wide(head):
        return wide
    values = np.frombuffer(b"".join(sample.pieces()), np.uint8)
    if not len(values):
        return cannot_tell("alphabet", "the file is empty")
    ebcdic, plain = in_runs(values, EBCDIC_WORDS), in_runs(values, ASCII_WORDS)
    counts = np.bincount(values, minlength=256)
    printable = float(counts[ASCII_TEXT].sum()) / len(values)
    seen = (
        f"{ebcdic:.0%} of the bytes stand in runs of EBCDIC letters, digits and spaces, {plain:.0%} in "
        f"runs of "
        "ASCII ones"
    )
    if printable == 1.0 and plain >= ebcdic and len(values) >= 4:
        # By chance a byte is printable ASCII two times in five.
        sure = min(0.99, 1 - 0.4 ** len(values))
        return Guess("alphabet", "ascii", sure, ["every byte is printable ASCII or a line end"])
    if max(ebcdic, plain) < 0.02:
        return cannot_tell("alphabet", seen, "no text: binary numbers, compressed, encrypted, or noise")
    share = max(ebcdic, plain) / (ebcdic + plain)
    sure = min(0.99, share * (1 - 0.5 ** (max(ebcdic, plain) * len(values) / 16)))
    if ebcdic > plain:
        other = Guess("alphabet", "ascii", 1 - sure, ["fewer runs"])
        return Guess("alphabet", "ebcdic", sure, [seen], [other])
    return _ascii_family(sample, counts, printable, sure, seen)


def in_runs(values: npt.NDArray[np.uint8], members: Bools, least: int = RUN) -> float:
    """Return the share of bytes in runs of at least `least` members of a set, counting no run of one byte.

    A run of the same byte is padding (spaces) or empty (zeros) in both alphabets: it counts as one byte, so
    that a file of 0x40 or 0x20 alone tells little.
    """
    if not len(values):
        return 0.0
    inside = np.concatenate(([False], members[values], [False]))
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    starts, ends = edges[::2], edges[1::2]
    long = ends - starts >= least
    return float((ends - starts)[long].sum()) / len(values)


def _wide(head: bytes) -> Guess | None:
    """UTF-16 without a byte order mark: every other byte is zero, the rest is text."""
    values = np.frombuffer(head[: len(head) & ~1][: 1 << 16], np.uint8)
    if len(values) < 8:
        return None
    even, odd = values[::2], values[1::2]
    for zeros, text, name in ((odd, even, "utf-16-le"), (even, odd, "utf-16-be")):
        if (zeros == 0).mean() > 0.9 and ASCII_TEXT[text].mean() > 0.9:
            share = float((zeros == 0).mean())
            return Guess(
                "alphabet", name, 0.95, [f"{share:.0%} of every other byte is zero, the rest is text"]
            )
    return None


def _ascii_family(
    sample: Sample, counts: npt.NDArray[np.int64], printable: float, sure: float, seen: str
) -> Guess:
    high = int(counts[0x80:].sum())
    why = [seen]
    if printable < 0.98:
        others = int(counts[~ASCII_TEXT].sum())
        why.append(
            f"{others:,} bytes are no printable ASCII: numbers in binary or packed form, or another page"
        )
    if not high:
        return Guess("alphabet", "ascii", sure, [*why, "no byte is 0x80 or above"])
    if all(_is_utf8(piece, first=index == 0) for index, piece in enumerate(sample.pieces())):
        return Guess(
            "alphabet",
            "utf-8",
            max(sure, 0.95),
            [*why, "every byte from 0x80 up is part of a UTF-8 character"],
        )
    low = int(counts[:0x20].sum() - counts[[0x09, 0x0A, 0x0C, 0x0D]].sum())
    if printable < 0.9 or low * 10 > high:
        return Guess("alphabet", "ascii", sure * 0.9, [*why, "numbers in binary form stand between the text"])
    why.append("some bytes from 0x80 up are no UTF-8")
    c1 = int(counts[0x80:0xA0].sum())
    if c1:
        why.append(f"{c1:,} bytes of 0x80 to 0x9F, which are controls in latin-1 and characters in cp1252")
        return Guess(
            "alphabet", "cp1252", 0.85, why, [Guess("alphabet", "latin-1", 0.1, ["if they are controls"])]
        )
    why.append("no byte of 0x80 to 0x9F, where latin-1 and cp1252 differ: both read this file alike")
    return Guess(
        "alphabet", "latin-1", 0.7, why, [Guess("alphabet", "cp1252", 0.3, ["reads this file alike"])]
    )


def _is_utf8(piece: bytes, *, first: bool) -> bool:
    """Tell whether a piece is UTF-8, if the characters at its ends may be cut."""
    start = 0
    while not first and start < 3 and piece[start : start + 1] and piece[start] & 0xC0 == 0x80:
        start += 1
    try:
        piece[start:].decode("utf-8")
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data" and error.start + start > len(piece) - 4
    return True
