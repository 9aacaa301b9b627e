"""`banyan wsdl`: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hub.cli import main
from tests.unit.adapters.soap.contracts import BINDING, ELEMENTS, wsdl


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["wsdl", *arguments])
    return int(ended.value.code or 0)


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "good.wsdl"
    path.write_text(wsdl())
    return str(path)


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.wsdl"
    path.write_text(wsdl(schema=ELEMENTS.replace("xs:int", "t:Nowhere")))
    return str(path)


def test_check(good, bad, tmp_path, capsys):
    """A sound contract ends with 0, one with errors with 1; what is no WSDL is a finding too."""
    assert run("check", good) == 0
    assert capsys.readouterr().out == "1 operation; 0 findings\n"
    assert run("check", bad) == 1
    assert "error: there is no type 'Nowhere'" in capsys.readouterr().out
    (tmp_path / "no.wsdl").write_text("<html/>")
    assert run("check", str(tmp_path / "no.wsdl"), "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["operations"] == 0
    assert [f["rule"] for f in told["findings"]] == ["refused"]


def test_operations(good, tmp_path, capsys):
    """Operations are listed with what they need; refused ones with the reason."""
    assert run("operations", good, "--json") == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["operation"], told["request"], told["port"]) == ("Do", "{urn:t}Ask", "S/One")
    (tmp_path / "r.wsdl").write_text(wsdl(binding=BINDING.replace('"document"', '"odd"')))
    assert run("operations", str(tmp_path / "r.wsdl")) == 0
    assert "there is no style 'odd'" in capsys.readouterr().out
    assert run("operations", good, "--binding", "Nine") == 3
    assert "no such port; there are: S/One" in capsys.readouterr().err


def test_import_and_diff(good, bad, tmp_path, capsys):
    """A lock is the same contract as its origin; a breaking change ends with 1, a compatible one with 0."""
    lock = str(tmp_path / "lock")
    assert run("import", good, "--out", lock) == 0
    assert "1 document, 1 operation" in capsys.readouterr().out
    assert run("diff", lock, good) == 0
    assert capsys.readouterr().out == "the contracts are the same\n"
    assert run("diff", lock, bad) == 1
    assert "BREAKS" in capsys.readouterr().out
    (tmp_path / "moved.wsdl").write_text(wsdl().replace("/one", "/two"))
    assert run("diff", lock, str(tmp_path / "moved.wsdl"), "--json") == 0
    assert [c["rule"] for c in json.loads(capsys.readouterr().out)] == ["endpoint"]
    assert run("import", bad, "--out", lock) == 0
    assert "1 error: " in capsys.readouterr().err
