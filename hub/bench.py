"""Find and run the benchmarks: `benchmarks/*.py`, each a script that prints `name value unit` lines."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.errors import SettingsError

FOLDER = Path(__file__).resolve().parent.parent / "benchmarks"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One script below `benchmarks/` that has a `main`."""

    name: str
    path: Path
    about: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One printed line `name value unit`."""

    name: str
    value: float
    unit: str

    @property
    def shown(self) -> str:
        """The value with thousands separators, and decimals only where they say something."""
        return f"{self.value:,.0f}" if abs(self.value) >= 1000 else f"{self.value:,.4g}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one benchmark printed and whether it ended well."""

    benchmark: Benchmark
    figures: list[Figure]
    ok: bool
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "name": self.benchmark.name,
            "ok": self.ok,
            "seconds": round(self.seconds, 3),
            "figures": [{"name": f.name, "value": f.value, "unit": f.unit} for f in self.figures],
        }


def find(name: str | None = None, folder: Path = FOLDER) -> list[Benchmark]:
    """Return the benchmarks in `folder`, or the one called `name`.

    Raises:
        SettingsError: there is none.
    """
    found = []
    for path in sorted(folder.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body):
            about = (ast.get_docstring(tree) or "").partition("\n")[0]
            found.append(Benchmark(path.stem, path, about))
    chosen = [b for b in found if name in (None, b.name)]
    if not chosen:
        known = ", ".join(b.name for b in found) or "none"
        raise SettingsError(f"no benchmark {name!r}", where=str(folder), fix=f"choose from: {known}")
    return chosen


def run(benchmark: Benchmark) -> Outcome:
    """Run one benchmark in its own process, so that none warms another's caches or holds its memory."""
    start = time.monotonic()
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(benchmark.path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=benchmark.path.parent.parent,
    )
    figures = [figure for line in done.stdout.splitlines() if (figure := parse_figure(line))]
    return Outcome(benchmark, figures, done.returncode == 0, time.monotonic() - start)


def parse_figure(line: str) -> Figure | None:
    """Return the figure on a line `name value unit`, or None where the line is something else."""
    parts = line.split(maxsplit=2)
    if len(parts) < 2:
        return None
    try:
        value = float(parts[1].replace(",", ""))
    except ValueError:
        return None
    return Figure(parts[0], value, parts[2] if len(parts) == 3 else "")
