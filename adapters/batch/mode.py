"""What the records of a file are: rows of a full picture, changes with an action code, or events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import BinaryIO, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from adapters.batch.reader import Reader, Reading
from adapters.delta import EVENT
from adapters.diff import CREATE, DELETE, UPDATE
from adapters.extract import Chunk, Reject, Rows
from schemas.entity import Entity
from schemas.errors import SettingsError
from schemas.key_text import key_text
from schemas.names import avro_name

Mode = Literal["full", "delta", "events"]
Codes = tuple[str, ...]


class DeltaSpec(BaseModel):
    """How a delta file says what each record does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: str = Field(description="The field with the action code. It is no part of what is published.")
    create: Codes = Field((), description="Its values that mean: this key is new.")
    update: Codes = Field((), description="Its values that mean: this key has changed; the record is whole.")
    delete: Codes = Field((), description="Its values that mean: this key is gone.")


def in_mode(reader: Reader, mode: Mode, delta: DeltaSpec | None) -> Reader:
    """Return the reader whose rows say what becomes of them; the reader itself for full extracts.

    Raises:
        SettingsError: an entity lacks the action's field, or has it in its key.
    """
    return reader if mode == "full" else _ModeReader(reader, delta)


class _ModeReader:
    """A reader of changes (with a spec) or of events (without)."""

    def __init__(self, reader: Reader, spec: DeltaSpec | None) -> None:
        self._reader, self._spec = reader, spec
        self.entities: Mapping[str, Entity] = (
            reader.entities if spec is None else {n: _without(e, spec) for n, e in reader.entities.items()}
        )

    def reading(self, name: str, size: int) -> Reading:
        """Return a pass over one file."""
        return _ModeReading(self._reader.reading(name, size), self.entities, self._spec)


class _ModeReading:
    def __init__(self, reading: Reading, entities: Mapping[str, Entity], spec: DeltaSpec | None) -> None:
        self._reading, self._entities, self._spec = reading, entities, spec
        codes = [(code, op) for op in ("create", "update", "delete") for code in getattr(spec, op, ())]
        ops = {"create": CREATE, "update": UPDATE, "delete": DELETE}
        self._codes = pa.array([code for code, _ in codes], pa.large_string())
        # The last one is for codes that are not declared.
        self._actions = np.array([*(ops[op] for _, op in codes), 0], np.uint8)

    @property
    def unfinished(self) -> bool:
        """Whether the file lacks its trailer."""
        return bool(getattr(self._reading, "unfinished", False))

    def chunks(self, stream: BinaryIO) -> Iterator[Chunk]:
        """Yield the file's chunks, each row with its action."""
        for chunk in self._reading.chunks(stream):
            if self._spec is None:
                yield replace(chunk, rows=[_as_events(rows) for rows in chunk.rows])
                continue
            parts = [self._acting(rows, self._spec) for rows in chunk.rows]
            yield Chunk([rows for rows, _ in parts], [*chunk.rejects, *(r for _, bad in parts for r in bad)])

    def problems(self) -> list[str]:
        """Return why the file is not complete."""
        return self._reading.problems()

    @property
    def nulled(self) -> Mapping[str, int]:
        """Bad values that became null, by field."""
        return self._reading.nulled

    def _acting(self, rows: Rows, spec: DeltaSpec) -> tuple[Rows, list[Reject]]:
        entity = self._entities[rows.entity]
        code = pc.utf8_trim_whitespace(rows.batch.column(avro_name(spec.action)).cast(pa.large_string()))
        found = pc.index_in(code, value_set=self._codes).fill_null(len(self._codes))
        action = self._actions[found.to_numpy(zero_copy_only=False)]
        batch = rows.batch.select([f.name for f in entity.fields])
        good = action != 0
        bad = np.flatnonzero(~good)
        rejects = []
        if len(bad):
            keys = key_text(entity, batch.take(pa.array(bad))).to_pylist()
            rejects = [
                Reject(
                    entity=entity.name,
                    record=int(rows.record[at]),
                    offset=int(rows.offset[at]),
                    raw=(code[at].as_py() or "").encode(),
                    field_path=spec.action,
                    reason="the action code is not declared in [delta]; the value here is the code",
                    key_text=key,
                )
                for at, key in zip(bad.tolist(), keys, strict=True)
            ]
            batch = batch.filter(pa.array(good))
        return Rows(entity.name, batch, rows.record[good], rows.offset[good], action[good]), rejects


def _as_events(rows: Rows) -> Rows:
    return replace(rows, action=np.full(rows.batch.num_rows, EVENT, np.uint8))


def _without(entity: Entity, spec: DeltaSpec) -> Entity:
    name = avro_name(spec.action)
    fields = tuple(f for f in entity.fields if f.name != name)
    if len(fields) == len(entity.fields) or name in entity.key:
        why = "is part of its key" if name in entity.key else "is no field of it"
        raise SettingsError(
            f"the action {spec.action!r} {why}",
            where=f"adapter.toml: delta.action ({entity.system}.{entity.name})",
            fix=f"name one of: {', '.join(f.name for f in fields if f.name not in entity.key)[:200]}",
        )
    return replace(entity, fields=fields)
