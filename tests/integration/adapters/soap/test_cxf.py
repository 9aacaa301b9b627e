"""Apache CXF as an independent server: documents, faults, MTOM, WS-Addressing and WS-Security on the wire."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from adapters.soap.attachments.store import Attachment, AttachmentStore
from adapters.soap.callback import CallbackEndpoint, Correlator
from adapters.soap.contract import Contract
from adapters.soap.envelope import SoapFault
from adapters.soap.security.errors import SecurityFailure
from adapters.soap.spec import SoapSpec
from adapters.soap.wire.client import Answered, WireClient
from adapters.soap.wire.spec import WireSpec
from connectors.settings import load
from tests.integration.adapters.soap.cxf.process import Keys, running

Call = Callable[..., Any]
CLAIM = {"claim": {"claimId": "K1", "remark": "<&> é", "weeks": 7}}


@pytest.fixture(scope="module")
def keys() -> Keys:
    return Keys()


@pytest.fixture(scope="module")
def base(tmp_path_factory, keys) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("cxf"), keys) as address:
        yield address


@pytest.fixture
def call(base, tmp_path) -> Call:
    async def made(path: str, operation: str, values: dict[str, Any], **wire: Any) -> Answered:
        contract = Contract.from_wsdl(f"{base}{path}?wsdl")
        spec = WireSpec.model_validate(wire)
        async with WireClient(contract, f"{base}{path}", spec, folder=tmp_path) as client:
            return await client.call(operation, values)

    return made


@pytest.mark.parametrize("path", ["plain", "soap12"])
async def test_documents_and_faults(call, path):
    """Wrapped documents in SOAP 1.1 and 1.2, lists, and a declared fault with its detail."""
    assert (await call(path, "getClaim", {"claimId": "K1"})).value == CLAIM
    claims = (await call(path, "listClaims", {"count": 500})).value["claims"]
    assert [c["weeks"] for c in claims] == list(range(500))
    fault = (await call(path, "getClaim", {"claimId": "X"})).value
    assert isinstance(fault, SoapFault)
    assert fault.detail_name == "{urn:cxf:claims}UnknownClaim"
    assert b"X" in fault.detail


async def test_mtom(call, tmp_path):
    """A document goes as MTOM part and arrives whole; one comes as a part, into the store, by reference."""
    content = bytes(range(256)) * 800
    values = {"document": {"title": "t", "content": content}}
    for path, mtom in (("mtom", True), ("plain", False), ("plain", True), ("soap12", True)):
        receipt = (await call(path, "putDocument", values, attachments={"mtom": mtom})).value["receipt"]
        assert receipt == {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    wanted = bytes(n * 31 % 256 for n in range(100_000))
    answered = await call("mtom", "getDocument", {"size": 100_000})
    found = Attachment.read(answered.value["document"]["content"])
    assert (found.size, found.content_type) == (100_000, "application/pdf")
    assert AttachmentStore(tmp_path / "attachments").path(found.sha256).read_bytes() == wanted
    assert (await call("plain", "getDocument", {"size": 100_000})).value["document"]["content"] == wanted


@pytest.mark.parametrize("version", ["1.0", "2004/08"])
async def test_addressing(call, version):
    """CXF understands our addressing headers in both versions, and its reply relates to our request."""
    wire = {"addressing": {"version": version, "must_understand": True}}
    assert (await call("addressing", "getClaim", {"claimId": "K1"}, **wire)).value == CLAIM


async def test_a_reply_that_comes_later(base, tmp_path):
    """Asked to reply elsewhere, CXF answers 202 and posts the reply to our callback endpoint."""
    correlator = Correlator()
    endpoint = CallbackEndpoint(correlator.take)
    address = await endpoint.start()
    contract = Contract.from_wsdl(f"{base}addressing?wsdl")
    spec = WireSpec.model_validate({"addressing": {"reply_to": address}})
    async with (
        WireClient(contract, f"{base}addressing", spec, folder=tmp_path) as client,
        correlator.waiting("urn:uuid:later") as coming,
    ):
        at_once = await client.call("getClaim", {"claimId": "K1"}, message_id="urn:uuid:later")
        async with asyncio.timeout(20):
            content = await coming
    await endpoint.close()
    assert (at_once.status, at_once.value) == (202, None)
    assert contract.decode_response("getClaim", content) == CLAIM


@pytest.mark.parametrize("kind", ["digest", "text"])
async def test_username(call, kind):
    """CXF accepts our UsernameToken, as digest and as text; with another password it refuses."""
    wire = {"security": {"username": {"user": "clerk", "password": "secret", "kind": kind}}}
    wire["security"]["timestamp"] = kind == "digest"
    assert (await call(kind, "getClaim", {"claimId": "K1"}, **wire)).value == CLAIM
    wire["security"]["username"]["password"] = "another"
    refused = (await call(kind, "getClaim", {"claimId": "K1"}, **wire)).value
    assert isinstance(refused, SoapFault)


def signing(pair, reference: str = "token") -> dict[str, Any]:
    parts = ["body", "timestamp", "addressing"]
    return {
        "certificate": pair.certificate_pem,
        "key": pair.key_pem,
        "reference": reference,
        "parts": parts,
    }


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("DirectReference", "token"),
        ("IssuerSerial", "issuer_serial"),
        ("SKIKeyIdentifier", "key_identifier"),
        ("Thumbprint", "thumbprint"),
    ],
)
async def test_signatures(call, keys, theirs, ours):
    """CXF verifies our signature and we verify its own, by every way to name the certificate."""
    trusted = keys.authority.pem if ours == "token" else keys.server.certificate_pem
    wire = {
        "addressing": {},
        "security": {
            "sign": signing(keys.client, ours),
            "verify": {"certificates": trusted, "subjects": ["*"], "parts": ["body", "timestamp"]},
        },
    }
    assert (await call(f"signed-{theirs}", "getClaim", {"claimId": "K1"}, **wire)).value == CLAIM


async def test_elliptic_curves(call, keys):
    """ECDSA signatures verify both ways."""
    wire = {
        "security": {
            "sign": signing(keys.client_ec),
            "verify": {"certificates": keys.authority.pem, "subjects": ["*"]},
        }
    }
    assert (await call("signed-ec", "getClaim", {"claimId": "K1"}, **wire)).value == CLAIM


async def test_signed_attachments(call, keys, tmp_path):
    """A signature covers the bytes of MTOM parts, both ways: each side puts them back before it checks."""
    wire = {
        "security": {
            "sign": signing(keys.client),
            "verify": {"certificates": keys.authority.pem, "subjects": ["*"], "parts": ["body", "timestamp"]},
        },
        "attachments": {"mtom": True},
    }
    content = bytes(range(256)) * 100
    values = {"document": {"title": "t", "content": content}}
    receipt = (await call("signed-mtom", "putDocument", values, **wire)).value["receipt"]
    assert receipt["sha256"] == hashlib.sha256(content).hexdigest()
    answered = await call("signed-mtom", "getDocument", {"size": 50_000}, **wire)
    found = Attachment.read(answered.value["document"]["content"])
    stored = AttachmentStore(tmp_path / "attachments").path(found.sha256).read_bytes()
    assert stored == bytes(n * 31 % 256 for n in range(50_000))


async def test_signatures_that_are_refused(call, keys):
    """CXF refuses a stranger's signature; we refuse a reply of a signer not trusted, and an unsigned one."""
    verify = {"certificates": keys.authority.pem, "subjects": ["*"]}
    path, values = "signed-DirectReference", {"claimId": "K1"}
    with pytest.raises(SecurityFailure, match="it is a fault"):
        await call(path, "getClaim", values, security={"sign": signing(keys.stranger), "verify": verify})
    refused = (await call(path, "getClaim", values, security={"sign": signing(keys.stranger)})).value
    assert isinstance(refused, SoapFault)
    others = {"certificates": keys.stranger.certificate_pem}
    with pytest.raises(SecurityFailure, match="not trusted"):
        await call(path, "getClaim", values, security={"sign": signing(keys.client), "verify": others})
    with pytest.raises(SecurityFailure, match="body is not signed"):
        await call("plain", "getClaim", values, security={"must_understand": False, "verify": verify})


