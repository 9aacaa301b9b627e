"""Long form: ten million rows are compared within half a gibibyte."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROWS = 10_000_000
_RUN = """
import json, resource, sys
from pathlib import Path
from adapters.compare.delimited import DelimitedSpec, DelimitedTable
from adapters.compare.differ import Comparison, Differ
folder = Path(sys.argv[1])
tables = [DelimitedTable(folder / n, DelimitedSpec()) for n in ("old.csv", "new.csv")]
differ = Differ(*tables, Comparison(("id",)), work=folder)
for _ in differ:
    pass
unit = 1 if sys.platform == "darwin" else 1024
print(json.dumps([differ.counts.updated, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit]))
"""


@pytest.mark.soak
def test_soak_diff_memory(tmp_path):
    """Two files of ten million rows, one read backwards, need less than 512 MiB, every 1000th row changed."""
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    with old.open("w") as a, new.open("w") as b:
        a.write("id,name,amount\n")
        b.write("id,name,amount\n")
        for i in range(ROWS):
            a.write(f"K{i:09d},SOMEBODY OF YORK AND LEEDS,{i % 977}\n")
            j = ROWS - 1 - i
            b.write(f"K{j:09d},SOMEBODY OF YORK AND LEEDS,{j % 977 + (j % 1000 == 0)}\n")
    root = Path(__file__).resolve().parents[4]
    done = subprocess.run(
        [sys.executable, "-c", _RUN, str(tmp_path)], cwd=root, check=True, capture_output=True, text=True
    )
    updated, memory = json.loads(done.stdout)
    assert updated == ROWS // 1000
    assert memory < 512 << 20
