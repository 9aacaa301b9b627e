"""Messages that come: what the settings demand is proven, or the sender gets a WS-Security fault."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest
from lxml import etree
from pydantic import ValidationError

from adapters.soap.envelope import NAMESPACES, read_fault, unwrap
from adapters.soap.security.errors import SecurityFailure
from adapters.soap.security.header import Security
from adapters.soap.security.names import ID, WSSE, ds, wsse, wsu
from adapters.soap.security.spec import SecuritySpec
from adapters.soap.serve.demand import DemandSpec
from adapters.soap.serve.endpoint import Answer, SoapEndpoint
from adapters.soap.serve.guard import Guard
from schemas.errors import SettingsError
from tests.register import Register, contract
from tests.unit.adapters.soap.security.conftest import Authority, Pair

NOW = 1_800_000_000.0
_AUTHORITY = Authority("Registry Authority", 3)
_SENDER, _OURS = _AUTHORITY.issue("sender", days=3650), _AUTHORITY.issue("hub", days=3650)
USER = {"username": {"user": "clerk", "password": "s3cret"}}
ACCOUNTS = {"username": {"accounts": {"clerk": "s3cret", "chief": "other"}}}
SIGNED = {"verify": {"certificates": _AUTHORITY.pem, "subjects": ["CN=sender"]}}


def signing(pair: Pair, **more: Any) -> dict[str, Any]:
    return {"sign": {"certificate": pair.certificate_pem, "key": pair.key_pem, **more}}


class Service:
    """A guarded endpoint with a clock of its own, and callers of it."""

    def __init__(self, **demand: Any) -> None:
        self.now = NOW
        self.handled: list[Any] = []
        spec = DemandSpec.model_validate(demand)
        guard = Guard(spec, now=lambda: self.now)
        register = Register(range(1, 4))

        async def answer(operation: str, values: Any) -> Any:
            self.handled.append(values)
            return register.answer(operation, values)

        self.endpoint = SoapEndpoint(contract(), answer, guard=guard)

    def request(self, version: str = "1.1", **security: Any) -> Any:
        """An envelope with the security header that the table makes; none for an empty table."""
        raw = contract().encode_request("GetPersons", {"ids": {"id": [2]}})
        root = etree.fromstring(raw.replace(NAMESPACES["1.1"].encode(), NAMESPACES[version].encode()))
        if security:
            spec = SecuritySpec.model_validate(security)
            Security(spec, now=lambda: self.now).protect(root)
        return root

    def send(self, root: Any) -> Answer:
        return asyncio.run(self.endpoint.answer(etree.tostring(root)))

    def refused(self, root: Any) -> str:
        """The fault's code, which must be of WS-Security; nothing may have reached the handler."""
        before = len(self.handled)
        answer = self.send(root)
        node = unwrap(etree.fromstring(answer.body), "")
        assert len(self.handled) == before
        soap12 = node.tag.startswith("{" + NAMESPACES["1.2"])
        value = (node.findtext(".//{*}Subcode/{*}Value") if soap12 else node.findtext("faultcode")) or ""
        prefix, _, local = value.partition(":")
        assert node.nsmap[prefix] == WSSE
        assert answer.status == (400 if soap12 else 500)
        assert b"clerk" not in answer.body
        return local

    def accepted(self, root: Any) -> bool:
        answer = self.send(root)
        body = unwrap(etree.fromstring(answer.body), "")
        return answer.status == 200 and read_fault(body) is None and bool(self.handled)


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_user_with_the_right_password(version):
    """A digest of the right password opens the door, in both versions of SOAP, header understood."""
    service = Service(**ACCOUNTS)
    assert service.accepted(service.request(version, **USER))


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_trusted_signature(version):
    """A signature over body and Timestamp by a named subject of the authority opens the door."""
    service = Service(**SIGNED)
    assert service.accepted(service.request(version, **signing(_SENDER)))


def security(root):
    return root.find(f".//{wsse('Security')}")


def body(root):
    return root.find("{*}Body")


def strip_header(root):
    root.remove(root.find("{*}Header"))


def strip_token(root):
    security(root).remove(security(root).find(wsse("UsernameToken")))


def second_token(root):
    security(root).append(copy.deepcopy(security(root).find(wsse("UsernameToken"))))


def wrong_digest(root):
    security(root).find(f".//{wsse('Password')}").text = "AAAA"


def other_user(root):
    security(root).find(f".//{wsse('Username')}").text = "chief"


def unknown_user(root):
    security(root).find(f".//{wsse('Username')}").text = "nobody"


def in_clear(root):
    node = security(root).find(f".//{wsse('Password')}")
    node.text = "s3cret"
    node.set("Type", node.get("Type").replace("Digest", "Text"))


def no_timestamp(root):
    security(root).remove(security(root).find(wsu("Timestamp")))


def unknown_token(root):
    etree.SubElement(security(root), "{urn:oasis:names:tc:SAML:2.0:assertion}Assertion")


