"""What transfers do to files: line ends put in, alphabets translated, ends added."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from adapters.batch.inspect.sample import Sample

#: What ASCII bytes the packed signs and digits of EBCDIC become when a file is "translated": 0x0C stays, but
#: the high half does not, so that pairs of digits become letters and the replacement characters of the table.
_REPLACED = (0x1A, 0x3F)


def warnings(sample: Sample, alphabet: str | None, framing: str | None) -> Iterator[str]:
    """Yield what looks damaged, with what to do about it."""
    data, end = sample.head, sample.end
    if sample.fault:
        yield f"{sample.fault}: was the transfer cut off, or made in text mode? Ask for the file again"
    if not data:
        yield "the file is empty"
        return
    if end and end[-1:] == b"\x1a" and alphabet != "ebcdic":
        yield "the file ends with 0x1A, the end-of-file mark of DOS: cut it off (file_trailer = 1) or "
        "ignore it"
    if end and len(end) > 1024 and not any(end[-1024:]):
        zeros = len(end) - len(end.rstrip(b"\0"))
        yield f"the last {zeros:,} bytes are zero: padding of the last block, or space that was never written"
    if alphabet == "ebcdic":
        yield from _ebcdic(data, framing)
    elif alphabet is not None:
        yield from _translated(data, framing)


def _ebcdic(data: bytes, framing: str | None) -> Iterator[str]:
    pairs = data.count(b"\x0d\x0a")
    if framing == "lines":
        nel, feed = data.count(b"\x15"), data.count(b"\x25")
        if nel and feed and not pairs and min(nel, feed) * 20 > max(nel, feed):
            yield (
                f"both 0x15 ({nel:,}) and 0x25 ({feed:,}) end lines: one transfer translated NEL to LF "
                f"and another "
                "did not"
            )
        if pairs:
            yield "EBCDIC text with the line ends of ASCII (0D 0A): a transfer put them in"
        return
    # By chance the pair stands once in 65,536 places; packed data hold it a little more often.
    if pairs > 8 and pairs * 4096 > len(data):
        yield (
            f"{pairs:,} pairs 0D 0A in EBCDIC data: a transfer in text mode put line ends in; ask for it "
            f"in binary"
        )
    values = np.frombuffer(data, np.uint8)
    counts = np.bincount(values, minlength=256)
    packed = int(counts[[0x1C, 0x2C, 0x3C, 0x4C, 0x5C, 0x6C, 0x7C, 0x8C, 0x9C, 0x0C]].sum())
    if (
        counts[0x25] > 4 * (1 + counts[0x24] + counts[0x26])
        and not counts[0x15]
        and packed > len(data) // 200
    ):
        yield (
            "packed numbers hold 0x25 often and 0x15 never: a transfer turned NEL (0x15) into LF (0x25), "
            "which "
            "also changed digits; ask for it in binary"
        )


def _translated(data: bytes, framing: str | None) -> Iterator[str]:
    values = np.frombuffer(data, np.uint8)
    counts = np.bincount(values, minlength=256)
    strange = int(counts[:0x20].sum() - counts[[0x09, 0x0A, 0x0D, 0x0C]].sum())
    replaced = int(counts[list(_REPLACED)].sum())
    high = int(counts[0x80:].sum())
    if len(data) > 64 and strange > len(data) // 100 and replaced > max(3, len(data) // 300):
        yield (
            f"text with {strange:,} control characters and {replaced:,} of 0x1A or 0x3F, which stand for "
            f"what "
            "cannot be translated: EBCDIC with packed or binary numbers that was translated to ASCII. Those "
            "numbers are lost; ask for the file in binary (FTP: TYPE I)"
        )
    elif data.count(b"\xef\xbf\xbd") > 2:
        yield (
            f"{data.count(bytes.fromhex('efbfbd')):,} replacement characters (U+FFFD): bytes were "
            f"decoded with the "
            "wrong code page and are lost; ask for the file again"
        )
    if high and data.count(b"\xc3\x82\xc2\xa3") + data.count(b"\xc3\x83\xc2") > 2:
        yield "UTF-8 that was encoded twice (Â£, Ã©): decode it once before it is read"
    if b"\0" in data and framing == "lines":
        yield f"{int(counts[0]):,} NUL bytes in text: unset fields, or binary numbers"
