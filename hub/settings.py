"""What an estate's `banyan.toml` may say. Docs page and JSON Schema derive from these classes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from connectors.kafka import Bootstrap, KafkaSettings
from connectors.settings import load
from schemas.errors import SettingsError

Port = Annotated[int, Field(ge=1, le=65535)]
TopicPart = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
#: A DNS name or an address as a Host header holds it, without port; IPv6 without its brackets.
HostName = Annotated[
    str, Field(pattern=r"^([a-z0-9]([a-z0-9_.-]*[a-z0-9])?|[0-9a-f]*:[0-9a-f]*:[0-9a-f:.]*)$")
]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaTable(_Table):
    """`[kafka]`: how to reach a cluster that is not embedded. Passed on to the Kafka clients."""

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        default="PLAINTEXT", description="Wire protection and authentication of the brokers."
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] | None = Field(
        default=None, description="SASL mechanism, where the protocol is SASL_…"
    )
    sasl_username: str | None = Field(default=None, description="SASL user name.")
    sasl_password: SecretStr | None = Field(
        default=None, description="SASL password: a `${ENV}` or `file:` reference, never the secret itself."
    )
    ssl_ca_location: str | None = Field(default=None, description="PEM file: authority of the brokers.")
    ssl_certificate_location: str | None = Field(default=None, description="PEM file: client certificate.")
    ssl_key_location: str | None = Field(default=None, description="PEM file: the client's private key.")


class RegistryTable(_Table):
    """`[registry]`: a Confluent-compatible schema registry, where Kafka is not embedded."""

    url: str | None = Field(
        default=None, pattern=r"^https?://", description="Base URL of the Confluent-compatible API."
    )


class ReadModelTable(_Table):
    """`[read_model]`: where projections keep their rows."""

    url: SecretStr | None = Field(
        default=None,
        description="`postgresql://user@host:port/database`: one schema a projection version there, several "
        "workers on any number of hosts. The password by `${ENV}` or `file:` reference, never the secret "
        "itself. Absent: one SQLite file a projection version below the state folder, one worker, one host.",
    )

    @model_validator(mode="before")
    @classmethod
    def _of_today(cls, given: Any) -> Any:
        if isinstance(given, dict) and "kind" in given:
            raise ValueError(
                "`kind` is no setting any more: take it out. Without `url` rows are in SQLite files, with "
                "url = postgresql://… they are in PostgreSQL"
            )
        return given

    @field_validator("url")
    @classmethod
    def _is_postgres(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("a read model's URL starts with postgresql://")
        return url


class ListenTable(_Table):
    """Where one of the HTTP parts listens."""

    host: str = Field(default="127.0.0.1", description="Address to bind; loopback unless you say otherwise.")
    port: Port = Field(description="TCP port.")
    allowed_hosts: list[HostName] = Field(
        default_factory=list,
        description="Further names that callers may use in the Host header: of a proxy, a container, this "
        "host in DNS. Lower case, without port. `localhost`, loopback addresses and `host` are always "
        "allowed, and where `host` is `0.0.0.0` or `::` every IP address; any other name is answered with "
        "421, so that no foreign web page gets in by DNS rebinding.",
    )

    @property
    def url(self) -> str:
        """The base URL as a client on this host sees it."""
        host = "127.0.0.1" if self.binds_every_address else self.host
        return f"http://{host}:{self.port}"

    @property
    def binds_every_address(self) -> bool:
        """True where it can be reached at every address of this host."""
        return self.host in ("0.0.0.0", "::")  # noqa: S104

    def other_hosts(self) -> list[str]:
        """The names, besides `host`, under which callers may reach it."""
        return list(self.allowed_hosts)


class ApiTable(ListenTable):
    """`[api]`: the read API made from the projections."""

    port: Port = Field(default=8600, description="TCP port.")


class FacadeTable(ListenTable):
    """`[facade]`: the façade in front of legacy and modern."""

    port: Port = Field(default=8601, description="TCP port.")
    instances: list[str] = Field(
        default_factory=list,
        description="Base URLs of every façade process; `banyan operation kill` must reach them all. "
        "Empty means the one at [facade] host and port. Their hosts are allowed hosts too.",
    )

    def other_hosts(self) -> list[str]:
        """The allowed hosts, and those of the instances."""
        return [*self.allowed_hosts, *(urlsplit(url).hostname or "" for url in self.instances)]


class ConsoleTable(ListenTable):
    """`[console]`: the operations console."""

    port: Port = Field(default=8602, description="TCP port.")


class EmbeddedTable(_Table):
    """`[embedded]`: ports of the embedded Kafka and registry; all on 127.0.0.1."""

    kafka_port: Port = Field(default=19092, description="Kafka clients.")
    controller_port: Port = Field(default=19093, description="Kafka's KRaft controller.")
    registry_port: Port = Field(default=18081, description="Schema registry.")
    management_port: Port = Field(default=18082, description="The registry's health endpoint.")


class SloTable(_Table):
    """`[slo]`: when the console calls a flow late."""

    freshness_seconds: float = Field(
        default=10.0, gt=0, description="Longest accepted time from a change's arrival to its visible row."
    )


class ProcessTable(_Table):
    """`[[process]]`: a further process that `banyan run` supervises, such as a legacy stand-in."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")] = Field(
        description="Name in logs and on the terminal."
    )
    command: list[str] = Field(
        min_length=1,
        description="Program and arguments, without a shell. `{python}` is this interpreter, `{estate}` and "
        "`{state}` are the folders; relative paths start at the estate.",
    )
    ready: str | None = Field(
        default=None, pattern=r"^https?://", description="URL that answers below 500 once it is ready."
    )


