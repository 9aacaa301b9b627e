"""Files of every kind whose truth is known, made from a seed: what `banyan inspect` is asked about."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import zstandard

from adapters.batch.codec import RecordCodec

COPYBOOK = """
       01  PERSON-RECORD.
           05  PERSON-NO        PIC 9(7).
           05  FULL-NAME        PIC X(24).
           05  TOWN             PIC X(14).
           05  BORN             PIC 9(8).
           05  BALANCE          PIC S9(7)V99 COMP-3.
           05  VISITS           PIC S9(4) COMP.
           05  STATUS           PIC X.
           05  NOTE             PIC X(20).
"""
TYPED = """
       01  PAY-RECORD.
           05  REC-TYPE         PIC X.
               88  IS-HEADER    VALUE 'H'.
               88  IS-TRAILER   VALUE 'T'.
           05  BODY             PIC X(49).
           05  HEAD REDEFINES BODY.
               10  RUN-DATE     PIC 9(8).
               10  FILLER       PIC X(41).
           05  CLAIM REDEFINES BODY.
               10  CLAIM-NO     PIC 9(9) COMP.
               10  NINO         PIC X(9).
               10  AMOUNT       PIC S9(7)V99 COMP-3.
               10  FILLER       PIC X(31).
           05  PERSON REDEFINES BODY.
               10  P-NINO       PIC X(9).
               10  P-NAME       PIC X(30).
               10  FILLER       PIC X(10).
           05  TRAILER REDEFINES BODY.
               10  TOTAL        PIC 9(9).
               10  FILLER       PIC X(40).
