"""What a process needs to reach the rest of one hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from connectors.kafka import KafkaSettings
from schemas.topics import Topics


@dataclass(frozen=True, slots=True)
class Links:
    """Where Kafka, the registry and the local state of one hub are."""

    prefix: str
    kafka: KafkaSettings
    registry_url: str
    #: The estate's `.banyan` folder: spools, snapshots, SQLite read models, last known stages.
    state: Path

    @property
    def topics(self) -> Topics:
        """The hub's topic names."""
        return Topics(self.prefix)
