"""What a person sees on a narrow terminal, and a script in a pipe."""

import io
import sys
from collections.abc import Callable

import pytest

from hub.terminal import print_table, say_wrapped

COLUMNS = ["name", "state", "about"]
ROWS = [["a-rather-long-name-of-an-item", None, "word " * 20], ["b", "", "short"]]


class _Terminal(io.StringIO):
    """What is printed on a terminal of 60 columns."""

    def isatty(self) -> bool:
        return True


def _printed(monkeypatch: pytest.MonkeyPatch, show: Callable[[], None]) -> list[str]:
    """Return the lines that `show` prints on a narrow terminal."""
    stdout = _Terminal()
    with monkeypatch.context() as patch:
        for name, value in (("COLUMNS", "60"), ("NO_COLOR", "1"), ("TERM", "dumb")):
            patch.setenv(name, value)
        patch.setattr(sys, "stdout", stdout)
        show()
    return stdout.getvalue().splitlines()


def test_a_pipe_gets_whole_rows(capsys: pytest.CaptureFixture[str]) -> None:
    """In a pipe each row is one line, with every column and no blanks at its end."""
    print_table(COLUMNS, ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(ROWS)
    assert "state" in lines[0]
    assert all(line == line.rstrip() for line in lines)


def test_a_terminal_gets_what_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal no line is too long, an empty column is left out, and names stay in one piece."""
    lines = _printed(monkeypatch, lambda: print_table(COLUMNS, ROWS, whole=["name"]))
    assert max(map(len, lines)) <= 60
    assert "state" not in lines[0]
    assert any(line.startswith(ROWS[0][0]) for line in lines)


def test_a_sentence_is_wrapped_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long sentence keeps its words and its indentation."""
    lines = _printed(monkeypatch, lambda: say_wrapped("word " * 30, indent="    "))
    assert len(lines) > 2
    assert max(map(len, lines)) <= 60
    assert all(line.startswith("    ") for line in lines)


def test_a_sentence_is_one_line_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """A pipe gets a sentence as it is."""
    say_wrapped("word " * 30, indent="  ")
    assert capsys.readouterr().out == "  " + "word " * 30 + "\n"
