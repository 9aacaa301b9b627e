"""What every `adapter.toml` may say; docs page, JSON Schema and `banyan adapter about` derive from it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from adapters.extract import Adapter
from schemas.entity import Entity
from schemas.errors import SettingsError

TopicPart = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class GuardSpec(BaseModel):
    """When an extract is held for a person instead of being published (G6)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_delete_share: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Hold the extract when more than this share of known keys would be deleted.",
    )
    min_known: int = Field(
        default=20,
        ge=0,
        description="Below this many known keys (for rejects: records) no share is judged.",
    )
    max_growth_share: float | None = Field(
        default=None,
        ge=0,
        description="Hold the extract when the readable rows grow by more than this share of the known keys.",
    )
    max_reject_share: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Hold the extract when more than this share of records is bad.",
    )
    max_rejects: int | None = Field(
        default=None, ge=0, description="Hold the extract when more than so many of its records are bad."
    )
    older: Literal["hold", "pass"] = Field(
        default="hold",
        description="A full extract whose business date is before that of the one committed last is held, or "
        "passed over as superseded.",
    )


class CompareSpec(BaseModel):
    """What counts as a change between an extract and the snapshot before it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ignore: tuple[str, ...] = Field(
        default=(),
        description="Fields whose changes alone give no event; the image of the last event stays in the "
        "snapshot, so that the next event's `before` is what was published.",
    )
    tolerance: dict[str, Decimal] = Field(
        default_factory=dict,
        description="Field → greatest difference between two numbers that does not count as a change.",
    )
    duplicates: Literal["reject", "first", "last"] = Field(
        default="reject",
        description="Rows with one key and different values: dead letters (the snapshot keeps its row), or "
        "the first or last of them counts.",
    )
    unexpected: Literal["accept", "reject"] = Field(
        default="accept",
        description="Delta records that do not fit (create of a known key, update or delete of an unknown "
        "one): taken for update, create and nothing, or dead letters. Counted either way.",
    )

    def check(self, entities: Iterable[Entity]) -> None:
        """Refuse a field that no entity has.

        Raises:
            SettingsError: a name is no field, or a key field.
        """
        entities = list(entities)
        fields = {f.name for e in entities for f in e.fields}
        keys = {name for e in entities for name in e.key}
        for setting in ("ignore", "tolerance"):
            for name in getattr(self, setting):
                if name not in fields or name in keys:
                    raise SettingsError(
                        f"{name!r} is {'a key field' if name in keys else 'no field'}",
                        where=f"adapter.toml: compare.{setting}",
                        fix=f"choose from: {', '.join(sorted(fields - keys)[:12])}",
                    )


class AdapterSpec(BaseModel):
    """Settings that every kind of adapter shares; each kind adds its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: One paragraph for the docs page: what it does and what it promises.
    summary: ClassVar[str] = ""

    kind: str
    name: TopicPart = Field(description="Unique in the estate; part of the transactional id.")
    system: TopicPart = Field(description="The legacy system; second part of its topics' names.")
    description: str = Field("", description="What this source is, for the people who operate it.")
    owner: str = Field("", description="Who answers for the source system.")
    every_seconds: float = Field(5.0, gt=0, description="Pause between two looks at the source, in seconds.")
    partitions: int = Field(4, ge=1, description="Partitions of each change topic; fixed at creation.")
    key_privacy: Literal["plain", "pseudonym"] = Field(
        "plain", description="`pseudonym` puts an HMAC of the key text on Kafka instead of the key."
    )
    guard: GuardSpec = Field(default_factory=GuardSpec, description="When to hold an extract for approval.")
    compare: CompareSpec = Field(
        default_factory=lambda: CompareSpec(), description="What counts as a change."
    )

    def advice(self) -> list[tuple[str, str]]:
        """Return what is allowed here but dangerous, each with its remedy, for `banyan check`."""
        return []

    @abstractmethod
    def open(self, folder: Path) -> Adapter:
        """Make the adapter. `folder` is where `adapter.toml` stands; relative paths start there."""
