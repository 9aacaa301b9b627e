"""Contracts over HTTP: imports stay on the WSDL's host, redirects are not followed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from adapters.soap.contract import Contract
from adapters.soap.errors import ContractError

WSDL = """<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" targetNamespace="urn:a"
 xmlns:t="urn:a" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:xs="http://www.w3.org/2001/XMLSchema">
 <types><xs:schema targetNamespace="urn:a"><xs:include schemaLocation="{schema}"/></xs:schema></types>
 <message name="I"><part name="p" element="t:Ask"/></message>
 <portType name="P"><operation name="Ask"><input message="t:I"/><output message="t:I"/></operation></portType>
 <binding name="B" type="t:P"><s:binding transport="http://schemas.xmlsoap.org/soap/http"/>
  <operation name="Ask"><s:operation soapAction=""/></operation></binding></definitions>"""
SCHEMA = (
    '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="Ask" type="xs:int"/>'
    "</xs:schema>"
)


class Site(BaseHTTPRequestHandler):
    """Serves `pages`: path → text, or a status; a text that begins with → is a redirect."""

    pages: dict[str, str | int] = {}  # noqa: RUF012  (set by the test)
    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.asked.append(self.path)
        page = self.pages.get(self.path, 404)
        if isinstance(page, str) and page.startswith("→"):
            self.send_response(302)
            self.send_header("Location", page[1:])
        else:
            self.send_response(200 if isinstance(page, str) else page)
        self.end_headers()
        if isinstance(page, str):
            self.wfile.write(page.encode())

    def log_message(self, *args) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    Site.pages, Site.asked = {}, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("schema", ["types.xsd?v=1", "/deep/types.xsd?v=1", "../deep/types.xsd?v=1"])
def test_imports_from_the_same_host(site, schema):
    """Relative, absolute and query-string locations on the WSDL's own host are fetched once each."""
    Site.pages = {"/deep/a?wsdl": WSDL.format(schema=schema), "/deep/types.xsd?v=1": SCHEMA}
    contract = Contract.from_wsdl(f"{site}/deep/a?wsdl")
    assert contract.operations["Ask"].request.name == "{urn:a}Ask"
    assert Site.asked == ["/deep/a?wsdl", "/deep/types.xsd?v=1"]


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ("http://169.254.169.254/latest/meta-data", "the host '169.254.169.254', which is not allowed"),
        ("file:///etc/passwd", "cannot import file: locations"),
        ("/redirect", "the host '169.254.169.254', which is not allowed"),
        ("/circle", "more than 5 redirects"),
        ("/missing", "HTTP 404"),
    ],
)
def test_imports_that_lead_away(site, schema, reason):
    """Another host, a file of this machine, a redirect and a missing document are left out and reported."""
    away = "→http://169.254.169.254/latest/meta-data"
    Site.pages = {"/a?wsdl": WSDL.format(schema=schema), "/redirect": away, "/circle": "→/circle"}
    contract = Contract.from_wsdl(f"{site}/a?wsdl")
    assert reason in next(iter(contract.report)).what


def test_a_redirect_to_the_same_host_is_followed(site):
    """What a redirected document imports is looked up beside the place that it was redirected to."""
    Site.pages = {
        "/a?wsdl": "→/deep/b?wsdl",
        "/deep/b?wsdl": WSDL.format(schema="t.xsd"),
        "/deep/t.xsd": SCHEMA,
    }
    contract = Contract.from_wsdl(f"{site}/a?wsdl")
    assert list(contract.operations) == ["Ask"]
    assert not list(contract.report)


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "::1", "0.0.0.0"])
def test_a_name_that_leads_to_this_machine_is_not_fetched(monkeypatch, address):
    """A host whose name resolves to this machine or its metadata service is refused, whatever its name."""
    monkeypatch.setattr("socket.getaddrinfo", lambda *a, **k: [(2, 1, 6, "", (address, 0))])
    with pytest.raises(ContractError, match="no other machine"):
        Contract.from_wsdl("http://contracts.example/a?wsdl")
