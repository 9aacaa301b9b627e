"""Fixtures for tests that need the real Kafka and the real registry; unit tests need none of them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from connectors.kafka import KafkaSettings
from connectors.links import Links
from hub.embedded.ports import Ports
from hub.embedded.services import Services
from hub.embedded.start import Tuning, start

_TESTS = Path(__file__).parent
#: What the session tests with, all in one place for `pytest -k` and CI logs.
_BOOTSTRAP, _REGISTRY = "BANYAN_TEST_BOOTSTRAP", "BANYAN_TEST_REGISTRY"


@dataclass(frozen=True, slots=True)
class Broker:
    """A running Kafka and registry."""

    bootstrap: str
    registry_url: str

    def links(self, state: Path) -> Links:
        """Return links with a topic prefix that no other test has."""
        prefix = f"t{uuid.uuid4().hex[:10]}"
        return Links(prefix, KafkaSettings(bootstrap=self.bootstrap), self.registry_url, state)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their folder: tests/integration → integration, tests/e2e → e2e."""
    for item in items:
        room = item.path.relative_to(_TESTS).parts[0] if item.path.is_relative_to(_TESTS) else ""
        if room in ("integration", "e2e"):
            item.add_marker(room)


@pytest.fixture(scope="session")
def embedded_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The embedded Kafka and registry, once a session on free ports; or those that the environment names."""
    bootstrap, registry = os.environ.get(_BOOTSTRAP), os.environ.get(_REGISTRY)
    if bootstrap and registry:
        yield Broker(bootstrap, registry)
        return
    services = start(tmp_path_factory.mktemp("embedded"), ports=Ports.free(), tuning=Tuning(train=False))
    try:
        yield Broker(services.bootstrap, services.registry_url)
    finally:
        services.stop()


@pytest.fixture(scope="session")
def broker(embedded_broker: Broker) -> Broker:
    """The Kafka and registry that tests use unless they say otherwise."""
    return embedded_broker


@pytest.fixture
def links(broker: Broker, tmp_path: Path) -> Links:
    """Links with an own topic prefix and an own state folder."""
    return broker.links(tmp_path / ".banyan")


@pytest.fixture
def private_broker(tmp_path: Path) -> Iterator[Services]:
    """A Kafka and registry of the test's own, for tests that kill them; `revive()` starts them again."""
    services = start(tmp_path / "private", ports=Ports.free(), tuning=Tuning(train=False))
    try:
        yield services
    finally:
        services.stop()
