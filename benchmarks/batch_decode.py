"""Copybook records to Arrow columns on one core, beside Cobrix's parser, hand-written numpy and a loop.

Wide records have the kinds and sizes of fields of Cobrix's own benchmark (195 fields, 1,493 bytes), narrow
ones ten fields in 63 bytes. Rates are per second of processor time, best of several passes. Run:
python benchmarks/batch_decode.py [megabytes]
"""

from __future__ import annotations

import io
import random
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from adapters.batch.codec import RecordCodec
from adapters.batch.codepage import CodePage
from adapters.batch.format_spec import FormatSpec
from adapters.batch.plan import RecordPlan, plan
from adapters.batch.record_twin import decode_record
from benchmarks.claim import COPYBOOK as NARROW
from benchmarks.jvm import COBRIX, Program
from schemas.errors import BanyanError

PAGE = CodePage.named("cp037")
#: Whole numbers by digits, decimals by digits before and after the point.
SIZES = (1, 2, 3, 4, 5, 8, 9, 10, 11, 17, 18, 19, 20, 37)
DECIMALS = ((2, 1), (2, 2), (3, 2), (4, 4), (5, 4), (5, 5), (15, 2), (16, 2), (17, 2), (18, 10))
COMMON = (
    "9(8) BINARY", "S9(3) BINARY", "S9(9)V99 COMP-3", "S9(5) COMP-3", "S9(13)V99 COMP-3", "X(13)",
    "S9(9) SIGN IS LEADING SEPARATE",
)  # fmt: skip
#: Three record types in one file, of 24, 40 and 24 + 6 to 60 bytes, the last with a counted table.
SEGMENTS = """
       01  SEGMENT.
           05  KIND                PIC X.
           05  ACCOUNT             PIC 9(9).
           05  HOLDER.
               10  SURNAME         PIC X(14).
           05  PAYMENT REDEFINES HOLDER.
               10  PAID-ON         PIC 9(8).
               10  AMOUNT          PIC S9(9)V99 COMP-3.
               10  REFERENCE       PIC X(16).
           05  BASKET REDEFINES HOLDER.
               10  BRANCH          PIC X(12).
               10  LINES           PIC 9(2).
               10  ENTRY OCCURS 1 TO 10 TIMES DEPENDING ON LINES.
                   15  ARTICLE     PIC 9(7) COMP-3.
                   15  PIECES      PIC 9(4) COMP.
"""


