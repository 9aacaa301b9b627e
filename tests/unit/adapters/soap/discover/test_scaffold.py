"""`banyan adapter new --wsdl` and `banyan adapter test`: what is written works as written."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.catalogue import load_adapter
from adapters.soap.discover.dry_run import dry_run
from adapters.soap.discover.scaffold import scaffold
from adapters.soap.errors import ContractError
from adapters.soap.spec import SoapSpec
from hub.cli import app
from schemas.errors import SettingsError
from tests.register import WSDL, Register, contract

RUN = CliRunner()


@pytest.fixture
def estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "banyan.toml").write_text('prefix = "ten"\n')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def new(*more: str) -> str:
    done = RUN.invoke(app(), ["adapter", "new", "persons", "--wsdl", str(WSDL), *more])
    assert done.exit_code == 0, done.output
    return done.output


def refused(*more: str) -> str:
    done = RUN.invoke(app(), ["adapter", "new", "persons", "--wsdl", str(WSDL), *more])
    assert isinstance(done.exception, SettingsError)
    return done.exception.what


def loaded(folder: Path) -> SoapSpec:
    spec = load_adapter(folder)
    assert isinstance(spec, SoapSpec)
    return spec


@pytest.mark.parametrize("operation", ["", "ListIds", "GetChanges", "GetFeed", "FetchMessages", "Notify"])
def test_what_is_written_works(estate: Path, operation: str) -> None:
    """Each way to see change comes out as an adapter that reads a made-up service: three rows, no reject."""
    said = new(*(["--operation", operation] if operation else []))
    assert "its response repeats persons/person" in " ".join(said.split())
    folder = estate / "adapters/persons"
    recorded = [] if operation == "Notify" else ["recorded"]
    assert sorted(p.name for p in folder.iterdir()) == [
        "adapter.toml", *recorded, "service.wsdl", "service_1.xsd", "test_persons.py",
    ]  # fmt: skip
    tried = RUN.invoke(app(), ["adapter", "test", "persons"])
    assert tried.exit_code == 0, tried.output
    assert ": 3 rows" in tried.output
    assert RUN.invoke(app(), ["check"]).exit_code in (0, 1)


def test_its_own_test_passes(estate: Path) -> None:
    """The test that is written passes, and fails where the settings no longer fit the contract."""
    new()
    folder = estate / "adapters/persons"
    case = the_test(folder)
    for name in (n for n in dir(case) if n.startswith("test_")):
        getattr(case, name)()
    settings = folder / "adapter.toml"
    settings.write_text(settings.read_text().replace('key = ["id"]', 'key = ["number"]'))
    with pytest.raises(SettingsError, match="number"):
        case.test_settings_are_whole()


def test_recorded_answers(estate: Path) -> None:
    """A recorded answer is read instead of a made-up one, by the command and by the adapter's own test."""
    new()
    folder = estate / "adapters/persons"
    answer = contract().encode_response(
        "ListPersons", Register(range(1, 9)).answer("ListPersons", {"page": 1, "size": 8}) | {"total": 8}
    )
    sample = estate / "page.xml"
    sample.write_bytes(answer)
    tried = RUN.invoke(app(), ["adapter", "test", "persons", "--sample", str(sample)])
    assert (tried.exit_code, "person: 8 rows" in tried.output) == (0, True), tried.output
    (folder / "recorded/bad.xml").write_bytes(answer.replace(b">ACTIVE<", b">LOST<", 1))
    with pytest.raises(AssertionError, match="status"):
        the_test(folder).test_recorded_answers_are_read()
    tried = RUN.invoke(app(), ["adapter", "test", "persons", "--sample", str(folder / "recorded/bad.xml")])
    assert tried.exit_code == 1
    assert "status" in tried.output


def test_a_cassette(estate: Path) -> None:
    """The traffic that is written beside the settings is played, and a request that is not in it is told."""
    new()
    folder = estate / "adapters/persons"
    tape = folder / "recorded/made_up.jsonl"
    tried = RUN.invoke(app(), ["adapter", "test", "persons", "--sample", str(tape)])
    assert (tried.exit_code, "person: 3 rows" in tried.output) == (0, True), tried.output
    the_test(folder).test_recorded_answers_are_read()
    settings = folder / "adapter.toml"
    settings.write_text(settings.read_text().replace("rows = 100", "rows = 99"))
    assert "no recorded request" in dry_run(loaded(folder), folder, sample=tape).refused


def test_a_broken_service(estate: Path) -> None:
    """A service that answers with a page for people is told, with no row."""
    new()
    folder = estate / "adapters/persons"
    found = dry_run(loaded(folder), folder, broken="ListPersons")
    assert found.refused
    assert not found.rows


def test_nothing_is_overwritten(estate: Path) -> None:
    """A second adapter of that name is refused, as are a wrong name, two sources and an unreadable WSDL."""
    new()
    assert "there already" in refused()
    with pytest.raises(SettingsError, match="cannot be an adapter's name"):
        scaffold("Two Words", system="legacy", wsdl=str(WSDL))
    assert "a WSDL and a file" in refused("--csv", "x.csv")
    (estate / "not.wsdl").write_text("<html/>")
    bad = RUN.invoke(app(), ["adapter", "new", "other", "--wsdl", "not.wsdl"])
    assert isinstance(bad.exception, ContractError)
    assert not (estate / "adapters/other").exists()


def the_test(folder: Path) -> Any:
    """The written test's class, as pytest would make it."""
    (path,) = folder.glob("test_*.py")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.TestPersons()
