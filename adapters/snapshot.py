"""What an adapter knew last: every entity's rows, sorted by key text, in content-addressed Arrow files.

A snapshot is one small manifest that names the files of each entity: one, or where the rows are many, one for
each part of the key space (`adapters.parts`). What did not change shares its files with the snapshot before.
Nothing here decides which snapshot counts: the adapter's state in Kafka does (DESIGN 10.2).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc

from connectors.durable import content_id, sync_folder, write_durably
from schemas.errors import Terminal

_COLUMNS = pa.schema([("key_text", pa.large_string()), ("value", pa.large_binary())])
_SCHEMA = b"banyan.avro"


@dataclass(frozen=True, slots=True)
class Picture:
    """All rows of one entity, or of one part of it, at one moment.

    Attributes:
        schema: the Avro schema that wrote `value`.
        key_text: n key texts (large_string), ascending by UTF-8 bytes, no two alike.
        value: n Avro bytes of the value record (large_binary), without wire header.
        file: content id where the picture is already stored, else empty.
    """

    schema: dict[str, Any]
    key_text: pa.LargeStringArray
    value: pa.LargeBinaryArray
    file: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """A picture on disk: its content id and how many rows it has."""

    file: str
    rows: int


class Snapshots:
    """The snapshots of one adapter in a folder; written once, read memory-mapped, never changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def __repr__(self) -> str:
        return f"<Snapshots {self._folder}>"

    def store(self, picture: Picture) -> Stored:
        """Write a picture, fsynced, unless it is stored already."""
        return Stored(picture.file or self._write_picture(picture), len(picture.key_text))

    def write(self, entities: Mapping[str, Sequence[Stored]]) -> str:
        """Write a manifest of stored pictures, by entity; return the snapshot's id (hash of its content)."""
        parts = {
            name: [{"file": s.file, "rows": s.rows} for s in of] for name, of in sorted(entities.items())
        }
        if all(len(of) == 1 for of in parts.values()):
            content: dict[str, Any] = {"format": 1, "entities": {name: of[0] for name, of in parts.items()}}
        else:
            content = {"format": 2, "entities": {name: {"parts": of} for name, of in parts.items()}}
        text = json.dumps(content, sort_keys=True).encode()
        snapshot = hashlib.sha256(text).hexdigest()[:32]
        write_durably(self._folder / f"{snapshot}.json", text)
        return snapshot

    def parts(self, snapshot: str) -> dict[str, tuple[Stored, ...]]:
        """Return what a snapshot names, by entity; nothing is opened.

        Raises:
            Terminal: the manifest is missing or cannot be read.
        """
        try:
            return _parts((self._folder / f"{snapshot}.json").read_bytes())
        except (OSError, ValueError, KeyError) as error:
            raise self._lost(snapshot, error) from error

    def open(self, stored: Stored) -> Picture:
        """Return a stored picture, memory-mapped.

        Raises:
            Terminal: its file is missing or damaged.
        """
        try:
            with pa.memory_map(str(self._folder / f"{stored.file}.arrow")) as source:
                batch = pa.ipc.open_file(source).get_batch(0)
            schema = json.loads(batch.schema.metadata[_SCHEMA])
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowInvalid) as error:
            raise self._lost(stored.file, error) from error
        return Picture(schema, batch.column(0), batch.column(1), stored.file)

    def read(self, snapshot: str) -> dict[str, tuple[Picture, ...]]:
        """Return all pictures of a snapshot by entity name, memory-mapped.

        Raises:
            Terminal: a file of the snapshot is missing or cannot be read.
        """
        return {name: tuple(map(self.open, of)) for name, of in self.parts(snapshot).items()}

    def keep(self, snapshots: Iterable[str]) -> None:
        """Delete every file that none of `snapshots` names."""
        wanted: set[str] = set()
        for snapshot in snapshots:
            path = self._folder / f"{snapshot}.json"
            if path.exists():
                named = _parts(path.read_bytes()).values()
                wanted |= {path.name, *(f"{s.file}.arrow" for of in named for s in of)}
        for path in self._folder.iterdir():
            if path.name not in wanted:
                path.unlink(missing_ok=True)

    def _lost(self, what: str, error: Exception) -> Terminal:
        return Terminal(
            f"the last committed snapshot cannot be read: {what} ({type(error).__name__})",
            where=str(self._folder),
            fix="put this folder back from a backup, or run the adapter on the host that has it; "
            "publishing without it would repeat every record",
        )

    def _write_picture(self, picture: Picture) -> str:
        schema = _COLUMNS.with_metadata({_SCHEMA: json.dumps(picture.schema, sort_keys=True).encode()})
        temporary = self._folder / ".picture.tmp"
        # One batch a file: reading it back then maps each column as one array without a copy.
        with temporary.open("wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            writer.write_batch(pa.record_batch([picture.key_text, picture.value], schema=schema))
        name = content_id(temporary)
        temporary.replace(self._folder / f"{name}.arrow")
        sync_folder(self._folder)
        return name


def _parts(manifest: bytes) -> dict[str, tuple[Stored, ...]]:
    """Read a manifest of format 1 (one file an entity) or 2 (a list of them)."""
    entities = json.loads(manifest)["entities"]
    return {
        name: tuple(Stored(part["file"], part["rows"]) for part in of.get("parts", [of]))
        for name, of in entities.items()
    }
