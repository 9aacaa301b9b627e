"""zeep gets only what our importer has read."""

# ruff: noqa: E501  (XML is clearer unbroken)

from __future__ import annotations

import pytest
import requests

from adapters.soap.contract import Contract
from adapters.soap.errors import ContractError
from adapters.soap.zeep_wire import ZeepWire
from schemas.errors import SettingsError


def test_documents_come_from_memory(tmp_path, wsdl_text, monkeypatch):
    """zeep loads a WSDL with an import, in a folder with a space, after the files are gone and without network."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    text = wsdl_text('<xs:sequence><xs:element name="a" type="o:A" xmlns:o="urn:o"/></xs:sequence>').replace(
        '<xs:element name="Ask">',
        '<xs:import namespace="urn:o" schemaLocation="my%20types.xsd"/><xs:element name="Ask">',
        1,
    )
    (folder / "s.wsdl").write_text(text)
    (folder / "my types.xsd").write_text(
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:o">'
        '<xs:simpleType name="A"><xs:restriction base="xs:int"/></xs:simpleType></xs:schema>'
    )
    contract = Contract.from_wsdl(folder / "s.wsdl")
    for path in folder.iterdir():
        path.unlink()
    monkeypatch.setattr(requests.Session, "send", lambda *a, **k: pytest.fail("zeep fetched something"))
    wire = ZeepWire(contract, "http://127.0.0.1:9/s", 1.0)
    wire.check("Ask", {})
    with pytest.raises(SettingsError, match="request takes"):
        wire.check("Ask", {"page": 1})


def test_nothing_else_is_loaded(casework):
    """A document that our importer has not read is refused."""
    wire = ZeepWire(casework, "http://127.0.0.1:9/s", 1.0)
    for url in ("http://127.0.0.1:9/x.xsd", "/etc/passwd", "file:///etc/passwd"):
        with pytest.raises(ContractError, match="does not import"):
            wire._client.transport.load(url)
