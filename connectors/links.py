"""What a process needs to reach the rest of one hub."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from connectors.kafka import KafkaSettings
from connectors.readmodel.stores import Stores
from schemas.topics import Topics


@dataclass(frozen=True, slots=True)
class Links:
    """Where Kafka, the registry and the local state of one hub are."""

    prefix: str
    kafka: KafkaSettings
    registry_url: str
    #: The estate's `.banyan` folder: spools, snapshots, SQLite read models, last known stages.
    state: Path
    #: `postgresql://…` where the read models are there; empty: SQLite files below `state`.
    read_model_url: str = field(default="", repr=False)

    @property
    def topics(self) -> Topics:
        """The hub's topic names."""
        return Topics(self.prefix)

    @property
    def read_models(self) -> Stores:
        """The hub's read models."""
        return Stores(self.state / "readmodel", self.prefix, self.read_model_url)
