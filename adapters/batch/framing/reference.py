"""The slow and obvious twin of the scanners: one file as bytes, one record after the other."""

from __future__ import annotations

from adapters.batch.framing.chain import LengthError, Prefix
from adapters.batch.framing.scanner import Scanner
from adapters.batch.framing.shifted import Measured
from adapters.batch.framing.words import WORD, Word

#: (offset in the file, the record's bytes, '') or (offset, b"", why it is broken).
Found = tuple[int, bytes, str]
#: What stands for an empty line: it counts, and is neither a record nor broken.
BLANK = "blank"


def records(raw: bytes, scanner: Scanner) -> list[Found]:
    """Return the records and broken pieces of a file, by offset."""
    spec = scanner.spec
    body = raw[spec.file_header : max(len(raw) - spec.file_trailer, spec.file_header)]
    found: list[Found]
    if scanner.measured is not None:
        found = _shifted(body, scanner.measured)
    elif scanner.framing == "fixed":
        found = _fixed(body, scanner)
    elif scanner.framing == "lines":
        found = _lines(body, scanner)
    elif scanner.prefix is not None:
        found = _chain(body, scanner.prefix)
    else:
        found = _words(body, scanner)
    out = [(at + spec.file_header, record, why) for at, record, why in found]
    return sorted(out, key=lambda f: f[0])


def _fixed(body: bytes, scanner: Scanner) -> list[Found]:
    start, end = scanner.spec.record_start, scanner.spec.record_end
    step = start + scanner.length + end
    found: list[Found] = []
    for at in range(0, len(body), step):
        piece = body[at : at + step]
        if len(piece) == step:
            found.append((at + start, piece[start : step - end], ""))
        else:
            found.append((at, b"", "truncated"))
    return found


def _shifted(body: bytes, measured: Measured) -> list[Found]:
    found: list[Found] = []
    at = 0
    while at < len(body):
        try:
            length = measured.length(body[at:])
        except LengthError as error:
            return [*found, (at, b"", str(error))]
        if not length or at + length > len(body):
            return [*found, (at, b"", "truncated")]
        found.append((at, body[at : at + length], ""))
        at += length
    return found


def _lines(body: bytes, scanner: Scanner) -> list[Found]:
    spec, page = scanner.spec, scanner.page
    stored = spec.record_start + scanner.length + spec.record_end
    end = _line_end(body, scanner)
    at = 0
    found: list[Found] = []
    before: list[bool] = []
    while at < len(body):
        stop = body.find(end, at)
        line = body[at:] if stop < 0 else body[at:stop]
        if end != b"\r":
            line = line.removesuffix(b"\r")
        if not line:
            found.append((at, b"", BLANK))
        else:
            record = line[spec.record_start :][: scanner.length]
            if line[stored:].strip(bytes([page.space])):
                found.append((at, b"", "too long"))
            elif stop < 0 and before and all(before) and len(line) < stored:
                found.append((at, b"", "truncated"))
            else:
                found.append((at + spec.record_start, record, ""))
            before.append(len(line) >= stored)
        at = len(body) if stop < 0 else stop + 1
    return found


def _line_end(body: bytes, scanner: Scanner) -> bytes:
    ebcdic = scanner.page.digit[0xF0] == 0
    ends = {"lf": b"\x25", "nel": b"\x15"} if ebcdic else {"lf": b"\n", "nel": b"\x85"}
    ends |= {"crlf": ends["lf"], "cr": b"\r"}
    if scanner.spec.line_end != "auto":
        return ends[scanner.spec.line_end]
    order = ("nel", "lf", "cr") if ebcdic else ("lf", "cr")
    return next((ends[name] for name in order if ends[name] in body), ends["lf"])


def _chain(body: bytes, prefix: Prefix, base: int = 0) -> list[Found]:
    """Follow lengths from the first byte on; the first wrong one breaks the rest."""
    found: list[Found] = []
    at = 0
    while at < len(body):
        raw = body[at + prefix.first : at + prefix.last]
        if at + prefix.last > len(body):
            return [*found, (base + at, b"", "truncated")]
        try:
            size = prefix.measure(raw)
        except LengthError as error:
            return [*found, (base + at, b"", str(error))]
        if at + abs(size) > len(body):
            return [*found, (base + at, b"", "truncated")]
        if size > 0:
            record = body[at : at + size]
            found.append((base + at + prefix.head, record[prefix.head : max(size - prefix.tail, 0)], ""))
        at += abs(size)
    return found


def _words(body: bytes, scanner: Scanner) -> list[Found]:
    spec = scanner.spec
    record, block = scanner.words
    spanned = scanner.framing in ("vs", "vbs")
    prefix = record.prefix(0, 0) if spanned else record.prefix(spec.record_start, spec.record_end)
    if scanner.framing == "rdw":
        return _chain(body, prefix)
    pieces = _chain(body, prefix) if scanner.framing == "vs" else _blocks(body, block, prefix)
    if not spanned:
        return pieces
    return [
        (at + spec.record_start, raw[spec.record_start : max(len(raw) - spec.record_end, 0)], why)
        if not why
        else (at, raw, why)
        for at, raw, why in _together(body, record, pieces)
    ]


def _blocks(body: bytes, word: Word, prefix: Prefix) -> list[Found]:
    found: list[Found] = []
    at = 0
    while at < len(body):
        if at + WORD > len(body):
            return [*found, (at, b"", "truncated")]
        try:
            size = word.total(body[at : at + WORD])
        except LengthError as error:
            return [*found, (at, b"", str(error))]
        inside = _chain(body[at + WORD : at + size], prefix, at + WORD)
        if at + size > len(body) and not (inside and inside[-1][2]):
            inside.append((len(body), b"", "truncated"))
        found += inside
        at += size
    return found


def _together(body: bytes, word: Word, segments: list[Found]) -> list[Found]:
    found: list[Found] = []
    begun: tuple[int, bytes] | None = None
    for at, raw, why in segments:
        place = 0 if why else body[at - (2 if word.byte_order == "big" else 3)]
        if begun and (why or place in (0, 1)):
            found.append((begun[0], b"", "lacks its last segment"))
            begun = None
        if why:
            found.append((at, b"", why))
        elif place == 0:
            found.append((at, raw, ""))
        elif place == 1:
            begun = (at, raw)
        elif begun is None:
            found.append((at, b"", "first segment is missing"))
        else:
            begun = (begun[0], begun[1] + raw)
            if place == 2:
                found.append((*begun, ""))
                begun = None
    return [*found, (begun[0], b"", "lacks its last segment")] if begun else found
