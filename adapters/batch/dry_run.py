"""A file read without publishing anything: how many rows and rejects, and what is wrong with the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from adapters.batch.reader import Reader
from adapters.batch.spec import BatchSpec
from schemas.errors import BanyanError


@dataclass(frozen=True, slots=True)
class DryRun:
    """What reading a file gave.

    Attributes:
        rows: by entity.
        rejects: records that could not be read.
        first: the first of them: record, field and reason, without its data.
        reasons: (field, reason) → how many rejects.
        nulled: bad values that became null because settings say so, by field.
        problems: why the file is not complete.
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


def reader_of(spec: BatchSpec, folder: Path) -> Reader:
    """Return what reads the files of an adapter, without touching their folder.

    Raises:
        SettingsError: a name that is no field, an unknown page or dialect. CopybookError: an unreadable
        copybook.
    """
    return spec.read_as(folder, system=spec.system, key_privacy=spec.key_privacy)


def dry_run(reader: Reader, name: str, stream: BinaryIO, size: int) -> DryRun:
    """Read a file from end to end and count; errors of the file are part of the answer.

    Args:
        reader: the format.
        name: the file's name.
        stream: its bytes, unpacked.
        size: how many, 0 where nobody knows.
    """
    rows: Counter[str] = Counter()
    reasons: Counter[tuple[str, str]] = Counter()
    first, refused = "", ""
    reading = reader.reading(name, size)
    try:
        for chunk in reading.chunks(stream):
            for part in chunk.rows:
                rows[part.entity] += part.batch.num_rows
            for reject in chunk.rejects:
                reasons[reject.field_path, reject.reason] += 1
                first = first or f"record {reject.record} {reject.field_path}: {reject.reason}".replace(
                    "  ", " "
                )
        problems = reading.problems()
    except BanyanError as error:
        refused, problems = f"{error.what}{f'; {error.fix}' if error.fix else ''}", []
    return DryRun(dict(rows), sum(reasons.values()), first, dict(reasons), reading.nulled, problems, refused)
