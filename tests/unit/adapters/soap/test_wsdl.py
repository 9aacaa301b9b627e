"""WSDL 1.1 whole: styles, parts, headers, faults, ports, actions, policies; and what is refused."""

# ruff: noqa: E501  (XML is clearer unbroken)

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from adapters.soap.contract import Contract
from adapters.soap.envelope import SoapFault
from adapters.soap.errors import BadValue, ContractError
from adapters.soap.wsdl_messages import is_body
from tests.unit.adapters.soap.contracts import BINDING, ELEMENTS, MESSAGES, PORT_TYPE, SERVICE, wsdl

TYPED = """<wsdl:message name="In"><wsdl:part name="id" type="xs:int"/><wsdl:part name="who" type="xs:string"/></wsdl:message>
<wsdl:message name="Out"><wsdl:part name="result" type="xs:boolean"/></wsdl:message>"""


@pytest.fixture
def read(tmp_path: Path):
    def make(choose: str = "", **parts: str) -> Contract:
        path = tmp_path / "service.wsdl"
        path.write_text(wsdl(**parts), encoding="utf-8")
        return Contract.from_wsdl(path, binding=choose)

    return make


def rpc(use: str = "literal", namespace: str = ' namespace="urn:rpc"') -> str:
    return BINDING.replace('style="document"', 'style="rpc"').replace(
        '<soap:body use="literal"/>', f'<soap:body use="{use}"{namespace}/>'
    )


def test_rpc_messages_are_wrapped(read):
    """An rpc message is a wrapper in the body's namespace, its parts unqualified children in order."""
    operation = read(messages=TYPED, binding=rpc()).operations["Do"]
    assert (operation.style, operation.use) == ("rpc", "literal")
    assert (operation.request.name, operation.response.name) == ("{urn:rpc}Do", "{urn:rpc}DoResponse")
    assert [(e.name, e.type.base, e.nillable) for e in operation.request.type.elements] == [
        ("id", "int", False),
        ("who", "string", False),
    ]


def test_rpc_encoded_parts_may_be_nil(read):
    """The accessors of an encoded message may be nil, as SOAP encoding has it."""
    operation = read(messages=TYPED, binding=rpc("encoded")).operations["Do"]
    assert operation.use == "encoded"
    assert all(e.nillable for e in operation.request.type.elements)


def test_rpc_repairs_are_reported(read):
    """An rpc body without namespace takes the target namespace; a part with an element gives its type."""
    contract = read(binding=rpc(namespace=""))
    assert contract.operations["Do"].request.name == "{urn:t}Do"
    assert [e.name for e in contract.operations["Do"].request.type.elements] == ["body"]
    assert {f.rule for f in contract.report} == {"rpc-namespace", "rpc-element-part"}


def test_a_document_message_of_several_parts_is_the_body_itself(read):
    """Parts that are not one element stand in the body one after the other, and that is reported."""
    messages = TYPED.replace('name="who" type="xs:string"', 'name="who" element="t:Ask"')
    contract = read(messages=messages)
    request = contract.operations["Do"].request
    assert is_body(request)
    assert request.name == "{http://schemas.xmlsoap.org/soap/envelope/}Body"
    assert [e.name for e in request.type.elements] == ["id", "{urn:t}Ask"]
    assert {f.rule for f in contract.report} == {"body-parts"}


def test_messages_of_several_parts_go_both_ways(read):
    """A body of several parts is encoded and decoded as one value, faults and attributes of the Body included."""
    contract = read(
        messages=TYPED.replace(
            'name="result" type="xs:boolean"',
            'name="a" type="xs:int"/><wsdl:part name="b" element="t:Answer"',
        )
    )
    wire = contract.encode_request("Do", {"id": 1, "who": "x"})
    assert b"<soap:Body><id>1</id><who>x</who></soap:Body>" in wire
    assert contract.decode_request("Do", wire) == {"id": 1, "who": "x"}
    answer = contract.encode_response("Do", {"a": 2, "Answer": 3})
    signed = answer.replace(b"<soap:Body", b'<soap:Body xmlns:u="urn:u" u:Id="b"')
    assert contract.decode_response("Do", signed) == {"@{urn:u}Id": "b", "a": 2, "Answer": 3}
    assert contract.faithful("Do", answer)
    assert contract.faithful("Do", signed)
    fault = contract.encode_response("Do", SoapFault("Client", "no"))
    assert isinstance(contract.decode_response("Do", fault), SoapFault)
    with pytest.raises(BadValue):
        contract.decode_response("Do", answer.replace(b">2<", b">two<"))


