"""Where batch files arrive and when they are taken: the other half of adapter.toml."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from adapters.batch.decrypt import DecryptSpec
from adapters.batch.expected import ExpectedSpec
from adapters.batch.gate import Gate
from adapters.batch.inbox import Inbox
from connectors.places.opening import address_of, open_place
from connectors.places.s3_settings import S3Settings
from connectors.places.sftp_settings import SftpSettings

#: Longer than the stalls of a usual transfer (TCP retries, a pausing job), short beside a nightly run.
SAFE_AGE_SECONDS = 30.0


class ArrivalSpec(BaseModel):
    """The place that files arrive in, and what tells a finished file from one that still grows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: str = Field(
        "",
        description="Folder where files arrive; relative to this adapter's folder. Either this or `place`.",
    )
    place: str = Field(
        "",
        description="Remote place where files arrive: `sftp://user@host:port/folder` or `s3://bucket/prefix`.",
    )
    sftp: SftpSettings | None = Field(None, description="How to enter an `sftp://` place.")
    s3: S3Settings | None = Field(None, description="How to reach an `s3://` place.")
    pattern: str = Field("*", description="Glob pattern of the file names. Hidden files are never read.")
    archive: str = Field(
        "archive",
        description="Where read files go; relative to this adapter's folder, in a remote place to the place.",
    )
    read_only: bool = Field(
        False, description="Leave the place untouched: read files stay, and are recognised by their content."
    )
    min_age_seconds: float = Field(
        SAFE_AGE_SECONDS,
        ge=0,
        description="A file must have been unchanged for so long, by its place's clock. An upload that "
        "stalls just between two records looks like a whole file without the rest, so its missing rows would "
        "be deletes: keep this longer than any stall. 0 is right where the writer renames finished files "
        "into place; without that, a shorter time than the default needs a trailer or a done_marker. Of no "
        "meaning in S3, where objects appear whole.",
    )
    trailer_wait_seconds: float | None = Field(
        None,
        ge=0,
        description="A file without its declared trailer waits until it is so old, before it is held; "
        "without this 30, or 0 where min_age_seconds is 0.",
    )
    done_marker: str = Field(
        "",
        description="Suffix of an empty file that says that the file beside it is complete, such as `.done`; "
        "or its whole name with `{name}` or `{stem}` for the file's. It must not be older than the file.",
    )
    business_date: str = Field(
        "",
        description="Regular expression on the file name with a group `date` (yyyymmdd or yyyy-mm-dd). Files "
        "are read in this order, and it is the events' time; without it, both follow arrival.",
    )
    sequence: str = Field(
        "",
        description="Regular expression on the file name with a group `sequence` (digits). Files are read in "
        "this order; of deltas and events none may be missing and none come twice.",
    )
    sequence_from: Literal["name", "header"] = Field(
        "name",
        description="`header`: the number is the one in `header.sequence`, not in the file's name. Then the "
        "beginning of every file that waits is read before the first one is taken.",
    )
    expected: ExpectedSpec | None = Field(None, description="When files are expected.")
    decrypt: DecryptSpec | None = Field(None, description="How encrypted files are opened.")

    @field_validator("business_date")
    @classmethod
    def _has_a_date(cls, value: str) -> str:
        return _with_group(value, "date")

    @field_validator("sequence")
    @classmethod
    def _has_a_number(cls, value: str) -> str:
        return _with_group(value, "sequence")

    @field_validator("place")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value:
            address_of(value)
        return value

    @field_validator("pattern", "done_marker")
    @classmethod
    def _names_files(cls, value: str) -> str:
        if "/" in value:
            raise ValueError("names of files, without a folder in them")
        return value

    @model_validator(mode="after")
    def _one_number(self) -> ArrivalSpec:
        if self.sequence_from == "header" and self.sequence:
            raise ValueError("sequence_from = 'header' and sequence, which finds a number in the name")
        return self

    @model_validator(mode="after")
    def _one_place(self) -> ArrivalSpec:
        if bool(self.folder) == bool(self.place):
            raise ValueError("give either folder or place")
        if self.sftp is not None and not self.place.startswith("sftp:"):
            raise ValueError("[sftp] belongs to a place = 'sftp://…'")
        if self.s3 is not None and not self.place.startswith("s3:"):
            raise ValueError("[s3] belongs to a place = 's3://…'")
        return self

    def inbox(self, folder: Path) -> Inbox:
        """Return the place with its gate; nothing is connected to or listed yet."""
        place = open_place(
            self.place or None,
            local=folder / Path(self.folder).expanduser(),
            archive=None if self.read_only else self.archive,
            folder=folder,
            sftp=self.sftp,
            s3=self.s3,
        )
        return Inbox(
            place=place,
            gate=Gate(self.pattern, self.done_marker, self.min_age_seconds, whole=place.whole),
            keeps=self.read_only,
            business_date=re.compile(self.business_date) if self.business_date else None,
            sequence=re.compile(self.sequence) if self.sequence else None,
        )

    @property
    def unfinished_seconds(self) -> float:
        """How long a file may lack its trailer before it is held."""
        if self.trailer_wait_seconds is not None:
            return self.trailer_wait_seconds
        return SAFE_AGE_SECONDS if self.min_age_seconds else 0.0


def _with_group(value: str, group: str) -> str:
    try:
        named = re.compile(value).groupindex
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    if value and group not in named:
        raise ValueError(f"the expression has no group called {group}: write (?P<{group}>…)")
    return value