"""
_GIVEN = [
    "Ada",
    "Bayo",
    "Carys",
    "Dilip",
    "Erin",
    "Farah",
    "Gethin",
    "Hana",
    "Iona",
    "Jamal",
    "Kasia",
    "Lewis",
    "Mina",
    "Niall",
    "Olwen",
    "Rhian",
]
_FAMILY = [
    "Abara",
    "Begum",
    "Clarke",
    "Davies",
    "Evans",
    "Fraser",
    "Gill",
    "Hughes",
    "Iqbal",
    "Jones",
    "Khan",
    "Lewis",
    "Nowak",
    "Oyelaran",
]
_TOWNS = [
    "Aberdeen",
    "Bath",
    "Cardiff",
    "Derby",
    "Exeter",
    "Fife",
    "Gwent",
    "Hull",
    "Ipswich",
    "Kendal",
    "Leeds",
    "Margate",
]
_WORDS = [
    "called",
    "wrote",
    "moved",
    "paid",
    "asked",
    "closed",
    "opened",
    "checked",
    "held",
    "sent",
    "late",
    "early",
]


@dataclass(frozen=True)
class Made:
    """One file and what is true of it; `page_text` has the characters that only some pages hold."""

    name: str
    content: bytes
    truth: dict[str, Any]
    copybook: str | None = None
    warns: str = ""
    password: bytes = b""
    extra: dict[str, Any] = field(default_factory=dict)


def people(seed: int, n: int) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    return [
        {
            "PERSON-NO": 1_000_000 + i * 7 + chance.randrange(5),
            "FULL-NAME": f"{chance.choice(_GIVEN)} {chance.choice(_FAMILY)}",
            "TOWN": chance.choice(_TOWNS),
            "BORN": f"{chance.randint(1940, 2007)}{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}",
            "BALANCE": f"{chance.randint(-90_000, 900_000) / 100:.2f}",
            "VISITS": chance.randint(0, 400),
            "STATUS": chance.choice("AAAALS"),
            "NOTE": chance.choice((" ".join(chance.choices(_WORDS, k=2)), "", "")),
        }
        for i in range(n)
    ]


def records(seed: int, n: int, page: str = "cp285", note: Callable[[int], str] | None = None) -> list[bytes]:
    codec = RecordCodec(COPYBOOK, code_page=page)
    rows = people(seed, n)
    if note is not None:
        for i, row in enumerate(rows):
            row["NOTE"] = note(i)
    return [codec.encode(row) for row in rows]


def typed(seed: int, n: int, page: str = "cp285", *, header: bool = True) -> list[bytes]:
    codec = RecordCodec(TYPED, code_page=page)
    chance = random.Random(seed)
    out = [codec.encode({"REC-TYPE": "H", "RUN-DATE": "20261101"})] if header else []
    for i in range(n):
        nino = f"QQ{100_000 + i:06d}A"
        if chance.random() < 0.4:
            name = f"{chance.choice(_GIVEN)} {chance.choice(_FAMILY)}"
            out.append(codec.encode({"REC-TYPE": "P", "P-NINO": nino, "P-NAME": name}))
        else:
            amount = f"{chance.randint(1, 99_999) / 100:.2f}"
            out.append(codec.encode({"REC-TYPE": "C", "CLAIM-NO": 500 + i, "NINO": nino, "AMOUNT": amount}))
    return [*out, codec.encode({"REC-TYPE": "T", "TOTAL": n})]


def shortened(seed: int, rows: list[bytes]) -> list[bytes]:
    """End each record with one of its last fields, as variable-length files do."""
    chance = random.Random(seed)
    return [row[: chance.choice((58, 60, 61, len(row)))] for row in rows]


def word(length: int, order: str, *, inclusive: bool, place: int = 0) -> bytes:
    said = (length + 4 if inclusive else length).to_bytes(2, "big")
    plain = said + bytes([place, 0])
    return {"big": plain, "little": plain[::-1], "front": said[::-1] + b"\0\0", "back": b"\0\0" + said}[order]


def rdw(rows: list[bytes], order: str = "big", *, inclusive: bool = True) -> bytes:
    return b"".join(word(len(r), order, inclusive=inclusive) + r for r in rows)


def bdw(rows: list[bytes], order: str = "big", *, inclusive: bool = True, block: int = 1000) -> bytes:
    out, inside = b"", b""
    for row in rows:
        piece = rdw([row], order, inclusive=inclusive)
        if len(inside) + len(piece) > block:
            out, inside = out + word(len(inside), order, inclusive=inclusive) + inside, b""
        inside += piece
    return out + word(len(inside), order, inclusive=inclusive) + inside


def vbs(rows: list[bytes], block: int = 150) -> bytes:
    """Blocks of one size: records are cut where a block ends."""
    out, inside = b"", b""
    for row in rows:
        place, rest = 0, row
        while rest:
            room = block - len(inside) - 4
            if room <= 0:
                out, inside = out + word(len(inside), "big", inclusive=True) + inside, b""
                continue
            piece, rest = rest[:room], rest[room:]
            first = len(piece) + len(rest) == len(row)
            place = 0 if first and not rest else 1 if first else 2 if not rest else 3
            inside += word(len(piece), "big", inclusive=True, place=place) + piece
    return out + word(len(inside), "big", inclusive=True) + inside


def table(seed: int, n: int) -> list[list[str]]:
    return [
        [str(p["PERSON-NO"]), p["FULL-NAME"], p["TOWN"], p["BALANCE"],
         f"{p['BORN'][:4]}-{p['BORN'][4:6]}-{p['BORN'][6:]}"]
        for p in people(seed, n)
    ]  # fmt: skip


def separated(
    seed: int, n: int, delimiter: str, *, header: bool, quote: bool = False, end: str = "\n"
) -> str:
    rows = table(seed, n)
    if quote:
        rows = [[c.replace(" ", f"{delimiter} ", 1) if i == 1 else c for i, c in enumerate(r)] for r in rows]
    head = [["person_no", "full_name", "town", "balance", "born"]] if header else []

    def cell(text: str) -> str:
        return f'"{text}"' if quote and delimiter in text else text

    return "".join(delimiter.join(map(cell, row)) + end for row in [*head, *rows])


#: Text whose characters tell pages apart, and the pages for which it is meant.
_TELLING = {
    "cp285": ("paid £12 ! owes $3", "Æbba [old] £9 ~ok", "cost £40! see #2"),
    "cp037": ("paid $12! cost", "owes $3 [old] note", "cost $40 see #2 !"),
    "cp500": ("paid $12 ! [old]", "see [note] ! owes $3", "cost $40! [new]"),
    "cp1047": ("see [old] $12 !", "cost $40 [new] note", "[late] paid $3 !"),
    "cp273": ("Müller größe über", "Straße schön Bäcker", "für Österreich $4"),
    "cp1146": ("paid £12 ! €3 owes", "cost €40 ! see £2", "owes €3 £9 ! note"),
}


def everything(seed: int = 1) -> Iterator[Made]:
    """Yield every kind once."""
    n = 120
    rows = records(seed, n)
    length = len(rows[0])
    fixed = {"alphabet": "ebcdic", "framing": "fixed", "record_length": length}
    yield Made("fixed", b"".join(rows), fixed, COPYBOOK)
    yield Made("fixed, 5 records", b"".join(rows[:5]), fixed, COPYBOOK)
    yield Made("fixed, two types and trailer", b"".join(typed(seed, n)),
               {"alphabet": "ebcdic", "framing": "fixed", "record_length": 50, "record_types": 2,
                "header": True, "trailer": True}, TYPED)  # fmt: skip
    headless = {"framing": "fixed", "record_length": 50, "record_types": 2, "trailer": True}
    yield Made("fixed, no header", b"".join(typed(seed, n, header=False)), headless, TYPED)
    yield Made("fixed, ASCII", b"".join(records(seed, n, "latin-1")),
               {"alphabet": "ascii", "framing": "fixed", "record_length": length}, COPYBOOK)  # fmt: skip
    for page, notes in _TELLING.items():
        told = records(seed, n, page, lambda i, notes=notes: notes[i % len(notes)])
        yield Made(f"page {page}", b"".join(told), {"code_page": page, "framing": "fixed"}, COPYBOOK)
    varied = shortened(seed, rows)
    for order in ("big", "little", "front", "back"):
        for inclusive in (True, False):
            made = rdw(varied, order, inclusive=inclusive)
            truth: dict[str, Any] = {"framing": "rdw" if order in ("big", "little") else "header"}
            yield Made(f"rdw {order} {'in' if inclusive else 'ex'}clusive", made, truth, None,
                       extra={"order": order, "inclusive": inclusive})  # fmt: skip
    yield Made("rdw, full records", rdw(rows), {"framing": "rdw"}, COPYBOOK)
    yield Made(
        "rdw, types", rdw(typed(seed, n)), {"framing": "rdw", "record_types": 2, "trailer": True}, TYPED
    )
    yield Made("bdw", bdw(varied), {"framing": "bdw"})
    yield Made("bdw, exclusive", bdw(varied, inclusive=False), {"framing": "bdw"})
    yield Made("vbs", vbs(rows), {"framing": "vbs"}, COPYBOOK)
    own = b"".join(b"\x01\x00" + len(r).to_bytes(2, "little") + b"\xff" + r for r in varied)
    yield Made("own header", own, {"framing": "header"})
    text_codec = RecordCodec(COPYBOOK.replace("COMP-3", "").replace("COMP.", "."), code_page="latin-1")
    lines = [text_codec.encode(p) for p in people(seed, n)]
    plain = {"alphabet": "ascii", "framing": "lines", "record_length": len(lines[0])}
    yield Made("lines LF", b"\n".join([*lines, b""]), plain)
    yield Made("lines CRLF", b"\r\n".join([*lines, b""]), plain)
    yield Made("lines CR", b"\r".join([*lines, b""]), plain)
    yield Made("lines, blanks cut", b"\n".join([*(li.rstrip() for li in lines), b""]), {"framing": "lines"})
    ebcdic = [li.decode("latin-1").encode("cp285") for li in lines]
    wide = {"alphabet": "ebcdic", "framing": "lines", "record_length": len(lines[0])}
    yield Made("lines NEL", b"\x15".join([*ebcdic, b""]), wide)
    yield Made("lines 0x25", b"\x25".join([*ebcdic, b""]), wide)
    for delimiter in (",", ";", "\t", "|"):
        for header in (True, False):
            text = separated(seed, n, delimiter, header=header)
            truth = {"format": "delimited", "delimiter": delimiter, "header": header}
            yield Made(f"delimited {delimiter!r} {header}", text.encode(), truth)
    quoted = separated(seed, n, ",", header=True, quote=True, end="\r\n")
    yield Made("delimited, quotes", quoted.encode(), {"format": "delimited", "delimiter": ",", "quote": '"'})
    accents = separated(seed, n, ";", header=True).replace("Davies", "Dâvies").replace("Evans", "“Évans”")
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        yield Made(f"delimited, {encoding}", accents.encode(encoding),
                   {"alphabet": encoding, "format": "delimited", "delimiter": ";"})  # fmt: skip
    latin = accents.replace("“", "").replace("”", "").encode("latin-1")
    yield Made("delimited, latin-1", latin, {"alphabet": "latin-1", "format": "delimited"})
    in_ebcdic = separated(seed, n, ";", header=True).encode("cp285").replace(b"\x25", b"\x15")
    yield Made("delimited, EBCDIC", in_ebcdic,
               {"alphabet": "ebcdic", "format": "delimited", "delimiter": ";"})  # fmt: skip
    body = "".join(
        f'<person no="{r[0]}"><name>{r[1]}</name><town>{r[2]}</town></person>' for r in table(seed, n)
    )
    xml = f'<?xml version="1.0" encoding="UTF-8"?>\n<extract><people>{body}</people></extract>'
    yield Made("xml", xml.encode(), {"format": "xml", "record": "/extract/people/person"})
    objects = [{"no": int(r[0]), "name": r[1], "balance": float(r[3])} for r in table(seed, n)]
    yield Made("json lines", "".join(json.dumps(o) + "\n" for o in objects).encode(),
               {"format": "json", "json_lines": True})  # fmt: skip
    yield Made("json", json.dumps({"data": {"rows": objects}}, indent=1).encode(),
               {"format": "json", "json_lines": False, "record": "data.rows"})  # fmt: skip
    whole = b"".join(rows)
    for name, packed in (
        ("gzip", gzip.compress(whole, mtime=0)), ("bz2", bz2.compress(whole)),
        ("zstd", zstandard.compress(whole)), ("zip", _zip(whole)),
    ):  # fmt: skip
        yield Made(name, packed, {"compression": name} | fixed, COPYBOOK)
    yield Made("pgp armour", b"-----BEGIN PGP MESSAGE-----\n\nhQEMA0\n=aaaa\n-----END PGP MESSAGE-----\n",
               {"compression": "pgp-armor", "alphabet": None})  # fmt: skip
    chance = random.Random(seed)
    for i in range(3):
        yield Made(f"noise {i}", chance.randbytes(20_000 + i),
                   {"alphabet": None, "framing": None, "record_length": None})  # fmt: skip
    yield Made("empty", b"", {"alphabet": None})


def damaged(seed: int = 1) -> Iterator[Made]:
    """Yield what transfers make of files, each with a word of the warning that must come."""
    rows = records(seed, 200)
    whole = b"".join(rows)
    ended = b"".join(r + b"\r\n" for r in rows)
    yield Made("ASCII line ends in binary EBCDIC", ended, {}, warns="ASCII")
    translated = whole.decode("cp037").encode("latin-1", "replace").replace(b"\x85", b"\n")
    translated = bytes(b if b < 0x80 else 0x1A for b in translated)
    yield Made("translated to ASCII", translated, {}, warns="was translated to ASCII")
    lines = separated(seed, 50, ",", header=True, end="\r\n").encode()
    yield Made("0x1A behind", lines + b"\x1a", {}, warns="0x1A")
    yield Made("mixed line ends", lines.replace(b"\r\n", b"\n", 10), {}, warns="lines end by")
    yield Made(
        "gzip cut", gzip.compress(random.Random(seed).randbytes(9000), mtime=0)[:6000], {}, warns="unpacked"
    )
    yield Made("rdw cut", rdw(shortened(seed, rows))[:-11], {}, warns="break off")
    doubled = separated(seed, 50, ";", header=True).replace("Bath", "Bath £").encode().decode("latin-1")
    yield Made("UTF-8 twice", doubled.encode("utf-8"), {}, warns="twice")
    yield Made("padded by NULs", whole + bytes(2000), {}, warns="are zero")


def _zip(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("PAY.DAT"), content)
    return out.getvalue()
