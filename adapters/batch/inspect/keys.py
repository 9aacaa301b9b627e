"""Runs of bytes that tell the records of a sample apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from adapters.batch.inspect.fields import Run

#: A longer run is a text, and no key; and more runs than this together are the whole record.
_LONGEST, _MOST = 60, 5


def key_of(view: npt.NDArray[np.uint8], parts: Sequence[Run]) -> tuple[list[Run], bool]:
    """Return the runs that identify each record, and whether they do."""
    filled = [run for run in parts if run.kind != "blank"]
    short = [run for run in filled if run.length <= _LONGEST] or filled or list(parts[:1])
    for run in short:
        if _unique(view, [run]):
            return [run], True
    for count in range(2, _MOST + 1):
        if len(short) >= count and _unique(view, short[:count]):
            return short[:count], True
    return short[:1], False


def no_key(what: str) -> str:
    """Return the warning that a key is a placeholder."""
    return (
        f"no field tells {what} apart: the proposed key is a placeholder; records of one key hide each other"
    )


def _unique(view: npt.NDArray[np.uint8], chosen: Sequence[Run]) -> bool:
    joined = np.concatenate([view[:, r.offset : r.offset + r.length] for r in chosen], axis=1)
    return len({row.tobytes() for row in joined}) == len(joined)
