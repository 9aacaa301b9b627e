"""Freshness: how long a change takes from the file's arrival, and from its append to Kafka, to the row.

A file of 2,000 EBCDIC records arrives twice a second, each time with 100 changed rows. The adapter and the
worker run as processes of their own on the embedded Kafka. Arrival → visible is timed from outside, from the
rename into the inbox until the read model answers with the new version; append → visible is the worker's own
histogram (bucket bounds, at most a factor 1.6 above the truth).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from adapters.batch.codec import RecordCodec
from connectors.readmodel.freshness import quantile
from hub.embedded.ports import Ports
from hub.embedded.start import Tuning, start

COPYBOOK = """\
       01  ACCOUNT-RECORD.
           05  ACCOUNT-ID           PIC X(8).
           05  BALANCE              PIC S9(7)V99 COMP-3.
           05  VERSION-NO           PIC 9(6).
"""
ROWS, CHANGED = 2_000, 100


def main(argv: list[str] | None = None) -> None:
    """Print p50 and p99 of both figures, in seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=40, help="how many files arrive")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        services = start(Path(folder) / "services", ports=Ports.free(), tuning=Tuning(train=False))
        try:
            estate = Path(folder) / "estate"
            inbox = write_estate(estate, services.bootstrap, services.registry_url)
            measure(estate, inbox, options.files)
        finally:
            services.stop()


def measure(estate: Path, inbox: Path, files: int) -> None:
    """Let the files arrive and print the figures."""
    read_model = estate / ".banyan" / "readmodel" / "account.v1.sqlite"
    codec = RecordCodec(COPYBOOK, code_page="cp037")
    versions = dict.fromkeys(range(ROWS), 1)
    with processes(estate):
        waited = []
        for number in range(files + 1):
            if number:
                for key in range(CHANGED):
                    versions[(number * CHANGED + key) % ROWS] += 1
            last = (number * CHANGED + CHANGED - 1) % ROWS
            began = time.perf_counter()
            deliver(inbox, number, codec, versions)
            wait_for(read_model, last, versions[last])
            waited.append(time.perf_counter() - began)
            if number == 0:  # the first load waits for the parts to start: it is not counted
                first = append_counts(read_model)
            time.sleep(max(0.0, 0.5 - waited[-1]))
        append = append_counts(read_model) - first
    cuts = statistics.quantiles(waited[1:], n=100, method="inclusive")
    print(f"freshness_arrival_to_visible_p50 {cuts[49]:.3f} s")
    print(f"freshness_arrival_to_visible_p99 {cuts[98]:.3f} s")
    print(f"freshness_append_to_visible_p50 {quantile(append, 0.50):.4f} s")
    print(f"freshness_append_to_visible_p99 {quantile(append, 0.99):.4f} s")


def append_counts(read_model: Path) -> np.ndarray:
    """Return the worker's histogram of append → visible so far."""
    with contextlib.closing(sqlite3.connect(f"file:{read_model}?mode=ro", uri=True)) as database:
        stored = database.execute("SELECT value FROM stats WHERE name = 'append_to_visible'").fetchone()
    return np.array(json.loads(stored[0]), np.int64)


def deliver(inbox: Path, number: int, codec: RecordCodec, versions: dict[int, int]) -> None:
    """Write one full extract and move it into place."""
    hidden = inbox / f".day{number}"
    hidden.write_bytes(
        b"".join(
            codec.encode({"ACCOUNT-ID": f"A{key:07d}", "BALANCE": f"{version}.50", "VERSION-NO": version})
            for key, version in versions.items()
        )
    )
    hidden.rename(inbox / f"ACCOUNTS.{20260000 + number:08d}.dat")


def wait_for(read_model: Path, key: int, version: int, patience: float = 60.0) -> None:
    """Wait until the row has this version."""
    deadline = time.perf_counter() + patience
    while time.perf_counter() < deadline:
        with (
            contextlib.suppress(sqlite3.OperationalError),
            contextlib.closing(sqlite3.connect(f"file:{read_model}?mode=ro", uri=True)) as database,
        ):
            row = database.execute(
                "SELECT version_no FROM rows WHERE account_id = ?", (f"A{key:07d}",)
            ).fetchone()
            if row and row[0] >= version:
                return
        time.sleep(0.002)
    raise TimeoutError(f"the row of key {key} did not come within {patience} s")


def write_estate(folder: Path, bootstrap: str, registry: str) -> Path:
    """Write the estate's files; return the inbox."""
    adapter = folder / "adapters" / "accounts"
    inbox = adapter / "inbox"
    inbox.mkdir(parents=True)
    (folder / "projections").mkdir()
    (folder / "banyan.toml").write_text(
        f'prefix = "bench"\nbootstrap = "{bootstrap}"\n[registry]\nurl = "{registry}"\n'
    )
    (adapter / "accounts.cpy").write_text(COPYBOOK)
    (adapter / "adapter.toml").write_text(
        'kind = "batch"\nname = "accounts"\nsystem = "bank"\nentity = "account"\nkey = ["ACCOUNT-ID"]\n'
        'folder = "inbox"\narchive = "archive"\npattern = "ACCOUNTS.*.dat"\ncopybook = "accounts.cpy"\n'
        'code_page = "cp037"\nframing = "fixed"\nevery_seconds = 0.1\nmin_age_seconds = 0\n'
    )
    (folder / "projections" / "account.py").write_text(
        '"""Rows of the bank."""\n\nfrom streams.projection import row_projection\n\n'
        'account = row_projection(name="account", version=1, source="bank.account", collection="accounts")\n'
    )
    return inbox


@contextlib.contextmanager
def processes(estate: Path):
    """Run the adapter and the worker of the estate while the body runs."""
    running = [
        subprocess.Popen([sys.executable, "-m", "hub.cli", *part, str(estate)], stderr=subprocess.DEVNULL)
        for part in (["adapter", "run"], ["worker"])
    ]
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(15)


if __name__ == "__main__":
    main()
