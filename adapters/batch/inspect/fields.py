"""Fields of records without a copybook: columns that hold one kind of byte, and a draft copybook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adapters.batch.inspect.alphabet import ASCII_TEXT, ASCII_WORDS, EBCDIC_WORDS

Bytes = npt.NDArray[np.uint8]

#: More lengths of records than this are no ends of fields, but texts of any length.
_LENGTHS = 12


@dataclass(frozen=True, slots=True)
class Run:
    """Bytes that hold one kind of thing in every record: `text`, `digits`, `packed`, `blank`, `binary`.

    `signed` numbers have an overpunched (or packed) sign in some record.
    """

    kind: str
    offset: int
    length: int
    signed: bool = False

    def picture(self) -> str:
        """Return the clauses of a copybook entry that reads these bytes, whatever they hold."""
        if self.kind == "packed":
            return f"PIC S9({self.length * 2 - 1}) COMP-3"
        if self.kind == "digits" and self.length <= 18:
            return f"PIC {'S' if self.signed else ''}9({self.length})"
        return f"PIC X({self.length})"


def runs(view: Bytes, *, ebcdic: bool) -> list[Run]:
    """Return the runs of the records of one type, in order and without gaps."""
    length = view.shape[1]
    packed = _packed(view) if ebcdic else []
    taken = np.zeros(length, np.bool_)
    for run in packed:
        taken[run.offset : run.offset + run.length] = True
    kinds = _kinds(view, ebcdic=ebcdic)
    found, start = list(packed), 0
    while start < length:
        if taken[start]:
            start += 1
            continue
        end = start + 1
        while end < length and not taken[end] and kinds[end] == kinds[start]:
            end += 1
        found += _run(view, kinds[start], start, end, ebcdic=ebcdic)
        start = end
    words = EBCDIC_WORDS if ebcdic else ASCII_WORDS
    return _stamped(_joined(sorted(found, key=lambda r: r.offset)), view, words)


def copybook(
    groups: Sequence[tuple[str, Sequence[Run]]], length: int, type_at: tuple[int, int] | None
) -> str:
    """Return a draft copybook: one group, or one a record type that redefines the record.

    Args:
        groups: name and runs of each record type; a single one makes a flat record.
        length: bytes of a record.
        type_at: offset and width of the record type.
    """
    lines = [
        "      *> DRAFT made by `banyan inspect` from the bytes of a sample:",
        "      *> names, decimals and meaning are for a person to fill in.",
        "       01  DRAFT-RECORD.",
    ]
    if type_at is None:
        lines += _entries("FIELD", groups[0][1], 5)
        return "\n".join(lines) + "\n"
    offset, width = type_at
    lines.append("           05  WHOLE-RECORD.")
    if offset:
        lines.append(f"               10  FILLER               PIC X({offset}).")
    lines.append(f"               10  REC-TYPE             PIC X({width}).")
    if length - offset - width:
        lines.append(f"               10  FILLER               PIC X({length - offset - width}).")
    for name, parts in groups:
        lines.append(f"           05  {name} REDEFINES WHOLE-RECORD.")
        lines += _entries(name.removesuffix("-RECORD"), parts, 10)
    return "\n".join(lines) + "\n"


def ending(parts: Sequence[Run], lengths: npt.NDArray[np.int64]) -> list[Run]:
    """Return the runs with a border where records end: of a few lengths each is the end of a field."""
    ends = sorted({int(length) for length in lengths})
    out: list[Run] = []
    for run in parts:
        start, stop = run.offset, run.offset + run.length
        inside = [end for end in ends if start < end < stop] if len(ends) <= _LENGTHS else []
        kind = run.kind if not inside or run.kind == "blank" else "text"
        for end in [*inside, stop]:
            out.append(Run(kind, start, end - start, run.signed and not inside))
            start = end
    return out


def around(parts: Sequence[Run], offset: int, width: int) -> list[Run]:
    """Return the runs with the record type cut out of them: a key must not hold it by accident."""
    first, last = offset, offset + width
    out: list[Run] = []
    for run in parts:
        end = run.offset + run.length
        if end <= first or run.offset >= last:
            out.append(run)
            continue
        if run.offset < first:
            out.append(Run(run.kind if run.kind != "packed" else "text", run.offset, first - run.offset))
        if end > last:
            out.append(Run(run.kind if run.kind != "packed" else "text", last, end - last))
    out.append(Run("blank", first, last - first))
    return sorted(out, key=lambda r: r.offset)


def example(view: Bytes, run: Run, page: str) -> str:
    """Return what stands there in some record: as text, numbers of bytes in hexadecimal."""
    raw = view[len(view) // 2, run.offset : run.offset + run.length].tobytes()
    if run.kind in ("packed", "binary"):
        return raw.hex()
    return raw.decode(page, "replace").strip()


def names(stem: str, parts: Sequence[Run]) -> list[str]:
    """Return the draft name of each run: where it starts is what a person can look up."""
    return [f"{stem}-{run.offset:04d}" for run in parts]


def _entries(stem: str, parts: Sequence[Run], level: int) -> list[str]:
    indent = " " * (11 if level == 5 else 15)
    return [
        f"{indent}{level:02d}  {'FILLER' if run.kind == 'blank' else name:<20} {run.picture()}."
        for name, run in zip(names(stem, parts), parts, strict=True)
    ]


def _kinds(view: Bytes, *, ebcdic: bool) -> list[str]:
    space, zero = (0x40, 0xF0) if ebcdic else (0x20, 0x30)
    text = EBCDIC_WORDS.copy() if ebcdic else ASCII_TEXT.copy()
    if ebcdic:
        text[0x4A:0x51] = text[0x5A:0x62] = text[0x6A:0x70] = text[0x79:0x80] = True
    else:
        text[0x80:] = True
    kinds = np.full(view.shape[1], "binary", dtype=object)
    # The later mark wins: what is blank everywhere is also text everywhere.
    for kind, columns in (
        ("text", text[view].all(axis=0)),
        ("sign", _overpunched(view, ebcdic=ebcdic)),
        ("digits", ((view >= zero) & (view <= zero + 9)).all(axis=0)),
        ("blank", (view == space).all(axis=0)),
    ):
        kinds[columns] = kind
    return [str(kind) for kind in kinds]


def _overpunched(view: Bytes, *, ebcdic: bool) -> npt.NDArray[np.bool_]:
    """Return the columns that hold digits, some with a sign over them."""
    if ebcdic:
        low, high = view & 0x0F, view >> 4
        ok = (low <= 9) & ((high == 0xC) | (high == 0xD) | (high == 0xF))
        punched = (high == 0xC) | (high == 0xD)
        zero_sign = (view == 0xC0) | (view == 0xD0)
    else:
        ok = np.isin(view, np.frombuffer(b"0123456789{ABCDEFGHI}JKLMNOPQR", np.uint8))
        punched = ok & ~((view >= 0x30) & (view <= 0x39))
        zero_sign = (view == 0x7B) | (view == 0x7D)
    # Letters A to R alone are letters; braces are not.
    sure: npt.NDArray[np.bool_] = ok.all(axis=0) & punched.any(axis=0) & zero_sign.any(axis=0)
    return sure


def _run(view: Bytes, kind: str, start: int, end: int, *, ebcdic: bool) -> list[Run]:
    if kind == "sign":
        # Each such column ends a number: the digits before it belong to it, and are joined afterwards.
        return [Run("sign", at, 1, True) for at in range(start, end)]
    return [Run(kind, start, end - start)]


def _joined(parts: list[Run]) -> list[Run]:
    """Join digits with the sign that ends them, and blanks with the text before them."""
    out: list[Run] = []
    for run in parts:
        last = out[-1] if out else None
        if run.kind == "sign":
            if last is not None and last.kind == "digits" and not last.signed and last.length < 18:
                out[-1] = Run("digits", last.offset, last.length + 1, True)
            else:
                out.append(Run("digits", run.offset, 1, True))
        elif (run.kind == "blank" and last is not None and last.kind == "text" and run.length < 30) or (
            run.kind == "text" and last is not None and last.kind == "text"
        ):
            out[-1] = Run("text", last.offset, last.length + run.length)
        elif run.kind == "digits" and run.length > 18:
            out.append(Run("text", run.offset, run.length))
        else:
            out.append(run)
    return out


def _stamped(parts: list[Run], view: Bytes, words: npt.NDArray[np.bool_]) -> list[Run]:
    """Join digits with one and the same mark (or blank) between them to a text: dates, times, sort codes."""
    out: list[Run] = []
    for run in parts:
        if run.kind == "digits" and not run.signed and len(out) >= 2 and out[-1].length == 1:
            mark, before = out[-1], out[-2]
            column = view[:, mark.offset]
            same = bool((column == column[0]).all()) and (mark.kind == "blank" or not words[column[0]])
            stamped = before.kind == "digits" or (before.kind == "text" and before.signed)
            if same and stamped and not (before.kind == "digits" and before.signed) and run.length <= 9:
                # `signed` marks a text that was joined here, so that it can grow.
                out[-2:] = [Run("text", before.offset, run.offset + run.length - before.offset, True)]
                continue
        out.append(run)
    return [Run(r.kind, r.offset, r.length, r.signed and r.kind != "text") for r in out]


def _packed(view: Bytes) -> list[Run]:
    """Return packed numbers: columns that end in a sign nibble, and the digits before them."""
    low, high = view & 0x0F, view >> 4
    ends = ((low == 0xC) | (low == 0xD) | (low == 0xF)).all(axis=0) & (high <= 9).all(axis=0)
    digits: npt.NDArray[np.bool_] = np.asarray(((low <= 9) & (high <= 9)).all(axis=0))
    digits &= np.asarray((view != 0x40).any(axis=0))
    # Below the space there is no text: one such byte makes a column of numbers out of it.
    low_there: list[bool] = np.asarray((view < 0x40).any(axis=0)).tolist()
    found: list[Run] = []
    floor = 0
    inside: list[bool] = list(digits)
    for end in np.flatnonzero(ends).tolist():
        start = end
        while start > floor and inside[start - 1] and end - start < 15:
            start -= 1
        if any(low_there[start : end + 1]):
            found.append(Run("packed", start, end - start + 1, True))
            floor = end + 1
    return found
