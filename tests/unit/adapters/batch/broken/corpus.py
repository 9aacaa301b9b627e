"""Broken files of more than sixty kinds, each made from a good one, and what must become of it.

python tests/unit/adapters/batch/broken/corpus.py      writes docs/broken-files.md
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import random
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, cast

import pysequoia
import zstandard

ROOT = Path(__file__).parents[5]
sys.path.insert(0, str(ROOT))  # this file is run by path, too

from adapters.batch.codec import RecordCodec  # noqa: E402
from adapters.batch.decrypt import Decryption, DecryptSpec  # noqa: E402
from adapters.batch.format_spec import FormatSpec  # noqa: E402
from adapters.batch.opening import Unpacked  # noqa: E402
from schemas.errors import BanyanError  # noqa: E402
from tests.unit.adapters.batch.encrypted import aes_zip  # noqa: E402

PAGE = ROOT / "docs" / "broken-files.md"
COPYBOOK = """
       01  PAY-RECORD.
           05  REC-TYPE         PIC X.
           05  BODY             PIC X(39).
           05  HEAD REDEFINES BODY.
               10  RUN-DATE     PIC 9(8).
           05  CLAIM REDEFINES BODY.
               10  CLAIM-NO     PIC 9(5) COMP-3.
               10  NAME         PIC X(10).
               10  AMOUNT       PIC S9(5)V99 COMP-3.
               10  WEEKS        PIC 9(3).
               10  DEBT         PIC S9(4).
               10  N            PIC 9.
               10  PAID OCCURS 0 TO 2 TIMES DEPENDING ON N
                                PIC 9(4) COMP.
           05  TRAILER REDEFINES BODY.
               10  TOTAL        PIC 9(5).
               10  SUM-AMOUNT   PIC S9(7)V99.
               10  HASH-NO      PIC 9(7).
"""
PLAIN_COPYBOOK = """
       01  PLAIN.
           05  CLAIM-NO         PIC 9(5) COMP-3.
           05  NAME             PIC X(10).
           05  AMOUNT           PIC S9(5)V99 COMP-3.
"""
TREE_COPYBOOK = """
       01  TREE.
           05  REC-TYPE         PIC X.
           05  BODY             PIC X(12).
           05  CLAIM REDEFINES BODY.
               10  CLAIM-NO     PIC 9(5).
               10  WEEKS        PIC 9(3).
           05  PAYMENT REDEFINES BODY.
               10  PAY-NO       PIC 9(3).
               10  AMOUNT       PIC 9(5)V99.
           05  TRAILER REDEFINES BODY.
               10  TOTAL        PIC 9(5).
"""
TYPED: dict[str, Any] = {
    "copybook": "pay.cpy", "code_page": "cp285", "dates": {},
    "records": [{"entity": "claim", "when": {"field": "REC-TYPE", "equals": "C"}, "group": "CLAIM",
                 "key": ["CLAIM-NO"]}],
    "header": {"when": {"field": "REC-TYPE", "equals": "H"}},
    "trailer": {"when": {"field": "REC-TYPE", "equals": "T"}, "count": "TOTAL",
                "totals": [{"field": "SUM-AMOUNT", "sum": "AMOUNT"},
                           {"field": "HASH-NO", "hash": "CLAIM-NO"}]},
}  # fmt: skip
_ONE = {"entity": "claim", "key": ["CLAIM-NO"]}
_TEXT_ONE = {"entity": "claim", "key": ["no"]}
_FIELDS = ["no:integer", "name:text", "amount:decimal(9,2)", "paid:date"]
SETTINGS: dict[str, dict[str, Any]] = {
    "fixed": TYPED,
    "rdw": TYPED | {"framing": "rdw"},
    "bdw": TYPED | {"framing": "bdw"},
    "vbs": TYPED | {"framing": "vbs"},
    "header": TYPED | {"framing": "header", "frame": {"header_length": 3, "length": "b1 + 256 * b2",
                                                      "valid": {"b0": 1}}},
    "plain": {"copybook": "plain.cpy", "code_page": "cp285", **_ONE},
    "lines": {"copybook": "lines.cpy", "code_page": "latin-1", "framing": "lines", **_ONE},
    "csv": {"format": "delimited", **_TEXT_ONE, "delimited": {"fields": _FIELDS, "extra_columns": "refuse"}},
    "comma": {"format": "delimited", **_TEXT_ONE,
              "delimited": {"delimiter": ";", "decimal": ",", "grouping": ".", "fields": _FIELDS}},
    "xml": {"format": "xml", **_TEXT_ONE, "xml": {"records": "/export/claim", "fields": _FIELDS}},
    "json lines": {"format": "json", **_TEXT_ONE, "json": {"fields": _FIELDS}},
    "json": {"format": "json", **_TEXT_ONE, "json": {"records": "claims[]", "fields": _FIELDS}},
    "tree": {
        "copybook": "tree.cpy", "code_page": "cp285",
        "records": [
            {"entity": "claim", "when": {"field": "REC-TYPE", "equals": "C"}, "group": "CLAIM",
             "key": ["CLAIM-NO"]},
            {"entity": "payment", "when": {"field": "REC-TYPE", "equals": "P"}, "group": "PAYMENT",
             "parent": "claim", "key": ["CLAIM-NO", "PAY-NO"]},
        ],
        "trailer": {"when": {"field": "REC-TYPE", "equals": "T"}, "count": "TOTAL"},
    },
}  # fmt: skip
LINES_COPYBOOK = """
       01  TEXT-LINE.
           05  CLAIM-NO         PIC 9(5).
           05  NAME             PIC X(10).
           05  AMOUNT           PIC 9(5)V99.
