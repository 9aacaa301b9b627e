"""`banyan soap call`: answers masked, faults as "no", cassettes written and played, mistakes told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from adapters.soap.contract import Contract
from hub import cli

CASEWORK = Path(__file__).parents[3] / "examples/universal_credit/legacy/casework.wsdl"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
NS = "urn:example:casework:2009"
CASE = (
    f'<s:Envelope xmlns:s="{SOAP}"><s:Body><c:GetCaseResponse xmlns:c="{NS}"><c:case>'
    "<c:caseId>C00001</c:caseId><c:nino>QQ123456A</c:nino><c:status>OPEN</c:status>"
    "<c:openedOn>2026-02-03</c:openedOn><c:weeklyAward>7.50</c:weeklyAward>"
    "<c:lastContact>2026-02-03T10:00:00Z</c:lastContact><c:caseworker>Jo</c:caseworker>"
    "</c:case></c:GetCaseResponse></s:Body></s:Envelope>"
)
FAULT = (
    f'<s:Envelope xmlns:s="{SOAP}"><s:Body><s:Fault><faultcode>s:Client</faultcode>'
    "<faultstring>no case of Jo</faultstring></s:Fault></s:Body></s:Envelope>"
)


class Casework(BaseHTTPRequestHandler):
    """Answers by the case that is asked for."""

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        known = b"C00001" in asked
        body = (CASE if known else FAULT).encode()
        self.send_response(200 if known else 500)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args) -> None:
        pass


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Casework)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def call(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        cli.main(["soap", "call", "--operation", "GetCase", *arguments])
    return int(ended.value.code or 0)


@pytest.fixture
def request_file(tmp_path) -> str:
    (tmp_path / "request.json").write_text('{"caseId": "C00001"}')
    return str(tmp_path / "request.json")


def test_an_answer_is_masked(endpoint, request_file, capsys):
    """Personal data is shown only on purpose; missing values are seen."""
    options = ["--wsdl", str(CASEWORK), "--endpoint", endpoint, "--json", request_file]
    assert call(*options) == 0
    case = json.loads(capsys.readouterr().out)["case"]
    assert set(case.values()) == {"•••"}
    assert call(*options, "--reveal") == 0
    case = json.loads(capsys.readouterr().out)["case"]
    assert (case["nino"], case["weeklyAward"]) == ("QQ123456A", "7.50")


def test_an_adapter_says_what_may_be_shown(endpoint, request_file, tmp_path, capsys, monkeypatch):
    """With --adapter the settings say WSDL, endpoint and classification."""
    monkeypatch.setenv("CASEWORK_URL", endpoint)
    (tmp_path / "casework.wsdl").write_bytes(CASEWORK.read_bytes())
    (tmp_path / "adapter.toml").write_text(
        'kind = "soap"\nname = "cases"\nsystem = "casework"\nwsdl = "casework.wsdl"\n'
        'endpoint = "${CASEWORK_URL}"\n'
        'operation = "ListCases"\nitem = "cases/case"\nentity = "case"\nkey = ["caseId"]\n'
        '[classification]\nstatus = "internal"\n'
    )
    assert call("--adapter", str(tmp_path), "--json", request_file) == 0
    case = json.loads(capsys.readouterr().out)["case"]
    assert (case["status"], case["nino"]) == ("OPEN", "•••")


def test_a_fault_is_the_answer_no(endpoint, tmp_path, capsys):
    """A fault ends with 1; its text, which may hold personal data, is not shown."""
    (tmp_path / "request.json").write_text('{"caseId": "C9"}')
    options = ["--wsdl", str(CASEWORK), "--endpoint", endpoint, "--json", str(tmp_path / "request.json")]
    assert call(*options) == 1
    shown = capsys.readouterr()
    assert json.loads(shown.out)["fault"]["code"] == "Client"
    assert "Jo" not in shown.out + shown.err


def test_a_cassette(endpoint, request_file, tmp_path, capsys):
    """A recorded exchange holds pseudonyms alone, and is played to who asks by them."""
    tape = tmp_path / "tape.jsonl"
    options = ["--wsdl", str(CASEWORK), "--endpoint", endpoint, "--json", request_file]
    assert call(*options, "--record", str(tape)) == 0
    text = tape.read_text()
    assert "QQ123456A" not in text
    assert "C00001" not in text
    exchange = json.loads(text.splitlines()[1])
    (tmp_path / "masked.xml").write_text(exchange["request"])
    capsys.readouterr()
    assert call("--wsdl", str(CASEWORK), "--xml", str(tmp_path / "masked.xml"), "--play", str(tape)) == 0
    case = json.loads(capsys.readouterr().out)["case"]
    contract = Contract.from_wsdl(CASEWORK)
    recorded = contract.decode_response("GetCase", exchange["reply"].encode())
    assert case["nino"] == recorded["case"]["nino"]
    assert call("--wsdl", str(CASEWORK), "--json", request_file, "--play", str(tape)) == 3
    assert "no recorded request" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"caseId": 7', "not JSON"),
        ('{"caseId": "much too long for it"}', "caseId"),
        ('{"caseNumber": "C00001"}', "caseNumber"),
        ("{}", "caseId"),
        ("[]", "does not fit"),
    ],
)
def test_requests_that_do_not_fit(tmp_path, capsys, content, reason):
    """A request that is no JSON or no request of the operation is wrong use; nothing is sent."""
    (tmp_path / "request.json").write_text(content)
    options = ["--wsdl", str(CASEWORK), "--endpoint", "http://127.0.0.1:9/"]
    assert call(*options, "--json", str(tmp_path / "request.json")) == 2
    assert reason in capsys.readouterr().err


def test_what_is_called_must_be_said(capsys):
    """Neither or both of WSDL and adapter is wrong use."""
    assert call() == 2
    assert call("--wsdl", "a", "--adapter", "b") == 2
    assert "a WSDL or an adapter" in capsys.readouterr().err
