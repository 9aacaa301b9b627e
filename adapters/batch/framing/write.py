"""Records to the bytes of a file, in every framing: what `banyan encode`, tests and generators use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import BinaryIO

from adapters.batch.encode import EncodeError
from adapters.batch.framing.chain import LengthError, Prefix
from adapters.batch.framing.expression import Expression
from adapters.batch.framing.lines import line_ends
from adapters.batch.framing.measures import byte_of
from adapters.batch.framing.scanner import Scanner
from adapters.batch.framing.shifted import Measured
from adapters.batch.framing.spanned import FIRST, LAST, MIDDLE, WHOLE
from adapters.batch.framing.words import WORD, Word

#: Half a track of a 3390 disk: the block size that most shops use.
BLOCK = 27_998


def write(records: Iterable[bytes], scanner: Scanner, stream: BinaryIO, block: int = BLOCK) -> int:
    """Write records so that `scanner` finds just these; return their number.

    Bytes that a scanner leaves out (file header and trailer, trims) are written as NULs. Lines lose trailing
    blanks, if any, as text files do.

    Args:
        records: without descriptor words, headers and trims.
        scanner: the framing.
        stream: to write to.
        block: the greatest block (`bdw`, `vbs`) and segment (`vs`, `vbs`), with its descriptor word.

    Raises:
        EncodeError: a record that the framing cannot hold.
    """
    spec = scanner.spec
    start, end = bytes(spec.record_start), bytes(spec.record_end)
    count = 0

    def counted() -> Iterator[bytes]:
        nonlocal count
        for record in records:
            count += 1
            if len(record) > spec.max_length:
                raise EncodeError(f"record {count} has {len(record)} bytes, frame.max_length is lower")
            yield record

    stream.write(bytes(spec.file_header))
    for piece in _pieces(counted(), scanner, start, end, block):
        stream.write(piece)
    stream.write(bytes(spec.file_trailer))
    return count


def _pieces(
    records: Iterator[bytes], scanner: Scanner, start: bytes, end: bytes, block: int
) -> Iterator[bytes]:
    if scanner.measured is not None:
        return _shifted(records, scanner.measured)
    if scanner.framing == "fixed":
        return _fixed(records, scanner.length, start, end)
    if scanner.framing == "lines":
        return _lines(records, scanner, start)
    if scanner.prefix is not None:
        return _chained(records, scanner, scanner.prefix, start, end)
    word, blocks = scanner.words
    whole = (start + record + end for record in records)
    if scanner.framing == "rdw":
        return (word.word(len(record)) + record for record in whole)
    if scanner.framing == "bdw":
        return _blocked((word.word(len(record)) + record for record in whole), blocks, block)
    if scanner.framing == "vs":
        return (piece for record in whole for piece in _segments(record, word, block))
    return _spanned(whole, word, blocks, block)


def _fixed(records: Iterator[bytes], length: int, start: bytes, end: bytes) -> Iterator[bytes]:
    for number, record in enumerate(records, 1):
        if len(record) != length:
            raise EncodeError(f"record {number} has {len(record)} bytes, the copybook {length}")
        yield start + record + end


def _shifted(records: Iterator[bytes], measured: Measured) -> Iterator[bytes]:
    for number, record in enumerate(records, 1):
        if measured.length(record) != len(record):
            raise EncodeError(f"record {number} has {len(record)} bytes, its counters say otherwise")
        yield record


def _lines(records: Iterator[bytes], scanner: Scanner, start: bytes) -> Iterator[bytes]:
    name = scanner.spec.line_end
    ends = line_ends(scanner.page)
    stop = ends["nel" if name == "auto" and ends["nel"] == 0x15 else "lf" if name == "auto" else name]
    end = (b"\r" if name == "crlf" else b"") + bytes([stop])
    blank = bytes([scanner.page.space])
    for number, record in enumerate(records, 1):
        if len(record) > scanner.length or stop in record or 0x0D in record:
            raise EncodeError(f"record {number} is too long for a line, or holds a line end")
        # A line of nothing would be skipped by every reader, so a blank record keeps one blank.
        yield start + (record.rstrip(blank) or blank) + end


def _chained(
    records: Iterator[bytes], scanner: Scanner, prefix: Prefix, start: bytes, end: bytes
) -> Iterator[bytes]:
    """Yield records that tell their length; one that tells another than it has is refused."""
    for number, record in enumerate(records, 1):
        head = b""
        if scanner.framing == "header":
            head = _header(scanner, len(start) + len(record) + len(end), number)
        whole = head + start + record + end
        try:
            said = prefix.measure(whole[prefix.first : prefix.last])
        except (LengthError, IndexError) as error:
            raise EncodeError(f"record {number} tells no length: {error}") from None
        if said != len(whole):
            raise EncodeError(f"record {number} tells a length of {said} bytes and has {len(whole)}")
        yield whole


def _header(scanner: Scanner, size: int, number: int) -> bytes:
    """Return a header that says `size`, for an expression that is a sum of bytes with weights."""
    spec = scanner.spec
    assert spec.length is not None  # the scanner checked it
    expression = Expression.parse(spec.length, "frame.length")
    nothing = dict.fromkeys(expression.names, 0)
    least = expression.value(nothing)
    weights = {name: expression.value(nothing | {name: 1}) - least for name in expression.names}
    header = bytearray(spec.header_length)
    for name, values in spec.valid.items():
        header[byte_of(name)] = values[0] if isinstance(values, tuple) else values
    left = size - least
    for name, weight in sorted(weights.items(), key=lambda item: -item[1]):
        header[byte_of(name)] = min(max(left // weight, 0), 255) if weight > 0 else 0
        left -= header[byte_of(name)] * weight
    if left:
        raise EncodeError(f"no header says the {size} bytes of record {number}")
    return bytes(header)


def _blocked(records: Iterable[bytes], word: Word, size: int) -> Iterator[bytes]:
    held: list[bytes] = []
    filled = WORD
    for record in records:
        if held and filled + len(record) > size:
            yield b"".join([word.word(filled - WORD), *held])
            held, filled = [], WORD
        held.append(record)
        filled += len(record)
    if held:
        yield b"".join([word.word(filled - WORD), *held])


def _segments(record: bytes, word: Word, room: int) -> Iterator[bytes]:
    """Yield a record in segments of at most `room` bytes."""
    step = max(room - WORD, 1)
    parts = [record[at : at + step] for at in range(0, len(record), step)] or [b""]
    for i, part in enumerate(parts):
        first, last = i == 0, i == len(parts) - 1
        place = WHOLE if first and last else FIRST if first else LAST if last else MIDDLE
        yield word.word(len(part), place) + part


def _spanned(records: Iterable[bytes], word: Word, blocks: Word, size: int) -> Iterator[bytes]:
    """Fill each block: a record goes on in the next one where it does not fit."""

    def pieces() -> Iterator[bytes]:
        room = size - WORD
        for record in records:
            first, left = True, record
            while first or left:
                if room <= WORD:
                    room = size - WORD
                part, left = left[: room - WORD], left[room - WORD :]
                place = (WHOLE if first else LAST) if not left else FIRST if first else MIDDLE
                yield word.word(len(part), place) + part
                room -= WORD + len(part)
                first = False

    return _blocked(pieces(), blocks, size)
