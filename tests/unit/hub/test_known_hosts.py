"""Only requests that name this host are answered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hub.known_hosts import KnownHosts
from hub.settings import ConsoleTable, FacadeTable, ListenTable

DEFAULT = ConsoleTable()
NAMED = ConsoleTable(host="10.1.2.3", allowed_hosts=["console.example.org", "fe80::1"])
EVERYWHERE = ConsoleTable(host="0.0.0.0", allowed_hosts=["banyan"])
FACADE = FacadeTable(instances=["http://Facade-1.example.org:8601", "http://10.0.0.7:8601/"])


async def _status(listen: ListenTable, *hosts: str, kind: str = "http") -> tuple[int, dict[str, Any]]:
    """Status and problem of a request with these Host headers; 200 where the application was reached."""
    sent: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})
        await send({"type": "http.response.body", "body": b"{}"})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": kind, "path": "/", "headers": [(b"host", host.encode()) for host in hosts]}
    await KnownHosts(app, listen, "console")(scope, None, send)  # type: ignore[arg-type]
    return sent[0]["status"], json.loads(sent[1]["body"])


@pytest.mark.parametrize(
    ("listen", "host"),
    [
        (DEFAULT, "127.0.0.1:8602"),
        (DEFAULT, "localhost:8602"),
        (DEFAULT, "LocalHost"),
        (DEFAULT, "127.9.9.9"),
        (DEFAULT, "[::1]:8602"),
        (NAMED, "10.1.2.3:8602"),
        (NAMED, "Console.Example.Org"),
        (NAMED, "console.example.org.:443"),
        (NAMED, "[fe80::1]:8602"),
        (NAMED, "localhost"),
        (EVERYWHERE, "banyan:8602"),
        (EVERYWHERE, "192.0.2.4:8602"),
        (EVERYWHERE, "[2001:db8::1]"),
        (FACADE, "facade-1.example.org:8601"),
        (FACADE, "10.0.0.7:8601"),
    ],
)
async def test_a_name_of_this_host_is_answered(listen: ListenTable, host: str) -> None:
    """Loopback, the configured host, the allowed names and the façade's instances are handed on."""
    assert (await _status(listen, host))[0] == 200


@pytest.mark.parametrize(
    ("listen", "host"),
    [
        (DEFAULT, "evil.example.org"),
        (DEFAULT, "evil.example.org:8602"),
        (DEFAULT, "localhost.evil.example.org"),
        (DEFAULT, "127.0.0.1.evil.example.org"),
        (DEFAULT, "evil.example.org@127.0.0.1"),
        (DEFAULT, "127.0.0.1/evil"),
        (DEFAULT, "127.0.0.1 evil"),
        (DEFAULT, "192.0.2.4:8602"),
        (DEFAULT, "0.0.0.0:8602"),
        (DEFAULT, "127.0.0.1:port"),
        (DEFAULT, "[::1"),
        (DEFAULT, ""),
        (DEFAULT, "."),
        (NAMED, "other.example.org"),
        (EVERYWHERE, "evil.example.org"),
        (EVERYWHERE, "0x7f000001"),
    ],
)
async def test_another_name_is_misdirected(listen: ListenTable, host: str) -> None:
    """A name that is not this host's is answered with 421, which says how to allow it and not the name."""
    status, problem = await _status(listen, host)
    assert (status, problem["status"]) == (421, 421)
    assert "allowed_hosts of [console]" in problem["detail"]
    assert "evil" not in json.dumps(problem)


@pytest.mark.parametrize("hosts", [(), ("localhost", "evil.example.org")])
async def test_no_host_or_two_are_a_bad_request(hosts: tuple[str, ...]) -> None:
    """A request names exactly one host, else nobody can know which one is meant."""
    assert (await _status(DEFAULT, *hosts))[0] == 400


async def test_the_lifespan_names_no_host() -> None:
    """What is no request is handed on."""
    assert (await _status(DEFAULT, kind="lifespan"))[0] == 200


@pytest.mark.parametrize("name", ["Banyan", "banyan:8602", "10.0.0.7:8602", "[::1]", "http://x", "*", ""])
def test_an_allowed_host_is_a_bare_name(name: str) -> None:
    """A URL, a port, a wildcard or upper case would never match a Host header, so the settings refuse it."""
    with pytest.raises(ValueError, match="allowed_hosts"):
        ConsoleTable(allowed_hosts=[name])
