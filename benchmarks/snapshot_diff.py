"""Change events between two CSV snapshots: `banyan diff` beside csv-diff (qsv's engine), DuckDB and others.

The others are polars and a dict. Files of 10 columns with 0.5 % changed, 0.2 % added and 0.2 % deleted rows,
sorted and shuffled; everyone
writes the whole images of each difference. Printed are the seconds inside the process (imports and start-up
left out), those of the whole process, its peak memory, and the ratios. csv-diff is built by cargo where there
is one; DuckDB and polars live in an environment of their own in the user's cache; who cannot be had is told.

    python benchmarks/snapshot_diff.py [--rows N] [--rounds N]
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
PEERS = Path(__file__).resolve().parent / "snapshot_diff_peers"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "banyan" / "peers"
HEADER = "claim_id,nino,surname,forename,dob,postcode,benefit,weekly_amount,status,updated\n"
SURNAMES = [
    "SMITH",
    "JONES",
    "TAYLOR",
    "WILLIAMS",
    "BROWN",
    "DAVIES",
    "EVANS",
    "WILSON",
    "THOMAS",
    "ROBERTS",
    "KHAN",
    "MACDONALD",
]
FORENAMES = ["JO", "MARGARET", "DAVID", "SARAH", "PAUL", "ELIZABETH", "ALI", "CHRISTINE"]


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took: seconds inside, seconds of the process, MiB, and how many events it wrote."""

    inside: float
    whole: float
    memory: float
    events: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many is printed")
    parser.add_argument("--inside", nargs=4, metavar=("WHO", "OLD", "NEW", "OUT"), help=argparse.SUPPRESS)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.write:
        print(_write_files(given.write, given.rows))
        return
    if given.inside:
        who, *paths = given.inside
        run = INSIDE[who]()
        start = time.perf_counter()
        run(*map(Path, paths))
        print(0, f"{time.perf_counter() - start:.4f}")
        return
    commands = {"banyan": [sys.executable, __file__, "--inside", "banyan"], **_peers()}
    commands["python_dict"] = [sys.executable, __file__, "--inside", "dict"]
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: the memory of a child is never told below that of its parent.
        write = [sys.executable, __file__, "--write", folder, "--rows", str(given.rows)]
        wanted = int(subprocess.run(write, check=True, capture_output=True, text=True).stdout)
        for order in ("sorted", "shuffled"):
            _compare(order, commands, Path(folder), given.rounds, wanted)


def _compare(order: str, commands: dict[str, list[str]], folder: Path, rounds: int, wanted: int) -> None:
    old, new, out = folder / "old.csv", folder / f"{order}.csv", folder / "out"
    best: dict[str, Run] = {}
    for _ in range(rounds):  # in turns, so that a busy machine is busy for all
        for name, command in commands.items():
            run = _run([*command, str(old), str(new), str(out)])
            assert run.events in (0, wanted), f"{name} wrote {run.events} events, not {wanted}"
            if name == "banyan":  # the whole process is the command itself
                options = ["--csv", "--key", "claim_id", "-o", str(out), "--json"]
                said = _run([sys.executable, "-m", "hub.cli", "diff", str(old), str(new), *options])
                assert said.events == wanted, f"banyan wrote {said.events} events, not {wanted}"
                run = Run(run.inside, said.whole, said.memory, wanted)
            was = best.get(name, run)
            best[name] = Run(
                min(run.inside, was.inside), min(run.whole, was.whole), min(run.memory, was.memory), wanted
            )
    for name, run in best.items():
        print(f"snapshot_diff.{order}.{name}.in_process {run.inside:.3f} s")
        print(f"snapshot_diff.{order}.{name}.whole_process {run.whole:.3f} s")
        print(f"snapshot_diff.{order}.{name}.memory {run.memory:.0f} MiB")
    for name, run in best.items():
        if name != "banyan":
            print(f"snapshot_diff.{order}.{name}.ratio {run.inside / best['banyan'].inside:.2f} times")


def _run(command: list[str]) -> Run:
    """Run a command that prints `events seconds`, or the figures of `banyan diff --json`."""
    start = time.perf_counter()
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    whole = time.perf_counter() - start
    assert process.returncode in (0, 1), f"{command} ended with {process.returncode}"
    memory = usage.ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20)
    if said.startswith("{"):
        counts = json.loads(said)
        return Run(whole, whole, memory, counts["created"] + counts["updated"] + counts["deleted"])
    events, inside = said.split()[-2:]
    return Run(float(inside), whole, memory, int(events))


