"""The client against services that work, break, lie and dawdle."""

from __future__ import annotations

import asyncio
import gzip
import struct
from socket import SO_LINGER, SOL_SOCKET

import pytest

from adapters.soap.envelope import SoapFault
from adapters.soap.errors import AnswerMismatch, BrokenAnswer, CallRefused, ServiceUnavailable
from adapters.soap.wire.blocking import BlockingWire
from adapters.soap.wire.gate import CircuitOpen
from adapters.soap.wire.validators import Validators
from tests.unit.adapters.soap.conftest import answer, message
from tests.unit.adapters.soap.wire.conftest import http

GOOD = answer("<a>yes</a>")
SAFE = {"operations": {"Ask": {"safe": True}}}
FAULT = message("<s:Fault><faultcode>s:Client</faultcode><faultstring>no</faultstring></s:Fault>")


def replies(*contents):
    """Answer the n-th request with the n-th content, the last for ever."""

    async def handler(served, writer):
        content = contents[min(served.number, len(contents)) - 1]
        if content is None:
            # reset, not a polite end
            writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        else:
            writer.write(content)

    return handler


async def test_a_call_and_its_headers(service, client_of):
    """A call is posted with its SOAPAction and decoded; the connection is used again."""
    service.handler = replies(http(GOOD))
    client = client_of()
    for _ in range(2):
        answered = await client.call("Ask", {})
        assert (answered.value, answered.status, answered.raw) == ({"a": "yes"}, 200, GOOD)
    assert service.seen[0].header("SOAPAction") == '"ask"'
    assert service.seen[0].header("Content-Type") == "text/xml; charset=utf-8"


async def test_a_fault_is_an_answer(service, client_of):
    """A fault under HTTP 500 is a value; it neither repeats the call nor opens the circuit."""
    service.handler = replies(http(FAULT, "500 Internal Server Error"))
    client = client_of(**SAFE, breaker={"failures": 1})
    for _ in range(2):
        fault = (await client.call("Ask", {})).value
        assert isinstance(fault, SoapFault)
        assert fault.code == "Client"
    assert len(service.seen) == 2


