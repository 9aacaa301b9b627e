"""Rules that explain differences between two versions of a projection: declared, counted, on record."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from connectors.settings import load

Kind = Literal["added", "removed", "trimmed", "case", "number", "empty", "map", "any", "only_new", "only_old"]


class Rule(BaseModel):
    """`[[rule]]` of `projections/<name>.compare.toml`: one difference that is meant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, description="How reports call it.")
    because: str = Field(min_length=1, description="Why it is meant; reviewers read this.")
    version: int = Field(
        ge=1, description="The new version that it belongs to; it explains nothing of others."
    )
    kind: Kind = Field(
        description="`added`, `removed`: only the new, only the old version has the field. `trimmed`, "
        "`case`, `number`, `empty`: the values are equal but for blanks around, letter case, how a number is "
        "written, null against empty. `map`: `values` says what becomes of each. `any`: whatever it is. "
        "`only_new`, `only_old`: rows that the other version does not have."
    )
    field: str = Field(default="", description="API field; not for `only_new` and `only_old`.")
    values: dict[str, str] = Field(default_factory=dict, description="For `map`: old value → new value.")

    def explains(self, old: Any, new: Any) -> bool:
        """Return whether this rule explains that a field's value became another one."""
        match self.kind:
            case "any":
                return True
            case "trimmed":
                return isinstance(old, str) and isinstance(new, str) and old.strip() == new.strip()
            case "case":
                return isinstance(old, str) and isinstance(new, str) and old.casefold() == new.casefold()
            case "number":
                return _number(old) is not None and _number(old) == _number(new)
            case "empty":
                return _is_empty(old) and _is_empty(new)
            case "map":
                return str(old) in self.values and self.values[str(old)] == str(new)
            case _:
                return False


class Rules(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: tuple[Rule, ...] = ()

    @property
    def digest(self) -> str:
        """What changes when a rule does."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def of(self, version: int) -> Rules:
        """Return the rules of one new version."""
        return Rules(rule=tuple(r for r in self.rule if r.version == version))

    def first(self, kinds: Sequence[Kind], field: str = "") -> Rule | None:
        """Return the first rule of one of these kinds about a field (or about rows)."""
        return next((r for r in self.rule if r.kind in kinds and r.field == field), None)


def load_rules(folder: Path, name: str) -> Rules:
    """Return the rules of a projection; none where there is no file.

    Raises:
        SettingsError: with file, line, key and remedy.
    """
    file = folder / f"{name}.compare.toml"
    return load(file, Rules) if file.is_file() else Rules()


def _number(value: Any) -> Decimal | None:
    try:
        return Decimal(str(value)) if value is not None else None
    except InvalidOperation:
        return None


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
