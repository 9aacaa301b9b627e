"""Fixtures for tests that need the real Kafka and the real registry; unit tests need none of them."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from connectors.kafka import KafkaSettings
from connectors.links import Links
from hub.embedded.health import kafka_answers, registry_answers
from hub.embedded.ports import Ports
from hub.embedded.services import Services
from hub.embedded.start import Tuning, start
from tests.postgres import Postgres, running_postgres

_TESTS = Path(__file__).parent
#: Name a Kafka and a registry that run already, to save their start while working on a test.
_BOOTSTRAP, _REGISTRY = "BANYAN_TEST_BOOTSTRAP", "BANYAN_TEST_REGISTRY"
#: Tests below these folders, and those marked `containers`, run a second time against containers.
_ALSO_IN_CONTAINERS = ("integration/connectors",)


@dataclass(frozen=True, slots=True)
class Broker:
    """A running Kafka and registry."""

    bootstrap: str
    registry_url: str

    def links(self, state: Path) -> Links:
        """Return links with a topic prefix that no other test has."""
        prefix = f"t{uuid.uuid4().hex[:10]}"
        return Links(prefix, KafkaSettings(bootstrap=self.bootstrap), self.registry_url, state)


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark that this file gives a meaning to."""
    config.addinivalue_line("markers", "containers: runs against containers too, where Docker answers")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests that ask for it against the embedded services and against containers."""
    path = metafunc.definition.path
    folder = path.relative_to(_TESTS).parent.as_posix() if path.is_relative_to(_TESTS) else ""
    wanted = metafunc.definition.get_closest_marker("containers") or folder in _ALSO_IN_CONTAINERS
    if wanted and "broker" in metafunc.fixturenames:
        metafunc.parametrize("broker", ["embedded", "containers"], indirect=True, scope="session")


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
def container_broker() -> Iterator[Broker]:
    """The same Kafka and registry as containers (images of docker-compose.yml); skips without Docker."""
    # Read at import. Its helper container would need an image of its own; the `with` below cleans up.
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    import yaml
    from docker.errors import DockerException
    from testcontainers.core.container import DockerContainer

    import docker

    parts = yaml.safe_load((_TESTS.parent / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    kafka, registry = parts["kafka"], parts["registry"]
    try:
        client = docker.from_env()
        for part in (kafka, registry):
            if not client.images.list(name=part["image"]):
                client.images.pull(part["image"])
    except DockerException as error:
        pytest.skip(f"no containers here: {type(error).__name__}")
    ports = Ports.free()
    bootstrap, port = f"127.0.0.1:{ports.kafka_port}", ports.kafka_port
    environment = kafka["environment"] | {
        # Kafka tells clients where it is, so the published port is fixed before it starts.
        "KAFKA_LISTENERS": f"INTERNAL://:9092,HOST://:{port},CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"INTERNAL://localhost:9092,HOST://{bootstrap}",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
    }
    url = f"http://127.0.0.1:{ports.registry_port}/apis/ccompat/v7"
    broker = DockerContainer(kafka["image"]).with_envs(**environment)
    broker.with_kwargs(ports={f"{port}/tcp": ("127.0.0.1", port)})
    schemas = DockerContainer(registry["image"])  # without settings it keeps schemas in memory
    schemas.with_kwargs(ports={"8080/tcp": ("127.0.0.1", ports.registry_port)})
    with broker, schemas:
        deadline = time.monotonic() + 120
        while not (kafka_answers(bootstrap) and registry_answers(url)):
            assert time.monotonic() < deadline, "the containers do not answer"
            time.sleep(0.2)
        yield Broker(bootstrap, url)


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest) -> Broker:
    """The Kafka and registry of a test: embedded, or containers where the test runs with both."""
    kind = getattr(request, "param", "embedded")
    found: Broker = request.getfixturevalue("container_broker" if kind == "containers" else "embedded_broker")
    return found


@pytest.fixture
def links(broker: Broker, tmp_path: Path) -> Links:
    """Links with an own topic prefix and an own state folder."""
    return broker.links(tmp_path / ".banyan")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL, once a session."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def private_broker(tmp_path: Path) -> Iterator[Services]:
    """A Kafka and registry of the test's own, for tests that kill them; `revive()` starts them again."""
    services = start(tmp_path / "private", ports=Ports.free(), tuning=Tuning(train=False))
    try:
        yield services
    finally:
        services.stop()
