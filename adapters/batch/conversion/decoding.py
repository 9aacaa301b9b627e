"""A whole file to rows, chunk by chunk through the reader of its format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from adapters.batch.codec import RecordCodec
from adapters.batch.conversion.json_lines import dumped, json_lines
from adapters.batch.conversion.options import WHERE
from adapters.batch.conversion.place import Places
from adapters.batch.conversion.sinks import RecordSink, Sink
from adapters.batch.format_spec import FormatSpec
from adapters.batch.framing import Broken, Scanner
from adapters.batch.opening import Unpacked
from adapters.batch.reader import Reader
from adapters.batch.source import Source
from adapters.extract import Chunk, Reject, Rows
from schemas.errors import SettingsError, Terminal

#: Makes the sink once the schema of the rows is known.
MakeSink = Callable[[pa.Schema], Sink]
#: Makes the sink of one entity's rows.
SinkOf = Callable[[str, pa.Schema], Sink]
#: Names a row's entity, where rows of several are in one output.
_ENTITY = "_entity"
#: Records of one JSON block with `keep_raw`.
_BLOCK = 1000


@dataclass(slots=True)
class Outcome:
    """What became of a file: records read, bad ones among them, and what is wrong with the whole.

    Attributes:
        records: all that were read.
        bad: those that are no rows.
        first_bad: the first of them: place and reason.
        problems: why the file is not complete.
        nulled: bad values that became null, by field, because settings said so.
        refused: why it was not read to its end: it does not fit the settings, or is damaged.
    """

    records: int = 0
    bad: int = 0
    first_bad: str = ""
    problems: list[str] = field(default_factory=list)
    nulled: Mapping[str, int] = field(default_factory=dict)
    refused: Terminal | None = None

    @property
    def clean(self) -> bool:
        """True where all of the file was read and nothing is wrong with it."""
        return not (self.bad or self.problems or self.refused)


def decode_file(
    path: Path,
    spec: FormatSpec,
    make_sink: MakeSink,
    *,
    keep_raw: bool = False,
    limit: int | None = None,
    rejects: BinaryIO | None = None,
    places: Places | None = None,
    sink_of: SinkOf | None = None,
) -> Outcome:
    """Write the rows of a file to a sink; memory is bounded by a chunk.

    Rows of several entities go into one sink in the order of the file, each with its entity under `_entity`,
    where the sink takes records of any shape; with `sink_of` each entity has a sink of its own.

    With `places` each row has columns that say where it comes from, before its own.

    A bad record is a line `{"_record", "_offset", "_error", "_raw"}` (bytes in hexadecimal) in `rejects`,
    or between the rows where the sink takes it and `rejects` is None. With `keep_raw` no record is bad.

    Raises:
        SettingsError: settings that do not fit the copybook, or each other.
        OSError: the file cannot be read.
    """
    reader = reader_of(spec)
    if keep_raw:
        return _kept(path, spec, reader, make_sink, limit, rejects)
    if places is not None and places.levels and len(reader.entities) != 1:
        raise SettingsError(
            f"the settings describe {len(reader.entities)} entities, which are numbered one by one",
            where="--segments",
            fix="describe the tree by `parent` in `records`, or leave out --segments",
        )
    outcome = Outcome()
    schemas = {name: entity.arrow_schema() for name, entity in reader.entities.items()}
    if places is not None:
        schemas = {name: places.schema(schema) for name, schema in schemas.items()}
    write, sinks = _outputs(schemas, make_sink, sink_of)
    with _judged(outcome), spec.opened(path) as stream:
        size = 0 if isinstance(stream, Unpacked) else path.stat().st_size
        reading = reader.reading(path.name, size)
        outcome.nulled = reading.nulled
        for chunk in reading.chunks(stream):
            wanted = _first(chunk, limit, outcome)
            write(wanted if places is None else places.placed(wanted), rejects, outcome)
            if limit is not None and outcome.records >= limit:
                break
        else:
            outcome.problems = reading.problems()
    for sink in sinks:
        sink.close()
    return outcome


def _outputs(
    schemas: Mapping[str, pa.Schema], make_sink: MakeSink, sink_of: SinkOf | None
) -> tuple[Callable[[Chunk, BinaryIO | None, Outcome], None], list[Sink]]:
    """Return what writes a chunk, and the sinks to close.

    Raises:
        SettingsError: rows of several entities, and a sink that takes one table.
    """
    if sink_of is not None:
        own = {name: sink_of(name, schema) for name, schema in schemas.items()}

        def each(chunk: Chunk, rejects: BinaryIO | None, outcome: Outcome) -> None:
            _take_bad(chunk, rejects, outcome)
            for rows in chunk.rows:
                own[rows.entity].write(rows.batch)

        return each, list(own.values())
    sink = make_sink(next(iter(schemas.values())))
    if len(schemas) == 1:
        return (lambda chunk, rejects, outcome: _chunk(chunk, sink, rejects, outcome)), [sink]
    if not isinstance(sink, RecordSink):
        raise SettingsError(
            f"the settings describe {len(schemas)} entities ({', '.join(sorted(schemas))}), "
            "whose rows do not fit one table",
            where="--output",
            fix="name a file for each by {entity}, as in rows-{entity}.csv; or use --to jsonl",
        )
    mixed: RecordSink = sink

    def together(chunk: Chunk, rejects: BinaryIO | None, outcome: Outcome) -> None:
        _take_bad(chunk, rejects, outcome)
        bad = chunk.rejects if rejects is None else ()
        texts = [json_lines(_named(rows)) for rows in chunk.rows]
        texts.append(pa.array([dumped([_reject(r)]).decode() for r in bad], pa.string()))
        numbers = [rows.record for rows in chunk.rows]
        numbers.append(np.array([r.record for r in bad], np.int64))
        order = np.argsort(np.concatenate(numbers), kind="stable")
        mixed.write_lines(pa.concat_arrays(texts).take(pa.array(order)))

    return together, [sink]


def _named(rows: Rows) -> pa.RecordBatch:
    name = pa.array([rows.entity] * len(rows.record), pa.string())
    return pa.RecordBatch.from_arrays([name, *rows.batch.columns], [_ENTITY, *rows.batch.schema.names])


@contextmanager
def _judged(outcome: Outcome) -> Iterator[None]:
    """Take what is wrong with the file for an answer; wrong settings stay errors."""
    try:
        yield
    except SettingsError:
        raise
    except Terminal as error:
        outcome.refused = error


def reader_of(spec: FormatSpec) -> Reader:
    """Return the reader of a format that `--set` describes.

    Raises:
        SettingsError: settings that do not fit the copybook, or each other.
    """
    return spec.read_as(Path.cwd(), system="file", where=WHERE)


def codec_of(spec: FormatSpec) -> tuple[RecordCodec, Scanner]:
    """Return what reads and writes single records of a format, and what finds them in a file.

    Raises:
        SettingsError: a format without a copybook.
    """
    source = reader_of(spec)
    if not isinstance(source, Source):
        raise SettingsError(
            f"format = {spec.format!r} has no records of bytes",
            where="--set",
            fix="only files with a copybook can be written, or read with --keep-raw",
        )
    marks = next(t.plan.marks for t in source.types if t.plan is not None)
    codec = RecordCodec.of(
        source.layout, source.page, group=spec.group, trim=source.trim, odo=spec.odo, marks=marks,
        fillers=spec.fillers,
    )  # fmt: skip
    return codec, source.scanner


def _first(chunk: Chunk, limit: int | None, outcome: Outcome) -> Chunk:
    """Return at most as many records as are still wanted."""
    held = sum(len(r.record) for r in chunk.rows) + len(chunk.rejects)
    left = held if limit is None else min(limit - outcome.records, held)
    outcome.records += left
    if left == held:
        return chunk
    numbers = sorted([n for r in chunk.rows for n in r.record.tolist()] + [r.record for r in chunk.rejects])
    last = numbers[left - 1]
    rows = []
    for part in chunk.rows:
        n = int((part.record <= last).sum())
        length = None if part.length is None else part.length[:n]
        rows.append(
            type(part)(part.entity, part.batch.slice(0, n), part.record[:n], part.offset[:n], length=length)
        )
    return Chunk(rows, [r for r in chunk.rejects if r.record <= last])


def _chunk(chunk: Chunk, sink: Sink, rejects: BinaryIO | None, outcome: Outcome) -> None:
    """Write the rows of a chunk, with the bad records in their places."""
    _take_bad(chunk, rejects, outcome)
    if rejects is not None or not chunk.rejects or not isinstance(sink, RecordSink):
        for rows in chunk.rows:
            sink.write(rows.batch)
        return
    waiting = list(chunk.rejects)
    for rows in chunk.rows:
        start = 0
        while waiting:
            end = int((rows.record < waiting[0].record).sum())
            sink.write(rows.batch.slice(start, end - start))
            if end == len(rows.record):
                start = end
                break
            sink.write_records([_reject(waiting.pop(0))])
            start = end
        if start < len(rows.record):
            sink.write(rows.batch.slice(start))
    sink.write_records(list(map(_reject, waiting)))


def _take_bad(chunk: Chunk, rejects: BinaryIO | None, outcome: Outcome) -> None:
    """Count the bad records, and write them where they have a file of their own."""
    if chunk.rejects and not outcome.bad:
        first = chunk.rejects[0]
        outcome.first_bad = f"record {first.record}: {_error(first)}"
    outcome.bad += len(chunk.rejects)
    if rejects is not None:
        rejects.write(dumped(map(_reject, chunk.rejects)))


def _reject(reject: Reject) -> dict[str, Any]:
    return {
        "_record": reject.record, "_offset": reject.offset, "_error": _error(reject),
        "_raw": reject.raw.hex(),
    }  # fmt: skip


def _error(reject: Reject) -> str:
    return f"{reject.field_path}: {reject.reason}" if reject.field_path else reject.reason


def _kept(
    path: Path, spec: FormatSpec, reader: Reader, make_sink: MakeSink, limit: int | None,
    rejects: BinaryIO | None,
) -> Outcome:  # fmt: skip
    """Write records one by one, each with the bytes that its values do not tell."""
    outcome = Outcome()
    sink = make_sink(next(iter(reader.entities.values())).arrow_schema())
    if not isinstance(sink, RecordSink):
        raise SettingsError(
            "kept bytes have no column", where="--keep-raw", fix="use it with --to jsonl only"
        )
    codec, scanner = codec_of(spec)

    def lines(stream: BinaryIO) -> Iterator[dict[str, Any]]:
        for part in scanner.scan(stream):
            if isinstance(part, Broken):
                outcome.bad += 1
                outcome.first_bad = outcome.first_bad or f"record {part.record}: {part.reason}"
                bad = _reject(Reject("", part.record, part.offset, part.raw, "", part.reason, None))
                if rejects is None:
                    yield bad
                else:
                    rejects.write(dumped([bad]))
                continue
            for at in range(len(part)):
                raw = part.raw(at)
                if scanner.pad:
                    raw = raw.ljust(codec.length, bytes([scanner.pad]))
                yield codec.decode(raw, keep_raw=True)

    block: list[dict[str, Any]] = []
    with _judged(outcome), spec.opened(path) as stream:
        for line in lines(stream):
            block.append(line)
            outcome.records += 1
            if len(block) == _BLOCK:
                sink.write_records(block)
                block = []
            if outcome.records == limit:
                break
    sink.write_records(block)
    sink.close()
    return outcome
