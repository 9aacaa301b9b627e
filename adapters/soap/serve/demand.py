"""The `[change.security]` table: what a message that is sent to us must prove, or it is refused."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from adapters.soap.security.spec import DecryptSpec, SignSpec, VerifySpec


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AccountsSpec(_Table):
    """A UsernameToken of one of these users."""

    accounts: dict[str, SecretStr] = Field(
        min_length=1, description="User = password, by reference: ${NAME} or file:PATH."
    )
    kinds: tuple[Literal["digest", "text"], ...] = Field(
        ("digest",),
        min_length=1,
        description="What is accepted: `digest` (nonce, time and password hashed), `text` (needs TLS).",
    )

    @field_validator("accounts")
    @classmethod
    def _no_empty_password(cls, accounts: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for user, password in accounts.items():
            if not user.strip() or not password.get_secret_value():
                raise ValueError("an account without a name or password lets anybody in")
        return accounts


class SignerSpec(VerifySpec):
    """A signature of a signer that is trusted."""

    parts: tuple[Literal["body", "timestamp", "addressing"], ...] = Field(
        ("body", "timestamp"),
        min_length=1,
        description="What must be signed, or the message is refused; `body` always. Without `timestamp` a "
        "message can be played again when it is forgotten.",
    )

    @field_validator("parts")
    @classmethod
    def _body_too(cls, parts: tuple[str, ...]) -> tuple[str, ...]:
        if "body" not in parts:
            raise ValueError("the body must be signed: a signature over anything else proves nothing of it")
        return parts


class AnswerSpec(_Table):
    """The security header of our answers."""

    sign: SignSpec = Field(description="Our signature, over body and timestamp by default.")


class DemandSpec(_Table):
    """WS-Security of messages that come; everything that is named is needed."""

    username: AccountsSpec | None = Field(None, description="Absent = no UsernameToken is needed.")
    verify: SignerSpec | None = Field(None, description="Absent = no signature is needed.")
    decrypt: DecryptSpec | None = Field(None, description="Absent = encrypted messages are refused.")
    timestamp: bool = Field(True, description="A Timestamp is needed.")
    max_age_seconds: int = Field(
        300, ge=1, le=86_400, description="An older message is refused, whatever it says of itself."
    )
    skew_seconds: int = Field(60, ge=0, description="Difference between the clocks that is forgiven.")
    remember: int = Field(
        100_000,
        ge=1_000,
        le=5_000_000,
        description="Most nonces and signatures remembered against replay (some 200 bytes each), for the "
        "maximal age. When so many are remembered, messages are refused until some have become too old.",
    )
    answer: AnswerSpec | None = Field(None, description="Absent = our answers have no security header.")

    @model_validator(mode="after")
    def _proves_who(self) -> DemandSpec:
        if self.username is None and self.verify is None:
            raise ValueError("say who may send: [username], [verify], or both")
        return self

    def advice(self, where: str, *, clear: bool) -> list[tuple[str, str]]:
        """Return what is allowed here but dangerous; `clear`: the port has no TLS and is seen by others."""
        found = []
        if clear and self.username is not None and "text" in self.username.kinds:
            found.append(
                ("passwords cross the network in clear", f"set [{where}.tls], or kinds = ['digest']")
            )
        if self.verify is not None and "timestamp" not in self.verify.parts:
            found.append(
                (
                    "an old signed message can be played again",
                    f'add "timestamp" to {where}.security.verify.parts, if the senders sign it',
                )
            )
        if clear and self.verify is None:
            found.append(
                (
                    "a UsernameToken proves who sends, not what: the body can be changed on its way",
                    f"set [{where}.security.verify], or [{where}.tls]",
                )
            )
        if self.decrypt is not None and self.decrypt.cbc and self.verify is None:
            found.append(
                (
                    "AES-CBC does not show tampering, and messages need no signature",
                    f"set [{where}.security.verify]",
                )
            )
        return found