HTML = b"<!DOCTYPE html><html><body>Maintenance</body></html>"
BROKEN = {
    "reset": (None, ServiceUnavailable),
    "half a body": (http(GOOD[:30], length=len(GOOD)) + b"", BrokenAnswer),
    "shorter than its length": (http(GOOD, length=len(GOOD) + 10), BrokenAnswer),
    "longer than its length": (http(GOOD, length=len(GOOD) - 10), BrokenAnswer),
    "no HTTP": (b"hello\r\n\r\n", BrokenAnswer),
    "html page": (http(HTML, "200 OK", "Content-Type: text/html"), BrokenAnswer),
    "html as xml": (http(HTML), BrokenAnswer),
    "html 500": (http(HTML, "500 X", "Content-Type: text/html"), ServiceUnavailable),
    "503": (http(b"", "503 Busy"), ServiceUnavailable),
    "empty": (http(b""), BrokenAnswer),
    "broken gzip": (
        http(gzip.compress(GOOD)[:-9] + b"x" * 9, "200 OK", "Content-Encoding: gzip"),
        BrokenAnswer,
    ),
    "401": (http(b"", "401 No", "Content-Type: text/html"), CallRefused),
    "redirect": (http(b"", "302 Found", "Location: http://127.0.0.1:1/"), CallRefused),
    "404": (http(b"", "404 None", "Content-Type: text/html"), CallRefused),
    "another answer": (http(message("<Other/>")), AnswerMismatch),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_broken_answers(service, client_of, name):
    """Each way to fail has its error; what may pass later is Transient, and the next call works."""
    content, error = BROKEN[name]

    async def handler(served, writer):
        await replies(content, http(GOOD))(served, writer)
        if name in ("half a body", "shorter than its length", "no HTTP"):
            writer.close()

    service.handler = handler
    client = client_of()
    with pytest.raises(error) as caught:
        await client.call("Ask", {})
    assert "yes" not in str(caught.value)
    assert "127.0.0.1" in caught.value.where
    assert (await client.call("Ask", {})).value == {"a": "yes"}


@pytest.mark.parametrize("name", ["reset", "half a body", "503", "html page"])
async def test_a_safe_call_is_sent_again(service, client_of, fake, name):
    """What may pass later is tried again after growing pauses; the answer is as if nothing had happened."""
    content = BROKEN[name][0]

    async def handler(served, writer):
        await replies(content, content, http(GOOD))(served, writer)
        if name == "half a body" and served.number < 3:
            writer.close()

    service.handler = handler
    client = client_of(**SAFE, retry={"first_seconds": 1, "factor": 2})
    assert (await client.call("Ask", {})).value == {"a": "yes"}
    assert len(service.seen) == 3
    assert fake.slept == [1, 2]


async def test_another_call_is_never_sent_again(service, client_of, fake):
    """An operation that nobody declared safe is sent once, whatever happens to its answer."""
    service.handler = replies(None, http(GOOD))
    with pytest.raises(ServiceUnavailable):
        await client_of().call("Ask", {})
    assert (len(service.seen), fake.slept) == (1, [])


async def test_a_connection_that_ended_leaves_a_doubt(service, client_of):
    """Where nobody can know whether a call arrived, the error says so."""

    async def ends(served, writer):
        writer.close()

    service.handler = ends
    with pytest.raises(ServiceUnavailable, match="whether the call arrived is not known"):
        await client_of().call("Ask", {})


async def test_retry_after_is_heeded(service, client_of, fake):
    """A service that says when to come back is called then; or not at all, if that is too long."""
    service.handler = replies(http(b"", "503 Busy", "Retry-After: 17"), http(GOOD))
    assert (await client_of(**SAFE).call("Ask", {})).value == {"a": "yes"}
    assert fake.slept == [17]
    service.seen.clear()
    service.handler = replies(http(b"", "429 Slow", "Retry-After: 3600"))
    with pytest.raises(ServiceUnavailable) as caught:
        await client_of(**SAFE).call("Ask", {})
    assert (caught.value.retry_after, len(service.seen)) == (3600, 1)


async def test_a_repeated_call_keeps_its_key(service, client_of):
    """Where the service knows calls by a header, every attempt carries the same key, other calls another."""
    service.handler = replies(http(b"", "503 Busy"), http(GOOD))
    client = client_of(operations={"Ask": {"repeat_by": "header"}}, repeat_header="X-Request-Key")
    await client.call("Ask", {})
    await client.call("Ask", {})
    first, again, other = [s.header("X-Request-Key") for s in service.seen]
    assert first == again != other
    await client.call("Ask", {}, key="mine")
    assert service.seen[-1].header("X-Request-Key") == "mine"


async def test_a_repeated_call_keeps_its_message_id(service, client_of):
    """Where the service knows calls by MessageID it stays; elsewhere every attempt has one of its own."""

    def ids():
        return [s.body.partition(b"MessageID")[2][:140].partition(b"urn:uuid:")[2][:36] for s in service.seen]

    service.handler = replies(http(b"", "503 Busy"), http(GOOD))
    await client_of(addressing={}, operations={"Ask": {"repeat_by": "message_id"}}).call("Ask", {})
    assert len(set(ids())) == 1
    service.seen.clear()
    await client_of(addressing={}, **SAFE).call("Ask", {})
    assert len(set(ids())) == 2


async def test_a_slow_drip_ends_in_time(service, client_of):
    """A service that sends a byte now and then does not hold a call beyond its time."""

    async def drip(served, writer):
        writer.write(http(b"", length=len(GOOD)))
        for byte in GOOD[:40]:
            await writer.drain()
            await asyncio.sleep(0.03)
            writer.write(bytes([byte]))

    service.handler = drip
    with pytest.raises(ServiceUnavailable, match=r"no whole answer within 0\.2 s"):
        await client_of(seconds=0.2).call("Ask", {})


async def test_a_slow_reader_is_not_a_slow_service(service, client_of):
    """Time in which the reader is busy does not count: our own work cuts no large answer off."""
    large = answer("<a>" + "x" * 3_000_000 + "</a>")
    service.handler = replies(http(large))
    read = 0
    async with client_of(seconds=0.3).stream("Ask", {}) as arriving:
        async for part in arriving.parts:
            read += len(part)
            if read < 300_000:
                await asyncio.sleep(0.1)
    assert read == len(large)


async def test_an_operation_has_its_own_time(service, client_of):
    """A time declared for one operation replaces the general one."""

    async def never(served, writer):
        await asyncio.sleep(5)

    service.handler = never
    with pytest.raises(ServiceUnavailable, match=r"within 0\.1 s"):
        await client_of(operations={"Ask": {"timeout_seconds": 0.1}}).call("Ask", {})


async def test_the_circuit_opens_and_closes(service, client_of, fake):
    """After failures in a row nothing is sent for a while; then one call tries, and the circuit closes."""
    service.handler = replies(http(b"", "503 X"), http(b"", "503 X"), http(GOOD))
    client = client_of(breaker={"failures": 2, "open_seconds": 30})
    for _ in range(2):
        with pytest.raises(ServiceUnavailable):
            await client.call("Ask", {})
    with pytest.raises(CircuitOpen, match="2 call") as caught:
        await client.call("Ask", {})
    assert (len(service.seen), caught.value.retry_after) == (2, 30)
    fake.now += 31
    assert (await client.call("Ask", {})).value == {"a": "yes"}
    assert client.gate.breaker.opened is None


async def test_an_open_circuit_holds_nobody(service, client_of, fake):
    """A safe call does not sleep until the circuit may close: who calls is told at once."""
    service.handler = replies(http(b"", "503 X"))
    client = client_of(**SAFE, breaker={"failures": 2, "open_seconds": 30}, retry={"first_seconds": 1})
    with pytest.raises(CircuitOpen):
        await client.call("Ask", {})
    assert (len(service.seen), fake.slept) == (2, [1, 2])


async def test_closed_hours(service, client_of, fake):
    """Outside its hours the service hears nothing: the error says when it opens, or the call waits."""
    service.handler = replies(http(GOOD))
    # 1_800_000_000 is Friday 2027-01-15 08:00 UTC
    hours = {"zone": "UTC", "days": "mon-fri", "opens": "09:00", "closes": "17:00"}
    with pytest.raises(ServiceUnavailable, match="it opens Fri 2027-01-15 09:00 UTC") as caught:
        await client_of(hours=hours, **SAFE).call("Ask", {})
    assert (service.seen, caught.value.retry_after) == ([], 3600)
    with pytest.raises(ServiceUnavailable, match="closed"):
        await client_of(hours={**hours, "outside": "wait", "longest_wait_seconds": 60}).call("Ask", {})
    waiting = client_of(hours={**hours, "outside": "wait", "longest_wait_seconds": 3600})
    assert (await waiting.call("Ask", {})).value == {"a": "yes"}
    assert fake.slept == [3600]


async def test_no_more_calls_at_once_than_places(service, client_of):
    """The bulkhead: of ten calls only so many are with the service at the same time, and all are answered."""

    async def slowly(served, writer):
        await asyncio.sleep(0.01)
        writer.write(http(GOOD))

    service.handler = slowly
    client = client_of(concurrency=3)
    await asyncio.gather(*(client.call("Ask", {}) for _ in range(10)))
    assert (service.busiest, len(service.seen)) == (3, 10)


async def test_a_place_that_does_not_become_free(service, client_of):
    """A call that finds no free place in its time says so."""

    async def stuck(served, writer):
        await asyncio.sleep(1)

    service.handler = stuck
    client = client_of(concurrency=1, operations={"Ask": {"timeout_seconds": 0.1}})
    outcomes = await asyncio.gather(*(client.call("Ask", {}) for _ in range(2)), return_exceptions=True)
    assert any("all places are taken" in str(o) for o in outcomes) or all(
        isinstance(o, ServiceUnavailable) for o in outcomes
    )


async def test_the_rate_holds(service, client_of, fake):
    """Calls take their turns, so many a second."""
    service.handler = replies(http(GOOD))
    client = client_of(per_second=10)
    for _ in range(4):
        await client.call("Ask", {})
    assert fake.slept == pytest.approx([0.1, 0.1, 0.1])


async def test_an_answer_has_a_limit(service, client_of):
    """An answer beyond the limit is cut off, also one that only grows by decompression."""
    bomb = gzip.compress(b"<a>" + b" " * 3_000_000)
    service.handler = replies(http(bomb, "200 OK", "Content-Encoding: gzip"))
    with pytest.raises(BrokenAnswer, match="longer than 100,000"):
        await client_of(max_answer_bytes=100_000).call("Ask", {})


async def test_a_stream_is_given_as_it_arrives(service, client_of):
    """The first bytes are there before the last were sent."""
    more = asyncio.Event()

    async def halves(served, writer):
        whole = http(GOOD)
        writer.write(whole[:-20])
        await writer.drain()
        await more.wait()
        writer.write(whole[-20:])

    service.handler = halves
    async with client_of().stream("Ask", {}) as arriving:
        content = await anext(arriving.parts)
        more.set()
        async for part in arriving.parts:
            content += part
    assert content == GOOD


async def test_a_stream_that_breaks_is_the_readers(service, client_of):
    """Once bytes are given nothing is repeated: the reader has used them."""

    async def half(served, writer):
        writer.write(http(GOOD[:50], length=len(GOOD)))
        await writer.drain()
        writer.close()

    service.handler = half
    client = client_of(**SAFE)
    with pytest.raises(BrokenAnswer):
        async with client.stream("Ask", {}) as arriving:
            async for _ in arriving.parts:
                pass
    assert len(service.seen) == 1
    assert client.gate.breaker.failures == 1


async def test_conditional_polling(service, client_of):
    """A service that offers an ETag is asked by it, and may say that nothing changed."""

    async def tagged(served, writer):
        same = served.header("If-None-Match") == '"v1"'
        writer.write(http(b"", "304 Not Modified") if same else http(GOOD, "200 OK", 'ETag: "v1"'))

    service.handler = tagged
    client = client_of()
    async with client.stream("Ask", {}) as first:
        assert b"".join([part async for part in first.parts]) == GOOD
        assert not first.unchanged
    async with client.stream("Ask", {}, validators=first.validators) as second:
        assert second.unchanged
        assert [part async for part in second.parts] == []
    service.handler = replies(http(b"", "304 Not Modified"))
    with pytest.raises(BrokenAnswer, match="304"):  # unasked, it means nothing
        await client.call("Ask", {})


async def test_a_condition_that_is_refused(service, client_of):
    """A 412 is no evidence that nothing has changed: the call is made again without its condition."""

    async def strict(served, writer):
        refused = served.header("If-None-Match") is not None
        writer.write(http(b"", "412 Precondition Failed") if refused else http(GOOD))

    service.handler = strict
    async with client_of().stream("Ask", {}, validators=Validators('"v1"')) as answer:
        assert not answer.unchanged
        assert b"".join([part async for part in answer.parts]) == GOOD
    assert [served.header("If-None-Match") for served in service.seen] == ['"v1"', None]


async def test_a_condition_of_a_thread(service, client_of, make_contract):
    """A caller with threads gets the validators with the bytes, and is told that nothing has changed."""

    async def tagged(served, writer):
        same = served.header("If-None-Match") == '"v1"'
        writer.write(http(b"", "304 Not Modified") if same else http(GOOD, "200 OK", 'ETag: "v1"'))

    def twice() -> tuple[bytes, bool, bytes, bool]:
        with wire.call("Ask", {}) as parts:
            first, changed = b"".join(parts), not parts.unchanged
        with wire.call("Ask", {}, validators=parts.validators) as parts:
            return first, changed, b"".join(parts), parts.unchanged

    service.handler = tagged
    contract = make_contract('<xs:sequence><xs:element name="a" type="xs:string"/></xs:sequence>')
    wire = BlockingWire(contract, client_of())
    try:
        assert await asyncio.to_thread(twice) == (GOOD, True, b"", True)
    finally:
        await asyncio.to_thread(wire.close)


async def test_an_answer_to_another_request(service, client_of):
    """With WS-Addressing, an answer that relates to another request is refused, also while it streams."""
    head = (
        '<s:Header><w:RelatesTo xmlns:w="http://www.w3.org/2005/08/addressing">urn:x</w:RelatesTo></s:Header>'
    )
    wrong = GOOD.replace(b"<s:Body>", head.encode() + b"<s:Body>")
    service.handler = replies(http(wrong), http(GOOD))
    client = client_of(addressing={})
    with pytest.raises(AnswerMismatch, match="another request"):
        await client.call("Ask", {})
    assert (await client.call("Ask", {})).value == {"a": "yes"}


async def test_a_dead_endpoint(service, client_of, make_contract):
    """Nobody listening is Transient, and says what to do."""
    service.url = "http://127.0.0.1:9/s"
    with pytest.raises(ServiceUnavailable, match="no connection"):
        await client_of().call("Ask", {})


async def test_a_cancelled_call_says_nothing_about_the_service(service, client_of):
    """A caller that gives up does not open the circuit, and frees its place."""

    async def never(served, writer):
        await asyncio.sleep(1)

    service.handler = never
    client = client_of(concurrency=1, breaker={"failures": 1})
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await client.call("Ask", {})
    assert client.gate.breaker.opened is None
    service.handler = replies(http(GOOD))
    assert (await client.call("Ask", {})).value == {"a": "yes"}