"""
CODEC = RecordCodec(COPYBOOK, code_page="cp285")
NUMBERS = range(1, 13)


def claim(number: int) -> bytes:
    return CODEC.encode(
        {"REC-TYPE": "C", "CLAIM-NO": number, "NAME": f"NAME{number}", "AMOUNT": "10.50", "WEEKS": number,
         "DEBT": -number, "N": 1, "PAID": [number]}
    )  # fmt: skip


HEAD = CODEC.encode({"REC-TYPE": "H", "RUN-DATE": "20261102"})


def trailer(count: int = len(NUMBERS), total: str = "126.00", digits: int = sum(NUMBERS)) -> bytes:
    return CODEC.encode({"REC-TYPE": "T", "TOTAL": count, "SUM-AMOUNT": total, "HASH-NO": digits})


GOOD = [HEAD, *map(claim, NUMBERS), trailer()]
WIDTH = len(HEAD)


def word(length: int, place: int = 0) -> bytes:
    return (length + 4).to_bytes(2, "big") + bytes([place, 0])


def rdw(rows: list[bytes]) -> bytes:
    return b"".join(word(len(r)) + r for r in rows)


def bdw(rows: list[bytes], each: int = 4) -> bytes:
    blocks = [rdw(rows[i : i + each]) for i in range(0, len(rows), each)]
    return b"".join(word(len(b)) + b for b in blocks)


def vbs(rows: list[bytes]) -> bytes:
    """Each record in two segments, four segments a block."""
    pieces = [p for r in rows for p in (word(15, 1) + r[:15], word(len(r) - 15, 2) + r[15:])]
    blocks = [b"".join(pieces[i : i + 3]) for i in range(0, len(pieces), 3)]
    return b"".join(word(len(b)) + b for b in blocks)


def table(number: int) -> list[str]:
    return [str(number), f"Name {number}", "10.50", "2026-11-02"]


CSV = "".join(",".join(row) + "\r\n" for row in [["no", "name", "amount", "paid"], *map(table, NUMBERS)])
COMMA = CSV.replace(".50", "§50").replace(",", ";").replace("§", ",")
_XML = "".join(
    f"<claim><no>{r[0]}</no><name>{r[1]}</name><amount>{r[2]}</amount><paid>{r[3]}</paid></claim>\n"
    for r in map(table, NUMBERS)
)
XML = f'<?xml version="1.0" encoding="UTF-8"?>\n<export>\n{_XML}</export>\n'
OBJECTS = [{"no": n, "name": f"Name {n}", "amount": "10.50", "paid": "2026-11-02"} for n in NUMBERS]
JSON_LINES = "".join(json.dumps(o) + "\n" for o in OBJECTS)
JSON = json.dumps({"claims": OBJECTS})
_PLAIN = RecordCodec(PLAIN_COPYBOOK, code_page="cp285")
PLAIN = b"".join(_PLAIN.encode({"CLAIM-NO": n, "NAME": f"N{n}", "AMOUNT": "1.00"}) for n in NUMBERS)
LINES = "".join(f"{n:05d}{'NAME' + str(n):<10}{n:07d}\r\n" for n in NUMBERS).encode()
_TREE = RecordCodec(TREE_COPYBOOK, code_page="cp285")
#: A claim and its payment, twelve times; then the trailer.
TREE = [
    *(_TREE.encode(r) for n in NUMBERS for r in (
        {"REC-TYPE": "C", "CLAIM-NO": n, "WEEKS": n}, {"REC-TYPE": "P", "PAY-NO": n, "AMOUNT": "10.50"})),
    _TREE.encode({"REC-TYPE": "T", "TOTAL": 2 * len(NUMBERS)}),
]  # fmt: skip
PHRASE = "hush hush"
KEY, OTHER = (pysequoia.Tsk.generate(f"{n} <{n}@example.org>") for n in ("key", "other"))
PGP = {"kind": "pgp", "secret_key": str(KEY)}
ZIP = {"kind": "zip", "passphrase": PHRASE}
FILES: dict[str, bytes] = {
    "fixed": b"".join(GOOD), "rdw": rdw(GOOD), "bdw": bdw(GOOD), "vbs": vbs(GOOD),
    "header": b"".join(b"\x01" + len(r).to_bytes(2, "little") + r for r in GOOD),
    "plain": PLAIN, "lines": LINES, "csv": CSV.encode(), "comma": COMMA.encode(), "xml": XML.encode(),
    "json lines": JSON_LINES.encode(), "json": JSON.encode(), "tree": b"".join(TREE),
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One kind of broken file.

    `outcome`: `read` (harmless), `rejects` (records with their keys), `held` (no delete is published), or
    `refused` (the file as a whole).
    """

    name: str
    format: str
    make: Callable[[bytes], bytes]
    outcome: str
    changes: dict[str, Any] = field(default_factory=dict)
    #: The `[decrypt]` table.
    decrypt: dict[str, Any] = field(default_factory=dict)


