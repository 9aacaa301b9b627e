"""Which operation a SOAP message is, and the façade's own faults."""

from __future__ import annotations

import pytest

from strangler.soap_message import NotThisOperation, check_request, fault

NS = "urn:example:casework:2009"
ELEMENT, ACTION = f"{{{NS}}}GetCase", f"{NS}/GetCase"


def message(*elements: str, soap: str = "http://schemas.xmlsoap.org/soap/envelope/") -> bytes:
    inner = "".join(f'<x:{e} xmlns:x="{NS}"/>' for e in elements)
    return f'<s:Envelope xmlns:s="{soap}"><s:Header/><s:Body>{inner}</s:Body></s:Envelope>'.encode()


@pytest.mark.parametrize("header", [None, "", '""', f'"{ACTION}"', ACTION])
def test_a_request_of_the_operation_passes(header: str | None) -> None:
    """A message with the operation's element passes, with its SOAPAction or none, in SOAP 1.1 and 1.2."""
    check_request(message("GetCase"), ELEMENT, ACTION, header)
    check_request(message("GetCase", soap="http://www.w3.org/2003/05/soap-envelope"), ELEMENT, ACTION, header)


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (message("DeleteCase"), ""),
        (message("GetCase", "DeleteCase"), ""),
        (message("DeleteCase", "GetCase"), ""),
        (message(), ""),
        (message("GetCase"), f'"{NS}/DeleteCase"'),
        (b"<!DOCTYPE x []>" + message("GetCase"), ""),
        (b"", ""),
        (b"{}", ""),
        (b"<GetCase/>", ""),
        (message("GetCase").replace(NS.encode(), b"urn:other"), ""),
    ],
)
def test_every_other_message_is_refused(body: bytes, header: str) -> None:
    """Another operation, two of them, none, another SOAPAction, a DTD or no SOAP: refused before legacy."""
    with pytest.raises(NotThisOperation):
        check_request(body, ELEMENT, ACTION, header)


def test_an_entity_is_never_expanded() -> None:
    """An entity bomb is refused, not expanded."""
    bomb = b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>' + message("GetCase")
    with pytest.raises(NotThisOperation, match="document type"):
        check_request(bomb, ELEMENT, ACTION, None)


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_fault_carries_its_detail(version: str) -> None:
    """A fault holds code, text and the detail element with its values, escaped."""
    body = fault(version, "Client", "unknown <case>", f"{{{NS}}}UnknownCase", {"caseId": "A&B"})
    assert b"unknown &lt;case&gt;" in body
    assert b"<caseId>A&amp;B</caseId>" in body
    assert (b"soap:Client" if version == "1.1" else b"soap:Sender") in body