def for_another(root):
    security(root).set(f"{{{NAMESPACES['1.1']}}}actor", "urn:somebody")
    del security(root).attrib[f"{{{NAMESPACES['1.1']}}}mustUnderstand"]


def change_body(root):
    body(root)[0][0][0].text = "3"


def strip_signature(root):
    security(root).remove(security(root).find(ds("Signature")))


def wrap(root):
    """Signature wrapping: the signed body moves into the header, a forged one takes its place."""
    real, forged = body(root), copy.deepcopy(body(root))
    del forged.attrib[ID]
    forged[0][0][0].text = "3"
    root.replace(real, forged)
    etree.SubElement(root.find("{*}Header"), "{urn:x}Wrapper").append(real)


def wrap_in_place(root):
    """The forged body stands first, under the id of the signed one."""
    forged = copy.deepcopy(body(root))
    forged[0][0][0].text = "3"
    root.insert(1, forged)


def broken_certificate(root):
    security(root).find(wsse("BinarySecurityToken")).text = "AAAA"


def no_certificate(root):
    security(root).remove(security(root).find(wsse("BinarySecurityToken")))


def weak_digest(root):
    next(root.iter(ds("DigestMethod"))).set("Algorithm", "http://www.w3.org/2000/09/xmldsig#sha1")


