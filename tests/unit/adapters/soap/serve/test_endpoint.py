"""A contract served: messages are routed, checked, answered, and every failure is a typed fault."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from lxml import etree

from adapters.soap.addressing import VERSIONS, read_headers
from adapters.soap.envelope import NAMESPACES, SoapFault, read_fault, unwrap
from adapters.soap.errors import BadValue, ServiceUnavailable
from adapters.soap.serve.endpoint import Answer, SoapEndpoint
from adapters.soap.serve.faults import declared
from schemas.errors import SettingsError
from tests.register import Register, contract

NS = "urn:register"
WSA = "http://www.w3.org/2005/08/addressing"


def endpoint(handler: Any = None, **options: Any) -> SoapEndpoint:
    register = Register(range(1, 4))

    async def answer(operation: str, values: Any) -> Any:
        return handler(operation, values) if handler else register.answer(operation, values)

    return SoapEndpoint(contract(), answer, **options)


def send(served: SoapEndpoint, body: bytes, **headers: str) -> Answer:
    named = [(k.replace("_", "-").encode(), v.encode()) for k, v in headers.items()]
    return asyncio.run(served.answer(body, named))


def request(operation: str = "GetPersons", version: str = "1.1", header: str = "") -> bytes:
    body = contract().encode_request("GetPersons", {"ids": {"id": [1, 2]}})
    body = body.replace(b"GetPersons", operation.encode())
    head = f"<soap:Header>{header}</soap:Header><soap:Body>" if header else "<soap:Body>"
    body = body.replace(b"<soap:Body>", head.encode(), 1)
    return body.replace(NAMESPACES["1.1"].encode(), NAMESPACES[version].encode())


def fault_of(answer: Answer) -> SoapFault:
    fault = read_fault(unwrap(etree.fromstring(answer.body), "test"))
    assert fault is not None
    return fault


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_an_operation_is_answered(version: str) -> None:
    """A request is answered in its own version of SOAP, found by its body, with or without an action."""
    media = {"1.1": "text/xml; charset=utf-8", "1.2": f'application/soap+xml; action="{NS}/GetPersons"'}
    for headers in ({"content_type": media[version]}, {}):
        answer = send(endpoint(), request(version=version), **headers)
        assert answer.status == 200
        assert answer.content_type.startswith(media[version].partition(";")[0])
        assert NAMESPACES[version].encode() in answer.body
        values = contract().decode_response("GetPersons", answer.body)
        assert [p["id"] for p in values["person"]] == [2, 1]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (request("DropPersons"), "Client"),
        (request().replace(b"<ns:id>1<", b"<ns:id>one<"), "Client"),
        (request().replace(b"</ns:ids>", b"<ns:x/></ns:ids>"), "Client"),
        (request().replace(b"</ns:ids>", b""), "Client"),
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + request().partition(b"?>")[2], "Client"),
        (b"{}", "Client"),
        (b"", "Client"),
        (b"<GetPersons/>", "Client"),
        (request().replace(b"<soap:Body>", b"<soap:Body><x/>"), "Client"),
        (request().replace(NAMESPACES["1.1"].encode(), b"urn:soap:2.0"), "VersionMismatch"),
        (request(header=f'<w:S xmlns:w="urn:w" xmlns:s="{NS}" soap:mustUnderstand="1"/>'), "MustUnderstand"),
    ],
)
def test_what_is_wrong_with_a_request(body: bytes, code: str) -> None:
    """Another operation, a wrong value, a DTD, no SOAP, an unknown version or header: a fault each."""
    answer = send(endpoint(), body, content_type="text/xml")
    assert answer.status == 500
    assert fault_of(answer).code == code
    assert b"one" not in fault_of(answer).text.encode()


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_header_for_somebody_else_is_no_matter(version: str) -> None:
    """A header that must be understood by another role, or need not be understood, is passed over."""
    role = "actor" if version == "1.1" else "role"
    for header in (
        f'<w:S xmlns:w="urn:w" soap:mustUnderstand="1" soap:{role}="urn:other"/>',
        '<w:S xmlns:w="urn:w"/>',
    ):
        assert send(endpoint(), request(version=version, header=header)).status == 200
    must = '<w:S xmlns:w="urn:w" soap:mustUnderstand="true"/>'
    assert send(endpoint(), request(version=version, header=must)).status == 500
    assert send(endpoint(understood=["urn:w"]), request(version=version, header=must)).status == 200


def test_an_action_must_agree_with_the_body() -> None:
    """SOAPAction, the media type's and WS-Addressing's action name the body's operation or nothing."""
    served = endpoint()
    assert send(served, request(), soapaction=f'"{NS}/GetPersons"').status == 200
    assert send(served, request(), soapaction='""').status == 200
    assert fault_of(send(served, request(), soapaction=f'"{NS}/Acknowledge"')).code == "Client"
    other = f'<a:Action xmlns:a="{WSA}">{NS}/Acknowledge</a:Action>'
    assert fault_of(send(served, request(header=other))).code == "Client"


