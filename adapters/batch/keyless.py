"""Rows that no key tells apart: files that are only looked at, and never published."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.entity import Entity


@dataclass(frozen=True, slots=True)
class KeylessEntity(Entity):
    """An entity without a business key, so that no field of it must have a value.

    It has no topic and no snapshot: only `banyan decode` and `banyan encode` make it.
    """

    def __post_init__(self) -> None:
        assert not self.key  # with a key it is an Entity
