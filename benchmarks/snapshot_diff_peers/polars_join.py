"""polars_join.py OLD NEW OUT: polars anti joins on whole rows, then by key; writes the images as CSV."""

import sys
import time

import polars as pl

old, new, out = sys.argv[1:]
start = time.perf_counter()
before, after = (pl.read_csv(path, infer_schema=False) for path in (old, new))
key = before.columns[0]
gone = before.join(after, on=before.columns, how="anti")
come = after.join(before, on=before.columns, how="anti")
found = gone.join(come, on=key, how="full", suffix="_after")
found.write_csv(out)
print(len(found), f"{time.perf_counter() - start:.4f}")
