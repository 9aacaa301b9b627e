"""Where batch files arrive and when they are taken: the other half of adapter.toml."""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field, field_validator

#: Longer than the stalls of a usual transfer (TCP retries, a pausing job), short beside a nightly run.
SAFE_AGE_SECONDS = 30.0


class ArrivalSpec(BaseModel):
    """The place that files arrive in, and what tells a finished file from one that still grows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: str = Field(description="Where files arrive; relative to this adapter's folder.")
    pattern: str = Field("*", description="Glob pattern of the file names. Hidden files are never read.")
    archive: str = Field("archive", description="Where read files go; relative to this adapter's folder.")
    read_only: bool = Field(
        False, description="Leave the folder untouched: read files stay, and are recognised by their content."
    )
    min_age_seconds: float = Field(
        SAFE_AGE_SECONDS,
        ge=0,
        description="A file must have been unchanged for so long. An upload that stalls just between two "
        "records looks like a whole file without the rest, so its missing rows would be deletes: keep this "
        "longer than any stall. 0 is right where the writer renames finished files into place; without that, "
        "a shorter time than the default needs a trailer or a done_marker.",
    )
    done_marker: str = Field(
        "",
        description="Suffix of an empty file that says that the file beside it is complete, such as `.done`.",
    )
    business_date: str = Field(
        "",
        description="Regular expression on the file name with a group `date` (yyyymmdd or yyyy-mm-dd). Files "
        "are read in this order, and it is the events' time; without it, both follow arrival.",
    )

    @field_validator("business_date")
    @classmethod
    def _has_a_date(cls, value: str) -> str:
        try:
            named = re.compile(value).groupindex
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        if value and "date" not in named:
            raise ValueError("the expression has no group called date: write (?P<date>…)")
        return value
