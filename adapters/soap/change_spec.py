"""What `[change]` of a SOAP adapter may say: how the service shows that something has changed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from adapters.soap.serve.demand import DemandSpec
from adapters.soap.serve.tls import ListenTlsSpec

ElementPath = Annotated[str, Field(pattern=r"^[^/\s]+(/[^/\s]+)*$")]
ElementPaths = Annotated[str, Field(pattern=r"^([^/\s]+(/[^/\s]+)*)?$")]
_STRICT = ConfigDict(extra="forbid", frozen=True)


class PagingSpec(BaseModel):
    """How a long list is read page by page."""

    model_config = _STRICT

    page: str = Field(description="Request element that carries the page number.")
    first: int = Field(1, ge=0, description="Number of the first page, or of the first row with `offset`.")
    offset: bool = Field(
        False, description="True if `page` takes the number of the page's first row: it grows by `rows`."
    )
    size: str = Field("", description="Request element that carries the page size; empty if there is none.")
    rows: int = Field(100, ge=1, description="Rows asked for in one page; no more than the service gives.")
    more: str = Field(
        "",
        description="Path in the response of the boolean that says whether pages follow; empty = read on "
        "until `total` rows have come, or without it until a page is empty.",
    )
    short_pages: bool = Field(
        False,
        description="True if the service leaves rows out after it has cut the list into pages. Else a page "
        "of fewer rows than asked for, with rows behind it, shows that the service gives fewer than it is "
        "asked for: what lies between the pages is then not known, unless `total` agrees.",
    )
    max_pages: int = Field(
        100_000, ge=1, description="Stop with a problem after so many pages: a loop, not a list."
    )


class DeletedSpec(BaseModel):
    """A value that says that a row is deleted."""

    model_config = _STRICT

    element: ElementPath = Field(description="Path in the item (or message) of the element that says so.")
    values: tuple[str, ...] = Field(min_length=1, description="Its values that mean: deleted.")


class FullSpec(BaseModel):
    """The whole list, read from time to time beside the changes: what is gone shows by its absence."""

    model_config = _STRICT

    every_seconds: float = Field(
        86_400.0, gt=0, description="Read the whole list again after so many seconds; the first look does."
    )


class ListChange(BaseModel):
    """The whole list each time, compared with the last snapshot; with `[detail]`, keys and then details."""

    model_config = _STRICT

    mode: Literal["list"] = Field("list", description="`list`: the whole list at each look (the default).")


class SinceChange(BaseModel):
    """What has changed since a cursor: a time, a number, or a token of the service."""

    model_config = _STRICT

    mode: Literal["since"] = Field(description="`since`: what changed since a cursor.")
    operation: str = Field("", description="Operation that returns the changes; empty = the list operation.")
    item: ElementPaths = Field(
        "", description="Path in its response of the repeating element; empty = `item`."
    )
    request: dict[str, Any] = Field(
        default_factory=dict,
        description="Fixed request values, beside those of the list operation if it is that.",
    )
    paging: PagingSpec | None = Field(
        None, description="Absent = as the list, where it is the same operation; else one answer holds all."
    )
    since: ElementPath = Field(description="Path in the request of the element that takes the cursor.")
    cursor: ElementPaths = Field(
        "", description="Path in the item of its change time or number; the greatest is the next cursor."
    )
    next: ElementPaths = Field(
        "", description="Path in the response of the next cursor, a token that the service makes."
    )
    start: str = Field(
        "",
        description="The first cursor, as it stands in XML; empty = the first request has none, or, with "
        "`full`, the whole list is read first.",
    )
    overlap: float = Field(
        0.0,
        ge=0,
        description="Read so much again at each look, because a change may become visible late: seconds of "
        "a time, a difference of a number. What was taken already gives no event.",
    )
    until: ElementPaths = Field(
        "", description="Path in the request of the element that takes the end of a window of time."
    )
    window_seconds: float = Field(
        86_400.0, gt=0, description="With `until`: most time asked for at once; each window is committed."
    )
    ordered: bool = Field(
        False,
        description="True if items come in ascending order of the cursor: then a long answer is committed "
        "every `step_rows`.",
    )
    step_rows: int = Field(
        5_000, ge=1, description="With `ordered`: rows after which a page ends an extract."
    )
    deleted: DeletedSpec | None = Field(None, description="Absent = an item is never a delete.")
    full: FullSpec | None = Field(
        None, description="Absent = the whole list is never read, so absence never deletes."
    )

    @model_validator(mode="after")
    def _one_cursor(self) -> SinceChange:
        if bool(self.cursor) == bool(self.next):
            raise ValueError("give either cursor (an element of the item) or next (a token in the response)")
        if self.next and (self.overlap or self.until or self.ordered):
            raise ValueError("a token cannot be reckoned with: overlap, until and ordered need a cursor")
        if self.until and not self.start:
            raise ValueError("windows need a start")
        return self


class ActionSpec(BaseModel):
    """Which element of a message says what happened; a value that is not named makes the message bad."""

    model_config = _STRICT

    element: ElementPath = Field(description="Path of the element (or `@attribute`) in the message.")
    upsert: tuple[str, ...] = Field(description="Values that mean: it is now so (created or changed).")
    delete: tuple[str, ...] = Field((), description="Values that mean: it is gone.")
    ignore: tuple[str, ...] = Field((), description="Values of messages that are taken and give no event.")


class AcknowledgeSpec(BaseModel):
    """How a fetched message is acknowledged, once its event is on Kafka."""

    model_config = _STRICT

    operation: str = Field(description="Operation that acknowledges.")
    request: dict[str, Any] = Field(default_factory=dict, description="Its fixed request values.")
    id: ElementPath = Field(description="Path in its request of the message id.")
    by: Literal["message", "batch", "last"] = Field(
        "message",
        description="One call a message, one call with all ids (`id` repeats), or one call with the last "
        "message's id, which stands for all before it.",
    )


class QueueChange(BaseModel):
    """A queue that the service keeps for us: fetch messages, publish, then acknowledge."""

    model_config = _STRICT

    mode: Literal["queue"] = Field(description="`queue`: fetch, publish, acknowledge.")
    operation: str = Field(description="Operation that returns waiting messages.")
    request: dict[str, Any] = Field(default_factory=dict, description="Its fixed request values.")
    item: ElementPath = Field(description="Path in its response of the repeating message.")
    message_id: ElementPath = Field(description="Path in the message of its id.")
    record: ElementPaths = Field("", description="Path in the message of the record; empty = the message.")
    action: ActionSpec | None = Field(None, description="Absent = every message says how its record is now.")
    acknowledge: AcknowledgeSpec = Field(description="How messages are acknowledged.")
    remember: int = Field(
        10_000, ge=100, le=50_000, description="So many message ids are remembered against redelivery."
    )


class ReceiveChange(BaseModel):
    """Messages that the legacy system sends to us; each is answered when its event is on Kafka."""

    model_config = _STRICT

    mode: Literal["receive"] = Field(description="`receive`: Banyan is the SOAP server of the WSDL.")
    operation: str = Field(description="Operation that the legacy system calls.")
    host: str = Field("127.0.0.1", description="Address to listen at.")
    port: int = Field(ge=0, le=65_535, description="Port to listen at; 0 = any free one.")
    path: str = Field("/", pattern=r"^/", description="Path of the service's address.")
    address: str = Field("", description="The address that ?wsdl tells; empty = host, port and path.")
    user: str = Field("", description="User that callers must give (HTTP Basic); empty = none.")
    password: SecretStr | None = Field(None, description="By reference: ${NAME} or file:PATH.")
    tls: ListenTlsSpec | None = Field(None, description="Absent = plain HTTP, for behind a proxy of yours.")
    security: DemandSpec | None = Field(
        None, description="WS-Security that messages must have; absent = none is looked at."
    )
    message_id: ElementPath = Field(description="Path in the request of the message id.")
    record: ElementPath = Field(description="Path in the request of the record, which may repeat.")
    take: Literal["all", "first", "last"] = Field(
        "all", description="Which of repeated records counts: StUF sends the old one, then the new one."
    )
    action: ActionSpec | None = Field(None, description="Absent = every message says how its record is now.")
    reply: dict[str, Any] = Field(
        default_factory=dict,
        description="Values of the answer; the text {message_id} in one stands for the id of the message, "
        "{now} for the time.",
    )
    wait_seconds: float = Field(
        20.0, gt=0, description="A caller whose event is not on Kafka after so long gets a Server fault."
    )
    waiting: int = Field(1_000, ge=1, description="Most messages that wait at once; more get a Server fault.")
    max_bytes: int = Field(4 << 20, ge=1_024, description="Largest message.")
    waiting_bytes: int = Field(
        64 << 20,
        ge=1_024,
        description="Most bytes of messages that are being read or wait at once; more get HTTP 503. Decoded "
        "they take some ten times as much memory.",
    )
    remember: int = Field(
        10_000, ge=100, le=50_000, description="So many message ids are remembered against redelivery."
    )

    @model_validator(mode="after")
    def _guarded(self) -> ReceiveChange:
        if bool(self.user) != (self.password is not None):
            raise ValueError("user and password belong together")
        if self.waiting_bytes < self.max_bytes:
            raise ValueError("waiting_bytes must hold one message of max_bytes at least")
        return self

    def advice(self) -> list[tuple[str, str]]:
        """Return what is allowed here but dangerous."""
        found = []
        near = self.host in ("127.0.0.1", "::1")
        clients = self.tls is not None and self.tls.clients is not None
        if not (near or self.user or self.security or clients):
            found.append(
                (
                    "anybody who reaches the port can send changes",
                    "set [change.security], [change.tls] clients, [change] user and password, or host",
                )
            )
        if self.user and not (near or self.tls):
            found.append(("user and password cross the network in clear", "set [change.tls]"))
        if self.security is not None:
            found += self.security.advice("change", clear=not (near or self.tls))
        return found


class DriftSpec(BaseModel):
    """Comparing the live WSDL with the imported one."""

    model_config = _STRICT

    every_seconds: float = Field(86_400.0, gt=0, description="Pause between two comparisons.")
    wsdl: str = Field("", description="Address of the live WSDL; empty = the endpoint's, with ?wsdl.")


ChangeSpec = Annotated[ListChange | SinceChange | QueueChange | ReceiveChange, Field(discriminator="mode")]
