"""TLS, client certificates, proxies, Basic and NTLM, each against a server that demands it."""

from __future__ import annotations

import asyncio
import base64
import ssl
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import spnego
from structlog.testing import capture_logs

from adapters.soap.errors import CallRefused, ServiceUnavailable
from adapters.soap.wire.blocking import BlockingWire
from adapters.soap.wire.client import WireClient
from adapters.soap.wire.drivers import open_wire
from adapters.soap.wire.spec import WireSpec
from adapters.soap.wire.transport import ssl_context
from adapters.soap.zeep_wire import ZeepWire
from schemas.errors import SettingsError
from tests.unit.adapters.soap.conftest import answer
from tests.unit.adapters.soap.security.conftest import Authority
from tests.unit.adapters.soap.wire.conftest import http


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


GOOD = http(answer("<a>yes</a>"))


async def good(served, writer):
    writer.write(GOOD)


@pytest.fixture
async def tls_service(service, authority: Authority, tmp_path):
    """The service under TLS, its certificate from our authority; it demands one of the caller."""
    pair = authority.issue("127.0.0.1", server=True)
    files = tmp_path / "server.pem"
    files.write_text(pair.certificate_pem + pair.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=authority.pem)
    server = await asyncio.start_server(service.connected, "127.0.0.1", 0, ssl=context)
    service.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/s"
    service.handler = good
    yield service
    server.close()


async def test_a_client_certificate(tls_service, client_of, authority):
    """With our certificate and its encrypted key the service answers."""
    ours = authority.issue("caller")
    tls = {
        "ca": authority.pem,
        "certificate": ours.certificate_pem,
        "key": ours.encrypted_key_pem("secret"),
        "passphrase": "secret",
    }
    assert (await client_of(tls=tls).call("Ask", {})).value == {"a": "yes"}


async def test_tls_that_does_not_work(tls_service, client_of, authority):
    """Without our certificate there is no connection; a service of an unknown authority gets no request."""
    with pytest.raises((CallRefused, ServiceUnavailable)):
        await client_of(tls={"ca": authority.pem}).call("Ask", {})
    with pytest.raises(CallRefused, match="no trusted TLS"):
        await client_of().call("Ask", {})
    assert tls_service.seen == []


@pytest.mark.parametrize(
    "change",
    [{"ca": "nothing"}, {"key": "nothing"}, {"passphrase": "wrong"}, {"passphrase": None}],
)
def test_keys_that_cannot_be_used(authority, change):
    """A wrong authority, key or passphrase is told when the adapter starts, without any of them."""
    ours = authority.issue("caller")
    tls = {
        "ca": authority.pem,
        "certificate": ours.certificate_pem,
        "key": ours.encrypted_key_pem("secret"),
        "passphrase": "secret",
        **change,
    }
    with pytest.raises(SettingsError) as caught:
        ssl_context(WireSpec.model_validate({"tls": tls}).tls)
    assert "wire.tls" in caught.value.where
    assert "secret" not in str(caught.value)


async def test_basic(service, client_of):
    """User and password go as Basic, in UTF-8."""
    service.handler = good
    await client_of(auth={"kind": "basic", "user": "jörg", "password": "gehéim"}).call("Ask", {})
    token = service.seen[0].header("Authorization").removeprefix("Basic ")
    assert base64.b64decode(token).decode() == "jörg:gehéim"


async def test_a_proxy(service, client_of):
    """The proxy gets the whole address, and its own credentials."""
    service.handler = good
    address, service.url = service.url, "http://legacy.example/claims"
    proxy = {"url": address.removesuffix("/s"), "user": "p", "password": "q"}
    assert (await client_of(proxy=proxy).call("Ask", {})).value == {"a": "yes"}
    assert service.seen[0].head.startswith("POST http://legacy.example/claims HTTP/1.1")
    assert base64.b64decode(service.seen[0].header("Proxy-Authorization")[6:]) == b"p:q"


async def test_a_proxy_under_tls(tls_service, client_of, authority):
    """Under TLS the proxy sees CONNECT and its credentials, nothing of the call; the service sees neither."""
    asked: list[str] = []

    async def tunnel(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.append(head)
        host, _, port = head.split()[1].rpartition(":")
        inner_reader, inner_writer = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")

        async def copy(source, target):
            while data := await source.read(65536):
                target.write(data)
            target.close()

        await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer), return_exceptions=True)

    proxy = await asyncio.start_server(tunnel, "127.0.0.1", 0)
    ours = authority.issue("caller")
    tls = {"ca": authority.pem, "certificate": ours.certificate_pem, "key": ours.key_pem}
    at = {"url": f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}", "user": "p", "password": "q"}
    assert (await client_of(tls=tls, proxy=at).call("Ask", {})).value == {"a": "yes"}
    assert asked[0].startswith("CONNECT 127.0.0.1:")
    assert "Basic cDpx" in asked[0]
    assert "Proxy-Authorization" not in tls_service.seen[0].head
    proxy.close()


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"proxy": {"url": "http://u:p@proxy:1"}}, "keys of their own"),
        ({"proxy": {"url": "socks5://proxy:1"}}, "must begin with http"),
        ({"tls": {"key": "x"}}, "belong together"),
        ({"hours": {"zone": "Atlantis"}}, "no time zone"),
        ({"hours": {"zone": "UTC", "days": "1-5"}}, "is no day"),
        ({"hours": {"zone": "UTC", "opens": "25:00"}}, "no time of day"),
        ({"operations": {"Ask": {"repeat_by": "message_id"}}}, r"needs \[wire.addressing\]"),
        ({"driver": "curl"}, "banyan"),
        ({"driver": "zeep", "hours": {"zone": "UTC"}}, r"does not heed \[wire.hours\]"),
        ({"driver": "zeep", "security": {}}, r"does not heed \[wire.security\]"),
    ],
)
def test_settings_that_are_refused(table, reason):
    """Contradictions and misspellings are found when the settings are read."""
    with pytest.raises(ValueError, match=reason):
        WireSpec.model_validate(table)


