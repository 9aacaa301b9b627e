"""Every topic name in one place (DESIGN 10.4)."""

from __future__ import annotations

from dataclasses import dataclass, field

from schemas.names import topic_part


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it must exist: name, partitions and the configuration that its promise needs."""

    name: str
    partitions: int = 1
    config: dict[str, str] = field(default_factory=dict)


#: Change, transaction and decision topics are history: compaction or expiry would destroy it.
HISTORY = {"cleanup.policy": "delete", "retention.ms": "-1"}
#: State topics: only the newest value of each key counts.
STATE = {"cleanup.policy": "compact", "retention.ms": "-1"}


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one hub, by its prefix."""

    prefix: str

    def __post_init__(self) -> None:
        topic_part(self.prefix, where="banyan.toml: prefix")

    def change(self, system: str, entity: str, partitions: int = 4) -> Topic:
        """Change events of one entity, partitioned by key text; the count is fixed at creation."""
        topic_part(system, where="system")
        topic_part(entity, where="entity")
        return Topic(f"{self.prefix}.{system}.{entity}", partitions, HISTORY)

    @property
    def transaction(self) -> Topic:
        """BEGIN and END of every published extract (Debezium's transaction metadata)."""
        return Topic(f"{self.prefix}.transaction", 1, HISTORY)

    @property
    def lifecycle(self) -> Topic:
        """What happened to each extract: started, held, failed, committed and so on."""
        return self._internal("lifecycle", HISTORY)

    @property
    def adapter_state(self) -> Topic:
        """Key: adapter name; value: the committed spool position and snapshot id (10.2)."""
        return self._internal("adapter_state", STATE)

    @property
    def operations(self) -> Topic:
        """Key: operation name; value: its current stage."""
        return self._internal("operations", STATE)

    @property
    def decisions(self) -> Topic:
        """The append-only decision log: one partition, one fenced writer (10.11)."""
        return self._internal("decisions", HISTORY)

    @property
    def verdicts(self) -> Topic:
        """One record a compared pair."""
        return self._internal("verdicts", HISTORY)

    def dlq(self, system: str) -> Topic:
        """Rejected records of one system, with raw bytes, place, field path and reason."""
        return self._internal(f"dlq.{topic_part(system, where='system')}", HISTORY)

    def _internal(self, name: str, config: dict[str, str]) -> Topic:
        return Topic(f"__banyan.{self.prefix}.{name}", 1, config)


def subject(topic: str, part: str) -> str:
    """Return the registry subject of a topic's `key` or `value` (TopicNameStrategy)."""
    return f"{topic}-{part}"
