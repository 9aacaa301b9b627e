"""Settings of an S3 place, apart from the place: reading settings must not load an S3 library."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class S3Settings(BaseModel):
    """How to reach an S3-compatible store."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: str | None = Field(None, description="Its URL; Amazon's own without it.")
    region: str | None = Field(None, description="Region of the bucket.")
    access_key: SecretStr | None = Field(
        None,
        description="By reference: ${NAME} or file:PATH. Without keys, those of the environment "
        "or of the machine's role.",
    )
    secret_key: SecretStr | None = Field(None, description="By reference.")
    session_token: SecretStr | None = Field(None, description="By reference, for keys that expire.")


@dataclass(frozen=True, slots=True)
class S3Address:
    """Bucket and prefix."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")
