"""What an `adapter.toml` of kind "soap" may say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from adapters.extract import Adapter
from adapters.soap.wire.spec import WireSpec
from adapters.spec import AdapterSpec, TopicPart

ElementPath = Annotated[str, Field(pattern=r"^[^/\s]+(/[^/\s]+)*$")]


class PagingSpec(BaseModel):
    """How a long list is read page by page."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    page: str = Field(description="Request element that carries the page number.")
    first: int = Field(1, ge=0, description="Number of the first page.")
    size: str = Field("", description="Request element that carries the page size; empty if there is none.")
    rows: int = Field(100, ge=1, description="Rows asked for in one page.")
    more: str = Field(
        "",
        description="Path in the response of the boolean that says whether pages follow; empty = read on "
        "until a page has fewer rows than asked for.",
    )
    max_pages: int = Field(
        100_000, ge=1, description="Stop with a problem after so many pages: a loop, not a list."
    )


class DetailSpec(BaseModel):
    """A second call for each row of the list, where the list holds little more than keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    operation: str = Field(description="Operation that returns one record.")
    item: ElementPath = Field(description="Path in its response of the element that becomes the row.")
    parameters: dict[str, str] = Field(
        min_length=1, description="Request element of the detail call = element of the list's item."
    )


class LimitsSpec(BaseModel):
    """What the legacy system can bear."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    concurrency: int = Field(2, ge=1, le=64, description="Detail calls in flight at the same time.")
    requests_per_second: float = Field(20.0, gt=0, description="Most requests a second, all kinds together.")


class SoapSpec(AdapterSpec):
    """Settings of a SOAP adapter."""

    summary: ClassVar[str] = (
        "Polls a list operation of a SOAP service (document/literal, described by a WSDL 1.1), page by page "
        "and, if asked, with a detail call for each row, and publishes what changed since the last poll. "
        "Zeep is the wire driver; WSDL import and decoding are Banyan's own. A poll in which any page or "
        "detail call failed, or whose list changed while it was read, is not complete and never deletes."
    )

    kind: Literal["soap"] = Field("soap", description="Always `soap`.")
    wsdl: str = Field(description="The WSDL: a file beside adapter.toml (recommended), or an HTTP address.")
    hosts: tuple[str, ...] = Field((), description="Hosts the WSDL's imports may come from, beside its own.")
    endpoint: str = Field("", description="Address of the service; empty = the one in the WSDL.")
    operation: str = Field(description="Operation that returns the list.")
    request: dict[str, Any] = Field(
        default_factory=dict, description="Fixed request values of the list operation."
    )
    item: ElementPath = Field(
        description="Path in the response of the repeating element, for example cases/case."
    )
    total: str = Field(
        "",
        description="Path in the response of the total number of rows; a mismatch makes the poll incomplete.",
    )
    entity: TopicPart = Field(description="Name of the entity; third part of its topic's name.")
    key: tuple[str, ...] = Field(min_length=1, description="Elements of the business key, in order.")
    paging: PagingSpec | None = Field(None, description="Absent = the whole list comes in one answer.")
    detail: DetailSpec | None = Field(None, description="Absent = the list's items are the records.")
    timezone: str | None = Field(
        None, description="What a dateTime without zone means here, such as Europe/London; never guessed."
    )
    decimals: dict[str, str] = Field(
        default_factory=dict,
        description='Element = "precision,scale", where the schema gives a decimal no digits.',
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

    def open(self, folder: Path) -> Adapter:
        """Read the WSDL and check the settings against it; the service itself is not called yet."""
        from adapters.soap.adapter import SoapAdapter

        return SoapAdapter.open(self, folder)
