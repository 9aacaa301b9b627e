"""One answer to "what has changed since": some pages, the cursor after them, and what was taken before."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from adapters.delta import UPSERT
from adapters.diff import DELETE
from adapters.extract import Chunk, Origin
from adapters.soap.change_spec import SinceChange
from adapters.soap.extract import poll_id
from adapters.soap.polling.cursor import Cursor, back, is_ahead, moment
from adapters.soap.polling.memory import Memory, digest
from adapters.soap.polling.page import Page
from adapters.soap.polling.paths import at
from adapters.soap.reading import Reading
from adapters.soap.stream import Item
from schemas.errors import Terminal, Transient

#: Items of the overlap that are known by their content. Beyond that the oldest are compared with the snapshot
#: like any other: that gives no second event unless the service returns old versions of a row.
_TAKEN = 20_000


class SinceExtract:
    """Changes since a cursor, upserts and deletes by status, in the order in which the service tells them.

    Nothing of it counts unless all that it read has come: a page or detail call that fails is raised, and the
    next look reads from the same cursor. Only where items come in the cursor's order does it end early.

    Attributes:
        more: after `chunks`: whether there is more to read at once.
    """

    partial = True

    def __init__(
        self, reading: Reading, change: SinceChange, cursor: Cursor, memory: Memory, started_ms: int
    ) -> None:
        self._reading, self._change, self._cursor, self._before = reading, change, cursor, memory
        self._started_ms = started_ms
        self.id = poll_id(reading.spec.name, started_ms)
        operation = reading.call.operation
        self.origin = Origin(started_ms, "arrival", started_ms, operation=operation, message_id=self.id)
        self.more = False
        self._known = frozenset(memory.digests)
        self._latest: Any = None
        self._below: Any = None
        self._fresh = 0
        self._ascending, self._early = True, False
        self._until: Any = None
        self._token = ""
        self._seen: dict[bytes, Any] = {}

    def problems(self) -> Sequence[str]:
        """None: what is not complete is not taken at all."""
        return ()

    @property
    def memory(self) -> str:
        """The cursor after this extract, and what was taken in the overlap before it."""
        change, before = self._change, self._before
        if change.next:
            return before.model_copy(update={"cursor": self._token or before.cursor}).dump()
        start = before.cursor or change.start
        reached = self._cursor.value(start) if start else None
        # Of an early end, the greatest cursor may have more rows on the page that was not read.
        for candidate in (self._below,) if self._early else (self._latest, self._until):
            if candidate is not None and (reached is None or candidate > reached):
                reached = candidate
        if reached is None:
            return before.dump()
        edge = back(reached, change.overlap)
        inside = [(c, d) for d, c in self._seen.items() if c is not None and c >= edge]
        kept = sorted(heapq.nlargest(_TAKEN, inside))
        if not kept and self._cursor.text(reached) == before.cursor:
            return before.dump()
        fresh = Memory(cursor=self._cursor.text(reached), full_ms=before.full_ms)
        return fresh.taking((d for _, d in kept), _TAKEN).dump()

    def chunks(self) -> Iterator[Chunk]:
        """Yield rows with actions.

        Raises:
            Transient: a page or a detail call did not come; nothing of this extract counts.
            Terminal: the service refuses, or answers by another contract.
        """
        record, rows, pages = 1, 0, 0
        page: Page | None = self._reading.first_page(self._asked())
        last: Page | None = None
        marks, before = list[bytes](), list[bytes]()
        while page is not None:
            pages, marks, before = pages + 1, [], marks
            try:
                for batch in page.batches(items=True):
                    marks += [_mark(item) for item in batch.items or ()]
                    yield self._chunk(batch.items or (), record)
                    record += len(batch.keys)
            except Transient:
                if not self._may_end_early(1):
                    raise
                self.more = self._early = True
                return
            rows += page.rows
            if last is not None:
                self._judge(page, last, again=bool(marks) and marks == before)
            paging = self._reading.call.paging
            if page.more and paging is not None and pages >= paging.max_pages:
                raise Terminal(
                    f"the list of changes did not end after {pages} pages",
                    where=self._reading.call.operation,
                    fix="check the paging settings, or raise max_pages",
                )
            if page.more and self._may_end_early(self._change.step_rows):
                self.more = self._early = True
                return
            if not page.more:
                self._end(page, rows)
            last, page = page, self._reading.page_after(page) if page.more else None

    def _judge(self, page: Page, last: Page, *, again: bool) -> None:
        """Raise Terminal where changes may lie between two pages unseen, or pages come again and again."""
        if again:
            error = self._reading.endless(page)
            raise Terminal(error.what, where=error.where, fix=error.fix)
        if last.short and page.rows:
            raise Terminal(
                f"page {last.number} has {last.rows} rows, {last.size} were asked for, and rows follow",
                where=self._reading.call.operation,
                fix=f"set paging.rows to {last.rows}: the service gives no more; or short_pages",
            )

    def _may_end_early(self, rows: int) -> bool:
        """Return whether what has come may be committed although more follows.

        Only rows that are new count, and only if the cursor moves on: a batch job gives one time to more rows
        than a step has, and an overlap can hold as many. The next look would read the very same step again.
        """
        if not (self._change.ordered and self._ascending and self._fresh >= rows and self._below is not None):
            return False
        before = self._before.cursor
        return not before or self._below > self._cursor.value(before)

    def _asked(self) -> dict[str, Any]:
        change, before = self._change, self._before
        text = before.cursor or change.start
        if not text:
            return {}
        value = self._cursor.value(text)
        asked = {change.since: back(value, change.overlap) if before.cursor else value}
        if change.until:
            now = moment(value, self._started_ms)
            end = value + timedelta(seconds=change.window_seconds)
            self.more = end < now
            asked[change.until] = end if self.more else now
            # A window that reaches up to now may still gain rows; a past one, whose overlap is over, may not.
            self._until = end if end < back(now, change.overlap) else None
        return asked

    def _end(self, page: Page, rows: int) -> None:
        if self._change.next:
            token = at(page.rest, self._change.next)
            self._token = "" if token is None else self._cursor.text(token)
            self.more = rows > 0 and self._token not in ("", self._before.cursor)

    def _reached(self, place: Any) -> None:
        if is_ahead(place, self._started_ms):
            return
        if self._latest is None or place > self._latest:
            self._below, self._latest = self._latest, place
        elif place < self._latest:
            self._ascending = False

    def _chunk(self, batch: Sequence[Item], record: int) -> Chunk:
        reading = self._reading
        fresh: list[Item] = []
        actions: list[int] = []
        for item in batch:
            mark = _mark(item)
            place = at(item.value, self._change.cursor) if self._change.cursor else None
            if place is not None:
                self._seen[mark] = place
                self._reached(place)
            if mark in self._known:
                fresh.append(Item(None))  # keeps the record numbers of its neighbours
            else:
                fresh.append(item)
                self._fresh += 1
            actions.append(DELETE if reading.call.is_deleted(item) else UPSERT)
        if reading.details is not None:
            asked = [Item(None) if a == DELETE else i for i, a in zip(fresh, actions, strict=True)]
            found = reading.details.fetch(asked, [], strict=True)
            fresh = [i if a == DELETE else f for i, f, a in zip(fresh, found, actions, strict=True)]
        return reading.rows.chunk(fresh, record, actions)


def _mark(item: Item) -> bytes:
    return digest(item.value if item.value is not None else item.raw)
