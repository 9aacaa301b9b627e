"""duckdb_join.py OLD NEW OUT: DuckDB's full join on the first column, written as CSV with whole images."""

import sys
import time
from pathlib import Path

import duckdb

old, new, out = sys.argv[1:]
start = time.perf_counter()
base = duckdb.connect()
base.execute("SET threads = 2")
base.execute("SET preserve_insertion_order = false")
with Path(old).open(encoding="utf-8") as file:
    key, *columns = file.readline().strip().split(",")
differ = " OR ".join(f"o.{c} IS DISTINCT FROM n.{c}" for c in columns)
read = "read_csv('{}', header = true, all_varchar = true)"
base.execute(
    f"""COPY (SELECT o.*, n.* FROM {read.format(old)} o FULL JOIN {read.format(new)} n ON o.{key} = n.{key}
    WHERE o.{key} IS NULL OR n.{key} IS NULL OR {differ}) TO '{out}'"""
)
with Path(out).open(encoding="utf-8") as file:
    events = sum(1 for _ in file) - 1
print(events, f"{time.perf_counter() - start:.4f}")
