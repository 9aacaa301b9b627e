"""What an adapter knew last: every entity's rows, sorted by key text, in content-addressed Arrow files.

A snapshot is one small manifest that names one file an entity, so entities that did not change share
their file with the snapshot before. Nothing here decides which snapshot counts: the adapter's state in
Kafka does (DESIGN 10.2).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
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
    """All rows of one entity at one moment.

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


class Snapshots:
    """The snapshots of one adapter in a folder; written once, read memory-mapped, never changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def __repr__(self) -> str:
        return f"<Snapshots {self._folder}>"

    def write(self, pictures: Mapping[str, Picture]) -> str:
        """Store the pictures by entity name, fsynced; return the snapshot's id (hash of its content)."""
        entities = {
            name: {"file": picture.file or self._write_picture(picture), "rows": len(picture.key_text)}
            for name, picture in sorted(pictures.items())
        }
        text = json.dumps({"format": 1, "entities": entities}, sort_keys=True).encode()
        snapshot = hashlib.sha256(text).hexdigest()[:32]
        write_durably(self._folder / f"{snapshot}.json", text)
        return snapshot

    def read(self, snapshot: str) -> dict[str, Picture]:
        """Return the pictures of a snapshot by entity name, memory-mapped.

        Raises:
            Terminal: a file of the snapshot is missing or cannot be read.
        """
        try:
            manifest = json.loads((self._folder / f"{snapshot}.json").read_bytes())
            return {name: self._read_picture(e["file"]) for name, e in manifest["entities"].items()}
        except (OSError, ValueError, KeyError, pa.ArrowInvalid) as error:
            raise Terminal(
                f"the last committed snapshot, {snapshot}, cannot be read ({type(error).__name__})",
                where=str(self._folder),
                fix="put this folder back from a backup, or run the adapter on the host that has it; "
                "publishing without it would repeat every record",
            ) from error

    def keep(self, snapshots: Iterable[str]) -> None:
        """Delete every file that none of `snapshots` names."""
        wanted: set[str] = set()
        for snapshot in snapshots:
            path = self._folder / f"{snapshot}.json"
            if path.exists():
                manifest = json.loads(path.read_bytes())
                wanted |= {path.name, *(f"{e['file']}.arrow" for e in manifest["entities"].values())}
        for path in self._folder.iterdir():
            if path.name not in wanted:
                path.unlink(missing_ok=True)

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

    def _read_picture(self, name: str) -> Picture:
        with pa.memory_map(str(self._folder / f"{name}.arrow")) as source:
            batch = pa.ipc.open_file(source).get_batch(0)
        schema = json.loads(batch.schema.metadata[_SCHEMA])
        return Picture(schema, batch.column(0), batch.column(1), name)
