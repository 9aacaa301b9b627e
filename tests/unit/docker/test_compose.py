"""docker-compose.yml and the files that it mounts."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
#: The Compose specification's own schema (compose-spec/compose-spec, Apache-2.0, licence beside it).
SCHEMA = Path(__file__).with_name("compose-spec.json")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = sorted(COMPOSE["services"])


def service(name: str) -> dict[str, Any]:
    return COMPOSE["services"][name]


def test_the_file_follows_the_compose_specification() -> None:
    """The file is valid against the specification's JSON schema."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(COMPOSE)


def test_the_schema_refuses_a_misspelt_key() -> None:
    """The schema is strict enough to be worth asking."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    wrong = {"services": {"kafka": {"image": "apache/kafka:4.4.0", "healthchek": {}}}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(wrong)


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned(name: str) -> None:
    """Each service names an exact version, never `latest`."""
    assert re.fullmatch(r"[a-z0-9/._-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?", service(name)["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_health_checked(name: str) -> None:
    """Each service says when it is healthy."""
    assert service(name)["healthcheck"]["test"]


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_published_on_loopback_only(name: str) -> None:
    """No port of a container is open to other machines."""
    for port in service(name).get("ports", []):
        assert port.startswith("127.0.0.1:")


@pytest.mark.parametrize("name", SERVICES)
def test_state_lives_in_declared_named_volumes(name: str) -> None:
    """A writable mount is a named volume that the file declares; the rest is read-only configuration."""
    for mount in service(name).get("volumes", []):
        source, _, target = mount.partition(":")
        if source.startswith("."):
            assert target.endswith(":ro") and (ROOT / source).exists()
        else:
            assert source in COMPOSE["volumes"]


def test_waiting_for_a_service_means_waiting_for_its_health() -> None:
    """Every `depends_on` waits for `service_healthy` of a service that exists."""
    for name in SERVICES:
        for other, how in service(name).get("depends_on", {}).items():
            assert other in SERVICES
            assert how == {"condition": "service_healthy"}


def test_only_monitoring_is_optional() -> None:
    """Prometheus and Grafana start under the profile `monitoring`, everything else always."""
    optional = {name for name in SERVICES if service(name).get("profiles") == ["monitoring"]}
    assert optional == {"prometheus", "grafana"}


def test_the_same_versions_run_embedded_and_as_containers() -> None:
    """Kafka and the registry have one version, whichever way they run."""
    from hub.embedded.artifact import read_lock

    versions = {artifact.name: artifact.version for artifact in read_lock()}
    assert service("kafka")["image"] == f"apache/kafka:{versions['kafka_2.13']}"
    assert service("registry")["image"] == f"apicurio/apicurio-registry:{versions['apicurio-registry-app']}"


def test_the_settings_in_the_image_are_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    """docker/banyan.toml is a valid estate file that uses the containers' Kafka and registry."""
    from connectors.settings import load
    from hub.settings import HubSettings

    for name in ("BANYAN_BOOTSTRAP", "BANYAN_REGISTRY"):
        monkeypatch.setenv(name, service("banyan")["environment"][name])
    settings = load(ROOT / "docker" / "banyan.toml", HubSettings)
    assert settings.bootstrap == "kafka:9092"
    assert not settings.is_embedded


def test_the_containers_may_call_each_other_by_name() -> None:
    """Each part of the image answers to its service's name, under which Prometheus calls it."""
    from connectors.settings import load
    from hub.settings import HubSettings

    settings = load(ROOT / "docker" / "banyan.toml", HubSettings)
    targets = re.findall(r"targets: \[banyan:(\d+)\]", (ROOT / "docker/prometheus.yml").read_text("utf-8"))
    assert targets == [str(settings.facade.port), str(settings.console.port)]
    for listen in (settings.api, settings.facade, settings.console):
        assert "banyan" in listen.other_hosts()


def test_docker_reads_the_file() -> None:
    """`docker compose config` accepts the file, where Docker Compose is installed."""
    docker = shutil.which("docker")
    if not docker or subprocess.run([docker, "compose", "version"], capture_output=True).returncode:
        pytest.skip("docker compose is not installed here")
    command = [docker, "compose", "--file", str(ROOT / "docker-compose.yml"), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
