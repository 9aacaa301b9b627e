"""Broken files of every kind: the expected outcome, no key lost in silence, a message that says what."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

spec = importlib.util.spec_from_file_location("broken_corpus", Path(__file__).with_name("corpus.py"))
assert spec and spec.loader
corpus = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = corpus
spec.loader.exec_module(corpus)
_GOOD_KEYS = {str(n) for n in corpus.NUMBERS}


@pytest.mark.parametrize("name", corpus.FILES)
def test_the_good_file_is_good(name: str, tmp_path: Path) -> None:
    """Unbroken, each file is read whole, so that what a case shows comes from the break."""
    result = corpus.read(corpus.Case("good", name, bytes, "read"), corpus.FILES[name], tmp_path)
    assert (result.outcome, result.keys) == ("read", _GOOD_KEYS), result.message


@pytest.fixture(scope="module")
def results() -> Any:
    """Every case with what became of it: each file is read once."""
    return corpus.results()


@pytest.mark.parametrize("at", range(len(corpus.CASES)), ids=[f"{c.format}: {c.name}" for c in corpus.CASES])
def test_a_broken_file_is_told(at: int, results: Any) -> None:
    """The outcome is the expected one; what is not read is rejected, held or refused, never deleted."""
    case, result = results[at]
    assert result.outcome == case.outcome, result.message
    rejected = {r.key_text for r in result.rejected}
    if not result.held and case.name != "only header and trailer, count 0":
        assert result.keys | rejected >= _GOOD_KEYS
    if result.outcome != "read":
        assert len(result.message) > 15
    if result.refused is not None:
        assert result.refused.fix, "a refusal says what to do"
    assert "Name" not in result.message and "NAME" not in result.message.replace("CLAIM.NAME", "")


def test_there_are_sixty_kinds() -> None:
    """At least sixty kinds, no two of one name."""
    assert len({(c.format, c.name) for c in corpus.CASES}) == len(corpus.CASES) >= 60


def test_the_page_is_current(results: Any) -> None:
    """docs/broken-files.md is what the table says now; its messages are the expected ones."""
    assert corpus.PAGE.read_text(encoding="utf-8") == corpus.page(results)
