"""Where documents come from: folders with spaces, archives, locks, a catalogue; and nowhere else."""

# ruff: noqa: E501  (XML is clearer unbroken)

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from adapters.soap import documents, sources
from adapters.soap.catalogue import FILES, location_of, standard_schema
from adapters.soap.contract import Contract
from adapters.soap.documents import Documents
from adapters.soap.errors import ContractError, Hostile, ServiceUnavailable
from adapters.soap.lock import LOCK_NAME, write_lock
from adapters.soap.safe_xml import parse_document
from schemas.errors import SettingsError
from tests.unit.adapters.soap.contracts import wsdl

XS = 'xmlns:xs="http://www.w3.org/2001/XMLSchema"'
OTHER = f'<xs:schema {XS} targetNamespace="urn:t"><xs:element name="Ask" type="xs:string"/><xs:element name="Answer" type="xs:int"/></xs:schema>'


def importing(target: str, tag: str = "include") -> str:
    namespace = "" if tag == "include" else ' namespace="urn:t"'
    return wsdl(
        types=f'<wsdl:types><xs:schema targetNamespace="urn:t"><xs:{tag}{namespace} schemaLocation="{target}"/></xs:schema></wsdl:types>'
    )


def files(folder: Path, **content: str) -> Path:
    for name, text in content.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "target",
    [
        "types.xsd", "./types.xsd", "sub%20folder/../types.xsd", ".\\types.xsd", "types.xsd?version=2",
        "../service one/types.xsd",
    ],
)  # fmt: skip
def test_locations_in_a_folder_with_spaces(tmp_path, target):
    """Plain, escaped, Windows and query-string locations lead to the file beside the WSDL."""
    folder = tmp_path / "service one"
    files(folder, **{"a.wsdl": importing(target), "types.xsd": OTHER, "sub folder__x": ""})
    contract = Contract.from_wsdl(folder / "a.wsdl", folder=tmp_path)
    assert contract.operations["Do"].response.type.base == "int"
    assert not list(contract.report)


@pytest.mark.parametrize(
    "target",
    [
        "http://other.example/x/types.xsd",
        "/xsd/types.xsd",
        "C:\\work\\types.xsd",
        "file:///c:/x/types.xsd",
        "TYPES.xsd",
    ],
)
def test_a_copy_beside_the_wsdl_stands_in(tmp_path, target):
    """An import that leads where nobody may or can go is taken from the copy beside, and that is a warning."""
    files(tmp_path, **{"a.wsdl": importing(target), "types.xsd": OTHER})
    contract = Contract.from_wsdl(tmp_path / "a.wsdl")
    assert contract.operations["Do"].response.type.base == "int"
    assert [(f.severity, f.rule) for f in contract.report] == [("warning", "import-location")]


def test_a_folder_is_read_by_its_one_wsdl(tmp_path):
    """A folder stands for the WSDL in it that no other one imports; two such are named."""
    main = '<wsdl:import namespace="urn:t" location="part%20b.wsdl"/>'
    files(
        tmp_path,
        **{
            "a.wsdl": wsdl(port_type=main, messages="", types=""),
            "part b.wsdl": wsdl(binding="", service=""),
        },
    )
    assert list(Contract.from_wsdl(tmp_path).operations) == ["Do"]
    files(tmp_path, **{"c.wsdl": wsdl()})
    with pytest.raises(ContractError, match=r"a\.wsdl, c\.wsdl"):
        Contract.from_wsdl(tmp_path)


