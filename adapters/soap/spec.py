"""What an `adapter.toml` of kind "soap" may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from adapters.extract import Adapter
from adapters.soap.avro_leaf import AvroStyle
from adapters.soap.change_spec import (
    ChangeSpec,
    DeletedSpec,
    DriftSpec,
    ElementPath,
    ElementPaths,
    ListChange,
    PagingSpec,
    ReceiveChange,
    SinceChange,
)
from adapters.soap.wire.spec import WireSpec
from adapters.spec import AdapterSpec, TopicPart


class DetailSpec(BaseModel):
    """A second call for each row of the list, where the list holds little more than keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    operation: str = Field(description="Operation that returns one record.")
    item: ElementPath = Field(description="Path in its response of the element that becomes the row.")
    parameters: dict[str, str] = Field(
        min_length=1, description="Request element of the detail call = element of the list's item."
    )
    batch: int = Field(1, ge=1, description="Keys in one detail call; with more than 1, `keys` is needed.")
    keys: ElementPaths = Field(
        "",
        description="Path in the request of the repeating element that takes one key; `parameters` then "
        "lie in it, or it is the key itself. An asked key without answer is a failed call.",
    )
    matches: dict[str, ElementPath] = Field(
        default_factory=dict,
        description="Element of the list's item = element of the record that must have the same value, or "
        "it is the answer for another key: a failed call. Empty = the elements of `parameters` that the "
        "record has under the same names, else the key.",
    )

    @model_validator(mode="after")
    def _batched(self) -> DetailSpec:
        if (self.batch > 1) != bool(self.keys):
            raise ValueError("batch and keys belong together")
        return self


