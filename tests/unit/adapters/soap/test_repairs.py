"""Bad WSDLs are imported as far as that makes sense, and each repair is named with its place.

The cases follow what users of zeep, node-soap and CXF report as imports that fail.
"""

# ruff: noqa: E501  (XML is clearer unbroken)

from __future__ import annotations

import re
from pathlib import Path

import pytest

from adapters.soap.contract import Contract
from adapters.soap.errors import ContractError
from adapters.soap.report import MAX_FINDINGS, Report
from adapters.soap.xsd import ANY_TYPE
from tests.unit.adapters.soap.contracts import BINDING, ELEMENTS, MESSAGES, wsdl

ASK = '<xs:element name="Ask" type="xs:string"/>'
XS = 'xmlns:xs="http://www.w3.org/2001/XMLSchema"'


def answer(type_name: str, more: str = "") -> str:
    return f'{ASK}<xs:element name="Answer" type="{type_name}"/>{more}'


@pytest.fixture
def read(tmp_path: Path):
    def make(text: str | None = None, **parts: str) -> Contract:
        path = tmp_path / "service.wsdl"
        path.write_text(text if text is not None else wsdl(**parts), encoding="utf-8")
        return Contract.from_wsdl(path)

    return make


def found(contract: Contract) -> list[tuple[str, str]]:
    return [(f.severity, f.rule) for f in contract.report]


@pytest.mark.parametrize(
    ("type_name", "more", "base", "rule"),
    [
        ("nope:string", "", "string", "undeclared-prefix"),
        ("xsd:int", "", "int", "undeclared-prefix"),
        ("t:int", "", "int", "wrong-namespace"),
        (
            "wsdl:Code",
            '<xs:simpleType name="Code"><xs:restriction base="xs:int"/></xs:simpleType>',
            "int",
            "wrong-namespace",
        ),
        (
            "Code",
            '<xs:simpleType name="Code"><xs:restriction base="xs:int"/></xs:simpleType>',
            "int",
            "default-namespace",
        ),
        ("string", "", "string", "default-namespace"),
    ],
)
def test_names_that_can_mean_one_thing(read, type_name, more, base, rule):
    """A type that its QName misses, but that only one thing can be, is taken, and the repair is a warning."""
    contract = read(schema=answer(type_name, more))
    assert contract.operations["Do"].response.type.base == base
    assert found(contract) == [("warning", rule)]
    (finding,) = contract.report
    assert re.search(r"service\.wsdl:\d+$", finding.where)
    assert finding.assumed


def test_a_type_that_is_nowhere_is_open_content(read):
    """A type that nothing defines is read as any content, and that is an error in the report."""
    contract = read(schema=answer("t:Nowhere"))
    assert contract.operations["Do"].response.type == ANY_TYPE
    assert found(contract) == [("error", "dangling-type")]
    assert contract.operations["Do"].request.type.base == "string"


def test_a_type_that_could_be_two_is_not_guessed(read):
    """A name that two other namespaces have is not repaired: nobody can say which is meant."""
    types = "".join(
        f'<xs:schema {XS} targetNamespace="urn:{n}"><xs:complexType name="Twice"/></xs:schema>' for n in "ab"
    )
    schema = f'<xs:schema targetNamespace="urn:t" {XS}>{answer("t:Twice")}</xs:schema>'
    contract = read(types=f"<wsdl:types>{schema}{types}</wsdl:types>")
    assert found(contract) == [("error", "dangling-type")]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ('<xs:sequence><xs:element ref="t:Nowhere"/></xs:sequence>', "dangling-element"),
        ('<xs:sequence><xs:group ref="t:Nowhere"/></xs:sequence>', "dangling-group"),
        ('<xs:attributeGroup ref="t:Nowhere"/>', "dangling-attributeGroup"),
        ('<xs:attribute ref="t:Nowhere"/>', "dangling-attribute"),
        ('<xs:attribute name="a" type="t:Nowhere"/>', "dangling-simpleType"),
        ('<xs:attribute name="a" type="t:C"/>', "dangling-simpleType"),
        ('<xs:complexContent><xs:extension base="t:Nowhere"/></xs:complexContent>', "dangling-type"),
        ('<xs:simpleContent><xs:extension base="t:Nowhere"/></xs:simpleContent>', "dangling-type"),
    ],
)
def test_dangling_references_of_every_kind(read, content, rule):
    """Whatever a reference misses, the operation is imported and the report has one error."""
    contract = read(schema=answer("t:C", f'<xs:complexType name="C">{content}</xs:complexType>'))
    assert list(contract.operations) == ["Do"]
    assert found(contract) == [("error", rule)]


