"""A poll of the demo's service, recorded and played without it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from adapters.soap.cassette.poll import record_poll
from adapters.soap.discover.dry_run import dry_run
from adapters.soap.spec import SoapSpec
from adapters.soap.testing import SoapAdapterTest
from connectors.settings import load
from schemas.errors import SettingsError

FOLDER = Path(__file__).parents[4] / "examples/universal_credit/adapters/cases"


@pytest.fixture
def recorded(shared_service, tmp_path, monkeypatch) -> tuple[SoapSpec, Path, Path]:
    """The adapter in a folder of its own, ten rows a page, and the cassette of one poll."""
    folder = tmp_path / "cases"
    shutil.copytree(FOLDER, folder)
    monkeypatch.setenv("BANYAN_CASEWORK_PORT", str(shared_service.port))
    text = (folder / "adapter.toml").read_text().replace("rows = 25", "rows = 10")
    (folder / "adapter.toml").write_text(text)
    spec = load(folder / "adapter.toml", SoapSpec)
    (folder / "recorded").mkdir()
    tape = folder / "recorded/poll.jsonl"
    exchanges, rows = record_poll(spec, folder, tape)
    # three pages, and all of them again: a first poll of several pages confirms what is absent
    assert (exchanges, rows) == (6, 30)
    return spec, folder, tape


def test_nothing_personal_is_recorded(recorded, shared_service):
    """No value of the service's cases is in the cassette, but what is classified as open."""
    _, _, tape = recorded
    text = tape.read_text()
    for case in shared_service.all():
        assert case["nino"] not in text
        assert case["last_contact"] not in text
    assert json.loads(text.splitlines()[0])["personal_data"] == "replaced by pseudonyms"


def test_a_recorded_poll_is_played(recorded):
    """Played without the service, the poll has as many rows, all of them good, and is complete."""
    spec, folder, tape = recorded
    found = dry_run(spec, folder, sample=tape)
    assert (found.records, found.rejects, found.refused, list(found.problems)) == (30, 0, "", [])


def test_the_adapters_own_test_plays_it(recorded):
    """`SoapAdapterTest` finds the cassette in the adapter's folder, and passes."""
    own = SoapAdapterTest()
    own.folder = recorded[1]
    own.test_recorded_answers_are_read()


def test_other_ways_are_not_recorded(recorded, tmp_path):
    """A poll whose requests depend on the time is refused: it could never be played."""
    spec, folder, _ = recorded
    change = {"mode": "queue", "operation": "ListCases", "item": "cases/case", "message_id": "caseId"}
    change["acknowledge"] = {"operation": "DeleteCase", "message_id": "caseId"}
    other = spec.model_copy(update={"change": type("Queue", (), change)()})
    with pytest.raises(SettingsError, match="cannot be played"):
        record_poll(other, folder, tmp_path / "x.jsonl")