def test_a_message_without_parts_is_an_empty_body(read):
    """A document message without parts leaves the body empty; an rpc one leaves its wrapper empty."""
    empty = '<wsdl:message name="In"/><wsdl:message name="Out"/>'
    assert read(messages=empty).operations["Do"].request is None
    assert read(messages=empty, binding=rpc()).operations["Do"].request.type.elements == ()


def test_the_binding_chooses_the_parts_of_the_body(read):
    """`parts` of soap:body, headers of the same message and MIME parts decide what stands in the body."""
    messages = MESSAGES.replace(
        '<wsdl:part name="body" element="t:Ask"/>',
        '<wsdl:part name="body" element="t:Ask"/><wsdl:part name="token" element="t:Token"/>',
    )
    schema = ELEMENTS + '<xs:element name="Token" type="xs:string"/>'
    listed = BINDING.replace('<soap:body use="literal"/>', '<soap:body use="literal" parts="body"/>', 1)
    header = BINDING.replace(
        '<soap:body use="literal"/>',
        '<soap:body use="literal"/><soap:header message="t:In" part="token" use="literal"/>',
        1,
    )
    mime = BINDING.replace(
        '<soap:body use="literal"/>',
        '<mime:multipartRelated><mime:part><soap:body use="literal"/></mime:part>'
        '<mime:part><mime:content part="token" type="image/png"/></mime:part></mime:multipartRelated>',
        1,
    )
    for binding in (listed, header, mime):
        assert read(messages=messages, schema=schema, binding=binding).operations["Do"].request.local == "Ask"
    operation = read(messages=messages, schema=schema, binding=header).operations["Do"]
    assert [h.name for h in operation.request_headers] == ["{urn:t}Token"]
    operation = read(messages=messages, schema=schema, binding=mime).operations["Do"]
    assert operation.request_attachments == ("token",)


def test_a_header_may_come_from_another_message(read):
    """A header is found in any message; one that is nowhere is reported and the operation stays."""
    extra = '<wsdl:message name="H"><wsdl:part name="h" element="t:Token"/></wsdl:message>'
    schema = ELEMENTS + '<xs:element name="Token" type="xs:string"/>'
    headers = '<soap:header message="t:H" part="h" use="literal"/><soap:header message="t:No" part="h" use="literal"/>'
    binding = BINDING.replace(
        '<wsdl:output><soap:body use="literal"/>', f'<wsdl:output><soap:body use="literal"/>{headers}'
    )
    contract = read(messages=MESSAGES + extra, schema=schema, binding=binding)
    assert [h.name for h in contract.operations["Do"].response_headers] == ["{urn:t}Token"]
    assert [f.rule for f in contract.report.of("error")] == ["dangling-header"]


def test_faults(read):
    """Elements of faults are listed; a fault whose message is nowhere is reported, not fatal."""
    messages = MESSAGES + '<wsdl:message name="F"><wsdl:part name="f" element="t:Answer"/></wsdl:message>'
    port_type = PORT_TYPE.replace(
        "</wsdl:operation>",
        '<wsdl:fault name="f" message="t:F"/><wsdl:fault name="g" message="t:G"/></wsdl:operation>',
    )
    contract = read(messages=messages, port_type=port_type)
    assert [f.name for f in contract.operations["Do"].faults] == ["{urn:t}Answer"]
    assert [f.rule for f in contract.report] == ["dangling-fault"]


SOAP12 = BINDING.replace("soap:", "soap12:").replace('name="B"', 'name="B12"')
TWO_PORTS = SERVICE.replace(
    "</wsdl:service>",
    '<wsdl:port name="Two" binding="t:B12"><soap12:address location="http://127.0.0.1:9/two"/></wsdl:port></wsdl:service>'
    '<wsdl:service name="T"><wsdl:port name="One" binding="t:B12"><soap12:address location="http://127.0.0.1:9/three"/>'
    "</wsdl:port></wsdl:service>",
)


@pytest.mark.parametrize(
    ("wanted", "version", "address"),
    [
        ("", "1.1", "one"),
        ("1.1", "1.1", "one"),
        ("1.2", "1.2", "two"),
        ("Two", "1.2", "two"),
        ("B12", "1.2", "two"),
        ("T/One", "1.2", "three"),
    ],
)
def test_the_port_can_be_chosen(read, wanted, version, address):
    """SOAP 1.1 comes first; a port, service/port, binding or version takes what it names."""
    operation = read(wanted, binding=BINDING + SOAP12, service=TWO_PORTS).operations["Do"]
    assert (operation.version, operation.endpoint) == (version, f"http://127.0.0.1:9/{address}")


