"""Rows a second into the PostgreSQL read model: workers as processes, each with its own partition.

`python -m benchmarks.postgres_rows [--workers 2] [--rows 400000] [--keys 200000]`. The server runs beside
them on the same processors, from the test's wheel with its default durability.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time

from connectors.readmodel.postgres import PostgresReadModel
from connectors.readmodel.store import Change
from connectors.readmodel.table import Column, Kind, Table

BATCH = 20_000
TOPIC = "bench.claim"
KINDS: tuple[Kind, ...] = ("text", "text", "text", "date", "text", "text", "decimal", "text", "date", "date")
TABLE = Table(tuple(Column(f"c{i}", f"C{i}", kind, nullable=i > 0) for i, kind in enumerate(KINDS)), ("c0",))


def batches(partition: int, rows: int, keys: int) -> list[Change]:
    """Return what a worker stores: `rows` rows over `keys` keys, a batch's keys distinct."""
    made = []
    for first in range(0, rows, BATCH):
        n = min(BATCH, rows - first)
        upserts = [
            (f"QQ{partition}{(first + i) % keys:07d}", "SURNAME", "JO", "1970-01-01", "SW1A 2AA", "ESA",
             f"{first % 1000}.80", "LIVE", "2019-04-01", None, partition, first + i, first)
            for i in range(n)
        ]  # fmt: skip
        made.append(Change((TOPIC, partition), first, first + n, TABLE, upserts, events=n))
    return made


def work(url: str, partition: int, rows: int, keys: int, ready: object, go: object) -> None:
    """Store everything as one worker does."""
    store = PostgresReadModel(url, "bench.claim.v1", topic=TOPIC)
    store.ensure(TABLE)
    store.claim([(TOPIC, partition)])
    changes = batches(partition, rows, keys)
    ready.release()  # type: ignore[attr-defined]
    go.wait()  # type: ignore[attr-defined]
    for change in changes:
        store.apply(change)
    store.close()


def main() -> None:
    """Run it and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rows", type=int, default=400_000, help="a worker")
    parser.add_argument("--keys", type=int, default=200_000, help="a worker")
    given = parser.parse_args()
    from tests.postgres import running_postgres

    with running_postgres() as server:
        ready, go = multiprocessing.Semaphore(0), multiprocessing.Event()
        processes = [
            multiprocessing.Process(target=work, args=(server.url, p, given.rows, given.keys, ready, go))
            for p in range(given.workers)
        ]
        for process in processes:
            process.start()
        for _ in processes:
            ready.acquire()
        began = time.perf_counter()
        go.set()
        for process in processes:
            process.join()
        seconds = time.perf_counter() - began
    rows = given.rows * given.workers
    print(json.dumps({"workers": given.workers, "rows": rows, "rows_per_second": round(rows / seconds)}))


if __name__ == "__main__":
    main()
