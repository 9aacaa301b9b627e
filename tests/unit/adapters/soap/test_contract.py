"""Import of WSDL and schema: what is taken, what is refused and why."""

# ruff: noqa: E501  (XML is clearer unbroken)

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from adapters.soap.contract import Contract
from adapters.soap.errors import ContractError
from schemas.errors import SettingsError


def test_casework_operations(casework):
    """Every operation of the demo's WSDL is imported with its action, address and elements."""
    assert sorted(casework.operations) == ["ChangeCase", "DeleteCase", "GetCase", "ListCases", "OpenCase"]
    assert not casework.refused
    get = casework.operations["GetCase"]
    assert (get.action, get.version, get.endpoint) == (
        "urn:example:casework:2009/GetCase",
        "1.1",
        "http://127.0.0.1:8610/casework",
    )
    assert [f.local for f in get.faults] == ["UnknownCase"]
    assert casework.element("ListCases", "cases/case").repeats
    assert casework.element("GetCase", "case/caseworker").nillable
    assert casework.element("GetCase", "case/note").optional


def test_unknown_names_are_explained(casework):
    """A wrong operation or path names what there is."""
    with pytest.raises(SettingsError, match="ListCases"):
        casework.operation("ListCase")
    with pytest.raises(SettingsError, match="no 'cse' on the path"):
        casework.element("GetCase", "cse")


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ('<xs:sequence><xs:element name="a" type="xs:int"/></xs:sequence>', ["a"]),
        (
            '<xs:all><xs:element name="a" type="xs:int"/><xs:element name="b" type="xs:int"/></xs:all>',
            ["a", "b"],
        ),
        (
            '<xs:sequence><xs:choice><xs:element name="a" type="xs:int"/><xs:element name="b" type="xs:int"/>'
            '</xs:choice><xs:element name="c" type="xs:int"/></xs:sequence>',
            ["a?", "b?", "c"],
        ),
        (
            '<xs:sequence><xs:sequence minOccurs="0"><xs:element name="a" type="xs:int"/></xs:sequence>'
            '<xs:group ref="t:g"/></xs:sequence>',
            ["a?", "g1"],
        ),
        ('<xs:sequence maxOccurs="unbounded"><xs:element name="a" type="xs:int"/></xs:sequence>', ["a*"]),
        (
            '<xs:complexContent><xs:extension base="t:Base"><xs:sequence><xs:element name="z" type="xs:int"/>'
            "</xs:sequence></xs:extension></xs:complexContent>",
            ["base", "z"],
        ),
        ('<xs:sequence><xs:element ref="t:Glob" minOccurs="0"/></xs:sequence>', ["Glob?"]),
    ],
)
def test_content_models(make_contract, content, names):
    """Particles become elements in order, `?` where none may stand and `*` where several may."""
    extra = (
        '<xs:group name="g"><xs:sequence><xs:element name="g1" type="xs:int"/></xs:sequence></xs:group>'
        '<xs:complexType name="Base"><xs:sequence><xs:element name="base" type="xs:int"/></xs:sequence>'
        '</xs:complexType><xs:element name="Glob" type="xs:string"/>'
    )
    contract = make_contract(content, extra)
    elements = contract.schema.complex(contract.element("Ask")).elements
    assert [e.local + ("*" if e.repeats else "?" if e.optional else "") for e in elements] == names


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('<xs:sequence><xs:element name="a" type="t:L"/></xs:sequence>', "restricts itself"),
        ('<xs:sequence><xs:element name="a" type="t:C"/></xs:sequence>', "derives from itself"),
        ('<xs:sequence><xs:group ref="t:G"/></xs:sequence>', "contains itself"),
        ('<xs:sequence><xs:element name="a" type="xs:int" maxOccurs="many"/></xs:sequence>', "not a number"),
    ],
)
def test_refused_with_reason(make_contract, content, reason):
    """What makes no sense refuses its operation, by name and with the reason, and nothing else."""
    extra = (
        '<xs:simpleType name="L"><xs:restriction base="t:L"/></xs:simpleType>'
        '<xs:complexType name="C"><xs:complexContent><xs:extension base="t:C"/></xs:complexContent>'
        "</xs:complexType>"
        '<xs:group name="G"><xs:sequence><xs:group ref="t:G"/></xs:sequence></xs:group>'
    )
    contract = make_contract(content, extra)
    assert not contract.operations
    assert reason in contract.refused["Ask"]
    with pytest.raises(SettingsError, match="cannot be used"):
        contract.encode_request("Ask", {})


def test_bindings_that_are_refused(make_contract):
    """A binding of a kind that no service has refuses its operation with the reason."""
    assert "with encoded bodies" in make_contract("<xs:sequence/>", use="encoded").refused["Ask"]
    assert "no style 'remote'" in make_contract("<xs:sequence/>", style="remote").refused["Ask"]


