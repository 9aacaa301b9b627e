"""What the first load of a list has read, kept on disk, so that a crash does not begin it again.

Kafka stays the only commit point (DESIGN 10.2): nothing of this is published before the list was read to its
end and compared as ever. The journal only stands in for calls that were answered already, each entry one
chunk of one page, fsynced. It counts for one set of settings and one contract, for so many hours, and only
while the adapter has never committed anything; then it is deleted. It holds personal data, as snapshots do.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc

from adapters.extract import Chunk, Reject, Rows
from adapters.soap.polling.rows import rows_of
from connectors.durable import write_durably

_FACTS = b"banyan.facts"


@dataclass(frozen=True, slots=True)
class Entry:
    """One chunk of one page.

    Attributes:
        page: the page's number.
        keys: what identifies its items, in list order.
        chunk: rows and rejects.
        problems: what is wrong with the list so far, as this chunk showed.
        note: what the extract wants to know again (`SoapExtract.note`).
        ends: True for the page's last chunk; `rows`, `total` and `more` are then the page's.
    """

    page: int
    keys: tuple[str, ...]
    chunk: Chunk
    problems: tuple[str, ...] = ()
    note: str = ""
    ends: bool = False
    rows: int = 0
    total: int | None = None
    more: bool = False


class Journal:
    """The chunks of one unfinished first load, in a folder.

    Args:
        folder: of the journal.
        settings: what a load depends on; another text makes another load.
        started_ms: now, for a load that begins.
        hours: an older load begins again.
    """

    def __init__(self, folder: Path, settings: str, started_ms: int, hours: float) -> None:
        self._folder, self._written = folder, 0
        self.started_ms = started_ms
        header = folder / "load.json"
        digest = hashlib.sha256(settings.encode()).hexdigest()
        try:
            found = json.loads(header.read_bytes())
            fresh = started_ms - int(found["started_ms"]) <= hours * 3_600_000
            if found["settings"] == digest and fresh and not (folder / "whole").exists():
                self.started_ms = int(found["started_ms"])
                return
        except (OSError, ValueError, KeyError, TypeError):
            pass
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        write_durably(header, json.dumps({"settings": digest, "started_ms": started_ms}).encode())

    def __repr__(self) -> str:
        return f"<Journal {self._folder}>"

    def entries(self, entity: str) -> Iterator[Entry]:
        """Yield what was read, in order; a damaged end is read again from the service."""
        self._written = 0
        while True:
            path = self._folder / f"{self._written:06}.arrow"
            try:
                with pa.memory_map(str(path)) as source:
                    table = pa.ipc.open_file(source).read_all()
                entry = _entry(json.loads(table.schema.metadata[_FACTS]), table, entity)
            except (OSError, ValueError, KeyError, TypeError, pa.ArrowInvalid):
                return
            self._written += 1
            yield entry

    def add(self, entry: Entry) -> None:
        """Keep a chunk; it is on the disk when this returns."""
        facts = asdict(entry)
        chunk = facts.pop("chunk")
        rejects = [r | {"raw": base64.b64encode(r["raw"]).decode()} for r in chunk["rejects"]]
        rows = entry.chunk.rows[0] if entry.chunk.rows else None
        facts["rejects"], facts["record"] = rejects, rows.record.tolist() if rows else None
        batch = rows.batch if rows else pa.RecordBatch.from_pydict({})
        sink = pa.BufferOutputStream()
        schema = batch.schema.with_metadata({_FACTS: json.dumps(facts)})
        with pa.ipc.new_file(sink, schema) as writer:
            writer.write_batch(batch.replace_schema_metadata(schema.metadata))
        write_durably(self._folder / f"{self._written:06}.arrow", sink.getvalue().to_pybytes())
        self._written += 1

    def cut(self, entries: int) -> None:
        """Take back the last entries: what they say is no longer so."""
        for _ in range(entries):
            self._written -= 1
            (self._folder / f"{self._written:06}.arrow").unlink(missing_ok=True)

    def whole(self) -> None:
        """Say that the list was read to its end: the next look reads it afresh."""
        write_durably(self._folder / "whole", b"")

    @staticmethod
    def drop(folder: Path) -> None:
        """Delete a journal that is of no more use."""
        shutil.rmtree(folder, ignore_errors=True)


def _entry(facts: dict[str, Any], table: pa.Table, entity: str) -> Entry:
    rejects = tuple(Reject(**(r | {"raw": base64.b64decode(r["raw"])})) for r in facts.pop("rejects"))
    numbers = facts.pop("record")
    rows: tuple[Rows, ...] = ()
    if numbers is not None:
        batch = table.combine_chunks().to_batches()[0].replace_schema_metadata(None)
        rows = (rows_of(entity, batch, numbers),)
    facts["keys"], facts["problems"] = tuple(facts["keys"]), tuple(facts["problems"])
    return Entry(chunk=Chunk(rows, rejects), **facts)
