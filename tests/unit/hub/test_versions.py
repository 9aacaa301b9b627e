"""What `banyan projection` does with versions, on real files and without Kafka."""

import json

import pytest
from typer.testing import CliRunner

from hub.estate import Estate
from hub.versions import NotCaughtUp, drop_version, overview, rebuild_version, switch_to, versions_of
from schemas.errors import SettingsError, Transient
from tests.unit.streams.events import Book, Writer, row
from tests.unit.streams.test_api import store_rows

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


def end(monkeypatch, offset, events):
    """Let Kafka say where partition 0 ends, and how many events it has from the stored offset on."""
    monkeypatch.setattr("hub.versions._ends", lambda *_: {0: offset})
    monkeypatch.setattr("hub.versions.read_all", lambda *_, start: iter(range(events)))


def test_a_version_that_may_not_be_caught_up_is_not_switched_to(estate, monkeypatch):
    """A switch needs a read model that has reached the end of its topic, or `--force`."""
    with pytest.raises(NotCaughtUp, match="no read model"):
        switch_to(estate, "claim", 2, force=True, **WHO)
    build(estate, 2)
    with pytest.raises(Transient, match="Kafka does not say"):
        switch_to(estate, "claim", 2, force=False, **WHO)
    end(monkeypatch, 5, 4)
    with pytest.raises(NotCaughtUp, match="4 events to go") as refused:
        switch_to(estate, "claim", 2, force=False, **WHO)
    assert refused.value.exit_code == 1
    assert [(v["state"], v["left"]) for v in overview(estate)] == [("live", 4), ("building", 4)]
    end(monkeypatch, 1, 0)
    assert switch_to(estate, "claim", 2, force=False, **WHO) == 1
    assert [v["state"] for v in overview(estate)] == ["kept", "live"]
    with pytest.raises(SettingsError, match="live already"):
        switch_to(estate, "claim", 2, force=False, **WHO)


def test_a_commit_marker_is_no_event_to_go(estate, monkeypatch):
    """A version whose last batch ends before a commit marker, or before aborted events, is caught up."""
    build(estate, 2)
    end(monkeypatch, 5_000, 0)
    assert switch_to(estate, "claim", 2, force=False, **WHO) == 1
    end(monkeypatch, 5_000, 2_000)
    assert overview(estate)[1]["left"] == 4_999


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


def compared(estate, *arguments):
    from hub.cli import app

    asked = ["projection", "compare", "claim", "--version", "2", "--by", "ann", "--json"]
    answer = CliRunner().invoke(app, [*asked, "--estate", str(estate.path), *arguments])
    return answer.exit_code, json.loads(answer.stdout)


def test_a_switch_demands_a_green_comparison(estate, monkeypatch):
    """A version is switched to only after a comparison without unexplained differences, or on record."""
    build(estate, 1)
    build(estate, 2)
    end(monkeypatch, 1, 0)
    with pytest.raises(NotCaughtUp, match="never compared"):
        switch_to(estate, "claim", 2, force=False, **WHO)
    code, facts = compared(estate)
    assert (code, facts["green"], facts["rows"], facts["with"]) == (0, True, 1, 1)
    (estate.path / "projections" / "claim.compare.toml").write_text(
        '[[rule]]\nname = "a"\nbecause = "b"\nversion = 2\nkind = "any"\nfield = "n"\n'
    )
    with pytest.raises(NotCaughtUp, match="rules were changed"):
        switch_to(estate, "claim", 2, force=False, **WHO)
    assert compared(estate)[1]["rules"] == {"a": 0}
    assert switch_to(estate, "claim", 2, force=False, **WHO) == 1
    assert switch_to(estate, "claim", 1, force=False, **WHO) == 2  # rolling back needs no comparison
    journal = versions_of(estate).document.journal
    assert [(e.action, e.forced) for e in journal if e.action == "switch"] == [("switch", "")] * 2


def test_a_red_comparison_and_a_forced_switch(estate, monkeypatch):
    """Differences are the answer no; a switch in spite of them says so in the journal."""
    build(estate, 1)
    book = Book()
    rows = [row("A", 2), row("QQ123456C")]
    store_rows(estate.links(needed=False), estate.projections[1], Writer(book), book, rows)
    end(monkeypatch, 2, 0)
    code, facts = compared(estate)
    assert (code, facts["green"]) == (1, False)
    assert "QQ123456C" not in json.dumps(facts)
    with pytest.raises(NotCaughtUp, match="nothing explains"):
        switch_to(estate, "claim", 2, force=False, **WHO)
    switch_to(estate, "claim", 2, force=True, **WHO)
    assert "nothing explains" in versions_of(estate).document.journal[-1].forced


def test_an_old_comparison_counts_no_more(estate, monkeypatch):
    """A comparison of the day before yesterday, or from before a rebuild, lets no switch through."""
    build(estate, 1)
    build(estate, 2)
    end(monkeypatch, 1, 0)
    compared(estate)
    monkeypatch.setattr("hub.comparing.FRESH_SECONDS", -1.0)
    with pytest.raises(NotCaughtUp, match="hours old"):
        switch_to(estate, "claim", 2, force=False, **WHO)
    monkeypatch.setattr("hub.comparing.FRESH_SECONDS", 3600.0)
    rebuild_version(estate, "claim", 2, **WHO)
    build(estate, 2)
    with pytest.raises(NotCaughtUp, match="never compared"):
        switch_to(estate, "claim", 2, force=False, **WHO)
