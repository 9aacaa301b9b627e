"""`banyan soap encode` and `decode`."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from hub.cli import main

WSDL = str(Path(__file__).parents[3] / "examples/universal_credit/legacy/casework.wsdl")
CASE = {
    "case": {
        "caseId": "C1", "nino": "QQ123456A", "status": "OPEN", "openedOn": "2020-01-02",
        "weeklyAward": "12.50", "lastContact": "2026-01-02T03:04:05Z", "caseworker": None,
    }
}  # fmt: skip
FAULT = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client'
    "</faultcode><faultstring>no such case</faultstring></s:Fault></s:Body></s:Envelope>"
)


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["soap", *arguments, "--wsdl", WSDL, "--operation", "GetCase"])
    return int(ended.value.code or 0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "case.json").write_text(json.dumps(CASE), encoding="utf-8")
    return tmp_path


def test_there_and_back(folder, capfdbinary):
    """Values become an envelope, and the envelope becomes the same values."""
    assert run("encode", "--response", "--json", str(folder / "case.json")) == 0
    envelope = capfdbinary.readouterr().out
    assert b"<ns:weeklyAward>12.50</ns:weeklyAward>" in envelope
    (folder / "case.xml").write_bytes(envelope)
    assert run("decode", "--response", "--xml", str(folder / "case.xml")) == 0
    assert json.loads(capfdbinary.readouterr().out) == CASE


def test_standard_input(monkeypatch, capfdbinary):
    """Without a file the values come from standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"caseId": "C1"}')))
    assert run("encode") == 0
    assert b"<ns:caseId>C1</ns:caseId>" in capfdbinary.readouterr().out


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        ('{"case": {"caseId": "C1"}}', 1, "case/nino: a required element is missing"),
        (json.dumps(CASE).replace("OPEN", "LOST"), 1, "case/status: not one of the enumerated values"),
        ('{"case": 5}', 1, "case: a dict is expected"),
        ("{", 2, "not JSON"),
    ],
)
def test_values_that_do_not_fit(folder, capsys, content, code, said):
    """Values outside the schema end with 1, what is no JSON with 2; the path is told, no value."""
    (folder / "case.json").write_text(content, encoding="utf-8")
    assert run("encode", "--response", "--json", str(folder / "case.json")) == code
    shown = capsys.readouterr()
    assert said in shown.err
    assert shown.out == ""


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        ("<html/>", 3, "HTML"),
        ("<x>", 3, "not well-formed"),
        ("<x/>", 1, "not a SOAP envelope"),
        ("", 3, "empty"),
    ],
)
def test_what_is_no_answer(folder, capsys, content, code, said):
    """A message of another kind ends with 1, what is no message at all with 3."""
    (folder / "in.xml").write_text(content, encoding="utf-8")
    assert run("decode", "--response", "--xml", str(folder / "in.xml")) == code
    assert said in capsys.readouterr().err


def test_a_fault(folder, capsys):
    """A fault is printed, and is the answer no."""
    (folder / "in.xml").write_text(FAULT, encoding="utf-8")
    assert run("decode", "--response", "--xml", str(folder / "in.xml")) == 1
    assert json.loads(capsys.readouterr().out)["fault"] == {
        "code": "Client", "text": "no such case", "actor": "", "detail": None,
    }  # fmt: skip


def test_wrong_use(folder, capsys):
    """A WSDL or operation that is not there is wrong use."""
    with pytest.raises(SystemExit) as ended:
        main(["soap", "encode", "--wsdl", "nowhere.wsdl", "--operation", "X"])
    assert ended.value.code == 2
    with pytest.raises(SystemExit) as ended:
        main(["soap", "encode", "--wsdl", WSDL, "--operation", "Nope", "--json", str(folder / "case.json")])
    assert ended.value.code == 2
    assert "there is no operation 'Nope'" in capsys.readouterr().err
