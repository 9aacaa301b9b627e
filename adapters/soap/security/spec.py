"""The `[wire.security]` table: what is put into the security header, and what a reply must prove."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Part = Literal["body", "timestamp", "addressing", "token", "username"]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class UsernameSpec(_Table):
    """A UsernameToken."""

    user: str = Field(description="User name.")
    password: SecretStr = Field(description="By reference: ${NAME} or file:PATH.")
    kind: Literal["text", "digest"] = Field(
        "digest", description="`digest` (nonce, time and password hashed) or `text`, which needs TLS."
    )


class SignSpec(_Table):
    """Our X.509 signature: exclusive C14N, RSA or ECDSA with SHA-256."""

    certificate: SecretStr = Field(description="Our certificate, PEM, by reference: file:PATH.")
    key: SecretStr = Field(description="Its private key, PEM, by reference: file:PATH or ${NAME}.")
    passphrase: SecretStr | None = Field(None, description="Of the key; by reference.")
    reference: Literal["token", "key_identifier", "thumbprint", "issuer_serial"] = Field(
        "token",
        description="How the message names our certificate: it holds it (BinarySecurityToken), or names its "
        "subject key identifier, its SHA-1 thumbprint, or issuer and serial number.",
    )
    parts: tuple[Part, ...] = Field(
        ("body", "timestamp"),
        min_length=1,
        description="What is signed: `body`, `timestamp`, `addressing` (all its headers), `token` (our "
        "certificate), `username`.",
    )


class VerifySpec(_Table):
    """What a signature that comes must show."""

    certificates: SecretStr = Field(
        description="PEM certificates of signers, or of authorities that issued theirs: file:PATH."
    )
    subjects: tuple[str, ...] = Field(
        (),
        description="Whom certificates of an authority must name, whole and as in RFC 4514 "
        '(`CN=Registry,O=Agency`), in any order of the parts; `["*"]` = anybody whom the authority knows. '
        "Needed with an authority.",
    )
    parts: tuple[Literal["body", "timestamp", "addressing"], ...] = Field(
        ("body",), min_length=1, description="What must be signed, or the reply is refused."
    )
    sha1: bool = Field(False, description="Accept SHA-1, which is broken, from a service that has no other.")


class EncryptSpec(_Table):
    """Encryption of the body for the service."""

    certificate: SecretStr = Field(
        description="The service's certificate, PEM (RSA), by reference: file:PATH."
    )
    algorithm: Literal["aes128-gcm", "aes256-gcm", "aes128-cbc", "aes256-cbc"] = Field(
        "aes256-gcm", description="CBC only for a service that has no GCM."
    )
    oaep: Literal["sha1", "sha256"] = Field(
        "sha256", description="Hash of RSA-OAEP; `sha1` (rsa-oaep-mgf1p) is what XML Encryption 1.0 knows."
    )


class DecryptSpec(_Table):
    """Decryption of replies."""

    key: SecretStr = Field(description="Our private RSA key, PEM, by reference: file:PATH or ${NAME}.")
    passphrase: SecretStr | None = Field(None, description="Of the key; by reference.")
    cbc: bool = Field(
        False, description="Accept AES-CBC, which tells a tampered text from a good one by its failures."
    )
    required: bool = Field(True, description="Refuse a reply whose body is not encrypted.")


class SecuritySpec(_Table):
    """WS-Security of one service."""

    timestamp: bool = Field(True, description="Send a Timestamp.")
    ttl_seconds: int = Field(300, ge=1, description="So long our Timestamp is valid.")
    skew_seconds: int = Field(60, ge=0, description="Difference between the clocks that is forgiven.")
    must_understand: bool = Field(True, description="Demand that the service heeds the header.")
    actor: str = Field("", description="Role that our header is for; empty = the service itself.")
    username: UsernameSpec | None = Field(None, description="Absent = no UsernameToken.")
    sign: SignSpec | None = Field(None, description="Absent = nothing is signed.")
    verify: VerifySpec | None = Field(None, description="Absent = replies need no signature.")
    encrypt: EncryptSpec | None = Field(None, description="Absent = nothing is encrypted.")
    decrypt: DecryptSpec | None = Field(None, description="Absent = encrypted replies cannot be read.")
