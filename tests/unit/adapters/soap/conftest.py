"""A small WSDL factory and the demo's contract."""

# ruff: noqa: E501  (XML is clearer unbroken)

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.soap.contract import Contract
from adapters.soap.security import keys

CASEWORK = Path(__file__).parents[4] / "examples/universal_credit/legacy/casework.wsdl"
NS = "urn:test"
TEMPLATE = """<wsdl:definitions targetNamespace="urn:test" xmlns:t="urn:test" xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"
 xmlns:soap="http://schemas.xmlsoap.org/wsdl/{soap}/" xmlns:xs="http://www.w3.org/2001/XMLSchema"
 xmlns:http="http://schemas.xmlsoap.org/wsdl/http/">
 <wsdl:types>{types}</wsdl:types>
 <wsdl:message name="In"><wsdl:part name="p" element="t:Ask"/></wsdl:message>
 <wsdl:message name="Out"><wsdl:part name="p" element="t:Answer"/></wsdl:message>
 <wsdl:portType name="P"><wsdl:operation name="Ask">
  <wsdl:input message="t:In"/><wsdl:output message="t:Out"/></wsdl:operation></wsdl:portType>
 <wsdl:binding name="B" type="t:P"><soap:binding style="{style}" transport="http://schemas.xmlsoap.org/soap/http"/>
  <wsdl:operation name="Ask"><soap:operation soapAction="ask"/>
   <wsdl:input>{header}<soap:body use="{use}"/></wsdl:input><wsdl:output><soap:body use="{use}"/></wsdl:output>
  </wsdl:operation></wsdl:binding>
 <wsdl:service name="S"><wsdl:port name="P" binding="t:B"><soap:address location="http://127.0.0.1:9/s"/></wsdl:port>
 </wsdl:service></wsdl:definitions>"""
ASK = '<xs:element name="Ask"><xs:complexType><xs:sequence/></xs:complexType></xs:element>'

MakeContract = Callable[..., Contract]


@pytest.fixture(scope="session", autouse=True)
def read_keys_once() -> Iterator[None]:
    """A private key is read, and its primes are tested, once a session: that takes 40 ms."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(keys, "load_pem_private_key", functools.cache(keys.load_pem_private_key))
        yield


def wsdl_text(
    answer: str,
    extra: str = "",
    *,
    soap: str = "soap",
    style: str = "document",
    use: str = "literal",
    header: str = "",
) -> str:
    """A WSDL whose operation Ask answers with an element `Answer` of the given complex content."""
    types = (
        f'<xs:schema targetNamespace="{NS}" elementFormDefault="qualified">{ASK}'
        f'<xs:element name="Answer"><xs:complexType>{answer}</xs:complexType></xs:element>{extra}</xs:schema>'
    )
    return TEMPLATE.format(types=types, soap=soap, style=style, use=use, header=header)


@pytest.fixture
def make_contract(tmp_path: Path) -> MakeContract:
    def make(answer: str, extra: str = "", *, zone: str | None = None, **kwargs: str) -> Contract:
        path = tmp_path / "service.wsdl"
        path.write_text(wsdl_text(answer, extra, **kwargs), encoding="utf-8")
        return Contract.from_wsdl(path, zone=zone)

    return make


@pytest.fixture(scope="session")
def casework() -> Contract:
    return Contract.from_wsdl(CASEWORK)


@pytest.fixture(scope="session", name="wsdl_text")
def wsdl_text_fixture() -> Callable[..., str]:
    return wsdl_text


@pytest.fixture(scope="session", name="message")
def message_fixture() -> Callable[..., bytes]:
    return message


@pytest.fixture(scope="session", name="answer")
def answer_fixture() -> Callable[..., bytes]:
    return answer


def message(body: str, soap: str = "http://schemas.xmlsoap.org/soap/envelope/") -> bytes:
    """An envelope around a body written as text."""
    return f'<s:Envelope xmlns:s="{soap}"><s:Body>{body}</s:Body></s:Envelope>'.encode()


def answer(content: str, attributes: str = "") -> bytes:
    """An Answer of the test WSDL."""
    xsi = "http://www.w3.org/2001/XMLSchema-instance"
    return message(f'<Answer xmlns="{NS}" xmlns:xsi="{xsi}" {attributes}>{content}</Answer>')
