"""What every adapter hands to the shared half: an extract, in decoded chunks, with its provenance.

A batch adapter makes one extract from a file, a SOAP adapter one from a poll. From here on nothing
knows which it was: diff, guard, spool and publish work on these values (DESIGN 10.1 to 10.3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.entity import Entity
from schemas.errors import Terminal, Transient


class NotYet(Transient):
    """This extract cannot be read now, its neighbours can: it changes, or its end has not come yet."""


class Invalid(Terminal):
    """What arrived is refused before it is read: its name, its number or its kind is not what was agreed."""


Int64s = npt.NDArray[np.int64]
TsKind = Literal["legacy", "business", "arrival"]


@dataclass(frozen=True, slots=True)
class Rows:
    """Decoded rows of one entity.

    Attributes:
        entity: the entity's name.
        batch: n rows with the columns of `Entity.arrow_schema()`.
        record: n record numbers, from 1, in the file or list.
        offset: n byte offsets of the record in the file; -1 where there is no file.
        action: n codes of a delta file, `ord` of c, u or d, or `adapters.delta.UPSERT`, or `ord("e")` for
            records that are events of their own; None for rows of a picture, full or partial.
        length: n lengths of the records in bytes, without what frames them; None where nobody counts them.
        raw: row → the record's bytes as they came; None where they are not kept.
    """

    entity: str
    batch: pa.RecordBatch
    record: Int64s
    offset: Int64s
    action: npt.NDArray[np.uint8] | None = None
    length: Int64s | None = None
    raw: Callable[[int], bytes] | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """One record that could not be decoded, or is not believed.

    `key_text` is None where the key itself could not be read: then the extract publishes no deletes and
    is held (DESIGN 10.1). A reject with a key keeps its previous snapshot row and emits nothing.

    Where `decoded`, the record was read, and `raw` is its Avro form until its own bytes are looked up
    (`adapters.originals`).
    """

    entity: str
    record: int
    offset: int
    raw: bytes
    field_path: str
    reason: str
    key_text: str | None
    decoded: bool = False


@dataclass(frozen=True, slots=True)
class Chunk:
    """A bounded piece of an extract: good rows by entity, and the rejects between them."""

    rows: Sequence[Rows] = ()
    rejects: Sequence[Reject] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an extract came from; it ends up in each event's `source` block.

    Times are epoch milliseconds. `ts_kind` says what `ts_ms` is (DESIGN 10.6).
    """

    ts_ms: int
    ts_kind: TsKind
    arrival_ms: int
    file: str | None = None
    operation: str | None = None
    message_id: str | None = None


class Extract(Protocol):
    """One full picture (or a partial one) of an adapter's entities."""

    @property
    def id(self) -> str:
        """Stable identity: the same bytes under the same name give the same id."""
        ...

    @property
    def origin(self) -> Origin:
        """Provenance shared by all its records."""
        ...

    @property
    def partial(self) -> bool:
        """True if absence means nothing by design (an incremental poll, a delta or event file)."""
        ...

    def chunks(self) -> Iterator[Chunk]:
        """Yield decoded chunks in source order; memory is bounded by one chunk."""
        ...

    def problems(self) -> Sequence[str]:
        """After `chunks` is exhausted: why this extract is not complete (empty = complete)."""
        ...


class Adapter(Protocol):
    """A legacy system's side of the flow, one instance a configured adapter."""

    @property
    def entities(self) -> Mapping[str, Entity]:
        """The entities it publishes, by name."""
        ...

    def poll(self) -> Iterator[Extract]:
        """Yield the extracts that wait now, oldest first.

        Raises:
            Transient: the legacy system does not answer; try again later.
            Terminal: the source can never be read with these settings.
        """
        ...

    def done(self, extract: Extract) -> bool | None:
        """Called after the last transaction of `extract` is committed; True if its file was archived now."""
        ...
