"""Delimited rows a second, from bytes to typed columns on one core, beside pyarrow.csv and Python's csv.

The three read the same bytes to the same columns; pyarrow.csv gives neither byte offsets nor the bytes of
rejected records, Python's csv neither types nor columns (these are made here as its users make them).

Run: python benchmarks/delimited.py [rows]
"""

from __future__ import annotations

import csv
import datetime
import io
import random
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.csv

from adapters.batch.format_spec import FormatSpec

FIELDS = [
    "ID:integer(9)", "NINO", "SURNAME", "AMOUNT:decimal(9,2)", "STARTED:date", "NOTE", "DAYS:integer(4)",
    "TOWN", "OFFICE:integer(6)", "KIND",
]  # fmt: skip
TYPES = {
    "ID": pa.int32(), "NINO": pa.string(), "SURNAME": pa.string(), "AMOUNT": pa.decimal128(9, 2),
    "STARTED": pa.date32(), "NOTE": pa.string(), "DAYS": pa.int32(), "TOWN": pa.string(),
    "OFFICE": pa.int32(), "KIND": pa.string(),
}  # fmt: skip


def main() -> None:
    """Print `name value unit`, best of three, by processor time."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
    pa.set_cpu_count(1)
    for style, quoting in (("plain", csv.QUOTE_MINIMAL), ("quoted", csv.QUOTE_NONNUMERIC)):
        data = _file(wanted, quoting)
        for name, run, share in (
            ("banyan", _banyan, 1),
            ("pyarrow_csv", _arrow, 1),
            ("python_csv", _python, 10),
        ):
            few = data if share == 1 else _file(wanted // share, quoting)
            rows, seconds = _best(lambda few=few, run=run: run(few))  # type: ignore[misc]
            rate = rows / seconds
            print(f"{style}_{name} {rate:,.0f} rows/s ({rate * len(data) / wanted / 1e6:.0f} MB/s)")


def _banyan(data: bytes) -> int:
    spec = FormatSpec.model_validate(
        {"format": "delimited", "entity": "claim", "key": ["ID"], "delimited": {"fields": FIELDS}}
    )
    reading = spec.read_as(Path(), system="bench").reading("bench.csv", len(data))
    return sum(rows.batch.num_rows for chunk in reading.chunks(io.BytesIO(data)) for rows in chunk.rows)


def _arrow(data: bytes) -> int:
    made = pyarrow.csv.read_csv(
        pa.BufferReader(data),
        read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=4 << 20),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=TYPES, strings_can_be_null=True, null_values=[""]
        ),
    )
    return made.num_rows  # type: ignore[no-any-return]


def _python(data: bytes) -> int:
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(data), "utf-8", newline=""))
    next(reader)
    count = 0
    for row in reader:
        row[0] = int(row[0])  # type: ignore[call-overload]
        row[3] = Decimal(row[3])  # type: ignore[call-overload]
        row[4] = datetime.date.fromisoformat(row[4])  # type: ignore[call-overload]
        row[6], row[8] = int(row[6]), int(row[8])  # type: ignore[call-overload]
        count += 1
    return count


def _best(run: Callable[[], int]) -> tuple[int, float]:
    best, rows = float("inf"), 0
    for _ in range(3):
        start = time.process_time()
        rows = run()
        best = min(best, time.process_time() - start)
    return rows, best


def _file(rows: int, quoting: int) -> bytes:
    chance = random.Random(10)
    towns = ["London", "Leeds", "York, North", "Bath", "Ely"]
    out = io.StringIO()
    writer = csv.writer(out, quoting=quoting)  # type: ignore[arg-type]
    writer.writerow([field.partition(":")[0] for field in FIELDS])
    start = datetime.date(2001, 1, 1)
    for i in range(rows):
        writer.writerow(
            [
                i, f"AB{chance.randrange(10**6):06}C", chance.choice(["Smith", "Jones", "O'Neil", "Brown"]),
                Decimal(chance.randrange(10**7)) / 100, start + datetime.timedelta(chance.randrange(9000)),
                "some text here", chance.randrange(10**4), chance.choice(towns), chance.randrange(10**6), "x",
            ]
        )  # fmt: skip
    return out.getvalue().encode()


if __name__ == "__main__":
    main()