def test_a_port_that_is_not_there_names_those_that_are(read):
    """A wrong choice is an error with the ports that can be chosen."""
    with pytest.raises(ContractError, match="S/One, S/Two, T/One"):
        read("Three", binding=BINDING + SOAP12, service=TWO_PORTS)


def test_operations_of_one_name_in_two_port_types(read):
    """The first port's operation is taken, and the other one is reported, never mixed with it."""
    other = PORT_TYPE.replace('name="P"', 'name="Q"').replace("t:Out", "t:In")
    binding = BINDING + BINDING.replace('name="B" type="t:P"', 'name="C" type="t:Q"')
    parts = {"port_type": PORT_TYPE + other, "binding": binding}
    contract = read(**parts)
    assert contract.operations["Do"].response.local == "Answer"
    assert [f.rule for f in contract.report] == ["operation-taken"]
    assert read("C", **parts).operations["Do"].response.local == "Ask"


def test_overloaded_operations_are_told_apart_by_their_input(read):
    """Two operations of one name in a port type are both imported, the second with its input's name."""
    messages = (
        MESSAGES + '<wsdl:message name="In2"><wsdl:part name="body" element="t:Answer"/></wsdl:message>'
    )
    port_type = """<wsdl:portType name="P">
    <wsdl:operation name="Do"><wsdl:input name="a" message="t:In"/><wsdl:output message="t:Out"/></wsdl:operation>
    <wsdl:operation name="Do"><wsdl:input name="b" message="t:In2"/><wsdl:output message="t:Out"/></wsdl:operation>
    </wsdl:portType>"""
    one = BINDING[BINDING.index("<wsdl:operation") : BINDING.index("</wsdl:binding>")]
    binding = BINDING.replace(
        one,
        one.replace("<wsdl:input>", '<wsdl:input name="a">')
        + one.replace("<wsdl:input>", '<wsdl:input name="b">'),
    )
    operations = read(messages=messages, port_type=port_type, binding=binding).operations
    assert {name: o.request.local for name, o in operations.items()} == {"Do": "Ask", "Do.b": "Answer"}


@pytest.mark.parametrize(
    ("attribute", "action", "request_", "response"),
    [
        ('wsam:Action="urn:a"', "do", "urn:a", "urn:t:P:DoResponse"),
        ('wsaw:Action="urn:b"', "do", "urn:b", "urn:t:P:DoResponse"),
        ("", "do", "do", "urn:t:P:DoResponse"),
        ("", "", "urn:t:P:DoRequest", "urn:t:P:DoResponse"),
        ('name="Asked"', "", "urn:t:P:Asked", "urn:t:P:DoResponse"),
    ],
)
def test_addressing_actions(read, attribute, action, request_, response):
    """Actions are those declared, else the SOAPAction, else made by the standard's pattern."""
    port_type = PORT_TYPE.replace("<wsdl:input ", f"<wsdl:input {attribute} ")
    operation = read(port_type=port_type, binding=BINDING.replace('"do"', f'"{action}"')).operations["Do"]
    assert (operation.request_action, operation.response_action) == (request_, response)


def test_one_way(read):
    """An operation without output is one way: no response, no response action."""
    operation = read(port_type=PORT_TYPE.replace('<wsdl:output message="t:Out"/>', "")).operations["Do"]
    assert (operation.one_way, operation.response, operation.response_action) == (True, None, "")


