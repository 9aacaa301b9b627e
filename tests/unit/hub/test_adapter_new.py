"""`banyan adapter new` and `test` where they are used wrongly: what is told, and with which exit code."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hub.cli import main

SAMPLES = {
    "a.csv": "id,name\n1,Ann\n2,Bob\n",
    "a.jsonl": '{"id": 1, "name": "Ann"}\n{"id": 2, "name": "Bob"}\n',
    "a.xml": "<people><person><id>1</id></person><person><id>2</id></person></people>\n",
    "a.html": "<html><body><p>not found<br></body></html>\n",
}


@pytest.fixture
def estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "banyan.toml").write_text('prefix = "mine"\n')
    for name, text in SAMPLES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("flag", "file", "said"),
    [
        ("--csv", "a.html", "looks like xml, not delimited"),
        ("--csv", "a.jsonl", "looks like json, not delimited"),
        ("--xml", "a.csv", "looks like delimited, not xml"),
        ("--json", "a.csv", "looks like delimited, not json"),
        ("--wsdl", "a.html", "this is an HTML page"),
    ],
)
def test_a_file_of_another_format(
    estate: Path, capsys: pytest.CaptureFixture[str], flag: str, file: str, said: str
) -> None:
    """A file that is not what its option says is refused with 2, and nothing is written."""
    assert run("adapter", "new", "claims", flag, file) == 2
    assert said in capsys.readouterr().err
    assert not (estate / "adapters").exists()


@pytest.mark.parametrize(
    "command", [["inspect"], ["decode", "--copybook", "a.csv"], ["adapter", "new", "x", "--csv"]]
)
def test_a_pipe(estate: Path, capsys: pytest.CaptureFixture[str], command: list[str]) -> None:
    """What can be read only once is refused with what to do."""
    os.mkfifo(estate / "pipe")
    for name in ("-", "pipe"):
        assert run(*command, name) == 2
        assert "this is a pipe" in capsys.readouterr().err


def test_whose_adapter_is_tried(
    estate: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside an estate the example's adapter is tried, and said to be the example's."""
    (estate / "elsewhere").mkdir()
    monkeypatch.chdir(estate / "elsewhere")
    assert run("adapter", "test", "awards") == 0
    assert "the adapter is that of universal_credit" in capsys.readouterr().err


def test_two_adapters_of_one_entity(estate: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two adapters that publish one entity are a finding that names both."""
    for name in ("claims", "more"):
        assert run("adapter", "new", name, "--csv", "a.csv") == 0
    file = estate / "adapters" / "more" / "adapter.toml"
    file.write_text(file.read_text().replace('entity = "more"', 'entity = "claims"'))
    capsys.readouterr()
    assert run("check", ".") == 1
    said = capsys.readouterr().out
    assert "legacy.claims is published by claims already" in said
    assert "more/adapter.toml" in said.replace("\n", "")
