"""A source made of JSON files: the smallest whole adapter, for tests of the shared half and as a pattern.

A file holds `{"rows": [{…}], "rejects": [{…}], "problems": [], "partial": false, "business_ms": null,
"sequence": null}`.
Each row is one `account`; a reject has `raw`, `reason` and `key_text` (null = the key cannot be read).
With `"actions": "cude…"`, one letter a row, it is a delta or event file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field as Setting

from adapters.extract import Chunk, Extract, Origin, Reject, Rows
from adapters.spec import AdapterSpec
from schemas.entity import Entity, Field
from schemas.errors import Terminal, Transient

#: Rows of a chunk; small, so that tests see several.
_CHUNK = 10_000


class JsonRowsSpec(AdapterSpec):
    """Settings of the test source."""

    summary = "Accounts from JSON files in a folder; for tests."

    kind: Literal["json_rows"] = "json_rows"
    folder: Path = Setting(Path("inbox"), description="Where the files are dropped.")
    extra_fields: tuple[str, ...] = Setting((), description="More nullable string fields.")
    amount_type: Literal["long", "string"] = Setting("long", description="Type of `amount`.")

    def open(self, folder: Path) -> JsonRows:
        """Make the adapter."""
        return JsonRows(self, folder / self.folder)


class JsonRows:
    """The adapter: takes files by name, oldest first, and moves them to `done/`."""

    def __init__(self, spec: JsonRowsSpec, folder: Path) -> None:
        self._folder = folder
        extra = tuple(Field(name, "string") for name in spec.extra_fields)
        fields = (Field("id", "string"), Field("amount", spec.amount_type), Field("note", "string"), *extra)
        self._entity = Entity(spec.system, "account", fields, ("id",), spec.key_privacy)

    @property
    def entities(self) -> Mapping[str, Entity]:
        """One entity: `account`, key `id`."""
        return {"account": self._entity}

    def poll(self) -> Iterator[JsonExtract]:
        """Yield the waiting files in the order of their names."""
        if not self._folder.is_dir():
            raise Transient("the folder is not there", where=str(self._folder), fix="mount it")
        for path in sorted(self._folder.glob("*.json")):
            yield JsonExtract(path, self._entity)

    def done(self, extract: Extract) -> bool:
        """Move the file away; False where it went by itself."""
        target = self._folder / "done"
        target.mkdir(exist_ok=True)
        name = str(extract.origin.file)
        try:
            (self._folder / name).replace(target / name)
        except FileNotFoundError:
            return False
        return True


class JsonExtract:
    """One file."""

    def __init__(self, path: Path, entity: Entity) -> None:
        self._path = path
        self._entity = entity
        content = path.read_bytes()
        self._id = f"{hashlib.sha256(content).hexdigest()[:32]}-{path.name}"
        self._document: dict[str, Any] = {}
        try:
            self._document = json.loads(content)
        except ValueError:
            self._document = {"unreadable": True}

    @property
    def id(self) -> str:
        """Hash of the content, and the name."""
        return self._id

    @property
    def origin(self) -> Origin:
        """The file; business time where the file says one."""
        business = self._document.get("business_ms")
        kind: Literal["business", "arrival"] = "arrival" if business is None else "business"
        # A fixed arrival makes the events of a re-run comparable byte by byte.
        return Origin(business or 1_700_000_000_000, kind, 1_700_000_000_000, self._path.name)

    @property
    def partial(self) -> bool:
        """As the file says."""
        return bool(self._document.get("partial", False)) or "actions" in self._document

    @property
    def sequence(self) -> int | None:
        """As the file says."""
        number: int | None = self._document.get("sequence")
        return number

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows, then the rejects."""
        if "unreadable" in self._document:
            raise Terminal("the file is not JSON", where=self._path.name, fix="ask the sender for it again")
        rows, actions = self._document.get("rows", []), self._document.get("actions")
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            batch = pa.RecordBatch.from_pylist(part, schema=self._entity.arrow_schema())
            number = np.arange(start + 1, start + 1 + len(part))
            action = np.frombuffer(actions.encode(), np.uint8)[start : start + len(part)] if actions else None
            yield Chunk([Rows("account", batch, number, (number - 1) * 100, action)])
        yield Chunk(
            (), [self._reject(r, len(rows) + i) for i, r in enumerate(self._document.get("rejects", []), 1)]
        )

    def problems(self) -> Sequence[str]:
        """As the file says."""
        return tuple(self._document.get("problems", ()))

    def _reject(self, reject: dict[str, Any], record: int) -> Reject:
        return Reject(
            entity="account",
            record=record,
            offset=(record - 1) * 100,
            raw=reject["raw"].encode(),
            field_path="amount",
            reason=reject["reason"],
            key_text=reject["key_text"],
        )
