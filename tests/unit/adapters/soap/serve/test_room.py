"""Bytes that are held at one time are bounded, whatever the callers do."""

from __future__ import annotations

import asyncio
from typing import Any

from adapters.soap.serve.asgi import SoapServer
from adapters.soap.serve.room import Room
from tests.register import Register, contract


def test_room_is_free_again() -> None:
    """What a request held is free when it is answered, also when it was refused."""
    room = Room(10)
    with room.place() as first:
        assert first.take(6)
        assert not first.take(5)
        with room.place() as second:
            assert second.take(4)
            assert not second.take(1)
        assert first.take(4)
    assert room.held == 0


def test_callers_beyond_the_room_are_sent_away() -> None:
    """While one request is being answered, another that does not fit beside it gets 503, and later fits."""
    body = contract().encode_request("GetPersons", {"ids": {"id": [1]}})
    register, go_on = Register(range(1, 3)), asyncio.Event()

    async def answer(operation: str, values: Any) -> Any:
        await go_on.wait()
        return register.answer(operation, values)

    served = SoapServer(contract(), answer, max_bytes=len(body), waiting_bytes=len(body) + 10)

    async def ask() -> int:
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body}

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"content-type", b"text/xml")]
        scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": headers}
        await served(scope, receive, send)
        return int(sent[0]["status"])

    async def run() -> tuple[int, int, int]:
        first = asyncio.create_task(ask())
        await asyncio.sleep(0)
        second = await ask()
        go_on.set()
        return await first, second, await ask()

    assert asyncio.run(run()) == (200, 503, 200)
