"""The `[change.tls]` table: the certificate of a port of ours, and whose clients may connect to it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class ListenTlsSpec(BaseModel):
    """TLS 1.3 or 1.2 on the port."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    certificate: SecretStr = Field(description="Our certificate and its chain, PEM, by reference: file:PATH.")
    key: SecretStr = Field(description="Its private key, PEM, by reference: file:PATH or ${NAME}.")
    passphrase: SecretStr | None = Field(None, description="Of the key; by reference.")
    clients: SecretStr | None = Field(
        None,
        description="PEM certificates of authorities; then only clients with a certificate from one of them "
        "can connect. Whom it names is not looked at: let an authority of your own issue them, or pin "
        "subjects in [change.security.verify].",
    )
    oldest: str = Field("1.2", pattern=r"^1\.[23]$", description="Oldest version of TLS: `1.2` or `1.3`.")

    def check(self, where: str) -> None:
        """Read keys and certificates.

        Raises:
            SettingsError: one cannot be used.
        """
        from adapters.soap.security.keys import KeyPair, certificates

        KeyPair.of(self.certificate, self.key, self.passphrase, where)
        if self.clients is not None:
            certificates(self.clients, f"{where}.clients")

    @contextmanager
    def options(self, where: str) -> Iterator[dict[str, Any]]:
        """Give what Granian wants to know; it reads the files while it starts, then they are gone.

        Raises:
            SettingsError: a key or certificate cannot be used.
        """
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
        from granian.constants import SSLProtocols

        from adapters.soap.security.keys import KeyPair

        pair = KeyPair.of(self.certificate, self.key, self.passphrase, where)
        key = pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with ExitStack() as files:
            found: dict[str, Any] = {
                "ssl_cert": files.enter_context(_file(self.certificate.get_secret_value().encode())),
                "ssl_key": files.enter_context(_file(key)),
                "ssl_protocol_min": SSLProtocols.tls13 if self.oldest == "1.3" else SSLProtocols.tls12,
            }
            if self.clients is not None:
                found["ssl_ca"] = files.enter_context(_file(self.clients.get_secret_value().encode()))
                found["ssl_client_verify"] = True
            yield found


@contextmanager
def _file(content: bytes) -> Iterator[Path]:
    """Give a file with the content that nobody else can read, for a moment."""
    descriptor, name = tempfile.mkstemp(prefix="banyan-tls-")  # of mode 0600
    try:
        os.write(descriptor, content)
        os.close(descriptor)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)
