"""Lines of text with fields at fixed places: proposed as fixed text, which needs no copybook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.batch.inspect.fields import Run
from adapters.batch.inspect.separated import kind_of

Bytes = npt.NDArray[np.uint8]
#: Digits of a date without marks, and different dates that are needed to believe them.
_DATE, _DATES = 8, 5
#: Encodings of one byte a character, in which a place in bytes is a place in characters.
ENCODINGS = {"ascii": "utf-8", "latin-1": "latin-1", "cp1252": "cp1252"}


def readable(parts: Sequence[Run]) -> bool:
    """Return whether fixed text can hold all of this: no packed or binary numbers, no overpunched signs."""
    return all(run.kind in ("text", "digits", "blank") and not run.signed for run in parts)


def dated(view: Bytes, parts: Sequence[Run]) -> Iterator[Run]:
    """Yield the runs, those of digits cut where a date of eight digits stands among them."""
    for run in parts:
        at = _date_in(view, run) if run.kind == "digits" else None
        if at is None:
            yield run
            continue
        end = run.offset + run.length
        for start, stop in ((run.offset, at), (at, at + _DATE), (at + _DATE, end)):
            if start < stop:
                yield Run("digits", start, stop - start)


def field(name: str, view: Bytes, run: Run, encoding: str) -> dict[str, Any]:
    """Return a field's settings; digits are a number unless some value has a zero in front."""
    cells = [row.tobytes().decode(encoding, "replace") for row in view[:, run.offset : run.offset + run.length]]
    kind, form = kind_of(cells) if run.kind == "digits" else ("text", "")
    made: dict[str, Any] = {"name": name, "start": run.offset + 1, "length": run.length}
    if kind == "date":
        return made | {"type": "date", "format": form}
    return made | ({"type": f"integer({min(run.length, 18)})"} if kind == "integer" else {"type": "text"})


def _date_in(view: Bytes, run: Run) -> int | None:
    """Return where all records have a date such as 20261102 among the digits of a run."""
    for at in range(run.offset, run.offset + run.length - _DATE + 1):
        cells = {row.tobytes().decode("latin-1") for row in view[:, at : at + _DATE]}
        if len(cells) >= _DATES and kind_of(sorted(cells)) == ("date", "yyyymmdd"):
            return at
    return None
