"""A queue that a service keeps for us: fetch, publish, and only then acknowledge."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import structlog
from lxml import etree

from adapters.extract import Chunk, Extract, Origin
from adapters.soap.avro_entity import EntityShape
from adapters.soap.change_spec import QueueChange
from adapters.soap.contract import Contract
from adapters.soap.envelope import SoapFault
from adapters.soap.errors import BadValue, CallRefused
from adapters.soap.extract import poll_id
from adapters.soap.http_reply import place
from adapters.soap.pace import Pace
from adapters.soap.polling.actions import IGNORE, action_of
from adapters.soap.polling.cursor import Cursor
from adapters.soap.polling.fault_error import fault_error
from adapters.soap.polling.load import Throttle, Wire
from adapters.soap.polling.memory import Memory, digest
from adapters.soap.polling.paths import at, put, text_at, text_in
from adapters.soap.polling.rows import RowMaker
from adapters.soap.spec import SoapSpec
from adapters.soap.stream import MAX_RAW_BYTES, Item
from schemas.errors import SettingsError

log = structlog.get_logger("banyan.adapter")


class Queue:
    """Fetches messages until none is left; each answer is an extract, acknowledged when it is committed.

    A message whose acknowledgement was lost comes again: its id was committed with its event, so it gives no
    second one and is acknowledged now.
    """

    def __init__(
        self,
        spec: SoapSpec,
        change: QueueChange,
        contract: Contract,
        wire: Wire,
        pace: Pace,
        endpoint: str,
        *,
        now_ms: Callable[[], int] | None = None,
    ) -> None:
        self._spec, self.change, self.contract, self.wire = spec, change, contract, wire
        self._now_ms = now_ms or (lambda: time.time_ns() // 1_000_000)
        self.endpoint = endpoint
        self.throttle = Throttle(pace, spec.limits.concurrency, spec.limits.slow)
        record = "/".join(filter(None, (change.item, change.record)))
        self._shape = contract.shape(
            change.operation,
            record,
            spec.key,
            spec.system,
            spec.entity,
            classification=spec.classification,
            key_privacy=spec.key_privacy,
            style=spec.avro_style,
        )
        self.rows = RowMaker(contract, self._shape, contract.element(change.operation, record), spec.key)
        self._message_element = contract.element(change.operation, change.item)
        for path in (change.message_id, change.action.element if change.action else change.message_id):
            if "@" not in path:
                contract.element(change.operation, f"{change.item}/{path}")
        where = f"adapter {spec.name}: [change.acknowledge]"
        self.id_type = Cursor(contract, change.acknowledge.operation, change.acknowledge.id, where)
        says = "repeats" if self.id_type.repeats else "does not repeat"
        if (change.acknowledge.by == "batch") != self.id_type.repeats:
            raise SettingsError(
                f"{change.acknowledge.id!r} {says}, and by is {change.acknowledge.by!r}",
                where=where,
                fix='take by = "batch" if it repeats',
            )
        self._memory = Memory()
        self._committed: Extract | None = None
        self._last_ms = 0

    @property
    def name(self) -> str:
        """The adapter's name."""
        return self._spec.name

    @property
    def shape(self) -> EntityShape:
        """The entity."""
        return self._shape

    def poll(self) -> Iterator[Extract]:
        """Yield an extract for each fetched answer, until one holds nothing new.

        An answer of old messages alone ends a look: a service that refuses to forget them would be asked
        without a pause.
        """
        while True:
            self._last_ms = max(self._now_ms(), self._last_ms + 1)
            extract = QueueExtract(self, self._memory, self._last_ms)
            yield extract
            if self._committed is not extract or not extract.fresh:
                return

    def done(self, extract: Extract) -> None:
        """Acknowledge the messages of a committed extract.

        Raises:
            Transient: an acknowledgement did not come through; the messages come again, and again no event.
        """
        assert isinstance(extract, QueueExtract)
        self._committed, self._memory = extract, Memory.read(extract.memory)
        self._acknowledge(extract.messages)

    def resume(self, memory: str, home: Path, *, first: bool) -> None:
        """Go on from what was committed."""
        self._memory = Memory.read(memory)

    def rest(self, stop: threading.Event, seconds: float) -> None:
        """Wait."""
        stop.wait(seconds)

    def close(self) -> None:
        """There is nothing to let go of."""

    def raw(self, item: Item) -> bytes:
        """Return a message's XML for a dead letter; made again where it could be decoded.

        Once it is acknowledged, nobody else has it.
        """
        if item.value is None:
            return item.raw
        try:
            whole = bytes(etree.tostring(self.contract.codec.encode(self._message_element, item.value)))
        except BadValue:
            whole = repr(item.value).encode()
        return whole[:MAX_RAW_BYTES]

    def _acknowledge(self, messages: Sequence[str]) -> None:
        spec = self.change.acknowledge
        if not messages:
            return
        ids = [self.id_type.value(text) for text in messages]
        calls: list[Any] = {"message": ids, "batch": [ids], "last": ids[-1:]}[spec.by]
        where = place(self.endpoint, spec.operation)
        for value in calls:
            request = dict(spec.request)
            put(request, spec.id, value)
            with self.throttle.call(self.wire, spec.operation, request) as parts:
                raw = b"".join(parts)
            answer = self.contract.decode_response(spec.operation, raw, where)
            if isinstance(answer, SoapFault):
                error = fault_error(answer, where)
                if not isinstance(error, CallRefused):
                    raise error
                # The service knows the message no longer: acknowledged by an answer that was lost.
                log.warning("an acknowledgement was refused", adapter=self.name, error=error.what)


