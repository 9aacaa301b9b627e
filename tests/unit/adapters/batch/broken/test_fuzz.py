"""Mutated files and copybooks: nothing but Banyan's own errors, and no input that hangs."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

_HERE = Path(__file__).parent


def _load(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


corpus: Any = _load("broken_corpus_for_fuzz", _HERE / "corpus.py")
fuzz: Any = _load("fuzz", _HERE / "fuzz.py")


def test_mutations_never_crash(tmp_path: Path) -> None:
    """A second of mutated files and copybooks of every kind end in rows, rejects, or an error of ours."""
    found = fuzz.run(corpus, 1.0, tmp_path)
    assert found["findings"] == []
    assert found["inputs"] > 60


#: What earlier runs found, by the seed that made it; each once crashed.
FOUND = [
    ("inspect xml", "0 7 inspect xml"),
    ("inspect fixed", "0 152 inspect fixed"),
    ("inspect lines", "5 16 inspect lines"),
    ("inspect xml", "7 8 inspect xml"),
    ("zip", "11 97 zip"),
]


@pytest.mark.parametrize(("name", "seed"), FOUND)
def test_what_was_found_stays_mended(name: str, seed: str, tmp_path: Path) -> None:
    """An input that once crashed is read, or refused by an error of ours."""
    good, reads = next((c, r) for n, c, r in fuzz.inputs(corpus, tmp_path) if n == name)
    with contextlib.suppress(corpus.BanyanError):
        reads(fuzz.mutated(good, fuzz.random.Random(seed)))


@pytest.mark.soak
@pytest.mark.timeout(1_900)
def test_fuzz_for_long(tmp_path: Path) -> None:
    """Ten minutes of processor time in a process of limited memory; the result is in docs/evidence."""
    evidence = _load("evidence_for_fuzz", _HERE.parents[3] / "evidence.py")
    done = subprocess.run(
        [sys.executable, str(_HERE / "fuzz.py"), "600", "7"], capture_output=True, text=True, timeout=1_800
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    limits = {"limit_seconds": fuzz.LIMIT_SECONDS, "limit_bytes": fuzz.LIMIT_BYTES}
    evidence.keep("fuzz", found | limits)
    assert found["findings"] == []
