"""What one way of looking at a sample finds: guesses, settings, and the bytes to try them on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.batch.inspect.guess import Guess

#: The entity where the bytes give it no name: it gets the adapter's.
UNNAMED = "record"
#: What a value's shape shows besides letters and digits.
_PLAIN = " .,-/:"


@dataclass(frozen=True, slots=True)
class Found:
    """One result.

    Attributes:
        guesses: what was guessed.
        settings: what adapter.toml needs to read the file, None where nothing can.
        fields: one mapping a field; the key `example` is shown only as a shape.
        draft: a draft copybook.
        content: sample bytes that end with a record, for the trial.
        whole: `content` is the whole file, so that its trailer can be checked.
        warnings: what a person should look at.
    """

    guesses: Sequence[Guess]
    settings: Mapping[str, Any] | None = None
    fields: Sequence[Mapping[str, Any]] = ()
    draft: str = ""
    content: bytes = b""
    whole: bool = False
    warnings: Sequence[str] = field(default=())

    def shown(self, *, values: bool) -> list[dict[str, Any]]:
        """Return the fields with the shape of an example, or with the example itself."""
        out = []
        for one in self.fields:
            row = dict(one)
            if "example" in row:
                example = str(row.pop("example"))
                row["value" if values else "shape"] = example if values else shape(example)
            out.append(row)
        return out


def renamed(settings: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    """Return settings whose entity of one name has another."""
    made = dict(settings)
    if made.get("entity") == old:
        made["entity"] = new
    if "records" in made:
        made["records"] = [r | {"entity": new} if r["entity"] == old else r for r in made["records"]]
    return made


def shape(value: str) -> str:
    """Return a value with its letters as A or a and its digits as 9: personal data, made unreadable."""
    masked = "".join(
        "9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c if c in _PLAIN else "?"
        for c in value[:40]
    )
    return re.sub(r"(.)\1{11,}", lambda m: f"{m[1] * 3}…*{len(m[0])}", masked)
