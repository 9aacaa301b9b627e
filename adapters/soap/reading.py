"""Read one list: pages, the detail calls of their rows, and rows as Arrow columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.soap.avro_entity import EntityShape
from adapters.soap.change_spec import DeletedSpec, PagingSpec
from adapters.soap.contract import Contract
from adapters.soap.errors import BrokenAnswer, CallRefused
from adapters.soap.http_reply import place
from adapters.soap.pace import Pace
from adapters.soap.polling.details import Details
from adapters.soap.polling.load import Throttle, Wire
from adapters.soap.polling.page import Page
from adapters.soap.polling.paths import put, text_at
from adapters.soap.polling.rows import RowMaker
from adapters.soap.spec import SoapSpec
from adapters.soap.stream import Item
from adapters.soap.wire.validators import Validators


@dataclass(frozen=True, slots=True)
class ListCall:
    """One operation that returns rows: the list itself, or what has changed.

    Attributes:
        operation, request, item, paging, total: as in the settings of the list.
        deleted: which items stand for deleted rows.
    """

    operation: str
    request: Mapping[str, Any]
    item: str
    paging: PagingSpec | None = None
    total: str = ""
    deleted: DeletedSpec | None = None

    @classmethod
    def of(cls, spec: SoapSpec) -> ListCall:
        """Return the call of the adapter's list."""
        return cls(spec.operation, spec.request, spec.item, spec.paging, spec.total, spec.deleted)

    def is_deleted(self, item: Item) -> bool:
        """Return whether an item says that its row is gone."""
        return self.deleted is not None and text_at(item.value, self.deleted.element) in self.deleted.values


class Reading:
    """How one list is read: settings, contract, wire and pace. Holds no state of a poll."""

    def __init__(
        self,
        spec: SoapSpec,
        contract: Contract,
        wire: Wire,
        pace: Pace,
        endpoint: str,
        *,
        call: ListCall | None = None,
        throttle: Throttle | None = None,
    ) -> None:
        self.spec, self.contract, self.wire, self.endpoint = spec, contract, wire, endpoint
        self.call = call or ListCall.of(spec)
        self.throttle = throttle or Throttle(pace, spec.limits.concurrency, spec.limits.slow)
        operation, item = self.call.operation, self.call.item
        source = (spec.detail.operation, spec.detail.item) if spec.detail else (operation, item)
        self.shape: EntityShape = contract.shape(
            *source,
            spec.key,
            spec.system,
            spec.entity,
            classification=spec.classification,
            key_privacy=spec.key_privacy,
            style=spec.avro_style,
        )
        self.rows = RowMaker(contract, self.shape, contract.element(*source), spec.key)
        paging = self.call.paging
        for path in filter(None, (self.call.total, paging.more if paging else "")):
            contract.element(operation, path)
        #: Whole lists whose items are the records are decoded by column; others item by item.
        self.gone_column = self._gone_column()
        self.by_column = spec.detail is None and (self.call.deleted is None or bool(self.gone_column))
        self.details: Details | None = None
        if spec.detail:
            for element in spec.detail.parameters.values():
                contract.element(operation, f"{item}/{element}")
            concurrency = spec.limits.concurrency
            self.details = Details(
                spec.detail, spec.key, contract, wire, self.throttle, endpoint, concurrency
            )

    def _gone_column(self) -> str:
        """Return the column that says that a row is deleted; empty where none does, or not as plain text."""
        deleted = self.call.deleted
        for member in self.shape.members if deleted is not None else ():
            if deleted is not None and member.key == deleted.element and member.type == "string":
                return member.name
        return ""

    def list_request(
        self, number: int, more: Mapping[str, Any] | None = None, *, before: int = 0, rows: int = 0
    ) -> dict[str, Any]:
        """Return the request values of one page.

        Args:
            number: of the page.
            more: values by path.
            before: rows that came before it.
            rows: how many to ask for; 0 = as the settings say.
        """
        values = dict(self.call.request)
        if (paging := self.call.paging) is not None:
            if paging.offset and paging.short_pages:
                before = (number - paging.first) * (rows or paging.rows)
            values[paging.page] = paging.first + before if paging.offset else number
            if paging.size:
                values[paging.size] = rows or paging.rows
        for path, value in (more or {}).items():
            put(values, path, value)
        return values

    def first_page(
        self,
        more: Mapping[str, Any] | None = None,
        *,
        validators: Validators | None = None,
        rows: int = 0,
        to_the_end: bool = False,
    ) -> Page:
        """Return the first page, not read yet.

        Args:
            more: request values by path.
            validators: of an earlier answer, to be told if nothing has changed since.
            rows: how many to ask for at once; 0 = as the settings say.
            to_the_end: read on where the service's total is reached.
        """
        paging = self.call.paging
        return Page(
            self,
            paging.first if paging else 0,
            more or {},
            size=(rows or paging.rows) if paging and paging.size else 0,
            to_the_end=to_the_end,
            validators=validators or Validators(),
        )

    def page_after(self, page: Page) -> Page:
        """Return the page that follows."""
        return Page(
            self,
            page.number + 1,
            page.asked,
            before=page.before + page.rows,
            size=page.size,
            to_the_end=page.to_the_end,
        )

    def key_order(self, rows: int) -> Iterator[str]:
        """Read the list again and yield what identifies its rows, in order; no detail calls, no rows.

        Nothing that could hide rows is believed: so many are asked for at once as a page is known to hold,
        and a total only ends the list if the page after it holds nothing new.

        Raises:
            BanyanError: any page failed, or the list does not end.
        """
        paging = self.call.paging
        last, page, pages = None, self.first_page(rows=rows, to_the_end=True), 0
        while True:
            counted_out = last is not None and last.counted_out
            try:
                page.keys = [page.identity(item) for item in page.items()]
            except CallRefused:
                if counted_out:
                    return  # of what lies behind its end, a service may say that it does not exist
                raise
            pages += 1
            if last is not None and page.keys and page.keys == last.keys:
                if counted_out:
                    return  # or it may give the last page again
                raise self.endless(page)
            yield from page.keys
            if not page.more:
                return
            if pages >= (paging.max_pages if paging else 1):
                raise self.endless(page)
            last, page = page, self.page_after(page)

    def endless(self, page: Page) -> BrokenAnswer:
        """Return the error for a list that does not show where it ends."""
        return BrokenAnswer(
            f"page {page.number} is the page before it again: the service does not show where its list ends",
            where=place(self.endpoint, self.call.operation),
            fix="set paging.more or total; or take [paging] away, if one answer holds the whole list",
        )
