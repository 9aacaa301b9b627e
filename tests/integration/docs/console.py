"""Commands of a guide's ```console blocks, run in order in one folder; what they print is compared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from hub.embedded.ports import Ports

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Step:
    """One command and the lines that its output must hold, in this order; `…` stands for anything."""

    line: int
    command: str
    expected: tuple[str, ...]


def steps(text: str, kind: str = "console") -> list[Step]:
    found: list[Step] = []
    inside = False
    command, expected, at = "", [], 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            if inside and command:
                found.append(Step(at, command, tuple(expected)))
            inside, command, expected = (not inside and line == f"```{kind}"), "", []
        elif inside and line.startswith("$ "):
            if command:
                found.append(Step(at, command, tuple(expected)))
            command, expected, at = line[2:], [], number
        elif inside and line.strip():
            expected.append(line)
    return found


def own_ports(folder: Path) -> None:
    """Give the estate of a guide ports that nobody uses: several tests run on one machine."""
    settings = folder / "banyan.toml"
    if settings.is_file() and "[embedded]" not in (text := settings.read_text()):
        ports = asdict(Ports.free()).items()
        settings.write_text(f"{text}[embedded]\n" + "".join(f"{name} = {port}\n" for name, port in ports))


def run(step: Step, folder: Path) -> None:
    """Run one step as a shell would, with `banyan` and `$BANYAN` as in a checkout."""
    tools = folder / ".tools"
    tools.mkdir(exist_ok=True)
    for name, start in (("banyan", " -m hub.cli"), ("python", "")):
        (tools / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{start} "$@"\n')
        (tools / name).chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "BANYAN": str(ROOT),
        "COLUMNS": "400",
    }  # fmt: skip
    done = subprocess.run(
        ["bash", "-c", step.command], cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, f"line {step.line}: {step.command}\n{said}"
    rest = said
    for line in step.expected:
        pattern = ".*".join(re.escape(part.strip()) for part in line.split("…"))
        match = re.search(pattern.replace(r"\ ", r"\s+"), rest)
        assert match, f"line {step.line}: {step.command}\nmissing: {line}\n{said}"
        rest = rest[match.end() :]
