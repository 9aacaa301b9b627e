"""Text files read by their settings, without a folder or a broker."""

from __future__ import annotations

import io
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from adapters.batch.format_spec import FormatSpec
from adapters.extract import Reject


@dataclass
class Read:
    """What one pass over a file gives."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    places: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    rejects: list[Reject] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def reasons(self) -> list[tuple[int, str, str]]:
        """Record, field and reason of each reject."""
        return [(r.record, r.field_path, r.reason) for r in self.rejects]


@pytest.fixture
def read() -> Callable[..., Read]:
    """Read bytes by the text of an adapter.toml's format part."""

    def run(settings: str, data: bytes, chunk: int = 1 << 20) -> Read:
        spec = FormatSpec.model_validate(tomllib.loads(settings))
        reader = spec.read_as(Path(), system="legacy")
        reading = reader.reading("FILE.dat", len(data), chunk)  # type: ignore[call-arg]
        found = Read({name: [] for name in reader.entities}, {name: [] for name in reader.entities})
        for part in reading.chunks(io.BytesIO(data)):
            for rows in part.rows:
                assert rows.batch.schema.equals(reader.entities[rows.entity].arrow_schema())
                found.rows[rows.entity] += rows.batch.to_pylist()
                found.places[rows.entity] += zip(rows.record.tolist(), rows.offset.tolist(), strict=True)
            found.rejects += part.rejects
        found.problems = reading.problems()
        return found

    return run