def main() -> None:
    """Print `name value unit`."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 48
    with tempfile.TemporaryDirectory(prefix="banyan-bench-") as folder:
        peers = _cobrix({"wide": _wide(), "narrow": NARROW}, Path(folder), megabytes)
        for name, copybook in (("wide", _wide()), ("narrow", NARROW)):
            _fixed(name, copybook, Path(folder), megabytes, peers.get(name, 0.0))
        _segments(Path(folder), megabytes)


def _fixed(name: str, copybook: str, folder: Path, megabytes: int, peer: float) -> None:
    codec = RecordCodec(copybook)
    sample = (folder / f"{name}.dat").read_bytes()
    data = sample * (megabytes * 1_000_000 // len(sample) + 1)
    key = next(s.item.name for s in codec.layout.record.walk() if s.storage)
    ours = _rate(lambda: _read(folder / f"{name}.cpy", data, entity="record", key=(key,)))
    made = plan(codec.layout, system="bench", entity="record", key=[key])
    twin = _rate(lambda: _singly(sample[: 2_000 * codec.length], made), passes=2)
    print(f"{name}_columns {ours:.0f} records/s")
    print(f"{name}_columns_bytes {ours * codec.length / 1e6:.1f} MB/s")
    if peer:
        print(f"{name}_cobrix {peer:.0f} records/s")
        print(f"{name}_cobrix_bytes {peer * codec.length / 1e6:.1f} MB/s")
        print(f"{name}_to_cobrix {ours / peer:.2f} times")
    if name == "narrow":
        by_hand = _rate(lambda: _numpy(data))
        print(f"{name}_numpy_by_hand {by_hand:.0f} records/s")
        print(f"{name}_to_numpy_by_hand {ours / by_hand:.2f} times")
    print(f"{name}_per_record_twin {twin:.0f} records/s")
    print(f"{name}_to_per_record_twin {ours / twin:.0f} times")


def _segments(folder: Path, megabytes: int) -> None:
    """Variable-length records of three types, a topic each, with entries in use only."""
    copybook = folder / "segments.cpy"
    copybook.write_text(SEGMENTS)
    codec = RecordCodec(SEGMENTS, group="BASKET", odo="shift")
    chance = random.Random(3)
    records = [_segment(codec, chance, i) for i in range(3_000)]
    sample = b"".join(struct.pack(">HH", len(r) + 4, 0) + r for r in records)
    data = sample * (megabytes * 500_000 // len(sample) + 1)
    types = [
        {"entity": entity, "key": ("ACCOUNT",), "when": {"field": "KIND", "equals": kind}, "group": group}
        for entity, kind, group in (
            ("holder", "H", "HOLDER"), ("payment", "P", "PAYMENT"), ("basket", "B", "BASKET")
        )
    ]  # fmt: skip
    ours = _rate(
        lambda: _read(copybook, data, framing="rdw", odo="shift", short_records="null", records=types)
    )
    print(f"variable_segments_columns {ours:.0f} records/s")
    baskets = [r for r in records if r[:1] == b"\xc2"]  # a B
    twin = _rate(lambda: len([codec.decode(r) for r in baskets]), passes=2)
    print(f"variable_segments_per_record_twin {twin:.0f} records/s")
    print(f"variable_segments_to_per_record_twin {ours / twin:.0f} times")


def _segment(codec: RecordCodec, chance: random.Random, number: int) -> bytes:
    kind = chance.choice("HPB")
    head = {"KIND": kind, "ACCOUNT": number}
    if kind == "H":
        return codec.encode(head | {"SURNAME": chance.choice(["SMITH", "FEATHERSTONE"])})[:24]
    if kind == "P":
        paid = {"PAID-ON": 20261101 + number % 28, "AMOUNT": Decimal(chance.randrange(10**7)).scaleb(-2)}
        return codec.encode(head | paid | {"REFERENCE": f"REF{number}"})[:40]
    entries = [
        {"ARTICLE": chance.randrange(10**7), "PIECES": chance.randrange(100)}
        for _ in range(chance.randint(1, 10))
    ]
    return codec.encode(head | {"BRANCH": "LEEDS", "LINES": len(entries), "ENTRY": entries})


def _read(copybook: Path, data: bytes, **settings: object) -> int:
    """Return how many records the reader of an adapter decodes; each must be good."""
    spec = FormatSpec.model_validate({"copybook": copybook.name} | settings)
    reading = spec.read_as(copybook.parent, system="bench").reading("bench", len(data))
    count = 0
    for chunk in reading.chunks(io.BytesIO(data)):
        assert not chunk.rejects, chunk.rejects[0]
        count += sum(rows.batch.num_rows for rows in chunk.rows)
    assert not reading.problems()
    return count


def _singly(data: bytes, made: RecordPlan) -> int:
    for start in range(0, len(data), made.length):
        decode_record(data[start : start + made.length], made, PAGE)
    return len(data) // made.length


def _numpy(data: bytes) -> int:
    """The careful script that a numpy user writes for the narrow record: no checks, no strings trimmed."""
    fields = [("id", ">i4"), ("nino", "u1", 9), ("surname", "u1", 14), ("forename", "u1", 10),
              ("dob", "u1", 8), ("benefit", "u1", 3), ("weekly", "u1", 5),
              ("arrears", "u1", 5), ("start", "u1", 4), ("status", "u1", 1)]  # fmt: skip
    kind = np.dtype(fields)
    table = np.frombuffer(bytes(range(256)).decode("cp037").encode("latin-1"), np.uint8)
    whole = np.frombuffer(data, kind, len(data) // kind.itemsize)
    for start in range(0, len(whole), 1 << 16):
        part = whole[start : start + (1 << 16)]
        columns = {"id": part["id"].astype(np.int32)}
        for name in ("nino", "surname", "forename", "benefit", "status"):
            columns[name] = table[part[name]].view(f"S{part[name].shape[1]}").ravel()
        born = np.zeros(len(part), np.int64)
        for digit in (part["dob"] & 15).T:
            born = born * 10 + digit
        columns["dob"] = born
        for name in ("weekly", "arrears", "start"):
            columns[name] = _packed(part[name])
    return len(whole)


def _packed(raw: np.ndarray) -> np.ndarray:
    number = np.zeros(len(raw), np.int64)
    for byte in raw[:, :-1].T:
        number = number * 100 + (byte >> 4) * 10 + (byte & 15)
    number = number * 10 + (raw[:, -1] >> 4)
    return np.where((raw[:, -1] & 15) == 13, -number, number)


def _cobrix(copybooks: dict[str, str], folder: Path, megabytes: int) -> dict[str, float]:
    """Return Cobrix's records per second by layout, and leave layouts and samples in the folder."""
    for name, copybook in copybooks.items():
        (folder / f"{name}.cpy").write_text(copybook)
        (folder / f"{name}.dat").write_bytes(_sample(copybook, 300 if name == "wide" else 3_000))
    try:
        with Program("CobrixBench.java", COBRIX) as program:
            return {name: float(program.run(*_arguments(folder / name, megabytes))) for name in copybooks}
    except (BanyanError, OSError) as error:
        print(f"no figures of Cobrix: {error}", file=sys.stderr)
        return {}


