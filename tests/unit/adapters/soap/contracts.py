"""Small WSDLs made from their parts, for tests of the import."""

# ruff: noqa: E501  (XML is clearer unbroken)

from __future__ import annotations

WSDL = """<wsdl:definitions targetNamespace="urn:t" xmlns:t="urn:t" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"
 xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/"
 xmlns:http="http://schemas.xmlsoap.org/wsdl/http/" xmlns:mime="http://schemas.xmlsoap.org/wsdl/mime/"
 xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/"
 xmlns:wsam="http://www.w3.org/2007/05/addressing/metadata" xmlns:wsaw="http://www.w3.org/2006/05/addressing/wsdl"
 xmlns:wsp="http://www.w3.org/ns/ws-policy" {extra}
 xmlns:wsu="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd">
{body}</wsdl:definitions>"""
SCHEMA = '<wsdl:types><xs:schema targetNamespace="urn:t" elementFormDefault="qualified">{}</xs:schema></wsdl:types>'
MESSAGES = """<wsdl:message name="In"><wsdl:part name="body" element="t:Ask"/></wsdl:message>
<wsdl:message name="Out"><wsdl:part name="body" element="t:Answer"/></wsdl:message>"""
ELEMENTS = '<xs:element name="Ask" type="xs:string"/><xs:element name="Answer" type="xs:int"/>'
PORT_TYPE = """<wsdl:portType name="P"><wsdl:operation name="Do">
<wsdl:input message="t:In"/><wsdl:output message="t:Out"/></wsdl:operation></wsdl:portType>"""
BINDING = """<wsdl:binding name="B" type="t:P">
<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/>
<wsdl:operation name="Do"><soap:operation soapAction="do"/>
<wsdl:input><soap:body use="literal"/></wsdl:input><wsdl:output><soap:body use="literal"/></wsdl:output>
</wsdl:operation></wsdl:binding>"""
SERVICE = """<wsdl:service name="S"><wsdl:port name="One" binding="t:B">
<soap:address location="http://127.0.0.1:9/one"/></wsdl:port></wsdl:service>"""


def wsdl(
    *,
    schema: str = ELEMENTS,
    messages: str = MESSAGES,
    port_type: str = PORT_TYPE,
    binding: str = BINDING,
    service: str = SERVICE,
    types: str | None = None,
    extra: str = "",
) -> str:
    """Return a WSDL with one operation `Do`, each part of it replaceable."""
    parts = (SCHEMA.format(schema) if types is None else types, messages, port_type, binding, service)
    return WSDL.format(body="\n".join(parts), extra=extra)