@pytest.mark.parametrize(
    ("attack", "code"),
    [
        (strip_header, "InvalidSecurity"),
        (strip_token, "FailedAuthentication"),
        (second_token, "FailedAuthentication"),
        (wrong_digest, "FailedAuthentication"),
        (other_user, "FailedAuthentication"),
        (unknown_user, "FailedAuthentication"),
        (in_clear, "FailedAuthentication"),
        (no_timestamp, "InvalidSecurity"),
        (unknown_token, "UnsupportedSecurityToken"),
        (for_another, "InvalidSecurity"),
    ],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_users_that_are_refused(attack, code):
    """Whatever is missing or wrong with a user is a fault of WS-Security, before the body is read."""
    service = Service(**ACCOUNTS)
    root = service.request(**USER)
    attack(root)
    assert service.refused(root) == code


@pytest.mark.parametrize(
    ("attack", "code"),
    [
        (strip_header, "InvalidSecurity"),
        (strip_signature, "InvalidSecurity"),
        (change_body, "FailedCheck"),
        (wrap, "InvalidSecurity"),
        (wrap_in_place, "InvalidSecurity"),
        (broken_certificate, "InvalidSecurityToken"),
        (no_certificate, "SecurityTokenUnavailable"),
        (weak_digest, "UnsupportedAlgorithm"),
    ],
    ids=lambda v: getattr(v, "__name__", ""),
)
def test_signatures_that_are_refused(attack, code):
    """A signed message that was changed, wrapped or stripped never reaches the handler."""
    service = Service(**SIGNED)
    root = service.request(**signing(_SENDER))
    attack(root)
    assert service.refused(root) == code


def test_parts_that_must_be_signed():
    """A signature over the Timestamp alone, or over the body alone, is not enough."""
    service = Service(**SIGNED)
    assert service.refused(service.request(**signing(_SENDER, parts=["timestamp"]))) == "InvalidSecurity"
    assert service.refused(service.request(**signing(_SENDER, parts=["body"]))) == "InvalidSecurity"


def test_signers_who_are_not_named():
    """Another subject of the same authority, a stranger and a certificate that is over are refused."""
    service = Service(**SIGNED)
    stranger = Authority("Registry Authority", 4).issue("sender", days=3650)
    for pair in (_AUTHORITY.issue("other", days=3650), stranger, _AUTHORITY.issue("sender", days=-1)):
        assert service.refused(service.request(**signing(pair))) == "FailedAuthentication"


@pytest.mark.parametrize(("demand", "made"), [(ACCOUNTS, USER), (SIGNED, signing(_SENDER))])
def test_a_message_is_taken_once(demand, made):
    """A message that is played again is refused, for as long as it is not too old."""
    service = Service(**demand)
    root = service.request(**made)
    assert service.accepted(root)
    for later in (0, 100, 300):
        service.now = NOW + later
        assert service.refused(root) in ("FailedAuthentication", "MessageExpired")
    service.now = NOW + 361
    assert service.refused(root) == "MessageExpired"


@pytest.mark.parametrize("place", ["Signature", "KeyInfo"])
def test_what_is_added_to_a_signature_makes_no_new_message(place):
    """A copy with something beside SignedInfo, which nobody has signed, is the same message."""
    service = Service(**SIGNED)
    root = service.request(**signing(_SENDER))
    assert service.accepted(root)
    found = root.find(f".//{ds(place)}")
    added = etree.SubElement(etree.SubElement(found, ds("Object")), ds("DigestValue"))
    added.text = "anything"
    assert service.refused(root) in ("MessageExpired", "InvalidSecurity", "FailedCheck")


@pytest.mark.parametrize("seconds", [-361, 61])
def test_clocks(seconds):
    """A message from the future or the past is refused as expired."""
    service = Service(**SIGNED)
    service.now = NOW + seconds
    root = service.request(**signing(_SENDER))
    service.now = NOW
    assert service.refused(root) == "MessageExpired"


def test_an_attempt_uses_up_nothing():
    """A forged copy that comes first does not make the real message a replay."""
    service = Service(**(ACCOUNTS | SIGNED))
    root = service.request(**(USER | signing(_SENDER)))
    forged = copy.deepcopy(root)
    wrong_digest(forged)
    service.refused(forged)
    assert service.accepted(root)


def test_a_full_memory_refuses():
    """When the replay memory is full, messages are refused until some are too old: nothing is forgotten."""
    service = Service(**ACCOUNTS)
    service.endpoint._guard._seen = type(service.endpoint._guard._seen)(2)
    assert all(service.accepted(service.request(**USER)) for _ in range(2))
    assert service.refused(service.request(**USER)) == "FailedAuthentication"
    service.now = NOW + 1000
    assert service.accepted(service.request(**USER))


def test_a_password_in_clear_needs_permission():
    """`kinds` says whether a password in clear is taken."""
    text = {"username": {"user": "clerk", "password": "s3cret", "kind": "text"}}
    service = Service(username={"accounts": {"clerk": "s3cret"}, "kinds": ["text"]})
    assert service.accepted(service.request(**text))
    assert service.refused(service.request(**USER)) == "FailedAuthentication"


def test_everything_demanded_is_needed():
    """With user and signature demanded, one of them alone is refused."""
    service = Service(**(ACCOUNTS | SIGNED))
    assert service.refused(service.request(**USER)) == "InvalidSecurity"
    assert service.refused(service.request(**signing(_SENDER))) == "FailedAuthentication"


def test_encrypted_for_us():
    """A body that is encrypted for us is read as it was proven; without our key it is refused."""
    made = signing(_SENDER) | {"encrypt": {"certificate": _OURS.certificate_pem}}
    service = Service(**SIGNED, decrypt={"key": _OURS.key_pem})
    root = service.request(**made)
    assert b"GetPersons" not in etree.tostring(body(root))
    assert service.accepted(root)
    assert service.refused(service.request(**signing(_SENDER))) == "InvalidSecurity"
    closed = Service(**SIGNED)
    assert closed.refused(closed.request(**made)) == "FailedCheck"


def test_our_answer_is_signed():
    """With `answer.sign` answers and faults carry our signature, which the caller can verify."""
    service = Service(**SIGNED, answer=signing(_OURS))
    caller = SecuritySpec.model_validate(
        {"verify": {"certificates": _OURS.certificate_pem, "parts": ["body", "timestamp"]}}
    )
    answer = service.send(service.request(**signing(_SENDER)))
    root = etree.fromstring(answer.body)
    Security(caller, now=lambda: NOW).check(root, "w")
    change_body(root)
    with pytest.raises(SecurityFailure):
        Security(caller, now=lambda: NOW).check(root, "w")


def test_a_header_that_nobody_checks():
    """Without a guard a security header that must be understood is a MustUnderstand fault."""
    root = Service(**ACCOUNTS).request(**USER)
    answer = asyncio.run(SoapEndpoint(contract(), None).answer(etree.tostring(root)))
    assert b"MustUnderstand" in answer.body


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"timestamp": True},
        {"username": {"accounts": {}}},
        {"username": {"accounts": {"clerk": ""}}},
        {"username": {"accounts": {"": "x"}}},
        {"verify": {"certificates": "x", "parts": ["timestamp"]}},
    ],
)
def test_settings_that_demand_nothing(table):
    """A table that would let anybody in is an error, not an open door."""
    with pytest.raises(ValidationError):
        DemandSpec.model_validate(table)


def test_an_authority_for_anybody():
    """An authority without named subjects is refused when the settings are read; `*` says it is meant."""
    open_to_all = {"verify": {"certificates": _AUTHORITY.pem}}
    with pytest.raises(SettingsError, match="not for whom"):
        Guard(DemandSpec.model_validate(open_to_all))
    open_to_all["verify"]["subjects"] = ["*"]
    Guard(DemandSpec.model_validate(open_to_all))


def test_dangerous_settings_are_told():
    """`banyan check` tells of passwords in clear, unsigned bodies and signatures without a time."""
    table = ACCOUNTS | {"username": ACCOUNTS["username"] | {"kinds": ["text"]}}
    told = [what for what, _ in DemandSpec.model_validate(table).advice("change", clear=True)]
    assert any("in clear" in t for t in told)
    assert any("body can be changed" in t for t in told)
    table = {"verify": SIGNED["verify"] | {"parts": ["body"]}}
    told = [what for what, _ in DemandSpec.model_validate(table).advice("change", clear=False)]
    assert any("played again" in t for t in told)
