"""`banyan test`: format, lint, types, then the tests; each step ends with its own line."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from hub.terminal import NO, note, say
from schemas.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent.parent
SUITES = ("unit", "integration", "e2e")
#: The whole unit suite runs on every core; a file stays whole, as its tests share what it starts. More than
#: four processes gain nothing: each spends some seconds on importing what it tests.
_ON_EVERY_CORE = ("--numprocesses=logical", "--maxprocesses=4", "--dist=loadfile")


def add_to(app: typer.Typer) -> None:
    """Register `test`."""
    app.command(
        epilog="Example: banyan test unit schemas -- -x",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )(test)


def test(
    context: typer.Context,
    suite: Annotated[
        str | None, typer.Argument(metavar="[unit|integration|e2e|soak]", help="Only this suite.")
    ] = None,
    name: Annotated[
        str | None, typer.Argument(help="Only what lies below this folder or matches this name.")
    ] = None,
) -> None:
    """Run format, lint, types and all tests, or one suite; arguments after `--` go to pytest."""
    if not (ROOT / "tests").is_dir():
        raise SettingsError(
            "the tests are not here", where=str(ROOT), fix="run this from a clone of the repository"
        )
    extra = [a for a in context.args if a != "--"]
    if suite and suite.startswith("-"):  # `banyan test -- -x` fills the arguments with pytest's
        extra = [suite, *([name] if name else []), *extra]
        suite = name = None
    elif name and name.startswith("-"):
        extra = [name, *extra]
        name = None
    if suite is None:
        steps = [*_static(), *((s, _pytest(s, None, extra)) for s in SUITES)]
    elif suite in (*SUITES, "soak"):
        steps = [(suite, _pytest(suite, name, extra))]
    else:
        raise SettingsError(
            f"no test suite {suite!r}", where="banyan test", fix="choose unit, integration, e2e or soak"
        )
    failed = [label for label, command in steps if not _step(label, command)]
    if failed:
        note(f"failed: {', '.join(failed)}")
        raise typer.Exit(NO)


def _static() -> list[tuple[str, list[str]]]:
    """The steps that run no code of ours."""
    return [
        ("format", [sys.executable, "-m", "ruff", "format", "--check", "."]),
        ("lint", [sys.executable, "-m", "ruff", "check", "."]),
        ("types", [sys.executable, "-m", "mypy"]),
    ]


def _pytest(suite: str, name: str | None, extra: list[str]) -> list[str]:
    """The pytest command of a suite; `soak` is every test with that mark, wherever it lies."""
    command = [sys.executable, "-m", "pytest", "-q"]
    if suite == "soak":
        command += ["-m", "soak", "tests"]
    else:
        folder = ROOT / "tests" / suite / name if name else None
        if folder is not None and folder.exists():
            command += ["-m", "not soak", str(folder.relative_to(ROOT))]
            name = None
        else:
            command += ["-m", "not soak", f"tests/{suite}"]
        # With arguments of pytest's (-x, --pdb, -s) somebody is looking at a test: one process, in order.
        if suite == "unit" and folder is None and not extra:
            command += _ON_EVERY_CORE
    if name:
        command += ["-k", name]
    return command + extra


def _step(label: str, command: list[str]) -> bool:
    """Run one step; say in one line how it ended."""
    start = time.monotonic()
    # Bytecode is kept, beside the other caches of the tools, also where Python is told not to write it: else
    # each process that a test starts compiles Banyan anew, and pytest rewrites the asserts of every file.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    code = subprocess.call(command, cwd=ROOT, env=environment)  # noqa: S603 - our own interpreter and tools
    nothing = "pytest" in command and code == 5  # pytest's code for "no tests were collected"
    ok = code == 0
    outcome = "ok" if ok else "no tests matched" if nothing else f"FAILED (exit code {code})"
    say(f"{label}: {outcome} ({time.monotonic() - start:.1f} s)")
    return ok
