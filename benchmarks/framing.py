"""Records found a second on one core: the scanners of four framings beside the loop over struct of a script.

Both begin with the file's bytes in memory and end with every record's place: the scanner as columns, the loop
as a list of byte strings. The records have 20 to 180 bytes, the file 64 MB; processor time, best of three.

    python benchmarks/framing.py [--megabytes N]
"""

from __future__ import annotations

import argparse
import io
import random
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from adapters.batch.copybook import layouts, parse
from adapters.batch.dialect import Dialect
from adapters.batch.framing import FrameSpec, Framing, Scanner, Spans
from adapters.batch.framing.write import write

COPYBOOK = """\
       01  CLAIM-RECORD.
           05  REC-LEN         PIC 9(4) COMP.
           05  CLAIM-ID        PIC 9(9) COMP.
           05  NOTE            PIC X(174).
"""
_HALF = struct.Struct(">H")
FRAMINGS: tuple[Framing, ...] = ("rdw", "bdw", "vbs", "length_field")


def main() -> None:
    """Print `name value unit`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=64)
    given = parser.parse_args()
    records = _records(given.megabytes * 1_000_000)
    for framing in FRAMINGS:
        scanner = _scanner(framing)
        out = io.BytesIO()
        write(records, scanner, out)
        data = out.getvalue()
        loop = LOOPS[framing]
        assert loop(data) == records, f"the script reads {framing} wrongly"
        ours = _best(lambda data=data, scanner=scanner: _scan(scanner, data), len(records))
        theirs = _best(lambda data=data, loop=loop: len(loop(data)), len(records))
        print(f"framing.{framing}.banyan {len(records) / ours:.0f} records/s")
        print(f"framing.{framing}.banyan_bytes {len(data) / ours / 1e6:.0f} MB/s")
        print(f"framing.{framing}.struct_loop {len(records) / theirs:.0f} records/s")
        print(f"framing.{framing}.ratio {theirs / ours:.2f} times")


def _records(size: int) -> list[bytes]:
    chance = random.Random(7)
    pool = []
    for _ in range(1000):
        note = chance.randbytes(chance.randint(14, 174))
        pool.append(_HALF.pack(6 + len(note)) + b"\0\0\0\1" + note)
    each = sum(map(len, pool))
    return pool * (size // each)


def _scanner(framing: Framing) -> Scanner:
    dialect = Dialect.named("ibm")
    [layout] = layouts(parse(COPYBOOK, source="claims.cpy"), dialect)
    spec = FrameSpec(length="REC-LEN") if framing == "length_field" else FrameSpec()
    return Scanner.of(framing, spec, layout, dialect.page("cp037"), "benchmark")


def _scan(scanner: Scanner, data: bytes) -> int:
    count = 0
    for part in scanner.scan(io.BytesIO(data)):
        assert isinstance(part, Spans), part
        count += len(part)
    return count


def _best(run: Callable[[], int], wanted: int) -> float:
    times = []
    for _ in range(3):
        start = time.process_time()
        assert run() == wanted
        times.append(time.process_time() - start)
    return min(times)


def _rdw(data: bytes) -> list[bytes]:
    found, at, size_at = [], 0, _HALF.unpack_from
    while at < len(data):
        (size,) = size_at(data, at)
        found.append(data[at + 4 : at + size])
        at += size
    return found


def _bdw(data: bytes) -> list[bytes]:
    found, at, size_at = [], 0, _HALF.unpack_from
    while at < len(data):
        (block,) = size_at(data, at)
        end = at + block
        at += 4
        while at < end:
            (size,) = size_at(data, at)
            found.append(data[at + 4 : at + size])
            at += size
    return found


def _vbs(data: bytes) -> list[bytes]:
    found, at, head = [], 0, struct.Struct(">HB").unpack_from
    held = b""
    while at < len(data):
        (block,) = _HALF.unpack_from(data, at)
        end = at + block
        at += 4
        while at < end:
            size, place = head(data, at)
            held += data[at + 4 : at + size]
            if place in (0, 2):  # whole, or its last segment
                found.append(held)
                held = b""
            at += size
    return found


def _length_field(data: bytes) -> list[bytes]:
    found, at, size_at = [], 0, _HALF.unpack_from
    while at < len(data):
        (size,) = size_at(data, at)
        found.append(data[at : at + size])
        at += size
    return found


#: What people write by hand, without a check of any word.
LOOPS: dict[Framing, Callable[[bytes], list[bytes]]] = {
    "rdw": _rdw,
    "bdw": _bdw,
    "vbs": _vbs,
    "length_field": _length_field,
}


if __name__ == "__main__":
    main()
