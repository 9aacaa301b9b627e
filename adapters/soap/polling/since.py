"""What has changed since a cursor; with overlap, without saying twice what was taken already."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from adapters.extract import Extract
from adapters.soap.avro_entity import EntityShape
from adapters.soap.change_spec import SinceChange
from adapters.soap.contract import Contract
from adapters.soap.extract import SoapExtract
from adapters.soap.pace import Pace
from adapters.soap.polling.cursor import Cursor, back, moment
from adapters.soap.polling.full import FullList
from adapters.soap.polling.journal import Journal
from adapters.soap.polling.load import Wire
from adapters.soap.polling.memory import Memory
from adapters.soap.polling.paths import at
from adapters.soap.polling.since_extract import SinceExtract
from adapters.soap.reading import ListCall, Reading
from adapters.soap.spec import SoapSpec
from adapters.soap.stream import Item
from schemas.errors import SettingsError

#: A whole list that is held or failed is read again after so many seconds, not at each look.
_FULL_AGAIN = 60.0


class Since:
    """Polls for changes; where `full` says so, the whole list comes first and from time to time again.

    The cursor is committed with the events of each extract. Changes never delete by absence: a whole list
    does, and items that a status marks as deleted. While a whole list waits for a person, changes wait too.
    """

    def __init__(
        self,
        spec: SoapSpec,
        change: SinceChange,
        contract: Contract,
        wire: Wire,
        pace: Pace,
        endpoint: str,
        *,
        now_ms: Callable[[], int] | None = None,
    ) -> None:
        self._spec, self._change = spec, change
        self._now_ms = now_ms or (lambda: time.time_ns() // 1_000_000)
        operation = change.operation or spec.operation
        own = operation == spec.operation
        where = f"adapter {spec.name}: [change]"
        call = ListCall(
            operation,
            {**(spec.request if own else {}), **change.request},
            change.item or spec.item,
            change.paging or (spec.paging if own else None),
            deleted=change.deleted or spec.deleted,
        )
        self._reading = Reading(spec, contract, wire, pace, endpoint, call=call)
        self._cursor = Cursor(contract, operation, change.since, where)
        if change.cursor:
            contract.element(operation, f"{call.item}/{change.cursor}")
        if change.next:
            contract.element(operation, change.next)
        start = self._cursor.value(change.start) if change.start else None
        try:
            back(start if start is not None else self._cursor.sample(), change.overlap)
        except TypeError:
            raise SettingsError(
                "a text cannot be reckoned with", where=where, fix="take overlap away"
            ) from None
        self._list: FullList | None = None
        if change.full is not None:
            whole = Reading(spec, contract, wire, pace, endpoint, throttle=self._reading.throttle)
            if whole.shape.entity != self._reading.shape.entity:
                raise SettingsError(
                    "the list's items and the changes' items are not alike",
                    where=where,
                    fix="choose operations that return the same element, or take [change.full] away",
                )
            self._list = FullList(whole, self._now_ms)
        self._memory = Memory()
        self._committed: Extract | None = None
        self._full_from = float("-inf")
        self._last_ms = 0

    @property
    def shape(self) -> EntityShape:
        """The entity."""
        return self._reading.shape

    def trial_request(self) -> dict[str, Any]:
        """Return request values of the right shape, to try them without sending."""
        change = self._change
        cursor = self._cursor.value(change.start) if change.start else self._cursor.sample()
        paging = self._reading.call.paging
        asked = {change.since: cursor} | ({change.until: cursor} if change.until else {})
        return self._reading.list_request(paging.first if paging else 0, asked)

    def poll(self) -> Iterator[Extract]:
        """Yield the whole list if it is due, then changes until there are no more."""
        if self._list is not None and self._full_due():
            if time.monotonic() < self._full_from:
                return
            self._full_from = time.monotonic() + _FULL_AGAIN
            whole = self._whole(self._list)
            yield whole
            if self._committed is not whole:
                return
        while True:
            extract = SinceExtract(self._reading, self._change, self._cursor, self._memory, self._moment())
            yield extract
            if self._committed is not extract or not extract.more:
                return

    def done(self, extract: Extract) -> None:
        """Go on from a committed extract."""
        assert isinstance(extract, SinceExtract | WholeList)
        self._committed, self._memory = extract, Memory.read(extract.memory)
        if isinstance(extract, WholeList) and self._list is not None:
            self._list.done(extract)
            self._full_from = float("-inf")

    def resume(self, memory: str, home: Path, *, first: bool) -> None:
        """Go on from what was committed."""
        self._memory = Memory.read(memory)
        if self._list is not None:
            self._list.resume(memory, home, first=first)

    def rest(self, stop: threading.Event, seconds: float) -> None:
        """Wait."""
        stop.wait(seconds)

    def close(self) -> None:
        """There is nothing to let go of."""

    def _full_due(self) -> bool:
        full = self._change.full
        age = self._now_ms() - self._memory.full_ms
        return full is not None and (not self._memory.full_ms or age >= full.every_seconds * 1000)

    def _whole(self, whole: FullList) -> WholeList:
        started = self._moment()
        journal = whole.journal(started)
        return WholeList(whole.reading, self._change, self._cursor, self._memory, started, journal)

    def _moment(self) -> int:
        """Return now, and never the same twice: it tells two extracts of one look apart."""
        self._last_ms = max(self._now_ms(), self._last_ms + 1)
        return self._last_ms


class WholeList(SoapExtract):
    """The whole list, and the cursor from which changes are read after it.

    The cursor is the greatest of the first page: whatever changed after that page was read has a greater one.
    The greatest of all pages would pass over rows that changed on a page behind the reader.
    """

    def __init__(
        self,
        reading: Reading,
        change: SinceChange,
        cursor: Cursor,
        memory: Memory,
        started_ms: int,
        journal: Journal | None,
    ) -> None:
        super().__init__(reading, started_ms, None, journal=journal)
        self.watches = bool(change.cursor)
        self._change, self._cursor, self._memory = change, cursor, memory
        self._latest: Any = None

    @property
    def memory(self) -> str:
        """The cursor, and when the list was read."""
        change, latest = self._change, self._latest
        texts = [t for t in (self._memory.cursor, change.start) if t]
        known = self._cursor.value(texts[0]) if texts else None
        if latest is None and change.cursor:
            latest = moment(known if known is not None else self._cursor.sample(), self.began_ms)
        if latest is not None and (known is None or latest > known):
            known = latest
        text = self._cursor.text(known) if known is not None else ""
        return Memory(cursor=text, taken=self._memory.taken, full_ms=self.began_ms).dump()

    def seen(self, item: Item) -> None:
        """Remember the greatest cursor of the first page."""
        value = at(item.value, self._change.cursor) if self._change.cursor else None
        if self._pages == 1 and value is not None and (self._latest is None or value > self._latest):
            self._latest = value

    @property
    def note(self) -> str:
        """The greatest cursor of the first page."""
        return "" if self._latest is None else self._cursor.text(self._latest)

    def recall(self, note: str) -> None:
        """Take the cursor from what an earlier process has read."""
        if note:
            self._latest = self._cursor.value(note)
