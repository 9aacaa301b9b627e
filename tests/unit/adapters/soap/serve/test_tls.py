"""A port under TLS: our certificate is shown, and clients are known by theirs where that is asked."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from adapters.soap.serve.asgi import SoapServer
from adapters.soap.serve.listener import Listener
from adapters.soap.serve.tls import ListenTlsSpec
from adapters.soap.wire.client import WireClient
from adapters.soap.wire.spec import WireSpec
from schemas.errors import BanyanError, SettingsError
from tests.register import Register, contract
from tests.unit.adapters.soap.security.conftest import Authority, Pair

_AUTHORITY, _STRANGERS = Authority("Ports", 7), Authority("Strangers", 8)
_SERVER, _CLIENT = _AUTHORITY.issue("127.0.0.1", server=True), _AUTHORITY.issue("client")


def spec(pair: Pair = _SERVER, **more: Any) -> ListenTlsSpec:
    return ListenTlsSpec.model_validate({"certificate": pair.certificate_pem, "key": pair.key_pem, **more})


@pytest.fixture(scope="module", params=[False, True], ids=["server", "both"])
def served(request: Any) -> Iterator[tuple[bool, str]]:
    """Whether clients must show a certificate, and the address."""
    register = Register(range(1, 4))

    async def answer(operation: str, values: Any) -> Any:
        return register.answer(operation, values)

    more = {"clients": _AUTHORITY.pem} if request.param else {}
    listener = Listener(SoapServer(contract(), answer), "127.0.0.1", 0, spec(**more))
    yield request.param, f"https://127.0.0.1:{listener.port}/"
    listener.close()


async def call(address: str, **tls: Any) -> Any:
    made = WireSpec.model_validate({"tls": tls, "retry": {"attempts": 1}})
    async with WireClient(contract(), address, made, seconds=5) as client:
        return (await client.call("GetPersons", {"ids": {"id": [2]}})).value


async def test_who_may_connect(served: tuple[bool, str]) -> None:
    """A caller that trusts our authority connects; where certificates are asked, only with one of theirs."""
    asked, address = served
    known = {"certificate": _CLIENT.certificate_pem, "key": _CLIENT.key_pem}
    assert (await call(address, ca=_AUTHORITY.pem, **known))["person"][0]["id"] == 2
    if not asked:
        assert (await call(address, ca=_AUTHORITY.pem))["person"][0]["id"] == 2
        return
    stranger = _STRANGERS.issue("client")
    other = {"certificate": stranger.certificate_pem, "key": stranger.key_pem}
    for shown in ({}, other):
        with pytest.raises(BanyanError):
            await call(address, ca=_AUTHORITY.pem, **shown)


async def test_who_we_are(served: tuple[bool, str]) -> None:
    """A caller that does not trust our authority does not connect; plain HTTP is not answered."""
    _, address = served
    with pytest.raises(BanyanError):
        await call(address, ca=_STRANGERS.pem)
    with pytest.raises(BanyanError):
        await call(address.replace("https:", "http:"), ca=_AUTHORITY.pem)


def test_keys_leave_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is in a file of ours alone while the server starts, without passphrase, and then gone."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    secret = ListenTlsSpec(
        certificate=SecretStr(_SERVER.certificate_pem),
        key=SecretStr(_SERVER.encrypted_key_pem("pass")),
        passphrase=SecretStr("pass"),
    )
    with secret.options("w") as options:
        assert options["ssl_key"].stat().st_mode & 0o077 == 0
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
            options["ssl_cert"], options["ssl_key"]
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "more", [{"key": _CLIENT.key_pem.replace("A", "B")}, {"key": _AUTHORITY.pem}, {"clients": "nonsense"}]
)
def test_keys_that_cannot_be_used(more: dict[str, str]) -> None:
    """A broken key, none at all, and authorities that cannot be read are told at the start."""
    with pytest.raises(SettingsError) as caught:
        spec(**more).check("change.tls")
    assert "PRIVATE" not in str(caught.value)
