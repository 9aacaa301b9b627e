"""Long form: ten million rows are compared within half a gibibyte, in order and in no order."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.evidence import ROOT, keep

ROWS, CHANGED = 10_000_000, 1000
LIMIT = 512 << 20
_RUN = """
import json, sys, time
from pathlib import Path
from tests.evidence import peak
from adapters.compare.delimited import DelimitedSpec, DelimitedTable
from adapters.compare.differ import Comparison, Differ
folder = Path(sys.argv[1])
began = time.perf_counter()
tables = [DelimitedTable(folder / n, DelimitedSpec()) for n in ("old.csv", sys.argv[2])]
differ = Differ(*tables, Comparison(("id",)), work=folder)
for _ in differ:
    pass
seconds = time.perf_counter() - began
memory = peak()
print(json.dumps([differ.counts.updated, differ.counts.unchanged, memory, seconds]))
"""


@pytest.mark.soak
def test_soak_diff_memory(tmp_path):
    """Two files of ten million rows need less than 512 MiB, whether both are in order or one is backwards."""
    names = ("old.csv", "sorted.csv", "backwards.csv")
    old, ordered, backwards = ((tmp_path / name).open("w") for name in names)
    with old, ordered, backwards:
        for file in (old, ordered, backwards):
            file.write("id,name,amount\n")
        for i in range(ROWS):
            j = ROWS - 1 - i
            old.write(f"K{i:09d},SOMEBODY OF YORK AND LEEDS,{i % 977}\n")
            ordered.write(f"K{i:09d},SOMEBODY OF YORK AND LEEDS,{i % 977 + (i % CHANGED == 0)}\n")
            backwards.write(f"K{j:09d},SOMEBODY OF YORK AND LEEDS,{j % 977 + (j % CHANGED == 0)}\n")
    found = {}
    for name in ("sorted", "backwards"):
        done = subprocess.run(
            [sys.executable, "-c", _RUN, str(tmp_path), f"{name}.csv"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        updated, unchanged, memory, seconds = json.loads(done.stdout)
        assert updated == ROWS // CHANGED
        assert unchanged == ROWS - updated
        assert memory < LIMIT
        found[name] = {"updated": updated, "memory_mib": memory >> 20, "seconds": round(seconds, 1)}
    size = Path(tmp_path / "old.csv").stat().st_size
    keep("diff_memory", {"rows": ROWS, "bytes": size, "limit_mib": LIMIT >> 20, **found})
