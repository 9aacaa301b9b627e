"""The security header of one service: put on requests, demanded of replies."""

from __future__ import annotations

import datetime as dt
import os
import time
import uuid
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree

from adapters.soap.addressing import VERSIONS
from adapters.soap.envelope import envelope_namespace
from adapters.soap.security.encryption import decrypt_parts, encrypt_content
from adapters.soap.security.errors import SecurityFailure
from adapters.soap.security.keys import KeyPair, Trust, certificates, private_key
from adapters.soap.security.names import ID, NSMAP, ds, wsse, wsu, xenc
from adapters.soap.security.signature import add_signature, binary_token, token_reference
from adapters.soap.security.spec import SecuritySpec
from adapters.soap.security.timestamp import check_timestamp, timestamp
from adapters.soap.security.username import NONCE_BYTES, username_token
from adapters.soap.security.verify import check_value, ids_of, verified
from schemas.errors import SettingsError

#: A reply has one signature and one encrypted key, rarely a few: each costs an operation of public-key kind.
_MAX_STEPS = 10
#: A reply older than this is refused even if it calls itself valid: it may be played again.
_LONGEST_VALID = 24 * 3600


class Security:
    """WS-Security as one `[wire.security]` table says; keys are read once, when it is made."""

    def __init__(
        self, spec: SecuritySpec, *, where: str = "wire.security", now: Callable[[], float] = time.time
    ) -> None:
        """Read keys and certificates.

        Raises:
            SettingsError: one cannot be used.
        """
        self._spec, self._now = spec, now
        sign, encrypt = spec.sign, spec.encrypt
        self._signer = (
            KeyPair.of(sign.certificate, sign.key, sign.passphrase, f"{where}.sign") if sign else None
        )
        self._trust = (
            Trust(certificates(spec.verify.certificates, f"{where}.verify.certificates"))
            if spec.verify
            else None
        )
        self._receiver = (
            certificates(encrypt.certificate, f"{where}.encrypt.certificate")[0] if encrypt else None
        )
        self._decryptor = self._rsa(where) if spec.decrypt else None

    def __repr__(self) -> str:
        kinds = [k for k in ("username", "sign", "verify", "encrypt", "decrypt") if getattr(self._spec, k)]
        return f"<Security {' '.join(kinds) or 'timestamp'}>"

    @property
    def reads_replies(self) -> bool:
        """Whether a reply must be whole before any of it may be believed."""
        return self._trust is not None or self._decryptor is not None

    def protect(self, envelope: Any) -> None:
        """Put the security header into a request's envelope; everything else of it must be in place.

        Order: timestamp, user, signature, and the encryption round it, as most receivers' policies say
        (sign, then encrypt).
        """
        header = _header(envelope)
        soap = "{" + str(envelope_namespace(envelope.tag)) + "}"
        security = etree.SubElement(header, wsse("Security"), nsmap=NSMAP)
        if self._spec.must_understand:
            security.set(f"{soap}mustUnderstand", "1")
        if self._spec.actor:
            security.set(f"{soap}{'actor' if 'xmlsoap' in soap else 'role'}", self._spec.actor)
        stamp = token = None
        if self._spec.timestamp:
            stamp = timestamp(self._now(), self._spec.ttl_seconds, _fresh("TS"))
            security.append(stamp)
        if (user := self._spec.username) is not None:
            secret = user.password.get_secret_value()
            token = username_token(
                user.user, secret, user.kind, self._now(), os.urandom(NONCE_BYTES), _fresh("UT")
            )
            security.append(token)
        if self._signer is not None:
            self._sign(envelope, security, stamp, token)
        if self._receiver is not None and self._spec.encrypt is not None:
            self._encrypt(envelope, security)

    def check(self, envelope: Any, where: str) -> None:
        """Decrypt a reply in place and refuse it unless it proves what the settings ask for.

        Afterwards the tree, and nothing else, may be read: the proof is of its nodes.

        Raises:
            SecurityFailure: a proof is missing or wrong.
        """
        try:
            self._check(envelope)
        except SecurityFailure as failure:
            raise SecurityFailure(failure.what, where, failure.fix) from None

    # --- requests -----------------------------------------------------------------------------------

    def _sign(self, envelope: Any, security: Any, stamp: Any, user: Any) -> None:
        spec, pair = self._spec.sign, self._signer
        assert spec is not None
        assert pair is not None
        name, token = _fresh("X509"), None
        if spec.reference == "token":
            token = binary_token(pair.certificate, name)
            security.insert(0, token)
        parts = []
        for part in spec.parts:
            nodes = {
                "body": [_body(envelope)],
                "timestamp": [stamp],
                "addressing": addressing_headers(envelope),
                "token": [token],
                "username": [user],
            }[part]
            parts += [node for node in nodes if node is not None]
        for node in parts:
            if node.get(ID) is None:
                node.set(ID, _fresh("id"))
        add_signature(security, pair, parts, token_reference(pair.certificate, spec.reference, name))

    def _encrypt(self, envelope: Any, security: Any) -> None:
        spec, receiver = self._spec.encrypt, self._receiver
        assert spec is not None
        assert receiver is not None
        reference = token_reference(receiver, "issuer_serial")
        key = encrypt_content(_body(envelope), receiver, reference, spec.algorithm, spec.oaep, _fresh("ED"))
        # Before the signature: receivers undo the steps in the order of the header. The token stays first.
        first = security[0] if len(security) else None
        at = 1 if first is not None and first.tag == wsse("BinarySecurityToken") else 0
        security.insert(at, key)

    # --- replies ------------------------------------------------------------------------------------

    def _check(self, envelope: Any) -> None:
        security = self._ours(envelope)
        covered: list[Any] = []
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
                if self._decryptor is None:
                    raise SecurityFailure("the reply is encrypted", fix="set [wire.security.decrypt]")
                cbc = self._spec.decrypt is not None and self._spec.decrypt.cbc
                decrypted += decrypt_parts(step, self._decryptor, ids_of(envelope), cbc=cbc)
            elif self._trust is not None:
                covered += self._signed(step, envelope, security)
        if self._decryptor is not None and self._spec.decrypt is not None and self._spec.decrypt.required:
            self._check_encrypted(any(node is _body(envelope) for node in decrypted))
        stamps = [] if security is None else security.findall(wsu("Timestamp"))
        if len(stamps) > 1:
            raise SecurityFailure("the reply has several Timestamps")
        if stamps:
            check_timestamp(stamps[0], now=self._now(), skew=self._spec.skew_seconds, longest=_LONGEST_VALID)
        if self._spec.verify is not None:
            self._check_covered(envelope, stamps, covered)

    def _signed(self, signature: Any, envelope: Any, security: Any) -> list[Any]:
        assert self._trust is not None
        assert self._spec.verify is not None
        sha1 = self._spec.verify.sha1
        covered, name = verified(signature, envelope, security, ids_of(envelope), sha1=sha1)
        certificate = name.certificate(self._trust)
        if not self._trust.accepts(certificate, dt.datetime.fromtimestamp(self._now(), dt.UTC)):
            raise SecurityFailure(
                "the signer's certificate is not trusted, or not valid now",
                fix="put the service's certificate into verify.certificates, if its owner confirms it",
            )
        check_value(signature, certificate, sha1=sha1)
        return covered

    def _check_covered(self, envelope: Any, stamps: list[Any], covered: list[Any]) -> None:
        assert self._spec.verify is not None
        signed = {id(node) for node in covered}
        for part in self._spec.verify.parts:
            wanted = {
                "body": [_body(envelope)],
                "timestamp": stamps or [None],
                "addressing": addressing_headers(envelope) or [None],
            }[part]
            if any(node is None or id(node) not in signed for node in wanted):
                raise SecurityFailure(f"the reply's {part} is not signed")

    @staticmethod
    def _check_encrypted(decrypted: bool) -> None:
        if not decrypted:
            raise SecurityFailure(
                "the reply is not encrypted", fix="set decrypt.required = false if that is meant"
            )

    @staticmethod
    def _ours(envelope: Any) -> Any:
        """Return the one security header that is meant for us (without actor), None if there is none."""
        soap = "{" + str(envelope_namespace(envelope.tag)) + "}"
        headers = envelope.findall(f"{soap}Header")
        if len(headers) > 1 or len(envelope.findall(f"{soap}Body")) != 1:
            raise SecurityFailure("the envelope has several headers or bodies")
        found = [] if not headers else headers[0].findall(wsse("Security"))
        found = [node for node in found if not (node.get(f"{soap}actor") or node.get(f"{soap}role"))]
        if len(found) > 1:
            raise SecurityFailure("the reply has several security headers")
        return found[0] if found else None

    def _rsa(self, where: str) -> rsa.RSAPrivateKey:
        assert self._spec.decrypt is not None
        key = private_key(self._spec.decrypt.key, self._spec.decrypt.passphrase, f"{where}.decrypt.key")
        if not isinstance(key, rsa.RSAPrivateKey):
            raise SettingsError(
                "a key that decrypts must be RSA", where=f"{where}.decrypt.key", fix="give the RSA key"
            )
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


def _header(envelope: Any) -> Any:
    name = f"{{{envelope_namespace(envelope.tag)}}}Header"
    found = envelope.find(name)
    if found is None:
        found = etree.Element(name)
        envelope.insert(0, found)
    return found


def _body(envelope: Any) -> Any:
    return envelope.find(f"{{{envelope_namespace(envelope.tag)}}}Body")


def _fresh(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex}"
