"""WS-Policy: whatever a WSDL demands is done, or it is told what to set, or that it is missing."""

from __future__ import annotations

import pytest

from adapters.soap.security.policy import demands, missing, table
from adapters.soap.wire.spec import WireSpec

SP = "{http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702}"
WSP = "{http://www.w3.org/ns/ws-policy}"
USER = {"security": {"username": {"user": "u", "password": "p"}}}
SIGN = {"security": {"sign": {"certificate": "c", "key": "k"}}}
CBC = {"security": {"encrypt": {"certificate": "c", "algorithm": "aes256-cbc"}}}
GCM = {"security": {"encrypt": {"certificate": "c"}}}


@pytest.mark.parametrize(
    ("assertion", "settings", "state"),
    [
        ("UsernameToken", {}, "set"),
        ("UsernameToken", USER, "done"),
        ("HashPassword", USER, "done"),
        ("IncludeTimestamp", {}, "set"),
        ("IncludeTimestamp", {"security": {}}, "done"),
        ("AsymmetricBinding", {}, "set"),
        ("AsymmetricBinding", SIGN, "done"),
        ("SignedParts", SIGN, "done"),
        ("SignedParts", {}, "set"),
        ("EncryptedParts", SIGN, "set"),
        ("EncryptedParts", GCM, "done"),
        ("Basic256Sha256", GCM, "set"),
        ("Basic256Sha256", CBC, "done"),
        ("RequireThumbprintReference", SIGN, "set"),
        ("RequireClientCertificate", {"tls": {"certificate": "c", "key": "k"}}, "done"),
        ("Strict", {}, "done"),
        ("SamlToken", USER, "missing"),
        ("Basic256Rsa15", CBC, "missing"),
        ("SomethingNew", {}, "missing"),
    ],
)
def test_demands(assertion, settings, state):
    """An assertion is done by the settings, or possible by one that is named, or missing with the reason."""
    (found,) = demands([SP + assertion], WireSpec.model_validate(settings))
    assert (found.state, found.assertion) == (state, SP + assertion)
    assert found.how


def test_addressing_and_mtom():
    """Demands of WS-Addressing and MTOM are met by their tables."""
    names = [
        "{http://www.w3.org/2007/05/addressing/metadata}Addressing",
        "{http://www.w3.org/2006/05/addressing/wsdl}UsingAddressing",
        "{http://schemas.xmlsoap.org/ws/2004/09/policy/optimizedmimeserialization}OptimizedMimeSerialization",
    ]
    assert [d.state for d in demands(names, WireSpec.model_validate({}))] == ["set"] * 3
    spec = WireSpec.model_validate({"addressing": {}, "attachments": {"mtom": True}})
    assert missing(names, spec) == ()


def test_each_is_told_once():
    """What only groups is left out, and an assertion that stands several times is told once."""
    names = [WSP + "Policy", WSP + "All", SP + "X509Token", SP + "X509Token"]
    assert len(demands(names, WireSpec.model_validate({}))) == 1


def test_the_table_of_the_docs():
    """Each assertion that is known stands in the table once."""
    names = [name for name, _, _ in table()]
    assert len(names) == len(set(names)) > 60
    assert {state for _, state, _ in table()} == {"done", "by setting", "missing"}
