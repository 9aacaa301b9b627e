"""HTTP round a served contract: ?wsdl with our address, media types, sizes, credentials."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from adapters.soap.contract import Contract
from adapters.soap.serve.asgi import SoapServer
from adapters.soap.serve.description import Description
from tests.register import Register, contract

XML = [(b"Content-Type", b"text/xml; charset=utf-8")]


def server(**options: Any) -> SoapServer:
    register = Register(range(1, 4))

    async def answer(operation: str, values: Any) -> Any:
        return register.answer(operation, values)

    return SoapServer(contract(), answer, path="/register", **options)


def ask(
    app: Any,
    method: str = "GET",
    path: str = "/register",
    query: str = "wsdl",
    headers: Any = (),
    body: list[Any] | bytes = b"",
) -> tuple[int, dict[bytes, bytes], bytes]:
    sent: list[Any] = []
    parts = body if isinstance(body, list) else [{"type": "http.request", "body": body}]
    waiting = iter(parts)

    async def receive() -> Any:
        return next(waiting)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": method, "path": path, "query_string": query.encode(), "scheme": "https",
        "headers": [(b"Host", b"hub.example:8443"), *headers],
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


def test_the_wsdl_names_our_address() -> None:
    """?wsdl (in any case) gives the WSDL with the address that was asked at, or the one in the settings."""
    for query in ("wsdl", "WSDL", "wsdl="):
        status, headers, body = ask(server(), query=query)
        assert (status, headers[b"content-type"]) == (200, b"text/xml; charset=utf-8")
        assert body.count(b'location="https://hub.example:8443/register"') == 2
        assert b"127.0.0.1:9/" not in body
    body = ask(server(address="https://gateway/register"))[2]
    assert body.count(b'location="https://gateway/register"') == 2


def test_the_wsdl_imports_from_us(tmp_path: Path) -> None:
    """What the WSDL includes is found at our address, so the description as a whole can be imported again."""
    body = ask(server())[2]
    assert b'schemaLocation="https://hub.example:8443/register?document=1"' in body
    schema = ask(server(), query="document=1")[2]
    assert b'name="Person"' in schema
    (tmp_path / "again.xsd").write_bytes(schema)
    (tmp_path / "again.wsdl").write_bytes(
        body.replace(b"https://hub.example:8443/register?document=1", b"again.xsd")
    )
    again = Contract.from_wsdl(tmp_path / "again.wsdl")
    assert again.operations.keys() == contract().operations.keys()
    assert again.endpoint == "https://hub.example:8443/register"


@pytest.mark.parametrize("query", ["", "document=2", "document=-1", "document=x", "xsd"])
def test_no_such_document(query: str) -> None:
    """Nothing but the contract's own documents is given out."""
    assert ask(server(), query=query)[0] == 404


def test_an_import_that_is_not_in_the_contract_loses_its_location() -> None:
    """A document that we do not have is not pointed at: neither outside nor on our disk."""
    wsdl = b"""<definitions xmlns="http://schemas.xmlsoap.org/wsdl/"><types>
    <x:schema xmlns:x="http://www.w3.org/2001/XMLSchema"><x:import namespace="urn:a" schemaLocation="http://a/a.xsd"/>
    <x:include schemaLocation="secret/b.xsd"/></x:schema></types></definitions>"""
    made = Description({"/srv/a.wsdl": wsdl}).document(0, "http://us/")
    assert made is not None
    assert b"schemaLocation" not in made
    assert b'namespace="urn:a"' in made


def test_a_message_is_answered() -> None:
    """A POST is answered by the handler."""
    body = contract().encode_request("GetPersons", {"ids": {"id": [2]}})
    status, headers, answer = ask(server(), "POST", query="", headers=XML, body=body)
    assert (status, headers[b"content-type"]) == (200, b"text/xml; charset=utf-8")
    assert int(headers[b"content-length"]) == len(answer)
    assert contract().decode_response("GetPersons", answer)["person"][0]["id"] == 2


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("PUT", "/register", XML, 405),
        ("POST", "/other", XML, 404),
        ("POST", "/register", [(b"content-type", b"application/json")], 415),
        ("POST", "/register", [], 415),
        ("POST", "/register", [(b"content-type", b"multipart/related; type=text/xml")], 415),
        ("POST", "/register", [*XML, (b"content-encoding", b"gzip")], 415),
        ("POST", "/register", [*XML, (b"content-length", b"9999999")], 413),
    ],
)
def test_what_http_refuses(method: str, path: str, headers: Any, status: int) -> None:
    """Another method, path, media type, coding or size is refused before the body is read."""
    assert ask(server(), method, path, "", headers, [])[0] == status


def test_a_body_without_end() -> None:
    """A body that grows beyond the limit without having said so, or breaks off, is refused."""
    parts = [{"type": "http.request", "body": b"x" * 600, "more_body": True}] * 3
    assert ask(server(max_bytes=1024), "POST", query="", headers=XML, body=list(parts))[0] == 413
    parts = [parts[0], {"type": "http.disconnect"}]
    assert ask(server(max_bytes=1024), "POST", query="", headers=XML, body=list(parts))[0] == 400


def test_credentials() -> None:
    """With a user and password, nothing is answered without them, the WSDL neither."""
    guarded = server(user="register", password="s3cret")
    right = base64.b64encode(b"register:s3cret")
    status, headers, _ = ask(guarded)
    assert status == 401
    assert headers[b"www-authenticate"].startswith(b"Basic")
    assert ask(guarded, headers=[(b"authorization", b"Basic " + base64.b64encode(b"a:b"))])[0] == 401
    assert ask(guarded, headers=[(b"Authorization", b"Basic " + right)])[0] == 200


def test_lifespan() -> None:
    """The application starts and ends with its server."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    asyncio.run(server()({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_it_is_xml() -> None:
    """What is given out is well-formed."""
    etree.fromstring(ask(server())[2])
