"""Our SOAP server demands WS-Security of a client that is not ours: zeep, whose signatures xmlsec makes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zeep
import zeep.exceptions
from lxml import etree
from zeep.wsse import utils
from zeep.wsse.compose import Compose
from zeep.wsse.username import UsernameToken

from adapters.soap.serve.asgi import SoapServer
from adapters.soap.serve.demand import DemandSpec
from adapters.soap.serve.guard import Guard
from adapters.soap.serve.listener import Listener
from tests.register import Register, contract
from tests.unit.adapters.soap.security.conftest import Authority, Pair

pytestmark = pytest.mark.integration

_AUTHORITY = Authority()
_CLIENT, _SERVER = _AUTHORITY.issue("caller"), _AUTHORITY.issue("hub")
_ACCOUNTS = {"username": {"accounts": {"clerk": "s3cret"}}}


class Spoiled:
    """A plugin of zeep that does something to the envelope after the others."""

    def __init__(self, how: Callable[[Any], None]) -> None:
        self._how = how

    def apply(self, envelope: Any, headers: Any) -> Any:
        self._how(envelope)
        return envelope, headers

    def verify(self, envelope: Any) -> Any:
        return envelope


@contextmanager
def served(**demand: Any) -> Iterator[str]:
    register = Register(range(1, 4))

    async def answer(operation: str, values: Any) -> Any:
        return register.answer(operation, values)

    guard = Guard(DemandSpec.model_validate(demand))
    listener = Listener(SoapServer(contract(), answer, path="/register", guard=guard), "127.0.0.1", 0)
    yield f"http://127.0.0.1:{listener.port}/register"
    listener.close()


def call(address: str, *plugins: Any, port: str = "P11") -> Any:
    client = zeep.Client(f"{address}?wsdl", port_name=port, wsse=Compose(list(plugins)))
    return [p.id for p in client.service.GetPersons(ids={"id": [2]})]


def refused(address: str, *plugins: Any, port: str = "P11") -> str:
    with pytest.raises(zeep.exceptions.Fault) as caught:
        call(address, *plugins, port=port)
    codes = caught.value.subcodes or [etree.QName("x", "x")] if port == "P12" else [caught.value.code]
    return str(codes[0]).rpartition("}")[2].rpartition(":")[2]


def stamped(seconds: float = 0) -> Any:
    now = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
    token = utils.WSU.Timestamp()
    token.append(utils.WSU.Created(utils.get_timestamp(now)))
    token.append(utils.WSU.Expires(utils.get_timestamp(now + dt.timedelta(seconds=200))))
    return token


def user(name: str = "clerk", password: str = "s3cret", *, seconds: float = 0, **more: Any) -> UsernameToken:
    more.setdefault("use_digest", True)
    return UsernameToken(name, password, timestamp_token=stamped(seconds), **more)


@pytest.mark.parametrize("port", ["P11", "P12"])
def test_user_names(port: str) -> None:
    """zeep's UsernameToken digest is accepted once; all that is wrong with it gets a fault of WS-Security."""
    nonce = {"nonce": "c2l4dGVlbiBieXRlcyE=", "created": dt.datetime.now(dt.UTC)}
    old = {"created": dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)}
    with served(**_ACCOUNTS) as address:
        assert call(address, user(), port=port) == [2]
        assert call(address, user(**nonce), port=port) == [2]
        wrong = [
            (user(**nonce), "FailedAuthentication"),
            (user(**old), "FailedAuthentication"),
            (user(password="another"), "FailedAuthentication"),
            (user("nobody"), "FailedAuthentication"),
            (user(use_digest=False), "FailedAuthentication"),
            (user(seconds=-3600), "MessageExpired"),
            (UsernameToken("clerk", "s3cret", use_digest=True), "InvalidSecurity"),
        ]
        for plugin, code in wrong:
            assert refused(address, plugin, port=port) == code
        assert refused(address, port=port) == "InvalidSecurity"


