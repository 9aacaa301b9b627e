"""WS-Addressing headers, and replies that come later."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from lxml import etree

from adapters.soap.addressing import ANONYMOUS, VERSIONS, Addresses, add_headers, check_reply, read_headers
from adapters.soap.callback import CallbackEndpoint, Correlator
from adapters.soap.errors import AnswerMismatch
from schemas.errors import Transient
from tests.unit.adapters.soap.conftest import message

SOAP12 = "http://www.w3.org/2003/05/soap-envelope"


@pytest.mark.parametrize("version", VERSIONS)
def test_headers_there_and_back(version):
    """What is written is read, in both versions; an envelope without them says so."""
    root = etree.fromstring(message("<a/>"))
    assert read_headers(root) == Addresses()
    addresses = Addresses(version, "urn:do", "http://x/", "urn:uuid:1", ("urn:uuid:0",), ANONYMOUS[version])
    add_headers(root, addresses, must_understand=True)
    assert read_headers(etree.fromstring(etree.tostring(root))) == addresses
    action = root.find(f".//{{{VERSIONS[version]}}}Action")
    assert action.get("{http://schemas.xmlsoap.org/soap/envelope/}mustUnderstand") == "1"


def test_only_replies_count():
    """A RelatesTo of another relationship than reply does not make a reply."""
    uri = VERSIONS["1.0"]
    head = (
        f'<s:Header xmlns:s="{SOAP12}" xmlns:w="{uri}">'
        '<w:RelatesTo RelationshipType="urn:copy">a</w:RelatesTo>'
        f'<w:RelatesTo RelationshipType="{uri}/reply"> b </w:RelatesTo>'
        "<w:RelatesTo>c</w:RelatesTo></s:Header>"
    )
    root = etree.fromstring(f'<s:Envelope xmlns:s="{SOAP12}">{head}<s:Body/></s:Envelope>')
    assert read_headers(root).relates_to == ("b", "c")


def test_a_reply_to_another_request():
    """A reply that relates to another request is refused; one that relates to none is taken."""
    check_reply(Addresses("1.0", relates_to=("a", "b")), "b", "w")
    check_reply(Addresses(), "b", "w")
    with pytest.raises(AnswerMismatch, match="another request"):
        check_reply(Addresses("1.0", relates_to=("a",)), "b", "w")


def reply(related: str) -> bytes:
    root = etree.fromstring(message("<done/>"))
    add_headers(root, Addresses("1.0", "urn:done", relates_to=(related,)))
    return etree.tostring(root)


@pytest.fixture
async def callback():
    correlator = Correlator()
    endpoint = CallbackEndpoint(correlator.take)
    address = await endpoint.start()
    async with aiohttp.ClientSession() as session:

        async def post(content: bytes) -> tuple[int, bytes]:
            async with session.post(address, data=content, headers={"Content-Type": "text/xml"}) as answer:
                return answer.status, await answer.read()

        yield correlator, post
    await endpoint.close()


async def test_a_reply_that_comes_later(callback):
    """Each of many who wait gets its own reply, whatever their order; posted twice, it is taken once."""
    correlator, post = callback

    async def ask(number: int) -> bytes:
        async with correlator.waiting(f"urn:{number}") as coming:
            async with asyncio.timeout(5):
                return await coming

    asking = [asyncio.create_task(ask(n)) for n in range(5)]
    await asyncio.sleep(0)
    for number in (3, 0, 4, 1, 2, 3):
        assert (await post(reply(f"urn:{number}")))[0] == 202
    for number, content in enumerate(await asyncio.gather(*asking)):
        assert f">urn:{number}<".encode() in content


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (reply("urn:unknown"), b"nobody waits"),
        (message("<done/>"), b"relates to no request"),
        (b"", b"empty"),
        (b"<a", b"not well-formed"),
        (b"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", b"document type"),
    ],
)
async def test_what_is_not_expected(callback, content, reason):
    """A reply to nothing, and what is no safe XML, is answered with a fault and kept nowhere."""
    status, body = await callback[1](content)
    assert (status, b"Client" in body, reason in body) == (500, True, True)


async def test_acknowledged_only_when_kept():
    """A reply that could not be kept is not acknowledged, so the service sends it again; no detail leaks."""

    async def broken(addresses, content):
        raise RuntimeError("John Smith")

    async def full(addresses, content):
        raise Transient("the disk is full")

    for on_reply, text in ((broken, b"send it again"), (full, b"disk is full")):
        endpoint = CallbackEndpoint(on_reply)
        address = await endpoint.start()
        async with aiohttp.ClientSession() as session, session.post(address, data=reply("a")) as answer:
            body = await answer.read()
            assert (answer.status, b"Server" in body, text in body) == (500, True, True)
            assert b"John" not in body
        await endpoint.close()