def test_policies_are_collected_by_reference(read):
    """Assertions of all places are listed once, nested ones too, optional ones not; a lost reference is reported."""
    policy = """<wsp:Policy wsu:Id="p"><wsp:ExactlyOne><wsp:All xmlns:sp="urn:sp"><sp:Transport><wsp:Policy><sp:Https/></wsp:Policy></sp:Transport>
    <sp:Maybe wsp:Optional="true"/><wsp:PolicyReference URI="#q"/></wsp:All></wsp:ExactlyOne></wsp:Policy>
    <wsp:Policy wsu:Id="q"><wsp:PolicyReference URI="#p"/><x:Signed xmlns:x="urn:x"/></wsp:Policy>"""
    binding = BINDING.replace(
        '<wsdl:operation name="Do">',
        '<wsp:PolicyReference URI="#p"/><wsaw:UsingAddressing/><wsdl:operation name="Do"><wsp:PolicyReference URI="#nowhere"/>',
    )
    contract = read(binding=policy + binding)
    assert set(contract.operations["Do"].policies) == {
        "{urn:sp}Transport",
        "{urn:sp}Https",
        "{urn:x}Signed",
        "{http://www.w3.org/2006/05/addressing/wsdl}UsingAddressing",
    }
    assert {f.rule for f in contract.report} == {"dangling-policy"}


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"port_type": PORT_TYPE.replace('<wsdl:input message="t:In"/>', "")}, "a notification"),
        (
            {
                "port_type": PORT_TYPE.replace(
                    '<wsdl:input message="t:In"/><wsdl:output message="t:Out"/>',
                    '<wsdl:output message="t:Out"/><wsdl:input message="t:In"/>',
                )
            },
            "a solicit-response",
        ),
        ({"port_type": PORT_TYPE.replace('"Do"', '"Other"')}, "has no operation 'Do'"),
        ({"port_type": ""}, "there is no port type 't:P'"),
        ({"messages": ""}, "there is no message 't:In'"),
        ({"binding": BINDING.replace("http://schemas.xmlsoap.org/soap/http", "http://www.w3.org/2010/soapjms/")}, "JMS"),
        ({"binding": BINDING.replace("http://schemas.xmlsoap.org/soap/http", "http://schemas.microsoft.com/soap/tcp")}, "TCP"),
        ({"binding": BINDING.replace("http://schemas.xmlsoap.org/soap/http", "urn:pigeon")}, "urn:pigeon"),
        ({"binding": BINDING.replace('<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>', '<http:binding verb="GET"/>')}, "'body', not XML"),
        ({"binding": BINDING.replace('<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>', "")}, "without a protocol"),
        ({"binding": BINDING.replace('<wsdl:input><soap:body use="literal"/>', '<wsdl:input><soap:body use="encoded"/>')}, "encoded and literal bodies"),
    ],
)  # fmt: skip
def test_what_is_refused_says_why(read, parts, reason):
    """An operation that cannot be called is refused with its own reason, in the contract and in its report."""
    contract = read(**parts)
    assert not contract.operations
    assert reason in contract.refused["Do"]
    assert any(f.rule == "operation-refused" and reason in f.what for f in contract.report.of("error"))


def test_an_abstract_wsdl_says_what_is_missing(read):
    """Port types without bindings are the abstract part of a contract; the error says which file to give."""
    with pytest.raises(ContractError, match="port types only"):
        read(binding="", service="")


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ("id who", ""),
        ("id", ""),
        ("who id", "gives 'who id'"),
        ("id nobody", "'nobody'"),
        ("id who result", ""),
    ],
)
def test_the_order_of_parameters_is_a_hint(read, order, told):
    """parameterOrder changes nothing on the wire: the parts keep the message's order; what differs is reported."""
    port_type = PORT_TYPE.replace('name="Do"', f'name="Do" parameterOrder="{order}"')
    contract = read(messages=TYPED, binding=rpc(), port_type=port_type)
    assert [e.name for e in contract.operations["Do"].request.type.elements] == ["id", "who"]
    found = [f for f in contract.report if f.rule == "parameter-order"]
    assert bool(found) is bool(told)
    assert all(told in f.what and f.severity == "info" for f in found)


def test_faults_about_headers(read):
    """An element of soap:headerfault is known, and read from the header of a response; a dangling one is told."""
    messages = MESSAGES + '<wsdl:message name="H"><wsdl:part name="h" element="t:Ask"/></wsdl:message>'
    fault = (
        '<soap:headerfault message="t:H" part="h" use="literal"/><soap:headerfault message="t:No" part="h"/>'
    )
    header = f'<soap:header message="t:H" part="h" use="literal">{fault}</soap:header>'
    binding = BINDING.replace(
        '<wsdl:input><soap:body use="literal"/>', f'<wsdl:input><soap:body use="literal"/>{header}'
    )
    contract = read(messages=messages, binding=binding)
    (element,) = contract.operations["Do"].header_faults
    assert element.name == "{urn:t}Ask"
    assert [f.rule for f in contract.report if f.severity == "error"] == ["dangling-header"]
    soap = "http://schemas.xmlsoap.org/soap/envelope/"
    node = etree.tostring(contract.codec.encode(element, "x")).decode()
    message = f'<s:Envelope xmlns:s="{soap}"><s:Header>{node}</s:Header><s:Body/></s:Envelope>'.encode()
    assert list(contract.decode_headers("Do", message, response=True)) == ["Ask"]
