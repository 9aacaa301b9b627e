"""Records a second from EBCDIC bytes to Arrow columns, in one thread, beside the per-record twin.

Run: python benchmarks/batch_decode.py [records]
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable

import numpy as np

from adapters.batch.codec import RecordCodec
from adapters.batch.codepage import CodePage
from adapters.batch.copybook import layouts, parse
from adapters.batch.decoder import decode
from adapters.batch.record_twin import decode_record
from adapters.batch.plan import plan

#: 63 bytes, ten fields: the narrow record of the published copybook benchmarks.
NARROW = """
       01  TRANSACTION.
           05  ACCOUNT        PIC 9(9).
           05  BRANCH         PIC X(4).
           05  KIND           PIC X(2).
           05  AMOUNT         PIC S9(9)V99 COMP-3.
           05  BALANCE        PIC S9(9)V99.
           05  SEQUENCE-NO    PIC 9(9) COMP.
           05  POSTED         PIC 9(8).
           05  REFERENCE      PIC X(12).
           05  RATE           PIC S9(3)V99 COMP-3.
           05  CHANNEL        PIC X(4).
"""
#: Records decoded at once: as many as a 16 MiB chunk holds, cut in four.
BLOCK = 1 << 16


def main() -> None:
    """Print `name value unit`, best of three."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    layout = layouts(parse(NARROW))[0]
    made = plan(layout, system="bench", entity="narrow", key=["SEQUENCE-NO"])
    page = CodePage.named("cp037")
    sample = _records(4096)
    data = np.frombuffer((sample * (wanted // 4096 + 1))[: wanted * layout.length], np.uint8)
    view = data.reshape(-1, layout.length)

    def columns() -> int:
        for start in range(0, len(view), BLOCK):
            assert not decode(view[start : start + BLOCK], made, page).bad
        return len(view)

    def singly() -> int:
        few = view[: max(1, wanted // 50)]
        for row in few:
            decode_record(row.tobytes(), made, page)
        return len(few)

    for name, run in (("columns", columns), ("per_record_twin", singly)):
        rate = _best(run)
        print(f"narrow_{name} {rate:,.0f} records/s ({rate * layout.length / 1e6:.0f} MB/s)")


def _best(run: Callable[[], int]) -> float:
    rates = []
    for _ in range(3):
        start = time.perf_counter()
        rates.append(run() / (time.perf_counter() - start))
    return max(rates)


def _records(count: int) -> bytes:
    chance, codec = random.Random(63), RecordCodec(NARROW, code_page="cp037")
    return b"".join(
        codec.encode(
            {
                "ACCOUNT": chance.randrange(10**9), "BRANCH": "0042", "KIND": chance.choice(["DD", "SO"]),
                "AMOUNT": chance.randrange(-(10**9), 10**9) / 100,
                "BALANCE": chance.randrange(-(10**9), 10**9) / 100,
                "SEQUENCE-NO": i, "POSTED": 20261101 + i % 28, "REFERENCE": f"REF{chance.randrange(10**6)}",
                "RATE": chance.randrange(-999, 999) / 100, "CHANNEL": "WEB",
            }
        )
        for i in range(count)
    )  # fmt: skip


if __name__ == "__main__":
    main()
