"""Who may send us messages: every one proves what the settings demand, or is refused before it is read."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm

from adapters.soap.envelope import envelope_namespace
from adapters.soap.security.algorithms import canonical
from adapters.soap.security.errors import SecurityFailure
from adapters.soap.security.header import Security
from adapters.soap.security.names import ds, wsse, wsu, xenc
from adapters.soap.security.proof import Proof, Proven
from adapters.soap.security.replay import ReplayCache
from adapters.soap.security.spec import SecuritySpec
from adapters.soap.security.username import check_username
from adapters.soap.serve.demand import DemandSpec

#: What a header may hold that must be understood.
_KNOWN = frozenset(
    (
        wsu("Timestamp"),
        wsse("UsernameToken"),
        wsse("BinarySecurityToken"),
        ds("Signature"),
        xenc("EncryptedKey"),
    )
)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who has sent a message: the user whose password it proved, the subjects whose keys signed it."""

    user: str = ""
    subjects: tuple[str, ...] = ()


class Guard:
    """Checks messages that come by one `[security]` table; deny by default.

    Keys are read once, when it is made. What was accepted is remembered in this process: behind several
    processes a message could be played once at each, within its age.
    """

    def __init__(
        self,
        spec: DemandSpec,
        *,
        where: str = "change.security",
        now: Callable[[], float] = time.time,
    ) -> None:
        """Read keys and certificates.

        Raises:
            SettingsError: one cannot be used, or an authority is trusted but not said for whom.
        """
        self._spec, self._now = spec, now
        self._proof = Proof(
            spec.verify,
            spec.decrypt,
            skew=spec.skew_seconds,
            longest=spec.max_age_seconds,
            where=where,
            parties=("sender", "message"),
        )
        accounts = spec.username.accounts if spec.username is not None else {}
        self._passwords = {user: password.get_secret_value() for user, password in accounts.items()}
        self._seen = ReplayCache(spec.remember)
        self._answers = (
            Security(
                SecuritySpec.model_validate({"must_understand": False}).model_copy(
                    update={"sign": spec.answer.sign}
                ),
                where=f"{where}.answer",
                now=now,
            )
            if spec.answer is not None
            else None
        )

    def __repr__(self) -> str:
        kinds = [k for k in ("username", "verify", "decrypt", "answer") if getattr(self._spec, k)]
        return f"<Guard {' '.join(kinds)}>"

    def check(self, envelope: Any) -> Sender:
        """Decrypt a message in place and return who has sent it.

        Afterwards the tree, and nothing else, may be read: the proof is of its nodes.

        Raises:
            SecurityFailure: a proof is missing, wrong, stale, or was used before.
        """
        now = self._now()
        try:
            return self._check(envelope, now)
        except UnsupportedAlgorithm:
            raise SecurityFailure(
                "a key or certificate of an unknown kind", code="UnsupportedAlgorithm"
            ) from None

    def protect(self, envelope: Any) -> bool:
        """Put the security header on an answer, if the settings say so; return whether they do."""
        if self._answers is None:
            return False
        self._answers.protect(envelope)
        return True

    def _check(self, envelope: Any, now: float) -> Sender:
        proven = self._proof.check(envelope, now)
        if proven.security is None:
            raise SecurityFailure("the message has no security header for us", fix="send one")
        self._check_known(envelope, proven.security)
        if self._spec.timestamp and proven.stamp is None:
            raise SecurityFailure("the message has no Timestamp", fix="send one")
        user = self._user(proven.security, now) if self._spec.username is not None else ""
        if self._spec.verify is not None:
            self._check_first(proven, now)
        return Sender(user, tuple(c.subject.rfc4514_string() for c in proven.signers))

    def _user(self, security: Any, now: float) -> str:
        tokens = security.findall(wsse("UsernameToken"))
        if len(tokens) != 1:
            raise SecurityFailure(
                f"the message has {len(tokens)} UsernameTokens", fix="send one", code="FailedAuthentication"
            )
        assert self._spec.username is not None
        return check_username(
            tokens[0],
            self._passwords,
            now=now,
            skew=self._spec.skew_seconds,
            fresh=self._spec.max_age_seconds,
            seen=self._seen,
            kinds=self._spec.username.kinds,
        )

    def _check_first(self, proven: Proven, now: float) -> None:
        """Refuse a signature that was accepted before: the same message, sent again by whoever saw it.

        The canonical SignedInfo marks it: its digests cover every signed part, and nothing in it can be
        changed without a new signature. The signature's value does not mark it, as ECDSA has a second one for
        each; nor does what stands beside SignedInfo, which anybody may add.
        """
        if proven.stamp is None or not proven.covers(proven.stamp):
            return  # nothing signed tells two messages of the same content apart
        age = self._spec.max_age_seconds + 2 * self._spec.skew_seconds
        for signature in proven.signatures:
            signed = signature.find(ds("SignedInfo"))
            assert signed is not None  # it was verified
            mark = canonical(signed)
            if not self._seen.first(b"signature\0" + mark, now, age):
                raise SecurityFailure(
                    "the signed message was taken before", fix="sign it anew", code="MessageExpired"
                )

    @staticmethod
    def _check_known(envelope: Any, security: Any) -> None:
        soap = "{" + str(envelope_namespace(envelope.tag)) + "}"
        if security.get(f"{soap}mustUnderstand", "").strip() not in ("1", "true"):
            return
        for node in security.iterchildren("*"):
            if node.tag not in _KNOWN:
                raise SecurityFailure(
                    "the security header must be understood and holds a token of another kind",
                    code="UnsupportedSecurityToken",
                )
