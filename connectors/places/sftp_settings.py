"""Settings of an SFTP place, apart from the place: reading settings must not load an SSH library."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class SftpSettings(BaseModel):
    """How to enter an SFTP server."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    known_hosts: str = Field(
        "known_hosts",
        description="File with the server's host key, in OpenSSH's form; relative to this adapter's folder. "
        "`ssh-keyscan` prints it: compare it with what the server's owner says.",
    )
    trust_first_use: bool = Field(
        False,
        description="Write the host key of a server that known_hosts does not name into it at the first "
        "contact. Whoever stands between at that moment is then trusted for ever.",
    )
    password: SecretStr | None = Field(None, description="By reference: ${NAME} or file:PATH.")
    private_key: SecretStr | None = Field(
        None, description="The key's text in OpenSSH or PEM form, by reference: file:PATH or ${NAME}."
    )
    passphrase: SecretStr | None = Field(None, description="Of private_key; by reference.")


@dataclass(frozen=True, slots=True)
class SftpAddress:
    """Where the folder is; without secrets."""

    user: str
    host: str
    port: int
    folder: str

    def __str__(self) -> str:
        return f"sftp://{self.user}@{self.host}:{self.port}{self.folder}"
