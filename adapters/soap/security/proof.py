"""What a message that came proves: which of its nodes are signed, by whom, and when it was made."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from adapters.soap.addressing import VERSIONS
from adapters.soap.envelope import envelope_namespace
from adapters.soap.security.encryption import decrypt_parts
from adapters.soap.security.errors import SecurityFailure
from adapters.soap.security.keys import Trust, private_key
from adapters.soap.security.names import ds, wsse, wsu, xenc
from adapters.soap.security.spec import DecryptSpec, VerifySpec
from adapters.soap.security.timestamp import check_timestamp
from adapters.soap.security.verify import check_value, ids_of, verified
from schemas.errors import SettingsError

#: A message has one signature and one encrypted key, rarely a few; each costs a public-key operation.
_MAX_STEPS = 10


@dataclass(frozen=True, slots=True)
class Proven:
    """What was found.

    Attributes:
        security: the header that is for us; None if there is none.
        covered: the nodes that trusted signatures cover.
        signers: their certificates.
        signatures: the ds:Signature elements.
        stamp: the wsu:Timestamp, valid now; None if there is none.
    """

    security: Any
    covered: tuple[Any, ...]
    signers: tuple[x509.Certificate, ...]
    signatures: tuple[Any, ...]
    stamp: Any

    def covers(self, node: Any) -> bool:
        """Return whether this very node is signed."""
        return any(node is signed for signed in self.covered)


class Proof:
    """Checks messages by `verify` and `decrypt`; keys are read once, when it is made.

    Args:
        verify: what must be signed and by whom; None = signatures are not looked at.
        decrypt: our key; None = an encrypted message is refused.
        skew: seconds that clocks may differ.
        longest: seconds after which a message is over, whatever it says itself.
        where: of the settings, for errors.
        parties: how the other side and what it sends are called in errors.
    """

    def __init__(
        self,
        verify: VerifySpec | None,
        decrypt: DecryptSpec | None,
        *,
        skew: float,
        longest: float,
        where: str,
        parties: tuple[str, str] = ("service", "reply"),
    ) -> None:
        self._verify, self._decrypt = verify, decrypt
        self._skew, self._longest, self._where = skew, longest, where
        self._party, self._message = parties
        self._trust = (
            Trust.of(verify.certificates, verify.subjects, f"{where}.verify") if verify is not None else None
        )
        self._key = self._rsa(decrypt) if decrypt is not None else None

    def __repr__(self) -> str:
        return f"<Proof of a {self._message}>"

    @property
    def demands(self) -> bool:
        """Whether a message must be whole before any of it may be believed."""
        return self._trust is not None or self._key is not None

    def check(self, envelope: Any, now: float) -> Proven:
        """Decrypt a message in place and refuse it unless it proves what the settings ask for.

        Raises:
            SecurityFailure: a proof is missing or wrong.
        """
        security = self._ours(envelope)
        covered: list[Any] = []
        signers: list[x509.Certificate] = []
        decrypted: list[Any] = []
        steps = (
            []
            if security is None
            else [n for n in security if n.tag in (xenc("EncryptedKey"), ds("Signature"))]
        )
        if len(steps) > _MAX_STEPS:
            raise SecurityFailure(f"the security header has {len(steps)} signatures and encrypted keys")
        for step in steps:
            if step.tag == xenc("EncryptedKey"):
                decrypted += self._decrypted(step, envelope)
            elif self._trust is not None:
                found, signer = self._signed(step, envelope, security, now)
                covered += found
                signers.append(signer)
        if self._decrypt is not None and self._decrypt.required:
            self._check_encrypted(any(node is body_of(envelope) for node in decrypted))
        stamp = self._stamp(security, now)
        signatures = tuple(n for n in steps if n.tag == ds("Signature"))
        proven = Proven(security, tuple(covered), tuple(signers), signatures, stamp)
        if self._verify is not None:
            self._check_covered(envelope, proven, self._verify)
        return proven

    def _decrypted(self, step: Any, envelope: Any) -> list[Any]:
        if self._key is None or self._decrypt is None:
            raise SecurityFailure(
                f"the {self._message} is encrypted", fix=f"set [{self._where}.decrypt]", code="FailedCheck"
            )
        return decrypt_parts(step, self._key, ids_of(envelope), cbc=self._decrypt.cbc)

    def _signed(
        self, signature: Any, envelope: Any, security: Any, now: float
    ) -> tuple[list[Any], x509.Certificate]:
        assert self._trust is not None
        assert self._verify is not None
        sha1 = self._verify.sha1
        covered, name = verified(signature, envelope, security, ids_of(envelope), sha1=sha1)
        certificate = name.certificate(self._trust)
        if not self._trust.accepts(certificate, dt.datetime.fromtimestamp(now, dt.UTC)):
            raise SecurityFailure(
                "the signer's certificate is not trusted, or not valid now",
                fix=f"put the {self._party}'s certificate into verify.certificates, or its subject into "
                "verify.subjects, if its owner confirms it",
                code="FailedAuthentication",
            )
        check_value(signature, certificate, sha1=sha1)
        return covered, certificate

    def _stamp(self, security: Any, now: float) -> Any:
        stamps = [] if security is None else security.findall(wsu("Timestamp"))
        if len(stamps) > 1:
            raise SecurityFailure(f"the {self._message} has several Timestamps")
        if not stamps:
            return None
        check_timestamp(stamps[0], now=now, skew=self._skew, longest=self._longest)
        return stamps[0]

    def _check_covered(self, envelope: Any, proven: Proven, verify: VerifySpec) -> None:
        for part in verify.parts:
            wanted = {
                "body": [body_of(envelope)],
                "timestamp": [proven.stamp],
                "addressing": addressing_headers(envelope) or [None],
            }[part]
            if any(node is None or not proven.covers(node) for node in wanted):
                raise SecurityFailure(f"the {self._message}'s {part} is not signed")

    def _check_encrypted(self, decrypted: bool) -> None:
        if not decrypted:
            raise SecurityFailure(
                f"the {self._message} is not encrypted",
                fix="set decrypt.required = false if that is meant",
            )

    def _ours(self, envelope: Any) -> Any:
        """Return the one security header that is meant for us (without actor), None if there is none."""
        soap = "{" + str(envelope_namespace(envelope.tag)) + "}"
        headers = envelope.findall(f"{soap}Header")
        if len(headers) > 1 or len(envelope.findall(f"{soap}Body")) != 1:
            raise SecurityFailure("the envelope has several headers or bodies")
        found = [] if not headers else headers[0].findall(wsse("Security"))
        found = [node for node in found if not (node.get(f"{soap}actor") or node.get(f"{soap}role"))]
        if len(found) > 1:
            raise SecurityFailure(f"the {self._message} has several security headers")
        return found[0] if found else None

    def _rsa(self, decrypt: DecryptSpec) -> rsa.RSAPrivateKey:
        where = f"{self._where}.decrypt.key"
        key = private_key(decrypt.key, decrypt.passphrase, where)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise SettingsError("a key that decrypts must be RSA", where=where, fix="give the RSA key")
        return key


def addressing_headers(envelope: Any) -> list[Any]:
    """Return the WS-Addressing headers of an envelope."""
    header = next((n for n in envelope if n.tag == f"{{{envelope_namespace(envelope.tag)}}}Header"), None)
    spaces = tuple(f"{{{uri}}}" for uri in VERSIONS.values())
    return (
        [n for n in header if isinstance(n.tag, str) and n.tag.startswith(spaces)]
        if header is not None
        else []
    )


def body_of(envelope: Any) -> Any:
    """Return the Body of an envelope."""
    return envelope.find(f"{{{envelope_namespace(envelope.tag)}}}Body")