def test_an_element_where_a_type_is_needed(read):
    """A type that is the name of an element means that element's type, be it anonymous or its own."""
    content = """<xs:complexType name="C"><xs:sequence><xs:element name="a" type="t:Ask"/><xs:element name="b" type="t:E"/>
    </xs:sequence></xs:complexType><xs:element name="E"><xs:complexType><xs:sequence><xs:element name="e" type="t:E" minOccurs="0"/>
    </xs:sequence></xs:complexType></xs:element>"""
    contract = read(schema=answer("t:C", content))
    assert contract.element("Do", "a").type.base == "string"
    assert contract.element("Do", "b/e/e").local == "e"
    assert set(found(contract)) == {("warning", "element-as-type")}


@pytest.mark.parametrize(
    "elements",
    [
        '<xs:element name="A" type="t:A"/>',
        '<xs:element name="A" type="t:B"/><xs:element name="B" type="t:A"/>',
        '<xs:element name="A" substitutionGroup="t:B"/><xs:element name="B" substitutionGroup="t:A"/>',
    ],
)
def test_elements_that_are_only_themselves(read, elements):
    """Elements that have their type from one another, in a circle, hold any content."""
    contract = read(schema=answer("t:A", elements))
    for name in ("{urn:t}A", "{urn:t}Answer"):
        assert contract.schema.complex(contract.schema.elements[name]).mixed
    assert "dangling-type" in {f.rule for f in contract.report.of("error")}


def test_a_substitute_takes_the_anonymous_type_of_its_head(read):
    """An element without type has that of its head, also where the head's type contains both."""
    content = """<xs:element name="H"><xs:complexType><xs:sequence><xs:element ref="t:H" minOccurs="0"/></xs:sequence>
    </xs:complexType></xs:element><xs:element name="M" substitutionGroup="t:H"/>
    <xs:complexType name="C"><xs:sequence><xs:element ref="t:H"/></xs:sequence></xs:complexType>"""
    contract = read(schema=answer("t:C", content))
    assert found(contract) == []
    assert contract.element("Do", "M/H/M").local == "M"


def test_what_is_no_definition(read):
    """A misspelt definition is not there, and the report says so."""
    contract = read(schema=ELEMENTS + '<xs:simpletype name="S"/>')
    assert found(contract) == [("error", "no-definition")]


def test_names_without_import(read):
    """A namespace that is used without xs:import is found all the same, and noted once."""
    types = f"""<wsdl:types><xs:schema targetNamespace="urn:t" xmlns:o="urn:o" xmlns:m="http://www.w3.org/2005/05/xmlmime">
    {ASK}<xs:element name="Answer"><xs:complexType><xs:sequence><xs:element name="a" type="o:A"/><xs:element name="b" type="o:A"/>
    <xs:element name="c" type="m:base64Binary"/></xs:sequence></xs:complexType></xs:element></xs:schema>
    <xs:schema targetNamespace="urn:o"><xs:complexType name="A"/></xs:schema></wsdl:types>"""
    contract = read(types=types)
    assert found(contract) == [("info", "not-imported")] * 2
    picture = contract.element("Do", "c")
    assert contract.schema.complex(picture).text.base == "base64Binary"


def test_soap_encoding_needs_no_import(read):
    """Types and arrays of SOAP encoding are known, imported or not."""
    array = """<xs:complexType name="Ids"><xs:complexContent><xs:restriction base="soapenc:Array">
    <xs:attribute ref="soapenc:arrayType" wsdl:arrayType="xs:int[][,]"/></xs:restriction></xs:complexContent></xs:complexType>"""
    contract = read(schema=answer("t:Ids", array + '<xs:element name="E" type="soapenc:int"/>'))
    kind = contract.schema.types["{urn:t}Ids"].array
    assert (kind.dimensions, kind.item.array.dimensions, kind.item.array.item.base) == (2, 1, "int")
    assert contract.schema.elements["{urn:t}E"].type.base == "int"
    assert {f.severity for f in contract.report} <= {"info"}


def test_drafts_of_xml_schema(read):
    """Built-in types under the namespace of an old draft are today's, by today's names."""
    schema = f'{ASK}<xs:element name="Answer" type="old:timeInstant" xmlns:old="http://www.w3.org/1999/XMLSchema"/>'
    contract = read(schema=schema)
    assert contract.operations["Do"].response.type.base == "dateTime"
    assert found(contract) == [("warning", "wrong-namespace")]


def test_a_message_may_carry_a_schema(read):
    """A data set of .NET refers to xs:schema: it is kept as XML."""
    content = """<xs:complexType name="C"><xs:sequence><xs:element ref="xs:schema"/><xs:any/></xs:sequence></xs:complexType>"""
    contract = read(schema=answer("t:C", content))
    assert contract.element("Do", "schema").type == ANY_TYPE
    assert found(contract) == []


