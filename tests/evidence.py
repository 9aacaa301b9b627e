"""The result of a long proof, kept under docs/evidence with what is needed to repeat it."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def peak() -> int:
    """Return the most memory that this process has held, in bytes.

    On Linux `ru_maxrss` starts at what the parent held when it forked: a long test run would be measured.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) << 10
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def keep(name: str, facts: dict[str, Any]) -> Path:
    """Write `docs/evidence/<name>.json`: the facts, and the commit, machine and day they were found on."""
    git = ["git", "-C", str(ROOT)]
    commit = subprocess.run(
        [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    dirty = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True).stdout
    path = ROOT / "docs" / "evidence" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    about = {
        "proof": name,
        "command": f"./banyan test soak {name}",
        "commit": commit + (" with changes" if dirty else ""),
        "day": time.strftime("%Y-%m-%d", time.gmtime()),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }
    path.write_text(json.dumps(about | facts, indent=2) + "\n")
    return path
