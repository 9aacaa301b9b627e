"""An estate: found by path or name, loaded in parts, checked as a whole."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hub.embedded.apicurio import Apicurio
from hub.estate import EXAMPLES, Estate, find
from hub.lint import lint
from schemas.errors import SettingsError, Transient


def test_an_example_is_found_by_its_name() -> None:
    """The bare name of an example stands for its folder."""
    assert find("universal_credit") == EXAMPLES / "universal_credit"


def test_the_examples_have_no_findings() -> None:
    """`banyan check` finds nothing to mend in the demo estate, and sees all its parts."""
    findings, counts = lint(Estate("universal_credit"))
    assert findings == []
    assert counts == {"adapters": 2, "entities": 3, "projections": 3, "documents": 1, "operations": 1}


def test_services_that_do_not_run_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a running Kafka the error says which command starts it."""
    monkeypatch.setenv("BANYAN_STATE", str(tmp_path))
    with pytest.raises(Transient, match="not running") as caught:
        Estate("universal_credit").links()
    assert "banyan up" in caught.value.fix


def test_what_works_without_kafka_gets_its_future_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Kafka is not needed, links say where the embedded services will be, and do not fail."""
    monkeypatch.setenv("BANYAN_STATE", str(tmp_path))
    monkeypatch.setenv("BANYAN_KAFKA_PORT", "20001")
    monkeypatch.setenv("BANYAN_REGISTRY_PORT", "20002")
    links = Estate("universal_credit").links(needed=False)
    assert links.kafka.bootstrap == "127.0.0.1:20001"
    assert links.registry_url == Apicurio(tmp_path, 20002, 20003).url


def test_links_come_from_the_running_services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded services write where they are; every part reads it there."""
    monkeypatch.setenv("BANYAN_STATE", str(tmp_path))
    (tmp_path / "services.json").write_text(
        json.dumps({"bootstrap": "127.0.0.1:1", "registry": "http://127.0.0.1:2"})
    )
    links = Estate("universal_credit").links()
    assert (links.kafka.bootstrap, links.registry_url, links.state) == (
        "127.0.0.1:1",
        "http://127.0.0.1:2",
        tmp_path,
    )


class _Spec:
    """An adapter's settings, and how often they were opened."""

    def __init__(self, name: str, partitions: int, entity: str) -> None:
        self.name, self.system, self.partitions, self._entity = name, "mainframe", partitions, entity
        self.opened = 0

    def open(self, folder: Path) -> Any:
        self.opened += 1
        return SimpleNamespace(entities={self._entity: None})


def test_a_worker_makes_topics_as_their_adapter_would(tmp_path: Path) -> None:
    """A hosted projection has its adapter's partition count, so that who starts first makes no difference."""
    (tmp_path / "banyan.toml").write_text('prefix = "x"\n')
    (tmp_path / "projections").mkdir()
    (tmp_path / "projections" / "p.py").write_text(
        "from streams.projection import row_projection\n"
        'p = row_projection(name="p", source="mainframe.claim", collection="claims")\n'
        'q = row_projection(name="q", source="other.thing", collection="things", partitions=3)\n'
    )
    only = Estate(tmp_path)
    one = _Spec("claims", 12, "claim")
    only.__dict__["adapters"] = [(one, tmp_path)]
    assert [(p.name, p.partitions) for p in only.hosted_projections] == [("p", 12), ("q", 3)]
    assert one.opened == 0  # no other adapter of that system could be the one
    both = Estate(tmp_path)
    both.__dict__["adapters"] = [(_Spec("payments", 6, "payment"), tmp_path), (one, tmp_path)]
    assert [(p.name, p.partitions) for p in both.hosted_projections] == [("p", 12), ("q", 3)]
    assert [p.partitions for p in both.projections] == [4, 3]


def test_a_projection_of_nothing_is_a_finding(tmp_path: Path) -> None:
    """A projection over an entity that no adapter publishes is found without starting anything."""
    (tmp_path / "banyan.toml").write_text('prefix = "x"\n')
    (tmp_path / "projections").mkdir()
    (tmp_path / "projections" / "p.py").write_text(
        "from streams.projection import row_projection\n"
        'p = row_projection(name="p", source="nobody.thing", collection="things")\n'
    )
    findings, _ = lint(Estate(tmp_path))
    assert "no adapter publishes 'nobody.thing'" in findings[0].what


def test_a_broken_adapter_is_the_only_finding(tmp_path: Path) -> None:
    """What it would publish is not missed by projections, and the other adapters are looked at too."""
    (tmp_path / "banyan.toml").write_text('prefix = "x"\n')
    good = (
        'kind = "batch"\nname = "good"\nsystem = "s"\nentity = "e"\nkey = ["ID"]\nfolder = "in"\n'
        'format = "delimited"\n[delimited]\nfields = ["ID"]\n'
    )
    for name, text in (("good", good), ("bad", good.replace("good", "bad").replace("folder", "foldre"))):
        (tmp_path / "adapters" / name).mkdir(parents=True)
        (tmp_path / "adapters" / name / "adapter.toml").write_text(text)
    (tmp_path / "projections").mkdir()
    (tmp_path / "projections" / "p.py").write_text(
        "from streams.projection import row_projection\n"
        'p = row_projection(name="p", source="nobody.thing", collection="things")\n'
    )
    findings, counts = lint(Estate(tmp_path))
    assert counts["adapters"] == 1
    assert all(str(tmp_path / "adapters" / "bad") in f.where for f in findings), findings


def test_an_adapter_that_may_read_half_a_file_is_a_finding(tmp_path: Path) -> None:
    """`banyan check` tells, with the file to change, that an upload's stall could be taken for its end."""
    (tmp_path / "banyan.toml").write_text('prefix = "x"\n')
    folder = tmp_path / "adapters" / "a"
    folder.mkdir(parents=True)
    (folder / "a.cpy").write_text("       01 R.\n          05 ID PIC X(4).\n")
    (folder / "adapter.toml").write_text(
        'kind = "batch"\nname = "a"\nsystem = "s"\nentity = "e"\nkey = ["ID"]\nfolder = "in"\n'
        'copybook = "a.cpy"\nmin_age_seconds = 1\n'
    )
    (finding,) = lint(Estate(tmp_path))[0]
    assert "stalls between two records" in finding.what
    assert finding.where == str(folder / "adapter.toml")


def test_a_folder_without_settings_is_refused(tmp_path: Path) -> None:
    """A folder that is no estate is told with its remedy."""
    with pytest.raises(SettingsError, match=r"no banyan\.toml"):
        Estate(tmp_path)
