"""What `banyan projection` does with versions, on real files and without Kafka."""

import json

import pytest
from typer.testing import CliRunner

from hub.estate import Estate
from hub.versions import drop_version, overview, rebuild_version, switch_to, versions_of
from schemas.errors import SettingsError, Transient
from tests.unit.streams.api.test_app import store_rows
from tests.unit.streams.events import Book, Writer, row

MODULE = """
from streams.projection import row_projection
claim = [row_projection("claim", source="esa.claim", collection="claims", version=v) for v in (1, 2)]
"""
WHO = {"by": "ann", "reason": "test"}


@pytest.fixture
def estate(tmp_path, monkeypatch):
    monkeypatch.delenv("BANYAN_STATE", raising=False)
    (tmp_path / "banyan.toml").write_text('prefix = "uc"\n')
    (tmp_path / "projections").mkdir()
    (tmp_path / "projections" / "claim.py").write_text(MODULE)
    return Estate(tmp_path)


def _rows(estate):
    return estate.read_models.file("claim", 2)


def build(estate, version):
    book = Book()
    store_rows(estate.links(needed=False), estate.projections[version - 1], Writer(book), book, [row("A")])


def test_a_version_that_may_not_be_caught_up_is_not_switched_to(estate, monkeypatch):
    """A switch needs a read model that has reached the end of its topic, or `--force`."""
    with pytest.raises(Transient, match="no read model"):
        switch_to(estate, "claim", 2, force=True, **WHO)
    build(estate, 2)
    with pytest.raises(Transient, match="Kafka does not say"):
        switch_to(estate, "claim", 2, force=False, **WHO)
    monkeypatch.setattr("hub.versions._ends", lambda *_: {0: 5})
    with pytest.raises(Transient, match="4 events to go"):
        switch_to(estate, "claim", 2, force=False, **WHO)
    assert [(v["state"], v["left"]) for v in overview(estate)] == [("live", 5), ("building", 4)]
    monkeypatch.setattr("hub.versions._ends", lambda *_: {0: 1})
    assert switch_to(estate, "claim", 2, force=False, **WHO) == 1
    assert [v["state"] for v in overview(estate)] == ["kept", "live"]
    with pytest.raises(SettingsError, match="live already"):
        switch_to(estate, "claim", 2, force=False, **WHO)


def test_the_live_version_is_neither_dropped_nor_rebuilt(estate):
    """Dropping and rebuilding refuse the version that readers see."""
    for act in (drop_version, rebuild_version):
        with pytest.raises(SettingsError, match="is live"):
            act(estate, "claim", 1, **WHO)
        with pytest.raises(SettingsError, match="no version 3"):
            act(estate, "claim", 3, **WHO)


def test_dropping_and_rebuilding(estate):
    """A dropped version has no files and stays held; a rebuilt one has none and may be written again."""
    build(estate, 2)
    file = _rows(estate)
    assert file.exists()
    drop_version(estate, "claim", 2, **WHO)
    assert not file.exists()
    assert versions_of(estate).standing("claim").held == (2,)
    rebuild_version(estate, "claim", 2, **WHO)
    assert versions_of(estate).standing("claim").held == ()
    assert [e.action for e in versions_of(estate).document.journal] == ["drop", "rebuild", "rebuild"]


def test_a_version_that_is_written_is_not_deleted(estate, monkeypatch):
    """While a worker holds the file, nothing is deleted, and the command says so."""
    from connectors.readmodel.sqlite import SqliteReadModel

    monkeypatch.setattr("hub.versions._LEAVE_SECONDS", 0.0)
    file = _rows(estate)
    store = SqliteReadModel(file, topic="uc.esa.claim")
    with pytest.raises(Transient, match="still writes"):
        drop_version(estate, "claim", 2, **WHO)
    assert file.exists()
    store.close()


def test_the_commands_speak_json(estate):
    """`pause` and `resume` are in the journal, which machines may read."""
    from hub.cli import app

    run = CliRunner().invoke
    common = ["claim", "--version", "2", "--reason", "busy", "--by", "ann", "--estate", str(estate.path)]
    for act in ("pause", "resume"):
        assert run(app, ["projection", act, *common]).exit_code == 0
    journal = json.loads(run(app, ["projection", "journal", "--json", "--estate", str(estate.path)]).stdout)
    assert [(e["action"], e["by"]) for e in journal] == [("pause", "ann"), ("resume", "ann")]
