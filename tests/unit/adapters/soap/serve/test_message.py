"""Which operation a SOAP message is, and faults of our own."""

from __future__ import annotations

import pytest

from adapters.soap.serve.faults import fault
from adapters.soap.serve.message import NotThisOperation, check_request

NS = "urn:example:casework:2009"
ELEMENT, ACTION = f"{{{NS}}}GetCase", f"{NS}/GetCase"


def message(*elements: str, soap: str = "http://schemas.xmlsoap.org/soap/envelope/") -> bytes:
    inner = "".join(f'<x:{e} xmlns:x="{NS}"/>' for e in elements)
    return f'<s:Envelope xmlns:s="{soap}"><s:Header/><s:Body>{inner}</s:Body></s:Envelope>'.encode()


@pytest.mark.parametrize("header", [None, "", '""', f'"{ACTION}"', ACTION])
def test_a_request_of_the_operation_passes(header: str | None) -> None:
    """A message with the operation's element passes, with its SOAPAction or none, in SOAP 1.1 and 1.2."""
    said = [] if header is None else [(b"soapaction", header.encode())]
    check_request(message("GetCase"), ELEMENT, ACTION, said)
    media = f'application/soap+xml; charset=utf-8; action="{ACTION}"'
    soap12 = message("GetCase", soap="http://www.w3.org/2003/05/soap-envelope")
    check_request(soap12, ELEMENT, ACTION, [*said, (b"content-type", media.encode())])


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
        check_request(body, ELEMENT, ACTION, [(b"soapaction", header.encode())])


@pytest.mark.parametrize(
    "headers",
    [
        [("soapaction", ACTION), ("soapaction", f"{NS}/DeleteCase")],
        [("soapaction", f"{NS}/DeleteCase"), ("soapaction", ACTION)],
        [("content-type", f'application/soap+xml; action="{NS}/DeleteCase"')],
        [("content-type", f"application/soap+xml; ACTION={NS}/DeleteCase; charset=utf-8")],
        [("content-type", f"application/soap+xml; action*=utf-8''{NS}/DeleteCase")],
        [("content-type", "text/xml; charset=utf-7")],
        [("content-type", "text/xml"), ("content-type", "text/xml; charset='utf-7'")],
    ],
)
def test_every_place_that_names_an_operation_counts(headers: list[tuple[str, str]]) -> None:
    """A second SOAPAction, SOAP 1.2's action, or a charset that spells markup otherwise hides no write."""
    with pytest.raises(NotThisOperation):
        check_request(message("GetCase"), ELEMENT, ACTION, [(k.encode(), v.encode()) for k, v in headers])


@pytest.mark.parametrize(
    "wsa", ["http://www.w3.org/2005/08/addressing", "http://schemas.xmlsoap.org/ws/2004/08/addressing"]
)
def test_an_addressed_action_counts(wsa: str) -> None:
    """A WS-Addressing action must be this operation's too."""
    header = '<s:Header><a:Action xmlns:a="{}">{}</a:Action></s:Header>'
    for action, refused in ((ACTION, False), (f"{NS}/DeleteCase", True)):
        body = message("GetCase").replace(b"<s:Header/>", header.format(wsa, action).encode())
        if refused:
            with pytest.raises(NotThisOperation, match="Addressing"):
                check_request(body, ELEMENT, ACTION, [])
        else:
            check_request(body, ELEMENT, ACTION, [])


def test_an_entity_is_never_expanded() -> None:
    """An entity bomb is refused, not expanded."""
    bomb = b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>' + message("GetCase")
    with pytest.raises(NotThisOperation, match="document type"):
        check_request(bomb, ELEMENT, ACTION, [])


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_fault_carries_its_detail(version: str) -> None:
    """A fault holds code, text and the detail element with its values, escaped."""
    body = fault(version, "Client", "unknown <case>", f"{{{NS}}}UnknownCase", {"caseId": "A&B"})
    assert b"unknown &lt;case&gt;" in body
    assert b"<caseId>A&amp;B</caseId>" in body
    assert (b"soap:Client" if version == "1.1" else b"soap:Sender") in body
