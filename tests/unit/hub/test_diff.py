"""`banyan diff`: exit codes, formats and wrong use."""

from __future__ import annotations

import json
import os
import threading

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


COPYBOOK = """
       01  CLAIM.
           05  CLAIM-ID  PIC 9(3).
           05  STATUS    PIC X.
"""


@pytest.fixture
def records(tmp_path):
    (tmp_path / "c.cpy").write_text(COPYBOOK)
    (tmp_path / "old.dat").write_bytes(b"001A002B")
    (tmp_path / "new.dat").write_bytes(b"001A002C")
    return tmp_path


def compared(folder, new) -> int:
    old, copybook = str(folder / "old.dat"), str(folder / "c.cpy")
    return run(old, str(new), "--copybook", copybook, "--key", "CLAIM-ID", "--set", "code_page=ascii")


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (b"\xf0\xf0\xf1\xc1\xf0\xf0\xf2\xc2", 2, "no record can be decoded"),
        (b"0", 2, "does not fit"),
        (b"001A002B00", 3, "not complete"),
        (b"", 3, "no record"),
    ],
)
def test_a_file_of_other_settings_is_wrong_use_and_a_cut_one_is_not(records, capfd, content, code, said):
    """Where no record can be decoded, the settings are wrong; what is cut off must be asked for again."""
    (records / "odd.dat").write_bytes(content)
    assert compared(records, records / "odd.dat") == code
    assert said in capfd.readouterr().err


@pytest.fixture
def pipe(tmp_path):
    """A pipe by its path, as a shell's `<(command)` gives one."""
    made = []

    def fill(content: bytes) -> str:
        path = tmp_path / f"pipe{len(made)}"
        os.mkfifo(path)
        made.append(threading.Thread(target=path.write_bytes, args=(content,)))
        made[-1].start()
        return str(path)

    yield fill
    for thread in made:
        thread.join(10)


def test_a_pipe_is_read(records, files, pipe, capfd):
    """What a command writes into a pipe is compared like a file, in either format."""
    assert compared(records, pipe((records / "new.dat").read_bytes())) == 1
    assert json.loads(capfd.readouterr().out)["after"] == {"CLAIM_ID": 2, "STATUS": "C"}
    assert run(files[0], pipe(b"id,n\n1,a\n2,b\n"), "--csv", "--key", "id") == 0
