"""What the records of a file are: rows of a full picture, changes with an action code, or events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import BinaryIO, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from adapters.batch.actions import ActionCodes
from adapters.batch.reader import FormatReader, Reader, Reading
from adapters.delta import EVENT
from adapters.extract import Chunk, Rows
from schemas.entity import Entity
from schemas.errors import SettingsError
from schemas.names import avro_name

Mode = Literal["full", "delta", "events"]
Codes = tuple[str, ...]


class DeltaSpec(BaseModel):
    """How a delta file says what each record does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: str = Field(description="The field with the action code. It is no part of what is published.")
    create: Codes = Field((), description="Its values that mean: this key is new.")
    update: Codes = Field((), description="Its values that mean: this key has changed; the record is whole.")
    delete: Codes = Field(
        (),
        description="Its values that mean: this key is gone. Of such a record only the key must be readable.",
    )

    @model_validator(mode="after")
    def _said_once(self) -> DeltaSpec:
        every = [code.strip() for code in (*self.create, *self.update, *self.delete)]
        if twice := sorted({code for code in every if every.count(code) > 1}):
            raise ValueError(f"the code {twice[0]!r} is there twice: each means one thing")
        if not every:
            raise ValueError("no code is declared, so that every record would be rejected")
        return self

    @property
    def codes(self) -> ActionCodes:
        """The codes as the decoders want them."""
        return ActionCodes(self.action, self.create, self.update, self.delete)


def in_mode(reader: FormatReader, mode: Mode, delta: DeltaSpec | None) -> Reader:
    """Return the reader whose rows say what becomes of them; the reader itself for full extracts.

    Raises:
        SettingsError: an entity lacks the action's field, or has it in its key.
    """
    return reader if mode == "full" else _ModeReader(reader, delta)


class _ModeReader:
    """A reader of changes (with codes) or of events (without)."""

    def __init__(self, reader: FormatReader, spec: DeltaSpec | None) -> None:
        self.entities: Mapping[str, Entity] = (
            reader.entities if spec is None else {n: _without(e, spec) for n, e in reader.entities.items()}
        )
        self._codes = None if spec is None else spec.codes
        self._reader: Reader = reader if self._codes is None else reader.acting(self._codes)

    def reading(self, name: str, size: int) -> Reading:
        """Return a pass over one file."""
        return _ModeReading(self._reader.reading(name, size), self.entities, self._codes)


class _ModeReading:
    def __init__(self, reading: Reading, entities: Mapping[str, Entity], codes: ActionCodes | None) -> None:
        self._reading, self._entities, self._codes = reading, entities, codes

    @property
    def unfinished(self) -> bool:
        """Whether the file lacks its trailer."""
        return bool(getattr(self._reading, "unfinished", False))

    @property
    def file_number(self) -> Decimal | str | None:
        """The file's number in its header, or why it cannot be read."""
        number: Decimal | str | None = getattr(self._reading, "file_number", None)
        return number

    def chunks(self, stream: BinaryIO) -> Iterator[Chunk]:
        """Yield the file's chunks, each row with its action."""
        for chunk in self._reading.chunks(stream):
            codes = self._codes
            rows = [_as_event(r) if codes is None else self._acting(r, codes) for r in chunk.rows]
            yield replace(chunk, rows=rows)

    def problems(self) -> list[str]:
        """Return why the file is not complete."""
        return self._reading.problems()

    @property
    def nulled(self) -> Mapping[str, int]:
        """Bad values that became null, by field."""
        return self._reading.nulled

    def _acting(self, rows: Rows, codes: ActionCodes) -> Rows:
        """Take the action's field out of the rows; the reader has rejected those with an undeclared code."""
        batch = rows.batch.select([f.name for f in self._entities[rows.entity].fields])
        return replace(rows, batch=batch, action=codes.actions(rows.batch.column(codes.column)))


def _as_event(rows: Rows) -> Rows:
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
