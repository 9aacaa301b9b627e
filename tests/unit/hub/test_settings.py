"""banyan.toml: what it may say, and how mistakes are told."""

from pathlib import Path

import pytest

from connectors.kafka import KafkaSettings
from hub.settings import HubSettings, load_settings
from schemas.errors import SettingsError


def _estate(folder: Path, text: str) -> Path:
    (folder / "banyan.toml").write_text(text, encoding="utf-8")
    return folder


def test_a_prefix_is_enough(tmp_path: Path) -> None:
    """An estate that names only its prefix gets the embedded Kafka and the default ports on loopback."""
    settings = load_settings(_estate(tmp_path, 'prefix = "uc"\n'))
    assert settings.is_embedded
    assert (settings.api.url, settings.facade.url) == ("http://127.0.0.1:8600", "http://127.0.0.1:8601")
    assert settings.facade_instances() == ["http://127.0.0.1:8601"]


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        (
            'prefix = "uc"\n\n[api]\nprot = 1\n',
            "banyan.toml:4",
            ["unknown key 'api.prot'", "did you mean 'port'"],
        ),
        ('prefix = "uc"\n[api]\nport = 70000\n', "banyan.toml:3", ["api.port"]),
        ('title = "x"\n', "banyan.toml:1", ["'prefix' is missing", "add prefix"]),
        ('prefix = "UC"\n', "banyan.toml:1", ["prefix"]),
        ("prefix = \n", "banyan.toml:1", ["not valid TOML"]),
        ('prefix = "uc"\n[registry]\nurl = "ftp://x"\n', "banyan.toml:3", ["registry.url"]),
    ],
)
def test_a_mistake_names_its_place(tmp_path: Path, text: str, where: str, words: list[str]) -> None:
    """A wrong setting is told with file, line, key and remedy, and ends in exit code 2."""
    with pytest.raises(SettingsError) as caught:
        load_settings(_estate(tmp_path, text))
    assert caught.value.where.endswith(where)
    assert all(word in str(caught.value) for word in words)
    assert caught.value.exit_code == 2


def test_a_cluster_needs_its_registry(tmp_path: Path) -> None:
    """A bootstrap without a registry URL is refused, because nothing could be decoded."""
    with pytest.raises(SettingsError, match="registry"):
        load_settings(_estate(tmp_path, 'prefix = "uc"\nbootstrap = "kafka:9092"\n'))


@pytest.mark.parametrize(
    "bootstrap", ["kafka", "kafka:9092,other", "kafka:", "kafka:0", "::1", "PLAINTEXT://kafka:9092", ""]
)
def test_a_bootstrap_without_a_port_is_refused(tmp_path: Path, bootstrap: str) -> None:
    """A broker without its port is told at its line, instead of waited for."""
    text = f'prefix = "uc"\nbootstrap = "{bootstrap}"\n[registry]\nurl = "http://registry:8081"\n'
    with pytest.raises(SettingsError, match="not host:port; name the port too") as caught:
        load_settings(_estate(tmp_path, text))
    assert caught.value.where.endswith("banyan.toml:2")
    with pytest.raises(ValueError, match="not host:port"):
        KafkaSettings(bootstrap=bootstrap)


def test_several_brokers_are_one_bootstrap() -> None:
    """Brokers are separated by commas; blanks around them do not count."""
    found = KafkaSettings(bootstrap="kafka-1:9092, kafka-2.example.org:9093,[::1]:9092")
    assert found.bootstrap == "kafka-1:9092,kafka-2.example.org:9093,[::1]:9092"


def test_security_is_passed_on_and_stays_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SASL settings reach the Kafka clients, and the password appears in no representation."""
    monkeypatch.setenv("KAFKA_PASSWORD", "tell-nobody")
    settings = load_settings(
        _estate(
            tmp_path,
            'prefix = "uc"\nbootstrap = "kafka:9092"\n[registry]\nurl = "http://registry:8081"\n'
            '[kafka]\nsecurity_protocol = "SASL_SSL"\nsasl_mechanism = "SCRAM-SHA-512"\n'
            'sasl_username = "banyan"\nsasl_password = "${KAFKA_PASSWORD}"\n',
        )
    )
    kafka = settings.kafka_settings("kafka:9092")
    assert kafka.librdkafka()["sasl.password"] == "tell-nobody"
    assert "tell-nobody" not in f"{settings!r} {kafka!r}"


def test_every_setting_is_documented() -> None:
    """Every field of every settings class has a description, because the reference is made from them."""
    definitions = HubSettings.model_json_schema()
    tables = [definitions, *definitions["$defs"].values()]
    undocumented = [
        f"{table['title']}.{name}"
        for table in tables
        for name, field in table.get("properties", {}).items()
        if "description" not in field
    ]
    assert undocumented == []


def test_a_setting_of_former_days_is_explained(tmp_path: Path) -> None:
    """`[read_model] kind`, which estates once had, is refused with what to write today."""
    with pytest.raises(SettingsError, match="`kind` is no setting any more: take it out") as caught:
        load_settings(_estate(tmp_path, 'prefix = "uc"\n[read_model]\nkind = "sqlite"\n'))
    assert "banyan.toml" in caught.value.where