class LimitsSpec(BaseModel):
    """What the legacy system can bear."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    concurrency: int = Field(2, ge=1, le=64, description="Detail calls in flight at the same time.")
    requests_per_second: float = Field(20.0, gt=0, description="Most requests a second, all kinds together.")
    slow: float = Field(
        3.0,
        gt=1,
        description="A service that takes so many times as long as it did at its best is slow: fewer calls "
        "go out at once, in the end one at a time with pauses, until it has recovered.",
    )


class SoapSpec(AdapterSpec):
    """Settings of a SOAP adapter."""

    summary: ClassVar[str] = (
        "Publishes what changes behind a SOAP service that a WSDL 1.1 describes. `[change]` says how the "
        "change is seen: the whole list compared with the last one (the default; with details by key), what "
        "changed since a cursor, a queue of messages that are fetched and acknowledged, or messages that the "
        "legacy system sends to us. A list of which any page or detail call failed, or that changed while it "
        "was read, is not complete and never deletes. A message is acknowledged only after its event is on "
        "Kafka, and one that comes again gives no second event."
    )

    kind: Literal["soap"] = Field("soap", description="Always `soap`.")
    wsdl: str = Field(description="The WSDL: a file beside adapter.toml (recommended), or an HTTP address.")
    hosts: tuple[str, ...] = Field((), description="Hosts the WSDL's imports may come from, beside its own.")
    endpoint: str = Field("", description="Address of the service; empty = the one in the WSDL.")
    change: ChangeSpec = Field(
        default_factory=lambda: ListChange.model_validate({}),
        description="How the service shows a change; `mode` is `list` (the default), `since`, `queue` or "
        "`receive`, each with a table of its own.",
    )
    operation: str = Field(
        "", description="Operation that returns the list; needed unless messages or changes say everything."
    )
    request: dict[str, Any] = Field(
        default_factory=dict, description="Fixed request values of the list operation."
    )
    item: ElementPaths = Field(
        "", description="Path in the response of the repeating element, for example cases/case."
    )
    total: str = Field(
        "",
        description="Path in the response of the total number of rows; a mismatch makes the poll incomplete.",
    )
    entity: TopicPart = Field(description="Name of the entity; third part of its topic's name.")
    key: tuple[str, ...] = Field(min_length=1, description="Elements of the business key, in order.")
    paging: PagingSpec | None = Field(None, description="Absent = the whole list comes in one answer.")
    detail: DetailSpec | None = Field(None, description="Absent = the list's items are the records.")
    deleted: DeletedSpec | None = Field(
        None, description="Rows of the list that are to be taken as gone; absent = all rows are there."
    )
    drift: DriftSpec | None = Field(None, description="Absent = the live WSDL is never looked at.")
    unchanged_seconds: float = Field(
        0.0,
        ge=0,
        description="A service that offers an ETag or Last-Modified is asked whether its list has changed "
        "(If-None-Match, If-Modified-Since), and believed for so many seconds; then, and in a new process, "
        "the list is read whole again. 0 = it is read whole at each look. For lists of one answer.",
    )
    weak_tags: bool = Field(
        False,
        description="True to go by weak tags, too, and by times of change to the second: the service must "
        "change them whenever a record changes.",
    )
    resume_hours: float = Field(
        24.0,
        ge=0,
        description="The first load goes on where it was broken off, with what it has read in the last so "
        "many hours; 0 = it begins again.",
    )
    timezone: str | None = Field(
        None, description="What a dateTime without zone means here, such as Europe/London; never guessed."
    )
    decimals: dict[str, str] = Field(
        default_factory=dict,
        description='Element = "precision,scale", where the schema gives a decimal no digits.',
    )
    enums: bool | tuple[str, ...] = Field(
        False,
        description="true, or a list of elements: enumerations of texts are Avro enums, with a symbol for "
        "each code (the codes themselves in the property `legacy.symbols`) and the default `_unknown`, so "
        "that a new code stays compatible; never those of the key. Else they are strings. Choose before the "
        "first event: a registry refuses the change of a field's type.",
    )
    unions: bool | tuple[str, ...] = Field(
        False,
        description="true, or a list of elements: unions of simple types are Avro unions, where the value "
        "tells the branch. Else they are their text. A branch that the WSDL adds later is a change that the "
        "registry refuses.",
    )
    classification: dict[str, str] = Field(
        default_factory=dict,
        description="Element = class of data; everything is `personal` until classified.",
    )
    wire: WireSpec = Field(
        default_factory=lambda: WireSpec.model_validate({}), description="How calls travel."
    )
    timeout_seconds: float = Field(
        30.0, gt=0, description="Most seconds for one answer, from the request to its last byte."
    )
    heartbeat_seconds: float | None = Field(
        None, ge=0, description="An unchanged poll says so at most this often; absent = every 10 seconds."
    )
    limits: LimitsSpec = Field(
        default_factory=lambda: LimitsSpec.model_validate({}), description="What the legacy system can bear."
    )

    @model_validator(mode="after")
    def _whole(self) -> SoapSpec:
        change = self.change
        lists = change.mode == "list" or (isinstance(change, SinceChange) and change.full is not None)
        own = isinstance(change, SinceChange) and change.operation and change.item
        needs_list = lists or (isinstance(change, SinceChange) and not own)
        if needs_list and not (self.operation and self.item):
            raise ValueError("operation and item are needed: the list of this mode of change")
        if not lists and (
            self.compare.ignore or self.compare.tolerance or self.compare.unexpected != "accept"
        ):
            raise ValueError("[compare] ignore, tolerance and unexpected are for lists only")
        if self.unchanged_seconds and (change.mode != "list" or self.detail):
            raise ValueError("unchanged_seconds is for lists without [detail] only")
        if change.mode in ("queue", "receive") and (self.detail or self.paging):
            raise ValueError(f"[detail] and [paging] do nothing in mode {change.mode}")
        return self

    @property
    def avro_style(self) -> AvroStyle:
        """Which constructs have an Avro type of their own."""
        return AvroStyle(self.enums, self.unions)

    def advice(self) -> list[tuple[str, str]]:
        """Return what is allowed here but dangerous."""
        change, found = self.change, self.wire.advice(self.endpoint)
        if isinstance(change, ReceiveChange):
            found += change.advice()
        if isinstance(change, SinceChange) and change.full is None and change.deleted is None:
            found.append(("a deleted row is never noticed", "set [change.deleted], or [change.full]"))
        return found

    def open(self, folder: Path) -> Adapter:
        """Read the WSDL and check the settings against it; the service itself is not called yet."""
        from adapters.soap.adapter import SoapAdapter

        return SoapAdapter.open(self, folder)
