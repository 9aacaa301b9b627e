"""Change events as text: JSON lines, CSV, or only their figures."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any, BinaryIO, Protocol

import orjson

from adapters.compare.alike import changed_fields
from adapters.compare.differ import Changes, Comparison, Counts


class Report(Protocol):
    """Turns events into bytes."""

    def write(self, changes: Iterable[Changes], sink: BinaryIO) -> None:
        """Write all events."""
        ...


class JsonLines:
    """One object an event: op, key, before, after, the fields that changed, and the record numbers."""

    def __init__(self, comparison: Comparison, columns: tuple[str, ...]) -> None:
        self._comparison, self._columns = comparison, columns

    def write(self, changes: Iterable[Changes], sink: BinaryIO) -> None:
        """Write all events, one a line."""
        for batch in changes:
            sink.write(
                b"".join(
                    orjson.dumps(e, option=orjson.OPT_APPEND_NEWLINE, default=str) for e in self.events(batch)
                )
            )

    def events(self, batch: Changes) -> Iterator[dict[str, Any]]:
        """Yield events as the objects that are written."""
        key, ignore = self._comparison.key, self._comparison.ignore
        for op, before, after, old, new in images(batch):
            event: dict[str, Any] = {
                "op": op,
                "key": {k: (after or before or {})[k] for k in key},
                "before": before,
                "after": after,
                "old_record": old or None,
                "new_record": new or None,
            }
            if before is not None and after is not None:
                event["changed"] = changed_fields(before, after, self._columns, ignore)
            yield event


class Csv:
    """One row an image: op, which image it is, record number, and the columns."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._columns = columns

    def write(self, changes: Iterable[Changes], sink: BinaryIO) -> None:
        """Write the header and all images; an update is two rows, before and after."""
        sink.write(_line([["op", "image", "record", *self._columns]]))
        for batch in changes:
            rows: list[list[Any]] = []
            for op, before, after, old, new in images(batch):
                for name, image, record in (("before", before, old), ("after", after, new)):
                    if image is not None:
                        rows.append([op, name, record, *(image.get(c, "") for c in self._columns)])
            sink.write(_line(rows))


class Summary:
    """Nothing but the figures, which the command prints at the end anyhow."""

    def write(self, changes: Iterable[Changes], sink: BinaryIO) -> None:
        """Count only."""
        for _ in changes:
            pass


def images(batch: Changes) -> Iterator[tuple[str, dict[str, Any] | None, dict[str, Any] | None, int, int]]:
    """Yield op, before, after, old and new record number (0 = none) of each event."""
    befores, afters = iter(batch.before.to_pylist()), iter(batch.after.to_pylist())
    for old, new in zip(batch.old_number.tolist(), batch.new_number.tolist(), strict=True):
        before, after = next(befores) if old else None, next(afters) if new else None
        yield "d" if not new else "u" if old else "c", before, after, old, new


def figures(counts: Counts) -> dict[str, int]:
    """Return the counts as they are printed."""
    return asdict(counts)


def _line(rows: list[list[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