def packed(path: Path, **content: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in content.items():
            archive.writestr(name.replace("__", "/"), text)
    return path


def test_archives(tmp_path):
    """A zip archive is read by its one WSDL or by a name in it, and its imports stay in it."""
    path = packed(tmp_path / "a.zip", **{"x__a.wsdl": importing("../y/types.xsd"), "y__types.xsd": OTHER})
    assert Contract.from_wsdl(path).operations["Do"].response.type.base == "int"
    path = packed(
        tmp_path / "b.zip", **{"x__a.wsdl": importing("../types.xsd"), "b.wsdl": wsdl(), "types.xsd": OTHER}
    )
    with pytest.raises(ContractError, match="not one WSDL but"):
        Contract.from_wsdl(path)
    assert list(Contract.from_wsdl(f"{path}!/x/a.wsdl").operations) == ["Do"]


@pytest.mark.parametrize(
    "target", ["../../secret.xsd", "/etc/passwd", "file:///etc/passwd", "http://127.0.0.1:9/x"]
)
def test_archives_are_closed(tmp_path, target):
    """Nothing outside an archive is read, not even the file beside it."""
    files(tmp_path, **{"secret.xsd": OTHER})
    contract = Contract.from_wsdl(packed(tmp_path / "a.zip", **{"a.wsdl": importing(target)}))
    assert contract.report.of("error")[0].rule == "import-not-read"
    assert len(contract.documents) == 1


def test_archives_that_are_broken_or_bombs(tmp_path, monkeypatch):
    """What is no archive is refused, and so is one that unpacks to more than any contract."""
    (tmp_path / "no.zip").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(ContractError, match="cannot read the archive"):
        Contract.from_wsdl(tmp_path / "no.zip")
    path = packed(tmp_path / "bomb.zip", **{"a.wsdl": wsdl(), "b.xsd": " " * 300_000})
    monkeypatch.setattr(sources, "MAX_ARCHIVE_BYTES", 100_000)
    with pytest.raises(Hostile, match="the archive has more than"):
        Contract.from_wsdl(path)


def test_the_catalogue_is_sound():
    """Every schema of the catalogue is well-formed, has its namespace, and leads nowhere else."""
    for uri, file in FILES.items():
        root = parse_document(standard_schema(f"catalogue:{file}"), file)
        assert root.get("targetNamespace") == uri
        assert location_of(uri) == f"catalogue:{file}"
        assert not [n for n in root.iter() if isinstance(n.tag, str) and n.get("schemaLocation")]


@pytest.mark.parametrize("uri", FILES)
def test_standard_schemas_are_read_without_findings(tmp_path, uri):
    """A contract may import any standard schema with no location, a wrong one, or one on the net."""
    for location in ("", 'schemaLocation="gone.xsd"', f'schemaLocation="{uri}"'):
        schema = f'<xs:import namespace="{uri}" {location}/><xs:element name="Ask" type="xs:int"/><xs:element name="Answer"><xs:complexType><xs:anyAttribute namespace="{uri}"/></xs:complexType></xs:element>'
        files(tmp_path, **{"a.wsdl": wsdl(schema=schema)})
        contract = Contract.from_wsdl(tmp_path / "a.wsdl")
        assert not list(contract.report)
    reader = Contract.from_wsdl(tmp_path / "a.wsdl")
    assert not reader.schema.refused


def test_every_standard_definition_can_be_read(tmp_path):
    """All elements of all standard schemas are read, without one finding."""
    imports = "".join(f'<xs:import namespace="{uri}" schemaLocation="{uri}"/>' for uri in FILES)
    files(
        tmp_path,
        **{
            "a.wsdl": wsdl(
                schema=imports
                + '<xs:element name="Ask" type="xs:int"/><xs:element name="Answer" type="xs:int"/>'
            )
        },
    )
    contract = Contract.from_wsdl(tmp_path / "a.wsdl")
    assert not list(contract.report)
    assert not contract.schema.refused
    assert len(contract.schema.elements) > 60


def test_too_many_documents(tmp_path, monkeypatch):
    """A chain of imports longer than any contract's is refused."""
    monkeypatch.setattr(documents, "MAX_DOCUMENTS", 20)
    chain = {
        f"s{n}.xsd": f'<xs:schema {XS} targetNamespace="urn:t"><xs:include schemaLocation="s{n + 1}.xsd"/></xs:schema>'
        for n in range(20)
    }
    files(tmp_path, **{"a.wsdl": importing("s0.xsd"), **chain})
    with pytest.raises(Hostile, match="more than 20 documents"):
        Contract.from_wsdl(tmp_path / "a.wsdl")


@pytest.mark.parametrize(
    "address", ["http://[", "file://[", "http://", f"http://{'a' * 70}.test/x", "http://x:y:z/"]
)
def test_addresses_that_are_none(address):
    """What looks like an address and is none is refused in words, as the WSDL itself and as its import."""
    with pytest.raises((ContractError, ServiceUnavailable)):
        Contract.from_wsdl(address)


@pytest.mark.parametrize("target", ["http://[", "//[", "file://[", "ftp://[/a.xsd"])
def test_imports_of_what_is_no_address(tmp_path, target):
    """An import that names no location is told in the report, like any other that is missing."""
    files(tmp_path, **{"a.wsdl": importing(target)})
    try:
        told = str(list(Contract.from_wsdl(tmp_path / "a.wsdl").report))
    except ContractError as error:
        told = str(error)
    assert "not allowed" in told or "cannot" in told


# --- locks ------------------------------------------------------------------------------------------


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    source = files(tmp_path / "source", **{"svc__a b.wsdl": importing("../types.xsd"), "types.xsd": OTHER})
    write_lock(Documents.collect(source / "svc/a b.wsdl", folder=source), tmp_path / "lock")
    return tmp_path / "lock"


def test_a_lock_is_read_alone(locked, tmp_path):
    """A locked contract is the same as before, also when the origin is gone; its lock names no path of the machine."""
    for path in sorted((tmp_path / "source").rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    contract = Contract.from_wsdl(locked)
    assert contract.operations["Do"].response.type.base == "int"
    assert list(contract.documents) == ["svc/a b.wsdl", "types.xsd"]
    assert str(tmp_path) not in (locked / LOCK_NAME).read_text()
    assert sorted(p.name for p in locked.iterdir()) == ["001-a-b.wsdl", "002-types.xsd", LOCK_NAME]


def test_locking_a_lock_changes_nothing(locked, tmp_path):
    """A lock made from a lock is the same, and may replace it in place."""
    before = {p.name: p.read_bytes() for p in locked.iterdir()}
    write_lock(Documents.collect(locked), tmp_path / "again")
    assert {p.name: p.read_bytes() for p in (tmp_path / "again").iterdir()} == before
    write_lock(Documents.collect(locked), locked)
    assert {p.name: p.read_bytes() for p in locked.iterdir()} == before


def test_a_changed_document_is_refused(locked):
    """One byte more in a locked document, and the contract is not read."""
    path = locked / "002-types.xsd"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(ContractError, match="not what was locked"):
        Contract.from_wsdl(locked)


def test_missing_imports_stay_missing(tmp_path):
    """What could not be read when the contract was locked is reported again, and nothing is fetched."""
    source = files(tmp_path / "s", **{"a.wsdl": importing("http://other.example/x.xsd"), "lock__x": ""})
    write_lock(Documents.collect(source / "a.wsdl"), tmp_path / "lock")
    contract = Contract.from_wsdl(tmp_path / "lock")
    assert "could not be read when the contract was locked" in contract.report.of("error")[0].what


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda lock: lock.update(version=2), "no lock file of this version"),
        (lambda lock: lock.pop("documents"), "is not whole"),
        (lambda lock: lock.update(documents=[]), "is not whole"),
        (lambda lock: lock["documents"][0].update(file="../../etc/passwd"), "outside its folder"),
        (lambda lock: lock["documents"][0].update(file="gone.wsdl"), "gone.wsdl"),
        (lambda lock: lock["documents"][0].update(sha256="0"), "not what was locked"),
    ],
)
def test_broken_locks(locked, change, reason):
    """A lock that is not whole, of another version or that leads outside is refused with the reason."""
    lock = json.loads((locked / LOCK_NAME).read_text())
    change(lock)
    (locked / LOCK_NAME).write_text(json.dumps(lock))
    with pytest.raises(ContractError, match=reason):
        Contract.from_wsdl(locked)


