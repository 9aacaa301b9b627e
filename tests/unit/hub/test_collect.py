"""What the console shows while others do not answer."""

import threading
from pathlib import Path
from typing import Any

import pytest

from adapters.extract import Adapter
from adapters.spec import AdapterSpec
from hub.console.collect import Collector
from hub.embedded.ports import Ports
from hub.estate import Estate
from schemas.errors import Transient

UC = "universal_credit"


def test_adapters_are_opened_once_and_not_at_every_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entities of an adapter are kept; one that cannot be opened shows its projections, and rests."""
    monkeypatch.setenv("BANYAN_STATE", str(tmp_path))
    opened: list[str] = []
    kind = {name: type(spec) for name in ("awards", "cases") for spec, _ in [Estate(UC).adapter(name)]}

    def fails(spec: AdapterSpec, folder: Path) -> Adapter:
        opened.append(spec.name)
        raise Transient("the WSDL does not answer")

    def counts(spec: AdapterSpec, folder: Path, real: Any = kind["awards"].open) -> Adapter:
        opened.append(spec.name)
        return real(spec, folder)

    monkeypatch.setattr(kind["cases"], "open", fails)
    monkeypatch.setattr(kind["awards"], "open", counts)
    collector = Collector(Estate(UC))
    for _ in range(3):
        flows = collector._flows([], {})
        assert [(f.adapter, f.entity) for f in flows] == [
            ("awards", "award"),
            ("awards", "claimant"),
            ("cases", "case"),
        ]
    assert opened == ["awards", "cases"]


async def test_a_hanging_kafka_is_an_alert_and_not_a_hanging_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Kafka that takes the connection and says nothing becomes an alert, which goes once it answers."""
    free = Ports.free()
    monkeypatch.setenv("BANYAN_STATE", str(tmp_path))
    monkeypatch.setenv("BANYAN_API_PORT", str(free.kafka_port))
    monkeypatch.setenv("BANYAN_FACADE_PORT", str(free.registry_port))
    monkeypatch.setattr("hub.console.collect.KAFKA_SECONDS", 0.05)
    answers, readings = threading.Event(), []

    def kafka(_: Collector) -> dict[str, dict[str, int]]:
        readings.append(1)
        answers.wait(30)
        return {}

    monkeypatch.setattr(Collector, "_kafka", kafka)
    collector = Collector(Estate("universal_credit"))
    for _ in range(2):
        told = [alert.what for alert in (await collector.look()).outages]
        assert "Kafka has not answered within 0.05 s." in told
    assert len(readings) == 1
    answers.set()
    monkeypatch.setattr("hub.console.collect.KAFKA_SECONDS", 30.0)
    assert not [alert for alert in (await collector.look()).outages if "Kafka" in alert.what]