def test_soap12_is_imported(make_contract):
    """A SOAP 1.2 binding is taken where there is no 1.1."""
    contract = make_contract("<xs:sequence/>", soap="soap12")
    assert contract.operations["Ask"].version == "1.2"
    assert b"http://www.w3.org/2003/05/soap-envelope" in contract.encode_request("Ask", {})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" targetNamespace="u"/>', "no operation"),
        ('<description xmlns="http://www.w3.org/ns/wsdl"/>', "WSDL 2.0"),
        ("<html/>", "HTML page"),
        ("<definitions", "not well-formed"),
        ("", "not well-formed"),
    ],
)
def test_what_is_no_wsdl(tmp_path, text, reason):
    """A document that is no WSDL 1.1 with SOAP bindings is refused with the reason."""
    path = tmp_path / "x.wsdl"
    path.write_text(text)
    with pytest.raises(ContractError, match=reason):
        Contract.from_wsdl(path)


def test_simple_types_keep_their_facets(make_contract):
    """Restrictions add up over their bases."""
    extra = (
        '<xs:simpleType name="D"><xs:restriction base="xs:decimal"><xs:totalDigits value="9"/>'
        '<xs:minInclusive value="0"/></xs:restriction></xs:simpleType>'
        '<xs:simpleType name="E"><xs:restriction base="t:D"><xs:fractionDigits value="2"/></xs:restriction></xs:simpleType>'
    )
    contract = make_contract('<xs:sequence><xs:element name="a" type="t:E"/></xs:sequence>', extra)
    kind = contract.element("Ask", "a").type
    assert (kind.base, kind.total_digits, kind.fraction_digits, kind.minimum) == ("decimal", 9, 2, Decimal(0))


def test_recursive_types_are_read(make_contract, answer):
    """A type that contains itself is read once and decodes at every depth."""
    extra = (
        '<xs:complexType name="N"><xs:sequence><xs:element name="v" type="xs:int"/>'
        '<xs:element name="n" type="t:N" minOccurs="0"/></xs:sequence></xs:complexType>'
    )
    contract = make_contract('<xs:sequence><xs:element name="n" type="t:N"/></xs:sequence>', extra)
    wire = answer("<n><v>1</v><n><v>2</v></n></n>")
    assert contract.decode_response("Ask", wire) == {"n": {"v": 1, "n": {"v": 2}}}


def _split(folder: Path, wsdl: str, **files: str) -> Path:
    for name, content in files.items():
        (folder / f"{name}.xsd").write_text(content)
    path = folder / "split.wsdl"
    path.write_text(wsdl)
    return path


XS = 'xmlns:xs="http://www.w3.org/2001/XMLSchema"'


def test_imports_and_includes_from_files(tmp_path, wsdl_text):
    """Imports, includes, chameleon includes and circles are followed, from files beside the WSDL."""
    base = wsdl_text('<xs:sequence><xs:element name="a" type="o:A" xmlns:o="urn:o"/></xs:sequence>')
    base = base.replace(
        '<xs:element name="Ask">',
        '<xs:import namespace="urn:o" schemaLocation="o.xsd"/><xs:element name="Ask">',
        1,
    )
    path = _split(
        tmp_path,
        base,
        o=f'<xs:schema {XS} targetNamespace="urn:o" xmlns:o="urn:o" elementFormDefault="qualified">'
        '<xs:include schemaLocation="chameleon.xsd"/><xs:complexType name="A"><xs:sequence>'
        '<xs:element name="c" type="o:C"/></xs:sequence></xs:complexType></xs:schema>',
        chameleon=f'<xs:schema {XS}><xs:include schemaLocation="chameleon.xsd"/><xs:simpleType name="C">'
        '<xs:restriction base="Plain"/></xs:simpleType><xs:simpleType name="Plain">'
        '<xs:restriction base="xs:int"/></xs:simpleType></xs:schema>',
    )
    contract = Contract.from_wsdl(path)
    assert contract.element("Ask", "a/c").name == "{urn:o}c"
    assert contract.element("Ask", "a/c").type.base == "int"
    assert [Path(name).name for name in contract.documents] == ["split.wsdl", "o.xsd", "chameleon.xsd"]


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("../secret.xsd", "outside the folder"),
        ("/etc/passwd", "outside the folder"),
        ("file:///etc/passwd", "outside the folder"),
        ("http://169.254.169.254/latest/meta-data", "not allowed"),
        ("ftp://example.org/a.xsd", "cannot import ftp"),
        ("missing.xsd", "cannot read 'missing.xsd'"),
    ],
)
def test_imports_stay_inside(tmp_path, wsdl_text, target, reason):
    """An import that leads out of the folder, to another host or nowhere is not followed, and is reported."""
    base = wsdl_text("<xs:sequence/>").replace(
        '<xs:element name="Ask">',
        f'<xs:import namespace="urn:o" schemaLocation="{target}"/><xs:element name="Ask">',
        1,
    )
    contract = Contract.from_wsdl(_split(tmp_path, base))
    assert reason in contract.report.of("error")[0].what
    assert len(contract.documents) == 1
