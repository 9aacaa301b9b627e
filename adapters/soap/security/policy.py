"""What a WSDL demands by WS-Policy, against what the settings do: done, to be set, or missing.

The names are those of WS-SecurityPolicy 1.1 to 1.3, WS-Addressing metadata, and MTOM policy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from adapters.soap.wire.spec import WireSpec
from adapters.soap.xsd_types import local_name, namespace

State = Literal["done", "set", "missing"]

_SECURITY = (
    "http://schemas.xmlsoap.org/ws/2005/07/securitypolicy",
    "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200702",
    "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200802",
    "http://docs.oasis-open.org/ws-sx/ws-securitypolicy/200512",
)
_POLICY = ("http://schemas.xmlsoap.org/ws/2004/09/policy", "http://www.w3.org/ns/ws-policy")


@dataclass(frozen=True, slots=True)
class Demand:
    """One assertion of a policy.

    Attributes:
        assertion: its Clark name.
        state: `done` by the settings; `set` = possible, `how` names the setting; `missing` = not supported.
        how: what does it, what to set, or why it is missing.
    """

    assertion: str
    state: State
    how: str


@dataclass(frozen=True, slots=True)
class _Rule:
    """When an assertion is done, and which setting does it."""

    done: Callable[[WireSpec], bool]
    setting: str


def _always(_: WireSpec) -> bool:
    return True


def _username(spec: WireSpec) -> bool:
    return spec.security is not None and spec.security.username is not None


def _signs(spec: WireSpec) -> bool:
    return spec.security is not None and spec.security.sign is not None


def _signs_part(part: str) -> Callable[[WireSpec], bool]:
    return lambda s: s.security is not None and s.security.sign is not None and part in s.security.sign.parts


def _refers_by(*kinds: str) -> Callable[[WireSpec], bool]:
    return lambda s: (
        s.security is not None and s.security.sign is not None and s.security.sign.reference in kinds
    )


def _encrypts(spec: WireSpec) -> bool:
    return spec.security is not None and spec.security.encrypt is not None


def _suite(*algorithms: str) -> Callable[[WireSpec], bool]:
    def done(spec: WireSpec) -> bool:
        encrypt = spec.security.encrypt if spec.security else None
        return encrypt is None or encrypt.algorithm in algorithms

    return done


_CERTIFICATE = _Rule(_signs, "[wire.security.sign] certificate and key")
_CBC256 = _Rule(_suite("aes256-cbc"), '[wire.security.encrypt] algorithm = "aes256-cbc"')
_CBC128 = _Rule(_suite("aes128-cbc"), '[wire.security.encrypt] algorithm = "aes128-cbc"')
_AUTHENTICATED = _Rule(lambda s: s.auth is not None and s.auth.kind == "basic", '[wire.auth] kind = "basic"')
_STRUCTURE = _Rule(_always, "holds other assertions")

_RULES: dict[str, _Rule] = {
    # what only groups, or asks for nothing that we do otherwise
    **dict.fromkeys(
        (
            *("TransportBinding", "SupportingTokens", "SignedSupportingTokens"),
            *(
                "EndorsingSupportingTokens",
                "SignedEndorsingSupportingTokens",
            ),
            *("InitiatorToken", "RecipientToken", "InitiatorSignatureToken", "RecipientSignatureToken"),
            *("InitiatorEncryptionToken", "RecipientEncryptionToken", "TransportToken", "AlgorithmSuite"),
            *("Wss10", "Wss11", "WssX509V3Token10", "WssX509V3Token11", "WssUsernameToken10"),
            *("WssUsernameToken11", "Trust10", "Trust13", "MustSupportIssuedTokens"),
            *("RequiredParts", "Body", "Header", "RequiredElements", "Policy", "All", "ExactlyOne"),
        ),
        _STRUCTURE,
    ),
    **dict.fromkeys(
        ("Layout", "Strict", "Lax", "LaxTsFirst", "OnlySignEntireHeadersAndBody"),
        _Rule(_always, "our header keeps it: timestamp and token first, whole parts signed"),
    ),
    **dict.fromkeys(
        (
            *("MustSupportRefKeyIdentifier", "MustSupportRefIssuerSerial", "MustSupportRefThumbprint"),
            *("MustSupportRefEmbeddedToken", "MustSupportRefEncryptedKey"),
        ),
        _Rule(_always, "asks the service, not the caller"),
    ),
    "ExactCanonicalizationExclusive": _Rule(_always, "exclusive canonical form"),
    "SignBeforeEncrypting": _Rule(_always, "our order"),
    "HttpsToken": _Rule(_always, "an https endpoint"),
    "RequireClientCertificate": _Rule(
        lambda s: s.tls is not None and s.tls.certificate is not None, "[wire.tls] certificate and key"
    ),
    "HttpBasicAuthentication": _AUTHENTICATED,
    "BasicAuthentication": _AUTHENTICATED,
    "NtlmAuthentication": _Rule(
        lambda s: s.auth is not None and s.auth.kind == "ntlm", '[wire.auth] kind = "ntlm"'
    ),
    "UsernameToken": _Rule(_username, "[wire.security.username]"),
    "HashPassword": _Rule(
        lambda s: (
            s.security is not None
            and s.security.username is not None
            and s.security.username.kind == "digest"
        ),
        '[wire.security.username] kind = "digest"',
    ),
    "Nonce": _Rule(_username, "[wire.security.username]"),
    "Created": _Rule(_username, "[wire.security.username]"),
    "IncludeTimestamp": _Rule(
        lambda s: s.security is not None and s.security.timestamp, "[wire.security] timestamp = true"
    ),
    "X509Token": _CERTIFICATE,
    "AsymmetricBinding": _CERTIFICATE,
    "SignedParts": _Rule(_signs_part("body"), '[wire.security.sign] parts = ["body", …]'),
    "EncryptedParts": _Rule(_encrypts, "[wire.security.encrypt]"),
    "ProtectTokens": _Rule(_signs_part("token"), '[wire.security.sign] parts = [… "token"]'),
    "RequireKeyIdentifierReference": _Rule(
        _refers_by("key_identifier"), '[wire.security.sign] reference = "key_identifier"'
    ),
    "RequireIssuerSerialReference": _Rule(
        _refers_by("issuer_serial"), '[wire.security.sign] reference = "issuer_serial"'
    ),
    "RequireThumbprintReference": _Rule(
        _refers_by("thumbprint"), '[wire.security.sign] reference = "thumbprint"'
    ),
    "RequireEmbeddedTokenReference": _Rule(_refers_by("token"), '[wire.security.sign] reference = "token"'),
    "Basic256": _CBC256,
    "Basic256Sha256": _CBC256,
    "Basic128": _CBC128,
    "Basic128Sha256": _CBC128,
    "Basic256GCM": _Rule(_suite("aes256-gcm"), '[wire.security.encrypt] algorithm = "aes256-gcm"'),
    # addressing and attachments
    "Addressing": _Rule(lambda s: s.addressing is not None, "[wire.addressing]"),
    "UsingAddressing": _Rule(lambda s: s.addressing is not None, "[wire.addressing]"),
    "AnonymousResponses": _Rule(
        lambda s: s.addressing is not None and not s.addressing.reply_to, "[wire.addressing] without reply_to"
    ),
    "NonAnonymousResponses": _Rule(
        lambda s: s.addressing is not None and bool(s.addressing.reply_to), "[wire.addressing] reply_to"
    ),
    "OptimizedMimeSerialization": _Rule(lambda s: s.attachments.mtom, "[wire.attachments] mtom = true"),
    "MTOM": _Rule(lambda s: s.attachments.mtom, "[wire.attachments] mtom = true"),
}
_MISSING = {
    "Basic256Rsa15": "RSA PKCS #1 v1.5 can be broken (Bleichenbacher); ask for RSA-OAEP",
    "Basic128Rsa15": "RSA PKCS #1 v1.5 can be broken (Bleichenbacher); ask for RSA-OAEP",
    "Basic256Sha256Rsa15": "RSA PKCS #1 v1.5 can be broken (Bleichenbacher); ask for RSA-OAEP",
    "Basic128Sha256Rsa15": "RSA PKCS #1 v1.5 can be broken (Bleichenbacher); ask for RSA-OAEP",
    "TripleDes": "triple DES is withdrawn; ask for AES",
    "TripleDesRsa15": "triple DES is withdrawn; ask for AES",
    "SymmetricBinding": "signatures by a shared key are not supported",
    "EncryptSignature": "the signature itself is not encrypted",
    "EncryptBeforeSigning": "we sign, then encrypt",
    **dict.fromkeys(
        ("WssSamlV11Token10", "WssSamlV11Token11", "WssSamlV20Token11", "RequireInternalReference"),
        "SAML tokens are not supported",
    ),
    "SignedEncryptedSupportingTokens": "tokens themselves are not encrypted; the body is",
    "EncryptedSupportingTokens": "tokens themselves are not encrypted; the body is",
    "SamlToken": "SAML tokens are not supported",
    "IssuedToken": "tokens of a security token service (WS-Trust) are not supported",
    "SecureConversationToken": "WS-SecureConversation is not supported",
    "KerberosToken": "Kerberos is not supported",
    "RequireSignatureConfirmation": "signature confirmation is not checked",
    "RequireDerivedKeys": "derived keys are not supported",
    "RMAssertion": "WS-ReliableMessaging is not supported; repeat by MessageID or header instead",
    "HttpDigestAuthentication": "HTTP Digest is not supported",
    "NegotiateAuthentication": "Kerberos is not supported; NTLM is, if the service offers it",
    "SignedElements": "single elements are not signed; whole parts are",
    "EncryptedElements": "single elements are not encrypted; the body is",
    "ContentEncryptedElements": "single elements are not encrypted; the body is",
}


def demands(policies: Iterable[str], spec: WireSpec) -> tuple[Demand, ...]:
    """Return what becomes of each assertion, in the policy's order, each once.

    Args:
        policies: Clark names of assertions (`Operation.policies`).
        spec: the `[wire]` table.
    """
    return tuple(_demand(name, spec) for name in dict.fromkeys(policies) if namespace(name) not in _POLICY)


def missing(policies: Iterable[str], spec: WireSpec) -> tuple[Demand, ...]:
    """Return the demands that are not done: those that a setting would do, and those that nothing does."""
    return tuple(d for d in demands(policies, spec) if d.state != "done")


def table() -> tuple[tuple[str, str, str], ...]:
    """Return (assertion, state, how) of all that is known, for the docs."""
    rows = [(name, "done" if r.done is _always else "by setting", r.setting) for name, r in _RULES.items()]
    return (*rows, *((name, "missing", why) for name, why in _MISSING.items()))


def _demand(name: str, spec: WireSpec) -> Demand:
    local, uri = local_name(name), namespace(name)
    if local in _MISSING:
        return Demand(name, "missing", _MISSING[local])
    rule = _RULES.get(local)
    if rule is None:
        known = "an assertion of WS-SecurityPolicy" if uri in _SECURITY else "an assertion"
        return Demand(name, "missing", f"{known} that Banyan does not know")
    if rule.done(spec):
        return Demand(name, "done", rule.setting)
    return Demand(name, "set", f"set {rule.setting}")