def _arguments(base: Path, megabytes: int) -> Iterator[str]:
    size = base.with_suffix(".dat").stat().st_size
    yield from (str(base.with_suffix(".cpy")), str(base.with_suffix(".dat")))
    yield from (str(megabytes * 1_000_000 // size + 1), "6")


def _wide() -> str:
    lines = ["01  RECORD.", "    05  ID PIC 9(7) BINARY.", "    05  STRING-VAL PIC X(13)."]
    pictures = [
        f"{sign}{picture}{usage}"
        for usage in ("", " BINARY", " COMP-3")
        for sign in ("", "S")
        for picture in _pictures(18 if usage == " BINARY" else 38)
    ]
    pictures += [COMMON[i % len(COMMON)] for i in range(49)]
    lines += [f"    05  FIELD-{number:03} PIC {picture}." for number, picture in enumerate(pictures, 1)]
    return "".join(f"       {line}\n" for line in lines)


def _pictures(most: int) -> Iterator[str]:
    """Yield the sizes of Cobrix's benchmark; binaries of more than 18 digits are cut to that."""
    yield from (f"9({min(size, most)})" for size in SIZES)
    yield from (f"9({min(a, most - min(b, 3))})V9({min(b, 3) if a + b > most else b})" for a, b in DECIMALS)


def _sample(copybook: str, count: int) -> bytes:
    """Return records with values of all sizes."""
    chance, codec = random.Random(63), RecordCodec(copybook)
    slots = [s for s in codec.layout.record.walk() if s.storage]

    def values(number: int) -> Iterator[tuple[str, object]]:
        for slot in slots:
            storage = slot.storage
            assert storage is not None
            if storage.kind == "text":
                size = chance.randint(0, storage.length)
                yield slot.item.name, "".join(chance.choices("ABCDEFGHIJKLMNOP ", k=size)).strip()
            elif slot is slots[0]:
                yield slot.item.name, number
            else:
                whole = chance.randrange(10 ** chance.randint(1, storage.digits))
                whole = -whole if storage.signed and chance.random() < 0.4 else whole
                yield slot.item.name, Decimal(whole).scaleb(-storage.scale)

    return b"".join(codec.encode(dict(values(i))) for i in range(count))


def _rate(run: Callable[[], int], passes: int = 5) -> float:
    def rates() -> Iterator[float]:
        for _ in range(passes):
            start = time.process_time()
            yield run() / (time.process_time() - start)

    return max(rates())


if __name__ == "__main__":
    main()
