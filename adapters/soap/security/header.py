"""The security header of one service: put on requests, demanded of replies."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable
from typing import Any

from lxml import etree

from adapters.soap.envelope import envelope_namespace
from adapters.soap.security.encryption import encrypt_content
from adapters.soap.security.errors import SecurityFailure
from adapters.soap.security.keys import KeyPair, certificates
from adapters.soap.security.names import ID, NSMAP, wsse
from adapters.soap.security.proof import Proof, addressing_headers, body_of
from adapters.soap.security.signature import add_signature, binary_token, token_reference
from adapters.soap.security.spec import SecuritySpec
from adapters.soap.security.timestamp import timestamp
from adapters.soap.security.username import NONCE_BYTES, username_token

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
        self._proof = Proof(
            spec.verify, spec.decrypt, skew=spec.skew_seconds, longest=_LONGEST_VALID, where=where
        )
        self._signer = (
            KeyPair.of(sign.certificate, sign.key, sign.passphrase, f"{where}.sign") if sign else None
        )
        self._receiver = (
            certificates(encrypt.certificate, f"{where}.encrypt.certificate")[0] if encrypt else None
        )

    def __repr__(self) -> str:
        kinds = [k for k in ("username", "sign", "verify", "encrypt", "decrypt") if getattr(self._spec, k)]
        return f"<Security {' '.join(kinds) or 'timestamp'}>"

    @property
    def reads_replies(self) -> bool:
        """Whether a reply must be whole before any of it may be believed."""
        return self._proof.demands

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
            self._proof.check(envelope, self._now())
        except SecurityFailure as failure:
            raise SecurityFailure(failure.what, where, failure.fix, code=failure.code) from None

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
                "body": [body_of(envelope)],
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
        key = encrypt_content(body_of(envelope), receiver, reference, spec.algorithm, spec.oaep, _fresh("ED"))
        # Before the signature: receivers undo the steps in the order of the header. The token stays first.
        first = security[0] if len(security) else None
        at = 1 if first is not None and first.tag == wsse("BinarySecurityToken") else 0
        security.insert(at, key)


def _header(envelope: Any) -> Any:
    name = f"{{{envelope_namespace(envelope.tag)}}}Header"
    found = envelope.find(name)
    if found is None:
        found = etree.Element(name)
        envelope.insert(0, found)
    return found


def _fresh(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex}"