def _banyan() -> Callable[[Path, Path, Path], None]:
    import pyarrow.compute
    import pyarrow.csv  # noqa: F401 - a command loads them while it compares

    from adapters.compare.differ import Differ
    from adapters.compare.report import JsonLines
    from adapters.compare.request import comparison, delimited

    def run(old: Path, new: Path, out: Path) -> None:
        asked = comparison(["claim_id"], [], [], "error")
        before, after = (delimited(path, {}) for path in (old, new))
        with out.open("wb") as sink:
            JsonLines(asked, tuple(after.columns)).write(Differ(before, after, asked), sink)

    return run


def _dict() -> Callable[[Path, Path, Path], None]:
    """What a hand-written script does: the old file in a dict, the new one read along it."""

    def run(old: Path, new: Path, out: Path) -> None:
        with old.open(newline="") as before, new.open(newline="") as after, out.open("w", newline="") as sink:
            rows, write = csv.reader(before), csv.writer(sink).writerow
            next(rows)
            known = {row[0]: row for row in rows}
            rows = csv.reader(after)
            next(rows)
            for row in rows:
                was = known.pop(row[0], None)
                if was != row:
                    write([*(was or []), *row])
            for row in known.values():
                write(row)

    return run


#: Who runs in this program, imports first.
INSIDE = {"banyan": _banyan, "dict": _dict}


def _peers() -> dict[str, list[str]]:
    """Return the peers that can be had here, built or installed; say why others cannot."""
    found: dict[str, list[str]] = {}
    for name, make in (("csv_diff", _csv_diff), ("duckdb", _duckdb), ("polars", _polars)):
        try:
            found[name] = make()
        except (OSError, subprocess.SubprocessError) as error:
            print(f"snapshot_diff: without {name}: {type(error).__name__}", file=sys.stderr)
    return found


def _csv_diff() -> list[str]:
    cargo = shutil.which("cargo")
    if cargo is None:
        raise FileNotFoundError("cargo")
    target = CACHE / "csv_diff"
    # Built in a copy: cargo writes its lock file beside the manifest.
    shutil.copytree(PEERS / "csv_diff", target / "source", dirs_exist_ok=True)
    _quietly([cargo, "build", "--release", "--quiet", "--target-dir", str(target)], cwd=target / "source")
    return [str(target / "release" / "csv_diff_peer")]


def _duckdb() -> list[str]:
    return [str(_environment()), str(PEERS / "duckdb_join.py")]


def _polars() -> list[str]:
    return [str(_environment()), str(PEERS / "polars_join.py")]


def _environment() -> Path:
    folder = CACHE / f"snapshot_diff-{sys.version_info.major}.{sys.version_info.minor}"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        uv = shutil.which("uv")
        if uv:
            _quietly([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)])
            _quietly([uv, "pip", "install", "--quiet", "--python", str(python), "duckdb", "polars"])
        else:
            _quietly([sys.executable, "-m", "venv", "--clear", str(folder)])
            _quietly([str(python), "-m", "pip", "install", "--quiet", "duckdb", "polars"])
        (folder / "ready").touch()
    return python


def _quietly(command: list[str], cwd: Path | None = None) -> None:
    subprocess.run(command, cwd=cwd, check=True, timeout=600, capture_output=True)


def _write_files(folder: Path, n: int) -> int:
    """Write old.csv (sorted), sorted.csv and shuffled.csv; return how many events there must be."""
    chance = random.Random(7)
    gone = set(chance.sample(range(n), n // 500))
    stay = [i for i in range(n) if i not in gone]
    changed = set(chance.sample(stay, n // 200))
    rows = [_row(i, changed=i in changed) for i in stay] + [_row(i) for i in range(n, n + n // 500)]
    with (folder / "old.csv").open("w") as file:
        file.write(HEADER)
        file.writelines(map(_row, range(n)))
    for order in ("sorted", "shuffled"):
        if order == "shuffled":
            chance.shuffle(rows)
        with (folder / f"{order}.csv").open("w") as file:
            file.write(HEADER)
            file.writelines(rows)
    return len(changed) + 2 * (n // 500)


def _row(i: int, *, changed: bool = False) -> str:
    amount, status = ("999.99", "X") if changed else (f"{i % 400}.{i % 100:02d}", "LCS"[i % 3])
    born = f"{1930 + i % 75:04d}-{1 + i % 12:02d}-{1 + i % 28:02d}"
    updated = f"2024-{1 + i // 7 % 12:02d}-{1 + i // 3 % 28:02d}"
    nino, postcode = f"QQ{i * 7919 % 1000000:06d}{'ABCD'[i % 4]}", f"SW{i % 20}A {i % 9}AA"
    return (
        f"C{i:09d},{nino},{SURNAMES[i % 12]},{FORENAMES[i // 12 % 8]},{born},{postcode},"
        f"{('ESA', 'JSA', 'PIP', 'CA')[i % 4]},{amount},{status},{updated}\n"
    )


if __name__ == "__main__":
    main()
