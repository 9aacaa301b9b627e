"""BEGIN and END of a published extract, in the form of Debezium's transaction metadata."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from adapters.extract import TsKind
from adapters.state import Offsets


class CollectionCount(BaseModel):
    """How many events one entity got; `data_collection` is `<system>.<entity>`."""

    model_config = ConfigDict(frozen=True)

    data_collection: str
    event_count: int


class BeginMark(BaseModel):
    """The first record of an extract on the transaction topic."""

    model_config = ConfigDict(frozen=True)

    status: Literal["BEGIN"] = "BEGIN"
    id: str
    event_count: None = None
    data_collections: None = None
    ts_ms: int
    adapter: str
    extract: str


class EndMark(BaseModel):
    """The last record of an extract: a projection at or past `offsets` is complete to it (DESIGN 10.6).

    `read_from_ms` is when reading the source began: a change that the legacy system made before it is
    in this extract or in an earlier one.
    """

    model_config = ConfigDict(frozen=True)

    status: Literal["END"] = "END"
    id: str
    event_count: int
    data_collections: tuple[CollectionCount, ...]
    ts_ms: int
    adapter: str
    extract: str
    offsets: Offsets
    read_from_ms: int
    origin_ts_ms: int
    ts_kind: TsKind
