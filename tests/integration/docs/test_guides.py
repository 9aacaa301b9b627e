"""The guides' commands do what the guides say."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
spec = importlib.util.spec_from_file_location("guide_console", Path(__file__).with_name("console.py"))
assert spec and spec.loader
console = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = console
spec.loader.exec_module(console)


@pytest.mark.parametrize(
    "guide", sorted((console.ROOT / "docs" / "guides").glob("*.md")), ids=lambda p: p.stem
)
def test_a_guide_works_as_written(guide: Path, tmp_path: Path) -> None:
    """Each command of the guide succeeds, and its output holds the lines below it, in their order."""
    text = guide.read_text(encoding="utf-8")
    found = console.steps(text)
    assert found and "```sh" not in text
    try:
        for step in found:
            console.run(step, tmp_path)
            console.own_ports(tmp_path)
    finally:
        console.run(console.Step(0, "banyan down . || true", ()), tmp_path)


def test_a_wrong_guide_is_noticed(tmp_path: Path) -> None:
    """A line that a command does not print fails, with the command and its line."""
    (step,) = console.steps("```console\n$ echo one\ntwo\n```\n")
    with pytest.raises(AssertionError, match="line 2: echo one"):
        console.run(step, tmp_path)