def test_passwords_in_clear() -> None:
    """A password in clear is accepted where the settings say so."""
    with served(username={"accounts": {"clerk": "s3cret"}, "kinds": ["text"]}, timestamp=False) as address:
        assert call(address, UsernameToken("clerk", "s3cret")) == [2]
        assert refused(address, UsernameToken("clerk", "S3cret")) == "FailedAuthentication"


class Stamp:
    """Puts a Timestamp where zeep's signature will cover it."""

    def __init__(self, seconds: float = 0) -> None:
        self._seconds = seconds

    def apply(self, envelope: Any, headers: Any) -> Any:
        utils.get_security_header(envelope).append(stamped(self._seconds))
        return envelope, headers

    def verify(self, envelope: Any) -> Any:
        return envelope


def forge_body(envelope: Any) -> None:
    envelope.find("{*}Body")[0][0][0].text = "3"


def wrap(envelope: Any) -> None:
    body = envelope.find("{*}Body")
    forged = etree.fromstring(etree.tostring(body))
    forged.attrib.clear()
    envelope.replace(body, forged)
    etree.SubElement(envelope.find("{*}Header"), "{urn:x}Wrapper").append(body)
    forge_body(envelope)


def strip(envelope: Any) -> None:
    envelope.remove(envelope.find("{*}Header"))


@pytest.fixture
def sign(tmp_path: Path) -> Callable[..., Any]:
    """A plugin that signs as one pair, and verifies that the answer is the server's."""
    xmlsec = pytest.importorskip("xmlsec", reason="zeep signs by xmlsec")
    from zeep.wsse.signature import BinarySignature, Signature

    def made(pair: Pair, *, sha1: bool = False, verify: bool = True) -> Any:
        files = [tmp_path / f"{n}.pem" for n in ("key", "certificate", "server-key", "server")]
        texts = (pair.key_pem, pair.certificate_pem, _SERVER.key_pem, _SERVER.certificate_pem)
        for file, text in zip(files, texts, strict=True):
            file.write_text(text)
        kinds = {} if sha1 else {
            "signature_method": xmlsec.Transform.RSA_SHA256, "digest_method": xmlsec.Transform.SHA256
        }  # fmt: skip
        server = Signature(str(files[2]), str(files[3]))

        class Ours(BinarySignature):
            def verify(self, envelope: Any) -> Any:
                return server.verify(envelope) if verify else envelope

        return Ours(str(files[0]), str(files[1]), **kinds)

    return made


def test_signatures(sign: Callable[..., Any]) -> None:
    """xmlsec's signature opens the door and it verifies ours; forged, wrapped and stripped ones do not."""
    own = {"certificate": _SERVER.certificate_pem, "key": _SERVER.key_pem}
    verify = {"certificates": _AUTHORITY.pem, "subjects": ["CN=caller"]}
    with served(verify=verify, answer={"sign": own}) as address:
        assert call(address, Stamp(), sign(_CLIENT)) == [2]
        assert call(address, Stamp(), sign(_CLIENT), port="P12") == [2]
        plain = sign(_CLIENT, verify=False)
        wrong = [
            ((plain,), "InvalidSecurity"),
            ((Stamp(-3600), plain), "MessageExpired"),
            ((Stamp(), plain, Spoiled(forge_body)), "FailedCheck"),
            ((Stamp(), plain, Spoiled(wrap)), "InvalidSecurity"),
            ((Stamp(), plain, Spoiled(strip)), "InvalidSecurity"),
            ((Stamp(),), "InvalidSecurity"),
            ((Stamp(), sign(_CLIENT, sha1=True, verify=False)), "UnsupportedAlgorithm"),
        ]
        for plugins, code in wrong:
            assert refused(address, *plugins) == code
        other = _AUTHORITY.issue("somebody")
        assert refused(address, Stamp(), sign(other, verify=False)) == "FailedAuthentication"
