"""`banyan diff`: exit codes, formats and wrong use."""

from __future__ import annotations

import json

import pytest

from hub.cli import main


@pytest.fixture
def files(tmp_path):
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    old.write_text("id,n\n1,a\n2,b\n")
    new.write_text("id,n\n2,b\n1,c\n")
    return str(old), str(new)


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(["diff", *arguments])
    return int(caught.value.code or 0)


def test_differences_are_exit_code_1(files, tmp_path, capfdbinary):
    """Events go to stdout or to a file, the figures beside them."""
    out = tmp_path / "events.jsonl"
    assert run(*files, "--csv", "--key", "id") == 1
    said, noted = capfdbinary.readouterr()
    assert json.loads(said)["op"] == "u" and b"1 updated" in noted
    assert run(*files, "--csv", "--key", "id", "-o", str(out), "--json") == 1
    assert json.loads(out.read_text())["changed"] == ["n"]
    assert json.loads(capfdbinary.readouterr().out)["updated"] == 1


def test_the_same_is_exit_code_0(files, capfdbinary):
    """A file compared with itself, or one whose changes do not count, is the same."""
    assert run(files[0], files[0], "--csv", "--key", "id") == 0
    assert run(*files, "--csv", "--key", "id", "--ignore", "n", "--to", "summary") == 0
    assert b"unchanged" in capfdbinary.readouterr().out


@pytest.mark.parametrize(
    "wrong",
    [
        ["--key", "id"],
        ["--csv", "--key", "nobody"],
        ["--csv", "--key", ","],
        ["--csv", "--key", "id", "--to", "xml"],
        ["--csv", "--key", "id", "--duplicates", "many"],
        ["--csv", "--key", "id", "--tolerance", "n"],
        ["--csv", "--key", "id", "--set", "delimiter"],
        ["--csv", "--key", "id", "--set", "delimiters=;"],
        ["--csv", "--copybook", "x.cpy", "--key", "id"],
        ["--csv", "--key", "id", "--ignore", "nobody"],
    ],
)
def test_wrong_use_is_exit_code_2(files, wrong, capfd):
    """Whatever is misspelt is told with what to do."""
    assert run(*files, *wrong) == 2
    assert "to do:" in capfd.readouterr().err


def test_a_file_that_is_not_there_is_wrong_use(files, capfd):
    """A missing file is told by its path."""
    assert run("nowhere.csv", files[1], "--csv", "--key", "id") == 2
    assert "nowhere.csv" in capfd.readouterr().err
