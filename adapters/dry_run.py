"""A source read without publishing anything: how many rows and rejects, and what is wrong with the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from adapters.extract import Chunk
from schemas.errors import BanyanError


@dataclass(frozen=True, slots=True)
class DryRun:
    """What one reading of a source gave.

    Attributes:
        rows: by entity.
        rejects: records that could not be read.
        first: the first of them: record, field and reason, without its data.
        reasons: (field, reason) → how many rejects.
        nulled: bad values that became null because settings say so, by field.
        problems: why what was read is not complete.
        refused: why it was not read to its end ('' = it was), and what to do about it.
    """

    rows: dict[str, int] = field(default_factory=dict)
    rejects: int = 0
    first: str = ""
    reasons: dict[tuple[str, str], int] = field(default_factory=dict)
    nulled: Mapping[str, int] = field(default_factory=dict)
    problems: Sequence[str] = ()
    refused: str = ""

    @property
    def records(self) -> int:
        """Rows of all entities."""
        return sum(self.rows.values())

    @property
    def clean(self) -> bool:
        """True where everything was read and nothing is wrong."""
        return not (self.rejects or self.problems or self.refused)


class DryCount:
    """Counts the chunks of a reading."""

    def __init__(self) -> None:
        self._rows: Counter[str] = Counter()
        self._reasons: Counter[tuple[str, str]] = Counter()
        self._first = ""

    def take(self, chunk: Chunk) -> None:
        """Count one chunk."""
        for part in chunk.rows:
            self._rows[part.entity] += part.batch.num_rows
        for reject in chunk.rejects:
            self._reasons[reject.field_path, reject.reason] += 1
            told = f"record {reject.record} {reject.field_path}: {reject.reason}"
            self._first = self._first or told.replace("  ", " ")

    def result(
        self, problems: Sequence[str] = (), refused: str = "", nulled: Mapping[str, int] | None = None
    ) -> DryRun:
        """Return what was counted, with what is wrong with the whole."""
        rejects = sum(self._reasons.values())
        return DryRun(
            dict(self._rows), rejects, self._first, dict(self._reasons), nulled or {}, problems, refused
        )


def said(error: BanyanError) -> str:
    """Return an error as `DryRun.refused` tells it: what, and what to do."""
    return f"{error.what}{f'; {error.fix}' if error.fix else ''}"