def test_undeclared_prefixes_of_elements(read):
    """A well-known prefix that is not declared is what it always is; an unknown one is left out, as an error."""
    text = wsdl().replace('xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"', "")
    contract = read(text)
    assert contract.operations["Do"].action == "do"
    assert set(found(contract)) == {("warning", "undeclared-prefix")}
    contract = read(wsdl().replace("<wsdl:types>", "<wsdl:types><odd:hint/>"))
    assert found(contract) == [("error", "undeclared-prefix")]


def test_names_of_the_wsdl_itself(read):
    """QNames of messages, port types and bindings are repaired as those of schemas are."""
    text = wsdl(
        binding=BINDING.replace('type="t:P"', 'type="P"'),
        messages=MESSAGES.replace('"t:Answer"', '"gone:Answer"'),
    ).replace('binding="t:B"', 'binding="wsdl:B"')
    contract = read(text)
    assert contract.operations["Do"].response.name == "{urn:t}Answer"
    assert sorted(found(contract)) == [
        ("warning", "default-namespace"),
        ("warning", "undeclared-prefix"),
        ("warning", "wrong-namespace"),
    ]


def test_an_element_that_is_nowhere(read):
    """A body whose element nothing defines keeps its name, with any content."""
    contract = read(schema=ASK)
    assert contract.operations["Do"].response.name == "{urn:t}Answer"
    assert contract.operations["Do"].response.type == ANY_TYPE
    assert found(contract) == [("error", "dangling-element")]


def test_two_definitions_of_one_name(read):
    """The first of two different definitions counts, with a warning; the same one twice is no finding."""
    one = f'<xs:schema targetNamespace="urn:t">{ELEMENTS}</xs:schema>'
    assert found(read(types=f"<wsdl:types>{one}{one}</wsdl:types>")) == []
    other = one.replace('name="Answer" type="xs:int"', 'name="Answer" type="xs:date"')
    contract = read(types=f"<wsdl:types>{one}{other}</wsdl:types>")
    assert contract.operations["Do"].response.type.base == "int"
    assert found(contract) == [("warning", "defined-twice")]


def test_imports_with_wrong_namespaces(tmp_path):
    """What a document says of its namespace counts, not what its import or include says."""
    (tmp_path / "o.xsd").write_text(
        f'<xs:schema {XS} targetNamespace="urn:o"><xs:element name="Answer" type="xs:int"/></xs:schema>'
    )
    types = f"""<wsdl:types><xs:schema targetNamespace="urn:t"><xs:import namespace="urn:wrong" schemaLocation="o.xsd"/>
    <xs:include schemaLocation="o.xsd"/>{ASK}</xs:schema></wsdl:types>"""
    path = tmp_path / "s.wsdl"
    path.write_text(wsdl(types=types))
    contract = Contract.from_wsdl(path)
    assert contract.operations["Do"].response.name == "{urn:o}Answer"
    assert sorted(found(contract)) == [
        ("warning", "import-namespace"),
        ("warning", "include-namespace"),
        ("warning", "wrong-namespace"),
    ]


def test_white_space_before_the_declaration(read):
    """Blank lines before the XML declaration, as some servers send them, do no harm."""
    assert list(read('\n \n<?xml version="1.0" encoding="utf-8"?>\n' + wsdl()).operations) == ["Do"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('<definitions xmlns="urn:own" targetNamespace="u"/>', "<definitions> of the namespace 'urn:own'"),
        ('<description xmlns="http://www.w3.org/ns/wsdl"/>', "a WSDL 2.0"),
        ('<application xmlns="http://wadl.dev.java.net/2009/02"/>', "a WADL"),
        ('<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>', "a schema"),
        ("<soap:Envelope/>", "<Envelope>"),
        ("<a><b></a>", "not well-formed"),
    ],
)
def test_what_is_no_wsdl_is_told_apart(read, text, reason):
    """A document of another kind is refused as what it is."""
    with pytest.raises(ContractError, match=reason):
        read(text)


def test_a_report_has_an_end():
    """A report takes a thousand findings, each once, and counts the rest."""
    report = Report()
    for number in range(MAX_FINDINGS + 5):
        for _ in range(2):
            report.add("warning", "wrong-namespace", f"a.xsd:{number}", "x", "y")
    assert (len(report), report.left_out, report.worst) == (MAX_FINDINGS, 10, "warning")
    report.add("error", "refused", "", "", "")
    assert [f.severity for f in report.sorted()[:1]] == ["warning"]
