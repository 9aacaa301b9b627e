"""The way back from a registered envelope to the entity that it carries."""

from __future__ import annotations

import copy
from typing import Any

from schemas.entity import Entity, Field
from schemas.envelope import ENTITY, KEY, KEY_PRIVACY, SYSTEM
from schemas.errors import Terminal


def entity_of(envelope: dict[str, Any], key: dict[str, Any] | None = None) -> Entity:
    """Return the entity of a change topic from its value schema as the registry gives it.

    `legacy.name`, `doc` and `classification` come back; a field that says nothing is `personal`.

    Args:
        envelope: the schema under `<topic>-value`.
        key: the schema under `<topic>-key`; only needed where the envelope does not name its key fields
            (topics that Debezium writes).

    Raises:
        Terminal: not an envelope, or the key is unknown.
    """
    topic = str(envelope.get("namespace", ""))
    _, _, rest = topic.partition(".")
    system, _, name = rest.rpartition(".")
    fields = tuple(_field(f) for f in value_schema_of(envelope)["fields"])
    names = envelope.get(KEY) or [f["name"] for f in (key or {}).get("fields", ())]
    if not names:
        raise Terminal(
            "the registered envelope does not say which fields are its key",
            where=f"{topic}-value",
            fix=f"register a key schema under {topic}-key",
        )
    return Entity(
        system=str(envelope.get(SYSTEM, system)),
        name=str(envelope.get(ENTITY, name)),
        fields=fields,
        key=tuple(names),
        key_privacy=envelope.get(KEY_PRIVACY, "plain"),
    )


def value_schema_of(envelope: dict[str, Any]) -> dict[str, Any]:
    """Return the record in `before` and `after`, able to stand alone.

    Raises:
        Terminal: not an envelope.
    """
    space = envelope.get("namespace", "")
    for field in envelope.get("fields", ()):
        if field["name"] in ("before", "after"):
            branches = field["type"] if isinstance(field["type"], list) else [field["type"]]
            for branch in branches:
                if isinstance(branch, dict) and branch.get("type") == "record":
                    return {"namespace": space, **copy.deepcopy(branch)}
    raise Terminal(
        "the registered schema is not a change envelope: it has no record in before or after",
        where=f"{space}.{envelope.get('name', '')}",
        fix="point the projection at a change topic",
    )


def _field(field: dict[str, Any]) -> Field:
    kind = field["type"]
    if isinstance(kind, list):
        branches = [b for b in kind if b != "null"]
        kind = branches[0] if len(branches) == 1 else branches
    return Field(
        name=field["name"],
        type=kind,
        legacy_name=field.get("legacy.name", ""),
        doc=field.get("doc", ""),
        classification=field.get("classification", "personal"),
    )