class HubSettings(_Table):
    """The whole of `banyan.toml`."""

    prefix: TopicPart = Field(description="First part of every topic's name; one hub, one prefix.")
    title: str = Field(default="", description="What people call this estate; shown by the console.")
    bootstrap: Bootstrap | None = Field(
        default=None, description="`host:port[,host:port]` of an existing Kafka. Absent: the embedded one."
    )
    kafka: KafkaTable = Field(default_factory=KafkaTable, description="Security of an existing cluster.")
    registry: RegistryTable = Field(default_factory=RegistryTable, description="The schema registry.")
    read_model: ReadModelTable = Field(default_factory=ReadModelTable, description="Where rows are kept.")
    api: ApiTable = Field(default_factory=ApiTable, description="The read API.")
    facade: FacadeTable = Field(default_factory=FacadeTable, description="The façade.")
    console: ConsoleTable = Field(default_factory=ConsoleTable, description="The console.")
    embedded: EmbeddedTable = Field(
        default_factory=EmbeddedTable, description="Ports of the embedded services."
    )
    slo: SloTable = Field(default_factory=SloTable, description="Service levels.")
    process: list[ProcessTable] = Field(default_factory=list, description="Further supervised processes.")

    @model_validator(mode="after")
    def _consistent(self) -> HubSettings:
        if self.bootstrap and not self.registry.url:
            raise ValueError("`bootstrap` names a cluster, so [registry] url must name its schema registry")
        return self

    @property
    def is_embedded(self) -> bool:
        """True where Banyan starts its own Kafka and registry."""
        return self.bootstrap is None

    @property
    def read_model_url(self) -> str:
        """Where the read models are; empty for SQLite files."""
        return self.read_model.url.get_secret_value() if self.read_model.url else ""

    def kafka_settings(self, bootstrap: str) -> KafkaSettings:
        """The Kafka clients' settings for a cluster at `bootstrap`."""
        return KafkaSettings(bootstrap=bootstrap, **self.kafka.model_dump(exclude_none=True))

    def facade_instances(self) -> list[str]:
        """Base URLs of every façade process."""
        return [url.rstrip("/") for url in self.facade.instances] or [self.facade.url]


def load_settings(estate: Path) -> HubSettings:
    """Return the settings in `<estate>/banyan.toml`.

    Raises:
        SettingsError: with file, line, key and remedy.
    """
    path = estate / "banyan.toml"
    if not path.is_file():
        raise SettingsError(
            "this folder is not an estate: it has no banyan.toml",
            where=str(estate),
            fix="name a folder that has one, or one of the examples by its name",
        )
    return load(path, HubSettings)