class QueueExtract:
    """The messages of one answer, in their order.

    Attributes:
        messages: ids to acknowledge once this is committed; known after `chunks`.
    """

    partial = True

    def __init__(self, queue: Queue, memory: Memory, started_ms: int) -> None:
        self._queue, self._before = queue, memory
        self.id = poll_id(queue.name, started_ms)
        operation = queue.change.operation
        self.origin = Origin(started_ms, "arrival", started_ms, operation=operation, message_id=self.id)
        self.messages: list[str] = []
        self._digests: list[bytes] = []

    def problems(self) -> Sequence[str]:
        """None: a bad message is a dead letter, not a gap."""
        return ()

    @property
    def fresh(self) -> bool:
        """Whether a message came that was not taken before; known after `chunks`."""
        return bool(self._digests)

    @property
    def memory(self) -> str:
        """The ids of these messages with those before them."""
        return self._before.taking(self._digests, self._queue.change.remember).dump()

    def chunks(self) -> Iterator[Chunk]:
        """Fetch, and yield rows with actions.

        Raises:
            Transient, Terminal: the call failed.
        """
        queue, change = self._queue, self._queue.change
        where = place(queue.endpoint, change.operation)
        decoder = queue.contract.list_decoder(change.operation, change.item, (), where)
        known = set(self._before.digests)
        items: list[Item] = []
        actions: list[int] = []
        with queue.throttle.call(queue.wire, change.operation, dict(change.request)) as parts:
            for part in parts:
                for item in decoder.feed(part):
                    found, action = self._message(item, known)
                    items.append(found)
                    actions.append(action)
        rest = decoder.rest()
        if isinstance(rest, SoapFault):
            raise fault_error(rest, where)
        if items:
            yield queue.rows.chunk(items, 1, actions)

    def _message(self, item: Item, known: set[bytes]) -> tuple[Item, int]:
        """Return a message's record and what has happened to it; nothing for one that was taken before."""
        change = self._queue.change
        text = text_at(item.value, change.message_id) or text_in(item.raw, change.message_id)
        if text is None or not self._queue.id_type.fits(text):
            error = item.error or BadValue(change.message_id, "a message without id")
            return Item(None, error, self._queue.raw(item)), 0
        self.messages.append(text)
        mark = digest(text)
        if mark in known:
            return Item(None), 0
        known.add(mark)
        self._digests.append(mark)
        if item.value is None:
            return item, 0
        try:
            action = action_of(change.action, item.value)
            record = at(item.value, change.record)
            if record is None and action != IGNORE:
                raise BadValue(change.record, "the message holds no record")
        except BadValue as error:
            return Item(None, error, self._queue.raw(item)), 0
        return (Item(None) if action == IGNORE else Item(record)), action
