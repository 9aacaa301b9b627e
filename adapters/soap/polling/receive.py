"""Messages that the legacy system sends: Banyan is its SOAP server, and answers when they are on Kafka."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from adapters.extract import Chunk, Extract, Origin
from adapters.soap import avro_entity
from adapters.soap.avro_entity import EntityShape
from adapters.soap.change_spec import ReceiveChange
from adapters.soap.contract import Contract
from adapters.soap.errors import BadValue
from adapters.soap.extract import poll_id
from adapters.soap.polling.actions import IGNORE, action_of
from adapters.soap.polling.inbox import Inbox, Received
from adapters.soap.polling.memory import Memory, digest
from adapters.soap.polling.paths import text_at
from adapters.soap.polling.reply import reply
from adapters.soap.polling.rows import RowMaker
from adapters.soap.serve.asgi import SoapServer
from adapters.soap.serve.guard import Guard
from adapters.soap.serve.listener import Listener
from adapters.soap.spec import SoapSpec
from adapters.soap.stream import Item
from schemas.errors import SettingsError

#: Messages of one commit. A commit takes some 60 ms, so more at once is what makes it fast.
_AT_ONCE = 500


class Receive:
    """Serves one operation of the contract; its messages become extracts.

    A caller is answered when its message is committed. If this process dies before, the caller has no answer
    and sends again; if it dies after, the message comes again and its id is known: it is answered at once and
    gives no second event. The answer is made whole before the message is offered for the commit: one that
    cannot be made refuses the message, and none fails after its commit. A message that does not fit the
    contract or the settings is refused with a Client fault: it stays with its sender.
    """

    def __init__(
        self,
        spec: SoapSpec,
        change: ReceiveChange,
        contract: Contract,
        *,
        now_ms: Callable[[], int] | None = None,
        listen: bool = True,
    ) -> None:
        self._spec, self.change, self._contract, self._listen = spec, change, contract, listen
        self._now_ms = now_ms or (lambda: time.time_ns() // 1_000_000)
        where = f"adapter {spec.name}: [change]"
        request = contract.operation(change.operation).request
        try:
            if request is None:
                raise KeyError(change.record)
            element = [request, *contract.schema.walk(request, change.record)][-1]
            list(contract.schema.walk(request, change.message_id.partition("/@")[0]))
        except KeyError as error:
            raise SettingsError(
                f"the request of {change.operation} has no {error.args[0]!r}",
                where=where,
                fix="look at the operation's schema in the WSDL",
            ) from None
        self._shape = avro_entity.shape(
            contract.schema,
            element,
            key=spec.key,
            system=spec.system,
            name=spec.entity,
            decimals=contract.decimals,
            classification=spec.classification,
            key_privacy=spec.key_privacy,
            style=spec.avro_style,
        )
        self.rows = RowMaker(contract, self._shape, element, spec.key)
        self.inbox = Inbox(change.waiting)
        password = change.password.get_secret_value() if change.password else ""
        self.server = SoapServer(
            contract,
            self._take,
            path=change.path,
            address=change.address,
            only=(change.operation,),
            max_bytes=change.max_bytes,
            waiting_bytes=change.waiting_bytes,
            guard=Guard(change.security) if change.security is not None else None,
            user=change.user,
            password=password,
        )
        if change.tls is not None:
            change.tls.check("change.tls")
        self._listener: Listener | None = None
        self._memory = Memory()
        self._last_ms = 0

    @property
    def name(self) -> str:
        """The adapter's name."""
        return self._spec.name

    @property
    def shape(self) -> EntityShape:
        """The entity."""
        return self._shape

    @property
    def port(self) -> int:
        """Where it listens; 0 while it does not."""
        return self._listener.port if self._listener else 0

    def poll(self) -> Iterator[Extract]:
        """Yield what waits; the first look opens the port.

        Raises:
            Transient: the port is taken.
        """
        if self._listener is None and self._listen:
            self._listener = Listener(self.server, self.change.host, self.change.port, self.change.tls)
        while True:
            messages = self.inbox.look(_AT_ONCE)
            self._last_ms = max(self._now_ms(), self._last_ms + 1)
            extract = ReceivedExtract(self, messages, self._memory, self._last_ms)
            yield extract
            if not messages or not all(m.settled.done() for m in messages):
                return

    def done(self, extract: Extract) -> None:
        """Answer the callers of a committed extract."""
        assert isinstance(extract, ReceivedExtract)
        self._memory = Memory.read(extract.memory)
        for message in extract.messages:
            self.inbox.settle(message)

    def resume(self, memory: str, home: Path, *, first: bool) -> None:
        """Go on from what was committed."""
        self._memory = Memory.read(memory)

    def rest(self, stop: threading.Event, seconds: float) -> None:
        """Wait until a message comes."""
        self.inbox.rest(stop, seconds)

    def close(self) -> None:
        """Close the port; whoever waits gets no answer and sends again."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _take(self, operation: str, request: Any) -> Any:
        change = self.change
        message_id = text_at(request, change.message_id)
        if not message_id:
            raise BadValue(change.message_id, "a message without id")
        message = Received(message_id, request, self._records(request), self._now_ms())
        answer = self._answer(operation, request, message_id)
        await self.inbox.deliver(message, change.wait_seconds)
        return answer

    def _answer(self, operation: str, request: Any, message_id: str) -> Any:
        """Return the values of the answer, which is known to fit the contract."""
        answer = reply(self.change.reply, request, message_id, self._now_ms())
        if not self._contract.operation(operation).one_way:
            try:
                self._contract.encode_response(operation, answer)
            except BadValue as error:
                # Not the sender's mistake, so not a BadValue to it.
                raise SettingsError(
                    f"the answer does not fit the contract at {error.path or '.'}: {error.reason}",
                    where=f"adapter {self.name}: change.reply",
                    fix="look at the operation's response in the WSDL",
                ) from None
        return answer

    def _records(self, request: Any) -> list[tuple[Any, int]]:
        """Return the records of a message with what has happened to them.

        Raises:
            BadValue: a record is missing, has no key, or says what the settings do not name.
        """
        change = self.change
        found = [r for r in _all_at([request], change.record.split("/")) if r is not None]
        found = {"all": found, "first": found[:1], "last": found[-1:]}[change.take]
        if not found:
            raise BadValue(change.record, "the message holds no record")
        records = []
        for record in found:
            # What happened is told once for the message, or in each record.
            own = change.action is not None and change.action.element.startswith(f"{change.record}/")
            action = action_of(_inner(change), record) if own else action_of(change.action, request)
            if action != IGNORE:
                chunk = self.rows.chunk([Item(record)], 1, [action])
                if chunk.rejects:
                    raise BadValue(chunk.rejects[0].field_path, chunk.rejects[0].reason)
                records.append((record, action))
        return records


class ReceivedExtract:
    """The messages that waited at one moment, in the order in which they came."""

    partial = True

    def __init__(
        self, receive: Receive, messages: Sequence[Received], memory: Memory, started_ms: int
    ) -> None:
        self._receive, self.messages, self._before = receive, messages, memory
        self.id = poll_id(receive.name, started_ms)
        only = messages[0].id if len(messages) == 1 else self.id
        arrival = min((m.at_ms for m in messages), default=started_ms)
        operation = receive.change.operation
        self.origin = Origin(arrival, "arrival", arrival, operation=operation, message_id=only)

    def problems(self) -> Sequence[str]:
        """None: what was refused is with its sender."""
        return ()

    @property
    def memory(self) -> str:
        """The ids of these messages with those before them."""
        return self._before.taking(
            [digest(m.id) for m in self.messages], self._receive.change.remember
        ).dump()

    def chunks(self) -> Iterator[Chunk]:
        """Yield the records of messages that were not taken before."""
        known = set(self._before.digests)
        items: list[Item] = []
        actions: list[int] = []
        for message in self.messages:
            if (mark := digest(message.id)) not in known:
                known.add(mark)
                for record, action in message.records:
                    items.append(Item(record))
                    actions.append(action)
        if items:
            yield self._receive.rows.chunk(items, 1, actions)


def _inner(change: ReceiveChange) -> Any:
    assert change.action is not None
    element = change.action.element.removeprefix(f"{change.record}/")
    return change.action.model_copy(update={"element": element})


def _all_at(values: list[Any], steps: list[str]) -> list[Any]:
    for step in steps:
        following: list[Any] = []
        for value in values:
            found = value.get(step) if isinstance(value, dict) else None
            following += found if isinstance(found, list) else [found]
        values = following
    return values
