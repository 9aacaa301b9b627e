"""One poll: the whole list, across its pages, with everything that makes its silence untrustworthy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from adapters.extract import Chunk, Origin
from adapters.soap.polling.journal import Entry, Journal
from adapters.soap.polling.page import Page
from adapters.soap.reading import Reading
from adapters.soap.stream import Item
from adapters.soap.wire.validators import Validators
from schemas.errors import BanyanError

_CHANGED = "the list changed while it was read"


class SoapExtract:
    """An extract that is read from the service while `chunks` is consumed.

    The first page decides whether there is an extract at all: its errors are raised. Any error after it makes
    the extract incomplete. Complete means: every page and detail call answered, no key came twice, the
    service's total did not change and equals the rows received, and, where a key that was known is missing
    from a list of several pages, a second reading showed the very same list. The last one closes a gap that
    no total shows: a row deleted and one added between two pages push a third across the page border unseen.

    With a journal (the first load) every transient error is raised, and the next extract goes on there.

    With validators of the answer before, the service may say that nothing has changed: then the extract holds
    nothing and says nothing of what it does not hold.

    Attributes:
        partial: after `chunks`: whether absence means nothing, because the service did not give the list.
    """

    #: Whether `seen` wants the items; without them plain lists are decoded by column.
    watches = False

    def __init__(
        self,
        reading: Reading,
        started_ms: int,
        known: frozenset[str] | None,
        *,
        journal: Journal | None = None,
        validators: Validators | None = None,
    ) -> None:
        self._reading, self._known, self._journal = reading, known, journal
        self._asked, self._validators, self.partial = validators or Validators(), Validators(), False
        self.began_ms = journal.started_ms if journal else started_ms
        self.id = poll_id(reading.spec.name, self.began_ms)
        self.origin = Origin(
            ts_ms=self.began_ms,
            ts_kind="arrival",
            arrival_ms=self.began_ms,
            operation=reading.call.operation,
            message_id=self.id,
        )
        self._order: list[str] = []
        self._totals: set[int] = set()
        self._problems: list[str] = []
        self._pages = self._rows = self._widest = 0
        self._cut = ""

    @property
    def validators(self) -> Validators:
        """To ask next time whether the list is still the same; empty where its answer was not all of it.

        Known after `chunks`. A list of several answers has none: that the first is still the same says
        nothing of the others. Neither has one of which a record was bad: it would be forgotten.
        """
        return self._validators

    @property
    def keys(self) -> frozenset[str]:
        """Key texts that the list held, after `chunks` is exhausted."""
        return frozenset(self._order)

    def seen(self, item: Item) -> None:
        """Called with each item of the list as it comes; for those who want to know more of it."""

    @property
    def note(self) -> str:
        """What `seen` has found out so far, for the journal."""
        return ""

    def recall(self, note: str) -> None:
        """Called with the note of what an earlier process has seen."""

    def chunks(self) -> Iterator[Chunk]:
        """Yield rows and rejects, in list order.

        Raises:
            Transient: the first page did not come; with a journal, any page or detail call.
            Terminal: the first page was refused, or belongs to another contract.
        """
        self._order, self._totals, self._problems = [], set(), []
        self._pages = self._rows = self._widest = 0
        self._cut, self.partial, rejected = "", False, False
        self._validators = Validators()
        record, begun = 1, list[Entry]()
        first = self._reading.first_page(validators=self._asked)
        page: Page | None = first
        last: Page | None = None
        for entry in self._journal.entries(self._reading.shape.entity.name) if self._journal else ():
            assert page is not None  # entries end where the list ended
            begun.append(entry)
            if entry.ends:
                yield from (e.chunk for e in begun)
                (last, page), record = self._replay(page, last, begun, record)
                begun = []
        while page is not None:
            self._pages += 1
            try:
                for chunk in self._read(page, record, begun):
                    record = page.next_record
                    rejected = rejected or bool(chunk.rejects)
                    yield chunk
            except BanyanError as error:
                if self._pages == 1 or self._journal is not None:
                    raise
                self._problems.append(f"page {self._pages}: {error.what}")
                return
            begun = []
            if page.unchanged:
                self.partial, self._validators = True, self._asked
                return
            last, page = page, self._finish(page, last)
        self._judge()
        if self._pages == 1 and not (self._problems or rejected):
            self._validators = first.validators
        if self._journal is not None:
            self._journal.whole()

    def problems(self) -> Sequence[str]:
        """Why this poll is not complete; empty = complete."""
        return tuple(self._problems)

    def _read(self, page: Page, record: int, begun: list[Entry]) -> Iterator[Chunk]:
        """Read a page; chunks of it that an earlier process has read are taken from the journal."""
        page.next_record = record
        last: Entry | None = None
        for number, batch in enumerate(page.batches(items=self.watches)):
            keys = batch.keys
            for item in batch.items or ():
                self.seen(item)
            if number < len(begun) and begun[number].keys == keys:
                page.next_record += len(keys)
                page.problems += begun[number].problems
                self.recall(begun[number].note)
                yield begun[number].chunk
                continue
            if number < len(begun):
                page.problems.append(f"{_CHANGED}: it is another one than before the load was broken off")
                if self._journal is not None:
                    self._journal.cut(len(begun) - number)
                begun = []
            before = len(page.problems)
            chunk = page.chunk(batch, strict=self._journal is not None)
            if last is not None:
                self._keep(last)
            last = Entry(page.number, keys, chunk, tuple(page.problems[before:]), self.note)
            yield chunk
        if self._journal is not None:
            last = last or Entry(page.number, (), Chunk(), note=self.note)
            self._keep(replace(last, ends=True, rows=page.rows, total=page.total, more=page.more))

    def _keep(self, entry: Entry) -> None:
        if self._journal is not None:
            self._journal.add(entry)

    def _replay(
        self, page: Page, last: Page | None, entries: list[Entry], record: int
    ) -> tuple[tuple[Page, Page | None], int]:
        """Take a page from the journal; return it, the page after it, and the number of its first record."""
        self._pages += 1
        end = entries[-1]
        self.recall(end.note)
        page.keys = [key for e in entries for key in e.keys]
        page.problems = [p for e in entries for p in e.problems]
        page.rows, page.total, page.more = end.rows, end.total, end.more
        return (page, self._finish(page, last)), record + page.rows

    def _finish(self, page: Page, last: Page | None) -> Page | None:
        """Take note of a page that was read to its end; return the one after it, if the list goes on."""
        self._order += page.keys
        self._rows += page.rows
        self._widest = max(self._widest, page.rows)
        self._problems += page.problems
        if page.total is not None:
            self._totals.add(page.total)
        if last is not None and last.short and page.rows:
            self._cut = self._cut or (
                f"page {last.number} has {last.rows} rows, {last.size} were asked for, and rows follow: "
                f"the service gives fewer than it is asked for; set paging.rows to {last.rows}"
            )
        paging = self._reading.call.paging
        if last is not None and page.keys and page.keys == last.keys:
            self._problems.append(self._reading.endless(page).what)
            return None
        if page.more and self._pages >= (paging.max_pages if paging else 1):
            self._problems.append(f"the list did not end after {self._pages} pages")
            return None
        return self._reading.page_after(page) if page.more else None

    def _judge(self) -> None:
        if len(self._totals) > 1:
            self._problems.append(f"{_CHANGED}: its total differs between pages")
        elif self._reading.call.total and not self._totals:
            self._problems.append("the service does not say how many rows there are, as it should")
        elif self._totals and self._totals != {self._rows}:
            self._problems.append(f"the service counts {next(iter(self._totals))} row(s), {self._rows} came")
        if self._cut and not self._totals:
            self._problems.append(self._cut)
        if len(set(self._order)) < len(self._order):
            self._problems.append(f"{_CHANGED}: a key came twice")
        if not self._problems and self._may_hide_rows() and self._misses_known():
            self._confirm()

    def _may_hide_rows(self) -> bool:
        """Return whether rows could be there that no page has shown.

        Between two pages, or behind the end, where the service gives fewer rows than it is asked for. Only
        one page that says that it is the last, with a total that fits, leaves no room for them.
        """
        call = self._reading.call
        told = call.paging is not None and bool(call.paging.more) and bool(self._totals)
        return call.paging is not None and (self._pages > 1 or not told)

    def _misses_known(self) -> bool:
        return self._known is None or not self._known <= self.keys

    def _confirm(self) -> None:
        """Read the list again, keys only; another list than before means that nothing may be deleted.

        Without a total so many rows are asked for at once as the longest page had: no more than the service
        gives, or rows between two pages could stay unseen twice.
        """
        try:
            again = list(self._reading.key_order(0 if self._totals else self._widest))
        except BanyanError as error:
            self._problems.append(f"an absence could not be confirmed: {error.what}")
            return
        if again != self._order:
            self._problems.append(f"{_CHANGED}: a second reading gave another list")


def poll_id(adapter: str, started_ms: int) -> str:
    """Return the id of a poll that began at a moment."""
    moment = datetime.fromtimestamp(started_ms / 1000, UTC)
    return f"{adapter}-{moment:%Y%m%dT%H%M%S}{started_ms % 1000:03d}Z"
