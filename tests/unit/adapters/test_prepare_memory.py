"""Long form: ten million records, half a million of them bad, are prepared within half a gibibyte."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.evidence import ROOT, keep

ROWS = 10_000_000
#: Every so many-th record has a bad amount, repeats a key, has changed on the second day, is gone then.
BAD, TWICE, CHANGED, GONE = 20, 1_000, 100, 500
LIMIT = 512 << 20
COPYBOOK = """\
       01  CLAIM-RECORD.
           05  CLAIM-ID        PIC 9(9) COMP.
           05  SURNAME         PIC X(30).
           05  NOTE            PIC X(23).
           05  WEEKLY-AMT      PIC S9(7)V99 COMP-3.
           05  STATUS-CD       PIC X.
"""
_RUN = """
import json, sys, time
from pathlib import Path
from tests.evidence import peak
from adapters.batch.spec import BatchSpec
from adapters.channel import bind
from adapters.prepare import prepare
from adapters.snapshot import Snapshots
folder, settings, base = Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
spec = BatchSpec.model_validate(settings)
adapter = spec.open(folder)
[extract] = adapter.poll()
channel = bind(spec, adapter.entities["claim"], "t.legacy.claim", prefix="t", ids=(1, 2), secret=None)
began = time.perf_counter()
spool = prepare(
    extract, spec=spec, channels={"claim": channel}, snapshots=Snapshots(folder / "snapshots"), base=base,
    spools=folder / "spools", dead_letters="dlq", secret=b"k" * 32,
)
seconds = time.perf_counter() - began
memory = peak()
manifest = spool.manifest
print(json.dumps([manifest.counts, manifest.files[-1].rows, manifest.snapshot, memory, seconds]))
"""
SETTINGS = {
    "kind": "batch",
    "name": "claims",
    "system": "legacy",
    "folder": "inbox",
    "copybook": "claims.cpy",
    "code_page": "cp037",
    "entity": "claim",
    "key": ["CLAIM-ID"],
    "min_age_seconds": 0,
}


def write(path: Path, *, second: bool) -> None:
    """Write a day's file; on the second day records have changed and are gone."""
    kind = np.dtype([("id", ">u4"), ("name", "S30"), ("note", "S23"), ("amount", "S5"), ("status", "S1")])
    with path.open("wb") as out:
        for start in range(0, ROWS, 1 << 20):
            number = np.arange(start, min(start + (1 << 20), ROWS))
            rows = np.empty(len(number), kind)
            rows["id"] = np.where(number % TWICE == 1, number - 1, number)
            rows["name"] = "SOMEBODY OF YORK AND LEEDS    ".encode("cp037")
            rows["note"] = "NOTHING TO BE SAID HERE".encode("cp037")
            rows["amount"] = np.where(number % BAD == 7, b"\xab\xcd\xef\xab\xcd", b"\x00\x01\x23\x45\x6c")
            rows["status"] = np.where(number % TWICE == 1, b"\xc2", b"\xc1")
            if second:
                rows["status"][number % CHANGED == 3] = b"\xc3"
                rows = rows[number % GONE != 4]
            out.write(rows.tobytes())


@pytest.mark.soak
def test_soak_prepare_memory(tmp_path):
    """Two days of ten million records with bad ones and repeated keys need less than 512 MiB each."""
    (tmp_path / "inbox").mkdir()
    (tmp_path / "claims.cpy").write_text(COPYBOOK)
    base, days = "", []
    for day in (1, 2):
        file = tmp_path / "inbox" / f"claims{day}.dat"
        write(file, second=day == 2)
        done = subprocess.run(
            [sys.executable, "-c", _RUN, str(tmp_path), json.dumps(SETTINGS), base],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        file.unlink()
        counts, letters, base, memory, seconds = json.loads(done.stdout)
        days.append(
            {"counts": counts, "memory_mib": memory >> 20, "records_per_second": round(ROWS / seconds)}
        )
        assert counts["rejected"] == letters
        assert memory < LIMIT
    # Of two records with one key and different content neither is believed.
    rejected = ROWS // BAD + 2 * (ROWS // TWICE)
    assert days[0]["counts"] == {
        "r": ROWS - rejected, "c": 0, "u": 0, "d": 0, "unchanged": 0, "rejected": rejected,
    }  # fmt: skip
    assert days[1]["counts"]["d"] == ROWS // GONE
    assert days[1]["counts"]["u"] == ROWS // CHANGED
    keep("prepare_memory", {"records": ROWS, "limit_mib": LIMIT >> 20, "days": days})