@dataclass
class Result:
    keys: set[str] = field(default_factory=set)
    rejected: list[Any] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    refused: BanyanError | None = None

    @property
    def held(self) -> bool:
        """Whether the flow publishes no delete of this extract (DESIGN 10.1)."""
        return bool(self.refused or self.problems or any(r.key_text is None for r in self.rejected))

    @property
    def outcome(self) -> str:
        if self.refused:
            return "refused"
        return "held" if self.held else "rejects" if self.rejected else "read"

    @property
    def message(self) -> str:
        if self.refused:
            return f"{self.refused.what} → {self.refused.fix}"
        first = next(
            (f"record {r.record} {r.field_path}: {r.reason}".replace(" :", ":") for r in self.rejected), ""
        )
        return "; ".join(filter(None, [first, *self.problems[:2]])) or "nothing is wrong"


def read(case: Case, content: bytes, folder: Path) -> Result:
    for name, text in (("pay", COPYBOOK), ("plain", PLAIN_COPYBOOK), ("lines", LINES_COPYBOOK),
                       ("tree", TREE_COPYBOOK)):  # fmt: skip
        (folder / f"{name}.cpy").write_text(text)
    result = Result()
    try:
        spec = FormatSpec.model_validate(SETTINGS[case.format] | case.changes)
        reader = spec.read_as(folder, system="s")
        with spec.opened(plain(content, case, folder), "PAY.DAT") as stream:
            reading = reader.reading("PAY.DAT", 0 if isinstance(stream, Unpacked) else len(content))
            for chunk in reading.chunks(stream):
                for part in chunk.rows:
                    key = "CLAIM_NO" if "CLAIM_NO" in part.batch.schema.names else "no"
                    result.keys |= {str(v) for v in part.batch.column(key).to_pylist()}
                result.rejected += chunk.rejects
        result.problems = list(reading.problems())
    except BanyanError as error:
        result.refused = error
    return result


