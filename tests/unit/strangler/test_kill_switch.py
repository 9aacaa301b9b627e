"""The kill switch's file outlives processes and is shared by them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from connectors.kafka import KafkaSettings
from connectors.links import Links
from schemas.errors import SettingsError
from strangler.control import StageState
from strangler.kill_switch import KillSwitch
from strangler.secret import managed_secret
from strangler.stage import Stage
from strangler.stage_watch import StageWatch


def test_a_kill_lasts_until_restore(tmp_path: Path) -> None:
    """A kill is there for the next process, and gone for the one after a restore."""
    KillSwitch(tmp_path).kill("get_case", by="ann", reason="alarm")
    again = KillSwitch(tmp_path)
    assert "get_case" in again and "get_award" not in again
    assert again.killed["get_case"]["by"] == "ann"
    again.restore("get_case", by="ann", reason="mended")
    assert "get_case" not in KillSwitch(tmp_path)


def test_another_process_sees_it_at_its_next_look(tmp_path: Path) -> None:
    """A switch that was opened before sees a kill and a restore when it looks again."""
    early, late = KillSwitch(tmp_path), KillSwitch(tmp_path)
    late.kill("get_case", by="ann", reason="alarm")
    assert early.refresh() and "get_case" in early
    assert not early.refresh()
    late.restore("get_case", by="ann", reason="mended")
    assert early.refresh() and "get_case" not in early


def test_a_lost_file_does_not_take_a_kill_back(tmp_path: Path) -> None:
    """A running façade keeps a kill whose file is deleted or damaged."""
    switch = KillSwitch(tmp_path)
    switch.kill("get_case", by="ann", reason="alarm")
    path = tmp_path / "facade" / "killed.json"
    path.write_text("{")
    assert not switch.refresh() and "get_case" in switch
    path.unlink()
    assert not switch.refresh() and "get_case" in switch


def test_a_damaged_file_stops_a_start(tmp_path: Path) -> None:
    """A façade does not start on a kill file that it cannot read: it might undo a kill."""
    (tmp_path / "facade").mkdir()
    (tmp_path / "facade" / "killed.json").write_text("{")
    with pytest.raises(SettingsError, match="cannot be read"):
        KillSwitch(tmp_path)


def test_the_journal_has_each_order_once(tmp_path: Path) -> None:
    """An order that comes by two ways is journalled once, a restore of what is not killed never."""
    one, two = KillSwitch(tmp_path), KillSwitch(tmp_path)
    one.restore("get_case", by="ann", reason="nothing to do")
    one.kill("get_case", by="ann", reason="alarm")
    two.kill("get_case", by="ann", reason="alarm")
    two.restore("get_case", by="ann", reason="mended")
    lines = (tmp_path / "facade" / "journal.jsonl").read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["kill", "restore"]


def test_a_managed_secret_is_made_once_and_private(tmp_path: Path) -> None:
    """The first asker makes a secret of 256 bits that only its owner can read; later ones get the same."""
    first = managed_secret(tmp_path, "verdict_key")
    assert managed_secret(tmp_path, "verdict_key") == first and len(bytes.fromhex(first.decode())) == 32
    assert oct((tmp_path / "secrets" / "verdict_key").stat().st_mode)[-3:] == "600"
    assert managed_secret(tmp_path, "other") != first
    assert sorted(p.name for p in (tmp_path / "secrets").iterdir()) == ["other", "verdict_key"]


def test_a_kill_acts_where_the_journal_cannot_be_written(tmp_path: Path) -> None:
    """A façade whose disk refuses the journal says so, and yet sends the operation to legacy."""
    state = StageState(Stage.MODERN, 1, "ann", "all the same", 0, "0" * 64)
    (tmp_path / "facade").mkdir()
    (tmp_path / "facade" / "get_case.json").write_bytes(state.to_bytes())
    (tmp_path / "facade" / "journal.jsonl").mkdir()
    links = Links("t", KafkaSettings(bootstrap="127.0.0.1:9"), "http://127.0.0.1:9", tmp_path)
    watch = StageWatch(links, ["get_case"])
    assert watch.stage("get_case") is Stage.MODERN
    with pytest.raises(OSError, match="directory"):
        watch.kill("get_case", by="ann", reason="alarm")
    assert watch.stage("get_case") is Stage.LEGACY