@pytest.mark.parametrize(
    ("table", "endpoint", "said"),
    [
        ({}, "http://legacy.example/", []),
        ({"auth": {"kind": "basic", "user": "u", "password": "p"}}, "https://legacy.example/", []),
        ({"auth": {"kind": "basic", "user": "u", "password": "p"}}, "http://127.0.0.1/", []),
        ({"auth": {"kind": "basic", "user": "u", "password": "p"}}, "http://legacy.example/", ["in clear"]),
        (
            {"security": {"username": {"user": "u", "password": "p", "kind": "text"}}},
            "http://legacy.example/",
            ["in clear"],
        ),
        ({"security": {"verify": {"certificates": "c"}}}, "https://x/", ["played again"]),
        ({"security": {"decrypt": {"key": "k", "cbc": True}}}, "https://x/", ["tampering"]),
    ],
)
def test_what_is_allowed_but_dangerous(table, endpoint, said):
    """`banyan check` warns of passwords in clear, replies to be played again, and CBC without signature."""
    advice = WireSpec.model_validate(table).advice(endpoint)
    assert len(advice) == len(said)
    for (what, _), word in zip(advice, said, strict=True):
        assert word in what


class NtlmService:
    """Speaks the server's half of NTLM on each connection, by pyspnego."""

    def __init__(self, *, drops: bool = False) -> None:
        self.accepted: dict[object, bool] = {}
        self.contexts: dict[object, object] = {}
        self.steps: list[str] = []
        self.drops = drops

    async def __call__(self, served, writer):
        if self.accepted.get(writer):
            self.steps.append("kept")
            writer.write(GOOD)
            return
        kind, _, token = (served.header("Authorization") or "").partition(" ")
        if kind != "NTLM":
            self.steps.append("asked")
            writer.write(http(b"", "401 No", "WWW-Authenticate: NTLM", "Content-Type: text/html"))
            return
        context = self.contexts.setdefault(writer, spnego.server(protocol="ntlm"))
        try:
            reply = context.step(base64.b64decode(token))
        except spnego.exceptions.SpnegoError:
            self.steps.append("refused")
            writer.write(http(b"", "401 No", "WWW-Authenticate: NTLM", "Content-Type: text/html"))
            return
        if context.complete:
            self.steps.append("authenticated")
            assert served.body, "the body comes with the last message"
            self.accepted[writer] = True
            writer.write(GOOD)
            return
        self.steps.append("challenge")
        assert not served.body
        more = ["Connection: close"] if self.drops else []
        challenge = f"WWW-Authenticate: NTLM {base64.b64encode(reply).decode()}"
        writer.write(http(b"", "401 No", challenge, "Content-Type: text/html", *more))


@pytest.fixture
def ntlm_users(tmp_path, monkeypatch):
    """The server's user file, as pyspnego reads it."""
    (tmp_path / "users").write_text("LEGACY:svc_banyan:s3cret\n")
    monkeypatch.setenv("NTLM_USER_FILE", str(tmp_path / "users"))


NTLM = {"kind": "ntlm", "user": "LEGACY\\svc_banyan", "password": "s3cret"}


async def test_ntlm(service, client_of, ntlm_users):
    """A connection is authenticated once and used for further calls; parallel calls have their own."""
    service.handler = NtlmService()
    client = client_of(auth=NTLM, concurrency=2)
    assert (await client.call("Ask", {})).value == {"a": "yes"}
    assert service.handler.steps == ["challenge", "authenticated"]
    answers = await asyncio.gather(*(client.call("Ask", {}) for _ in range(6)))
    assert [a.value for a in answers] == [{"a": "yes"}] * 6
    assert service.handler.steps.count("authenticated") == 2


async def test_ntlm_after_the_server_forgot(service, client_of, ntlm_users):
    """A connection that the server no longer knows is authenticated again."""
    service.handler = NtlmService()
    client = client_of(auth=NTLM, concurrency=1)
    await client.call("Ask", {})
    service.handler.accepted.clear()
    service.handler.contexts.clear()
    assert (await client.call("Ask", {})).value == {"a": "yes"}
    assert service.handler.steps == ["challenge", "authenticated", "asked", "challenge", "authenticated"]


