"""One poll: the whole list, across its pages, with everything that makes its silence untrustworthy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from adapters.extract import Chunk, Origin
from adapters.soap.reading import Page, Reading
from schemas.errors import BanyanError


class SoapExtract:
    """An extract that is read from the service while `chunks` is consumed.

    The first page decides whether there is an extract at all: its errors are raised. Any error after it makes
    the extract incomplete. Complete means: every page and detail call answered, no key came twice, the
    service's total did not change and equals the rows received, and, where a key that was known is missing
    from a list of several pages, a second reading showed the very same list. The last one closes a gap that
    no total shows: a row deleted and one added between two pages push a third across the page border unseen.
    """

    partial = False

    def __init__(self, reading: Reading, started_ms: int, known: frozenset[str] | None) -> None:
        self._reading, self._known = reading, known
        moment = datetime.fromtimestamp(started_ms / 1000, UTC)
        self.id = f"{reading.spec.name}-{moment:%Y%m%dT%H%M%S}{started_ms % 1000:03d}Z"
        self.origin = Origin(
            ts_ms=started_ms,
            ts_kind="arrival",
            arrival_ms=started_ms,
            operation=reading.spec.operation,
            message_id=self.id,
        )
        self._order: list[str] = []
        self._totals: set[int] = set()
        self._problems: list[str] = []
        self._pages = self._rows = 0

    @property
    def keys(self) -> frozenset[str]:
        """Key texts that the list held, after `chunks` is exhausted."""
        return frozenset(self._order)

    def chunks(self) -> Iterator[Chunk]:
        """Yield rows and rejects, in list order.

        Raises:
            Transient: the first page did not come.
            Terminal: the first page was refused, or belongs to another contract.
        """
        self._order, self._totals, self._problems = [], set(), []
        self._pages = self._rows = 0
        record = 1
        page: Page | None = self._reading.first_page()
        while page is not None:
            self._pages += 1
            try:
                for chunk in page.chunks(record):
                    record = page.next_record
                    yield chunk
            except BanyanError as error:
                if self._pages == 1:
                    raise
                self._problems.append(f"page {self._pages}: {error.what}")
                return
            page = self._finish(page)
        self._judge()

    def problems(self) -> Sequence[str]:
        """Why this poll is not complete; empty = complete."""
        return tuple(self._problems)

    def _finish(self, page: Page) -> Page | None:
        self._order += page.keys
        self._rows += page.rows
        self._problems += page.problems
        if page.total is not None:
            self._totals.add(page.total)
        limit = self._reading.spec.paging.max_pages if self._reading.spec.paging else 1
        if page.more and self._pages >= limit:
            self._problems.append(f"the list did not end after {self._pages} pages")
            return None
        return self._reading.page_after(page) if page.more else None

    def _judge(self) -> None:
        if len(self._totals) > 1:
            self._problems.append("the list changed while it was read: its total differs between pages")
        elif self._totals and self._totals != {self._rows}:
            self._problems.append(f"the service counts {next(iter(self._totals))} row(s), {self._rows} came")
        if len(set(self._order)) < len(self._order):
            self._problems.append("the list changed while it was read: a key came twice")
        if not self._problems and self._pages > 1 and self._misses_known():
            self._confirm()

    def _misses_known(self) -> bool:
        return self._known is None or not self._known <= self.keys

    def _confirm(self) -> None:
        """Read the list again, keys only; another list than before means that nothing may be deleted."""
        try:
            again = list(self._reading.key_order())
        except BanyanError as error:
            self._problems.append(f"an absence could not be confirmed: {error.what}")
            return
        if again != self._order:
            self._problems.append("the list changed while it was read: a second reading gave another list")
