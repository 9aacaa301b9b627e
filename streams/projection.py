"""A projection: events of one entity folded into rows by key, declared in an estate's `projections/*.py`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from schemas.errors import SettingsError
from schemas.names import api_name, topic_part
from schemas.topics import Topics
from streams.cast import Cast, cast_of
from streams.condition import Condition, conditions

#: What becomes of an event that cannot be applied: its key waits, it is left out, or the projection stops.
Poison = Literal["park_key", "skip", "stop"]

_COLLECTION = re.compile(r"[a-z][a-z0-9_-]*\Z")


@dataclass(frozen=True, slots=True)
class Projection:
    """A row projection: the newest row of each key of one entity.

    Make it with `row_projection`, which checks the names.
    """

    name: str
    version: int
    source: str
    collection: str
    select: tuple[str, ...] | None = None
    rename: Mapping[str, str] = field(default_factory=dict)
    indexes: tuple[str, ...] = ()
    partitions: int = 4
    on_poison: Poison = "park_key"
    cast: Mapping[str, Cast] = field(default_factory=dict)
    where: tuple[Condition, ...] = ()

    @property
    def system(self) -> str:
        """The legacy system whose entity it reads."""
        return self.source.split(".")[0]

    @property
    def entity(self) -> str:
        """The entity it reads."""
        return self.source.split(".")[1]

    def topic(self, prefix: str) -> str:
        """Return the change topic in the hub called `prefix`."""
        return Topics(prefix).change(self.system, self.entity).name

    def app_id(self, prefix: str) -> str:
        """Return the Faust app id, which is also the consumer group (DESIGN 10.5)."""
        return f"{prefix}.{self.name}.v{self.version}"

    def column_name(self, field_name: str) -> str:
        """Return the API name of an Avro field."""
        return self.rename.get(field_name) or api_name(field_name)


def row_projection(
    name: str,
    *,
    source: str,
    collection: str,
    version: int = 1,
    select: Sequence[str] | None = None,
    rename: Mapping[str, str] | None = None,
    indexes: Sequence[str] = (),
    partitions: int = 4,
    on_poison: Poison = "park_key",
    cast: Mapping[str, str] | None = None,
    where: Sequence[Sequence[Any]] = (),
) -> Projection:
    """Declare a row projection.

    Args:
        name: lower snake case; with `version` it names app, consumer group and read-model file.
        source: `<system>.<entity>`.
        collection: its place in the REST API, `/v1/<collection>`.
        version: raise it to build the rows anew beside the old ones.
        select: Avro fields to keep, key fields always among them; None keeps all.
        rename: Avro field → API field, where lower snake case is not what you want.
        indexes: API fields that callers may filter on, besides the key.
        partitions: of the topic, used only where a worker makes it for an entity that no adapter of the
            estate publishes; else the adapter's own count holds.
        on_poison: of an event that cannot be applied: `park_key` lets it and later events of its key wait for
            a decision while others flow; `skip` leaves it out for good (it stays on the dead-letter topic);
            `stop` applies everything before it and nothing after it.
        cast: Avro field → `text`, `integer`, `decimal(9,2)`, `date` or `date(DDMMYYYY)`. A value that cannot
            be cast makes its event one that cannot be applied.
        where: `("FIELD", "=", value)` and the like (`Condition`), all of which a row has to fulfil. A row
            whose newest event does not is removed.

    Raises:
        SettingsError: a name that cannot stand in a topic, a file name or a URL.
    """
    here = f"projection {name!r}"
    topic_part(name, where=here)
    if len(parts := source.split(".")) != 2:
        raise SettingsError(
            f"source {source!r} is not <system>.<entity>", where=here, fix='write source = "system.entity"'
        )
    for part in parts:
        topic_part(part, where=here)
    if not _COLLECTION.match(collection):
        raise SettingsError(
            f"{collection!r} cannot be part of a URL",
            where=here,
            fix="use lower-case letters, digits, - and _",
        )
    if version < 1 or partitions < 1:
        raise SettingsError("version and partitions start at 1", where=here, fix="use a positive number")
    if on_poison not in get_args(Poison):
        raise SettingsError(
            f"on_poison = {on_poison!r} is not known",
            where=here,
            fix=f"choose from: {', '.join(get_args(Poison))}",
        )
    return Projection(
        name,
        version,
        source,
        collection,
        None if select is None else tuple(select),
        dict(rename or {}),
        tuple(indexes),
        partitions,
        on_poison,
        {field_name: cast_of(text, here) for field_name, text in (cast or {}).items()},
        conditions(where, here),
    )