def plain(content: bytes, case: Case, folder: Path) -> BinaryIO:
    if not case.decrypt:
        return io.BytesIO(content)
    (folder / "drop").write_bytes(content)
    decryption = Decryption.of(DecryptSpec.model_validate(case.decrypt), folder)
    return cast(BinaryIO, decryption.open(folder / "drop", "PAY.DAT", folder / "private"))


def put(at: int, new: bytes) -> Callable[[bytes], bytes]:
    return lambda b: b[:at] + new + b[at + len(new) :]


def swap(old: bytes | str, new: bytes | str, times: int = 1) -> Callable[[bytes], bytes]:
    before, after = (x.encode() if isinstance(x, str) else x for x in (old, new))
    return lambda b: b.replace(before, after, times)


def rows(
    change: Callable[[list[bytes]], list[bytes]], frame: Callable[[list[bytes]], bytes] = b"".join
) -> Any:
    return lambda _: frame(change(list(GOOD)))


def cut(n: int) -> Callable[[bytes], bytes]:
    return lambda b: b[:-n]


def flipped(seed: int, n: int) -> Callable[[bytes], bytes]:
    def make(content: bytes) -> bytes:
        chance, out = random.Random(seed), bytearray(content)
        for _ in range(n):
            out[chance.randrange(len(out))] ^= 1 << chance.randrange(8)
        return bytes(out)

    return make


def zipped(content: bytes, names: tuple[str, ...] = ("PAY.DAT",)) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def locked(content: bytes) -> bytes:
    made = bytearray(zipped(content))
    made[6] |= 1
    made[made.index(b"PK\x01\x02") + 8] |= 1
    return bytes(made)


def pgp(content: bytes, key: Any = KEY) -> bytes:
    made: bytes = pysequoia.encrypt(content, recipients=[key.extract_certificate()], armor=False)
    return made