@pytest.mark.parametrize("wsa", list(VERSIONS.values()))
def test_an_addressed_request_gets_a_related_answer(wsa: str) -> None:
    """An answer relates to the request's MessageID and has an action, a fault that of faults."""
    header = (
        f'<a:Action xmlns:a="{wsa}" soap:mustUnderstand="1">{NS}/GetPersons</a:Action>'
        f'<a:MessageID xmlns:a="{wsa}">urn:m1</a:MessageID>'
    )
    answer = send(endpoint(), request(header=header))
    addresses = read_headers(etree.fromstring(answer.body))
    assert (answer.status, addresses.relates_to) == (200, ("urn:m1",))
    assert addresses.action and addresses.message_id.startswith("urn:uuid:")
    failed = send(endpoint(lambda *_: SoapFault("Server", "x")), request(header=header))
    assert read_headers(etree.fromstring(failed.body)).action.endswith("fault")
    elsewhere = f'{header}<a:ReplyTo xmlns:a="{wsa}"><a:Address>http://evil/</a:Address></a:ReplyTo>'
    refused = send(endpoint(), request(header=elsewhere))
    assert "anonymous" in fault_of(refused).text


def test_a_media_type_of_the_other_version() -> None:
    """A SOAP 1.2 media type with a SOAP 1.1 envelope is a version mismatch."""
    answer = send(endpoint(), request(), content_type="application/soap+xml")
    assert fault_of(answer).code == "VersionMismatch"


def test_faults_of_the_handler() -> None:
    """A fault goes out as it is, typed detail and all; SOAP 1.2 says in the status whose fault it is."""
    unknown = declared(contract(), "GetPersons", "UnknownPerson", {"id": 7}, "no such person")
    for version, status in (("1.1", 500), ("1.2", 400)):
        answer = send(endpoint(lambda *_: unknown), request(version=version))
        found = fault_of(answer)
        assert (answer.status, found.code, found.text) == (status, "Client", "no such person")
        assert found.detail_name == f"{{{NS}}}UnknownPerson"
        assert b">7<" in (found.detail or b"")
    with pytest.raises(SettingsError, match="no fault"):
        declared(contract(), "GetPersons", "Unheard", {}, "")
    with pytest.raises(BadValue):
        declared(contract(), "GetPersons", "UnknownPerson", {"id": "x"}, "")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ServiceUnavailable("QQ123456C"), "Server"),
        (ValueError("QQ123456C"), "Server"),
        (BadValue("person/id", "is too large"), "Client"),
    ],
)
def test_errors_of_the_handler(error: Exception, code: str) -> None:
    """What the handler raises becomes a fault without its text, but for a bad value of the request."""

    def fail(*_: Any) -> None:
        raise error

    answer = send(endpoint(fail), request())
    assert fault_of(answer).code == code
    assert b"QQ123456C" not in answer.body


def test_an_answer_outside_the_contract() -> None:
    """An answer of ours that does not fit is a Server fault, not a wrong message."""
    for wrong in ({"person": [{"id": "x"}]}, {"person": 3}, {"stranger": 1}, "text", None, 7):
        assert fault_of(send(endpoint(lambda *_, w=wrong: w), request())).code == "Server"


def test_only_some_operations() -> None:
    """Operations that are not served are unknown; one that does not exist is a mistake in the settings."""
    served = endpoint(only=["GetFeed"])
    assert fault_of(send(served, request())).code == "Client"
    with pytest.raises(SettingsError):
        endpoint(only=["Nope"])
