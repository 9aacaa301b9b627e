"""How far a field's content may be shown (DESIGN 10.14)."""

from __future__ import annotations

from typing import Any, Literal, get_args

from schemas.entity import Entity
from schemas.errors import SettingsError

#: `public`: anyone; `internal`: staff; `personal`: about a person; `sensitive`: special category, secrets.
Classification = Literal["public", "internal", "personal", "sensitive"]
#: What a field is until somebody classifies it.
DEFAULT: Classification = "personal"
#: Stands for a value that is not shown. Of fixed length, so that it does not tell the value's.
MASK = "•••"
_OPEN = frozenset({"public", "internal"})


def classification(name: str, *, where: str = "") -> Classification:
    """Return `name` if it is a classification.

    Raises:
        SettingsError: it is none.
    """
    for known in get_args(Classification):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise SettingsError(
        f"{name!r} is no classification",
        where=where,
        fix=f"use one of: {', '.join(get_args(Classification))}",
    )


def mask(value: Any, classification: str = DEFAULT, *, show: bool = False) -> str:
    """Return `value` as text for logs, pages and the command line, masked unless it may be seen.

    Null stays visible as an empty text: that a value is missing is what an operator looks for.

    Args:
        value: any field value.
        classification: of the field; an unknown word counts as personal.
        show: the reader has asked for personal data on purpose.
    """
    if value is None:
        return ""
    return str(value) if show or classification in _OPEN else MASK


def mask_row(entity: Entity, row: dict[str, Any], *, show: bool = False) -> dict[str, str]:
    """Return a row as texts, each field masked by its classification; unknown fields count as personal."""
    known = {field.name: field.classification for field in entity.fields}
    return {name: mask(value, known.get(name, DEFAULT), show=show) for name, value in row.items()}