ADAPTER = """
kind = "soap"
name = "claims"
system = "cxf"
wsdl = "{base}signed-DirectReference?wsdl"
endpoint = "{base}signed-DirectReference"
operation = "listClaims"
request = {{ count = 40 }}
item = "claims"
entity = "claim"
key = ["claimId"]
[wire.addressing]
[wire.security.sign]
certificate = "file:ours.pem"
key = "file:ours.key"
parts = ["body", "timestamp", "addressing"]
[wire.security.verify]
certificates = "file:authority.pem"
subjects = ["CN=server"]
parts = ["body", "timestamp"]
"""


def test_an_adapter_polls_a_signed_service(base, keys, tmp_path):
    """An adapter whose settings name keys by reference polls a service that demands and gives signatures."""
    (tmp_path / "adapter.toml").write_text(ADAPTER.format(base=base))
    (tmp_path / "ours.pem").write_text(keys.client.certificate_pem)
    (tmp_path / "ours.key").write_text(keys.client.key_pem)
    (tmp_path / "authority.pem").write_text(keys.authority.pem)
    spec = load(tmp_path / "adapter.toml", SoapSpec)
    assert "PRIVATE" not in repr(spec)
    adapter = spec.open(tmp_path)
    (extract,) = adapter.poll()
    rows = [r for c in extract.chunks() for p in c.rows for r in p.batch.to_pylist()]
    assert (len(rows), list(extract.problems())) == (40, [])
    assert rows[7]["claimId"] == "K7"
    (tmp_path / "authority.pem").write_text(keys.stranger.certificate_pem)
    (extract,) = load(tmp_path / "adapter.toml", SoapSpec).open(tmp_path).poll()
    with pytest.raises(SecurityFailure, match="not trusted"):
        list(extract.chunks())


@pytest.mark.parametrize("oaep", ["sha1", "sha256"])
@pytest.mark.parametrize("algorithm", ["aes256-gcm", "aes256-cbc"])
async def test_encryption(call, keys, algorithm, oaep):
    """Bodies that are signed and encrypted are read by the other side, both ways."""
    wire = {
        "security": {
            "sign": signing(keys.client),
            "verify": {"certificates": keys.authority.pem, "subjects": ["*"], "parts": ["body", "timestamp"]},
            "encrypt": {
                "certificate": keys.server.certificate_pem,
                "algorithm": algorithm,
                "oaep": oaep,
            },
            "decrypt": {"key": keys.client.key_pem, "cbc": "cbc" in algorithm},
        }
    }
    path = f"encrypted-{algorithm[-3:]}"
    answered = await call(path, "getClaim", {"claimId": "K1"}, **wire)
    assert answered.value == CLAIM
    assert b"EncryptedData" not in answered.raw