def tampered(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def tree(change: Callable[[list[bytes]], list[bytes]]) -> Any:
    return rows(lambda _: change(list(TREE)))


#: Without sums, which a record that cannot be read makes wrong.
COUNTED = {"trailer": {"when": {"field": "REC-TYPE", "equals": "T"}, "count": "TOTAL"}}
R2 = WIDTH * 2  # where record 3, the second claim, starts
CASES: tuple[Case, ...] = (
    # Fixed length.
    Case("empty file", "fixed", lambda b: b"", "held"),
    Case("only a header", "fixed", rows(lambda r: r[:1]), "held"),
    Case("only header and trailer, count 0", "fixed", rows(lambda r: [r[0], trailer(0, "0.00", 0)]), "read"),
    Case("cut inside the last record", "fixed", cut(7), "held"),
    Case("cut inside a claim", "fixed", cut(WIDTH * 3 + 11), "held"),
    Case("cut between records", "fixed", cut(WIDTH * 2), "held"),
    Case("one byte lost in the middle", "fixed", lambda b: b[:R2] + b[R2 + 1 :], "refused"),
    Case("one byte too many in the middle", "fixed", lambda b: b[:R2] + b"\x40" + b[R2:], "refused"),
    Case("shorter than one record", "fixed", lambda b: b[:20], "refused"),
    Case("wrong code page: ASCII", "fixed", lambda b: b.decode("cp285").encode("latin-1"), "held"),
    Case("trailer is missing", "fixed", rows(lambda r: r[:-1]), "held"),
    Case("trailer twice", "fixed", rows(lambda r: [*r, r[-1]]), "held"),
    Case("header twice", "fixed", rows(lambda r: [r[0], *r]), "held"),
    Case("header is missing", "fixed", rows(lambda r: r[1:]), "held"),
    Case("records after the trailer", "fixed", rows(lambda r: [*r, claim(13)]), "held"),
    Case("trailer's count is wrong", "fixed", rows(lambda r: [*r[:-1], trailer(count=11)]), "held"),
    Case("trailer's sum is wrong", "fixed", rows(lambda r: [*r[:-1], trailer(total="126.01")]), "held"),
    Case("trailer's hash total is wrong", "fixed", rows(lambda r: [*r[:-1], trailer(digits=79)]), "held"),
    Case("trailer's count is no number", "fixed",
         rows(lambda r: [*r[:-1], r[-1][:1] + b"\x40" * 5 + r[-1][6:]]), "held"),
    Case("a claim is lost", "fixed", rows(lambda r: [*r[:5], *r[6:]]), "held"),
    Case("a claim comes twice", "fixed", rows(lambda r: [*r[:5], r[4], *r[5:]]), "held"),
    Case("unknown record type", "fixed", put(R2, b"\xe9"), "held"),
    Case("key: bad nibble", "fixed", put(R2 + 1, b"\xff"), "held"),
    Case("packed: bad digit", "fixed", put(R2 + 14, b"\xfa"), "rejects", COUNTED),
    Case("packed: bad digit, and a sum over it", "fixed", put(R2 + 14, b"\xfa"), "held"),
    Case("packed: bad sign", "fixed", put(R2 + 17, b"\x01"), "rejects", COUNTED),
    Case("packed: blank", "fixed", put(R2 + 14, b"\x40" * 4), "rejects", COUNTED),
    Case("zoned: letter among digits", "fixed", put(R2 + 18, b"\xc1\x7b\xf1"), "rejects"),
    Case("zoned: blank", "fixed", put(R2 + 18, b"\x40" * 3), "rejects"),
    Case("zoned: bad sign zone", "fixed", put(R2 + 24, b"\x12"), "rejects"),
    Case("ODO counter beyond the table", "fixed", put(R2 + 25, b"\xf9"), "rejects"),
    Case("ODO counter is no digit", "fixed", put(R2 + 25, b"\x00"), "rejects"),
    Case("binary beyond its PICTURE", "fixed", put(R2 + 26, b"\xff\xff"), "rejects"),
    Case("a record of NULs", "fixed", put(R2, bytes(WIDTH)), "held"),
    Case("NULs behind the trailer", "fixed", lambda b: b + bytes(WIDTH * 2), "held"),
    Case("CR LF after each record", "fixed", rows(lambda r: [x + b"\r\n" for x in r]), "refused"),
    Case("another copybook's file", "plain", lambda b: CSV.encode(), "refused"),
    Case("short last block, no trailer declared", "plain", cut(4), "held"),
    *(Case(f"bit flips, seed {seed}", "fixed", flipped(seed, 6), "held") for seed in range(4)),
    # Descriptor words.
    Case("RDW: cut inside a record", "rdw", cut(9), "held"),
    Case("RDW: cut inside the word", "rdw", cut(WIDTH + 2), "held"),
    Case("RDW: length zero", "rdw", put(44 * 3, bytes(4)), "held"),
    Case("RDW: length too small for itself", "rdw", put(44 * 3, b"\0\3\0\0"), "held"),
    Case("RDW: length beyond the file", "rdw", put(44 * 3, b"\x7f\xff\0\0"), "held"),
    Case("RDW: length one too long", "rdw", put(44 * 3, b"\0\x2d\0\0"), "held"),
    Case("RDW: negative when read as signed", "rdw", put(44 * 3, b"\xff\x00\0\0"), "held"),
    Case("RDW: reserved bytes not zero", "rdw", put(44 * 3 + 2, b"\x12\x34"), "held"),
    Case("RDW: little-endian words", "rdw",
         lambda b: b"".join((44).to_bytes(4, "little") + r for r in GOOD), "held"),
    Case("RDW: no words at all", "rdw", lambda b: b"".join(GOOD), "held"),
    Case("BDW: block ends inside a record", "bdw", put(0, word(100)), "held"),
    Case("BDW: sum of records is less", "bdw", put(0, word(44 * 4 + 2)), "held"),
    Case("BDW: length zero", "bdw", put(0, bytes(4)), "held"),
    Case("BDW: last block cut", "bdw", cut(20), "held"),
    Case("BDW: no block words", "bdw", lambda b: rdw(GOOD), "held"),
    Case("VBS: cut between two segments", "vbs", lambda b: b[: 4 + 19], "held"),
    Case("VBS: a middle without a first", "vbs", put(4 + 2, b"\x03"), "held"),
    Case("VBS: first after first", "vbs", put(4 + 19 + 2, b"\x01"), "held"),
    Case("VBS: segment code 7", "vbs", put(4 + 2, b"\x07"), "held"),
    Case("own header: cut", "header", cut(5), "held"),
    Case("own header: length zero", "header", put(1, b"\0\0"), "held"),
    # Lines and delimited text.
    Case("line: too long", "lines", swap(b"NAME3     ", b"NAME3     EXTRA"), "held"),
    Case("line: number blank", "lines", swap(b"0000003\r\n", b"       \r\n"), "rejects"),
    Case("line: last one cut", "lines", cut(6), "held"),
    Case("line: mixed line ends", "lines", swap(b"\r\n", b"\n", 5), "read"),
    Case("line: NUL inside a number", "lines", swap(b"0000004\r", b"00\x000004\r"), "rejects"),
    Case("CSV: byte order mark", "csv", lambda b: b"\xef\xbb\xbf" + b, "read"),
    Case("CSV: mixed line ends", "csv", swap("\r\n", "\n", 5), "read"),
    Case("CSV: unbalanced quote", "csv", swap("Name 3", '"Name 3'), "held"),
    Case("CSV: too few columns", "csv", swap("3,Name 3,10.50,2026-11-02", "3,Name 3"), "held"),
    Case("CSV: too many columns", "csv", swap("Name 3,", "Name,3,"), "held"),
    Case("CSV: bad date", "csv", swap("Name 3,10.50,2026-11-02", "Name 3,10.50,2026-13-02"), "rejects"),
    Case("CSV: bad number", "csv", swap("Name 3,10.50", "Name 3,1O.50"), "rejects"),
    Case("CSV: key is no number", "csv", swap("3,Name 3", "x,Name 3"), "held"),
    Case("CSV: no UTF-8", "csv", swap(b"Name 3", b"Nam\xe9 3"), "rejects"),
    Case("CSV: NUL in a cell", "csv", swap(b"Name 3,10.50", b"Name 3,1\x000.50"), "rejects"),
    Case("CSV: header lacks a column", "csv", swap("amount,", ""), "refused"),
    Case("CSV: a column nobody named", "csv", swap("paid\r\n", "paid,more\r\n"), "refused"),
    Case("CSV: other delimiter", "csv", lambda b: b.replace(b",", b";"), "refused"),
    Case("CSV: empty", "csv", lambda b: b"", "held"),
    Case("CSV: header alone", "csv", lambda b: b.split(b"\r\n")[0] + b"\r\n", "held"),
    Case("CSV: decimal point where commas are", "comma", swap("3;10,50", "3;10.50"), "rejects"),
    # XML and JSON.
    Case("XML: cut off", "xml", cut(60), "held"),
    Case("XML: tag not closed", "xml", swap("</name>", "", 3), "held"),
    Case("XML: document type", "xml", swap("<export>", "<!DOCTYPE export><export>"), "refused"),
    Case("XML: entity bomb", "xml",
         swap("<export>", '<!DOCTYPE e [<!ENTITY a "aaaa">]><export>&a;'), "refused"),
    Case("XML: encoding lies", "xml", swap(b"Name 3", b"Nam\xe9 3"), "held"),
    Case("XML: encoding that nobody knows", "xml", swap('"UTF-8"', '"Uount-8"'), "refused"),
    Case("XML: encoding of several bytes", "xml", swap('"UTF-8"', '"shift_jis"'), "refused"),
    Case("XML: no record in it", "xml", lambda b: b"<export></export>", "held"),
    Case("XML: bad date", "xml", swap("2026-11-02", "2026-11-32"), "rejects"),
    Case("XML: key is missing", "xml", swap("<no>3</no>", ""), "held"),
    Case("JSON lines: one bad line", "json lines", swap('{"no": 3', '{"no": 3,,'), "held"),
    Case("JSON lines: a key twice", "json lines", swap('"no": 3,', '"no": 3, "no": 33,'), "held"),
    Case("JSON lines: last line cut", "json lines", cut(20), "held"),
    Case("JSON: cut off", "json", cut(30), "held"),
    Case("JSON: no such array", "json", swap("claims", "claim"), "refused"),
    Case("JSON: bad number", "json", swap('"10.50"', '"ten"'), "rejects"),
    # Trees of records.
    Case("tree: a child before any parent", "tree", tree(lambda r: [r[1], r[0], *r[2:]]), "held"),
    Case("tree: a parent's key cannot be read", "tree",
         tree(lambda r: [*r[:4], r[4][:1] + b"\xff" + r[4][2:], *r[5:]]), "held"),
    Case("tree: a parent is bad beside its key", "tree",
         tree(lambda r: [*r[:4], r[4][:6] + b"\xff" + r[4][7:], *r[5:]]), "rejects"),
    Case("tree: a child's key cannot be read", "tree",
         tree(lambda r: [*r[:5], r[5][:1] + b"\xff" + r[5][2:], *r[6:]]), "held"),
    Case("tree: a parent is lost", "tree", tree(lambda r: [*r[:4], *r[5:]]), "held"),
    # Packed files.
    Case("gzip: cut", "fixed", lambda b: gzip.compress(b, mtime=0)[:-30], "refused"),
    Case("gzip: wrong CRC", "fixed",
         lambda b: gzip.compress(b, mtime=0)[:-8] + b"\1\2\3\4\0\0\0\0", "refused"),
    Case("bz2: cut", "fixed", lambda b: bz2.compress(b)[:-20], "refused"),
    Case("zstd: cut", "fixed", lambda b: zstandard.compress(b)[:-9], "refused"),
    Case("zip: cut", "fixed", lambda b: zipped(b)[:60], "refused"),
    Case("zip: two files", "fixed", lambda b: zipped(b, ("A", "B")), "refused"),
    Case("zip: encrypted, no password", "fixed", locked, "refused"),
    # Encrypted files.
    Case("PGP: for another key", "fixed", lambda b: pgp(b, OTHER), "refused", decrypt=PGP),
    Case("PGP: cut", "fixed", lambda b: pgp(b)[:-3], "refused", decrypt=PGP),
    Case("PGP: one byte changed", "fixed", lambda b: tampered(pgp(b), -200), "refused", decrypt=PGP),
    Case("PGP: in the clear", "fixed", lambda b: b, "refused", decrypt=PGP),
    Case("zip: wrong password", "fixed", lambda b: aes_zip("A", b, "other"), "refused", decrypt=ZIP),
    Case("zip: one byte changed", "fixed", lambda b: tampered(aes_zip("A", b, PHRASE), 100), "refused",
         decrypt=ZIP),
    Case("zip: encrypted, cut", "fixed", lambda b: aes_zip("A", b, PHRASE)[:150], "refused", decrypt=ZIP),
    Case("zip: in the clear", "fixed", zipped, "refused", decrypt=ZIP),
    Case("said to be gzip, is not", "fixed", lambda b: b, "refused", {"compression": "gzip"}),
)  # fmt: skip


def result_of(case: Case, folder: Path) -> Result:
    return read(case, case.make(FILES[case.format]), folder)


def results() -> list[tuple[Case, Result]]:
    """Return every case with what became of it."""
    with tempfile.TemporaryDirectory() as folder:
        return [(case, result_of(case, Path(folder))) for case in CASES]


def page(found: list[tuple[Case, Result]]) -> str:
    """Return docs/broken-files.md."""
    lines = [
        "# Broken files", "",
        "<!-- Made by `python tests/unit/adapters/batch/broken/corpus.py`; change the table there. -->", "",
        f"{len(CASES)} kinds of broken files, each made from a good one of twelve claims, and what becomes",
        "of them. `read`: harmless. `rejects`: records go to the dead letters, their keys keep what was",
        "known, and nothing is deleted. `held`: the extract publishes no delete and waits for approval.",
        "`refused`: the file as a whole. For each of them a test shows that no key is",
        "lost in silence: it is read, or",
        "rejected with its key, or the extract is held or refused.", "",
        "| format | what is broken | outcome | message |", "|---|---|---|---|",
    ]  # fmt: skip
    for case, result in found:
        said = result.message.replace("|", "\\|").replace("\n", " ")
        lines.append(f"| {case.format} | {case.name} | {result.outcome} | {said} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(results()), encoding="utf-8")