async def test_ntlm_refused(service, client_of, ntlm_users):
    """A wrong password, a server without NTLM and one that closes in the middle are told apart."""
    service.handler = NtlmService()
    with pytest.raises(CallRefused, match="does not accept us") as caught:
        await client_of(auth=NTLM | {"password": "wrong"}).call("Ask", {})
    assert "wrong" not in str(caught.value)
    service.handler = NtlmService(drops=True)
    with pytest.raises(CallRefused, match="closed in the middle"):
        await client_of(auth=NTLM).call("Ask", {})
    service.handler = good
    with pytest.raises(CallRefused, match="does not answer NTLM"):
        await client_of(auth=NTLM).call("Ask", {})


class Slow(BaseHTTPRequestHandler):
    """Begins its answer at once, and ends it after the request for which it waits."""

    protocol_version = "HTTP/1.1"
    answered = threading.Semaphore(0)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        body = answer("<a>yes</a>")
        self.send_response(200)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:20])
        self.wfile.flush()
        self.answered.acquire(timeout=5)
        self.wfile.write(body[20:])
        self.answered.release()

    def log_message(self, *args) -> None:
        pass


def test_a_list_that_is_being_read_does_not_stop_its_details(make_contract, tmp_path):
    """With one detail call allowed at a time, details are still called while the list's answer arrives."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    contract = make_contract('<xs:sequence><xs:element name="a" type="xs:string"/></xs:sequence>')
    options = {"seconds": 5.0, "concurrency": 1, "per_second": 1e6, "folder": tmp_path}
    url = f"http://127.0.0.1:{server.server_port}/list"
    wire = open_wire(WireSpec.model_validate({}), contract, url, **options)
    try:
        with wire.call("Ask", {}) as listed:
            first = next(listed)
            Slow.answered.release()  # the detail's answer need not wait
            with wire.call("Ask", {}) as detail:
                assert b"".join(detail) == answer("<a>yes</a>")
            assert first + b"".join(listed) == answer("<a>yes</a>")
    finally:
        wire.close()
        server.shutdown()
        thread.join()
        server.server_close()


def test_zeep_is_a_driver_too(make_contract, tmp_path):
    """The setting chooses the driver; both check requests alike."""
    contract = make_contract('<xs:sequence><xs:element name="a" type="xs:string"/></xs:sequence>')
    options = {"seconds": 5.0, "concurrency": 1, "per_second": 1.0, "folder": tmp_path}
    for driver, kind in (("banyan", BlockingWire), ("zeep", ZeepWire)):
        wire = open_wire(
            WireSpec.model_validate({"driver": driver}), contract, "http://127.0.0.1:9/", **options
        )
        assert type(wire) is kind
        wire.check("Ask", {})
        with pytest.raises(SettingsError, match="request takes"):
            wire.check("Ask", {"page": 1})


def test_demands_of_the_wsdl_are_told(make_contract, tmp_path):
    """What the WSDL's policy demands and the settings do not do is in the log, with what to set."""
    contract = make_contract('<xs:sequence><xs:element name="a" type="xs:string"/></xs:sequence>')
    operation = contract.operations["Ask"]
    sp = "{http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702}"
    contract.operations = {"Ask": replace(operation, policies=(f"{sp}UsernameToken", f"{sp}SamlToken"))}
    options = {"seconds": 5.0, "concurrency": 1, "per_second": 1.0, "folder": tmp_path}
    with capture_logs() as logs:
        open_wire(WireSpec.model_validate({}), contract, "http://127.0.0.1:9/", **options)
    assert [entry["remedy"] for entry in logs] == [
        "set [wire.security.username]",
        "SAML tokens are not supported",
    ]


def test_the_driver_for_threads(make_contract, tmp_path):
    """Code with threads gets the same client: bytes as they arrive, errors as they are, from any thread."""

    class Handler(BaseHTTPRequestHandler):
        status = 200

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = answer("<a>yes</a>")
            self.send_response(self.status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if self.status == 200 else b"")

        def log_message(self, *args) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    contract = make_contract('<xs:sequence><xs:element name="a" type="xs:string"/></xs:sequence>')
    url = f"http://127.0.0.1:{server.server_port}/"
    wire = BlockingWire(contract, WireClient(contract, url, WireSpec.model_validate({}), folder=tmp_path))
    try:
        wire.check("Ask", {})
        with pytest.raises(SettingsError, match="its request takes"):
            wire.check("Ask", {"page": 1})
        found: list[bytes] = []

        def one() -> None:
            with wire.call("Ask", {}) as parts:
                found.append(b"".join(parts))

        callers = [threading.Thread(target=one) for _ in range(4)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert found == [answer("<a>yes</a>")] * 4
        Handler.status = 503
        with pytest.raises(ServiceUnavailable, match="HTTP 503"), wire.call("Ask", {}) as parts:
            next(parts)
    finally:
        wire.close()
        server.shutdown()
        thread.join()
        server.server_close()