def test_a_lock_takes_no_folder_that_is_in_use(tmp_path):
    """A folder with other things in it is never written to."""
    files(tmp_path / "mine", **{"notes.txt": "mine"})
    files(tmp_path / "s", **{"a.wsdl": wsdl()})
    with pytest.raises(SettingsError, match="something else"):
        write_lock(Documents.collect(tmp_path / "s/a.wsdl"), tmp_path / "mine")


# --- several documents ------------------------------------------------------------------------------


def test_wsdls_that_import_one_another(tmp_path):
    """Messages, port types and bindings are found over all WSDLs, imported in a circle, each with its own prefixes."""
    whole = wsdl(types="", messages="", port_type="", binding="")
    part = wsdl(service="").replace(
        'targetNamespace="urn:t" xmlns:t="urn:t"', 'targetNamespace="urn:u" xmlns:t="urn:u"', 1
    )
    part = part.replace('<xs:schema targetNamespace="urn:t"', '<xs:schema targetNamespace="urn:u"')
    start = '<wsdl:import namespace="urn:{}" location="{}"/>'
    whole = whole.replace('binding="t:B"', 'binding="u:B" xmlns:u="urn:u"').replace(
        "<wsdl:service", start.format("u", "b.wsdl") + "<wsdl:service"
    )
    part = part.replace("<wsdl:types>", start.format("t", "a.wsdl") + "<wsdl:types>")
    files(tmp_path, **{"a.wsdl": whole, "b.wsdl": part})
    contract = Contract.from_wsdl(tmp_path / "a.wsdl")
    assert not list(contract.report)
    assert contract.operations["Do"].endpoint == "http://127.0.0.1:9/one"
    assert contract.operations["Do"].response.name == "{urn:u}Answer"


def test_one_namespace_in_several_documents(tmp_path):
    """Imports of one namespace from two files, and a third that both include, are all read, each once."""
    imports = '<xs:import namespace="urn:o" schemaLocation="o1.xsd"/><xs:import namespace="urn:o" schemaLocation="o2.xsd"/>'
    schema = '<xs:element name="Ask" type="o:A"/><xs:element name="Answer" type="o:B"/>'
    files(
        tmp_path,
        **{
            "a.wsdl": wsdl(schema=imports + schema, extra='xmlns:o="urn:o"'),
            "o1.xsd": f'<xs:schema {XS} targetNamespace="urn:o" xmlns="urn:o"><xs:include schemaLocation="c.xsd"/><xs:complexType name="A"><xs:sequence><xs:element name="c" type="C"/></xs:sequence></xs:complexType></xs:schema>',
            "o2.xsd": f'<xs:schema {XS} targetNamespace="urn:o" xmlns="urn:o"><xs:include schemaLocation="c.xsd"/><xs:complexType name="B"><xs:sequence><xs:element name="c" type="C"/></xs:sequence></xs:complexType></xs:schema>',
            "c.xsd": f'<xs:schema {XS}><xs:include schemaLocation="o1.xsd"/><xs:simpleType name="C"><xs:restriction base="xs:int"/></xs:simpleType></xs:schema>',
        },
    )
    contract = Contract.from_wsdl(tmp_path / "a.wsdl")
    assert not list(contract.report)
    assert contract.element("Do", "c").type.base == "int"
    assert len(contract.documents) == 4
