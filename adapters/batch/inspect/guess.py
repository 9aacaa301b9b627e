"""Guesses and the report that they make: values only, no bytes of the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: Below this confidence a guess is shown as "cannot tell": a coin would do nearly as well.
TELLS = 0.5


@dataclass(frozen=True, slots=True)
class Guess:
    """One thing that was guessed.

    Attributes:
        of: what it is about, such as `code_page`.
        value: the guess; None = cannot tell.
        confidence: 0 to 1: the share of such guesses that should be right.
        why: the evidence, one sentence each.
        others: what else it could be, likeliest first; they have no others of their own.
    """

    of: str
    value: Any
    confidence: float
    why: Sequence[str] = ()
    others: Sequence[Guess] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the guess as JSON has it."""
        made: dict[str, Any] = {
            "value": self.value, "confidence": round(self.confidence, 2), "why": list(self.why),
        }  # fmt: skip
        if self.others:
            made["alternatives"] = [other.as_json() for other in self.others]
        return made


def cannot_tell(of: str, *why: str, others: Sequence[Guess] = ()) -> Guess:
    """Return the honest answer."""
    return Guess(of, None, 0.0, why, others)


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that was found out about one file.

    Attributes:
        name: the file's name.
        size: bytes on disk.
        guesses: in the order in which they were made, each resting on those before.
        warnings: damage, and what a person should look at.
        fields: columns or items: name and shape, never values unless they were asked for.
        settings: what adapter.toml needs beside name, system and folder; None = nothing can be proposed.
        draft: a draft copybook, where the file needs one and none was given.
        adapter_toml: the settings as a file.
    """

    name: str
    size: int
    guesses: Sequence[Guess]
    warnings: Sequence[str] = ()
    fields: Sequence[Mapping[str, Any]] = ()
    settings: Mapping[str, Any] | None = None
    draft: str = ""
    adapter_toml: str = ""
    notes: Sequence[str] = field(default=())

    def __getitem__(self, of: str) -> Guess:
        """Return the guess about one thing; a thing that was not asked cannot be told."""
        return next((g for g in self.guesses if g.of == of), Guess(of, None, 0.0))

    def value(self, of: str) -> Any:
        """Return what was guessed about one thing, None where nothing was."""
        return self[of].value

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "file": self.name,
            "size": self.size,
            "guesses": {g.of: g.as_json() for g in self.guesses},
            "warnings": list(self.warnings),
            "fields": [dict(f) for f in self.fields],
            "settings": None if self.settings is None else dict(self.settings),
            "draft_copybook": self.draft or None,
            "adapter_toml": self.adapter_toml or None,
            "notes": list(self.notes),
        }
