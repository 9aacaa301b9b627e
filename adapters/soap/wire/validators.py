"""What an answer gives to ask later whether it is still the same (RFC 9110, section 8.8)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

#: An entity tag as RFC 9110 has it, in ASCII and of a length that servers take back.
_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]{0,1000}"')
#: A time of change to the second tells nothing of a second change in that same second.
_SETTLED = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Validators:
    """Headers of an answer, as they came; false where there are none.

    Attributes:
        etag: entity tag.
        last_modified: time of the last change.
        date: of the answer, by the same clock.
    """

    etag: str = ""
    last_modified: str = ""
    date: str = ""

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> Validators:
        """Return those of an answer; empty where it offers none."""
        return cls(headers.get("ETag", ""), headers.get("Last-Modified", ""), headers.get("Date", ""))

    def __bool__(self) -> bool:
        return bool(self.etag or self.last_modified)

    @property
    def headers(self) -> dict[str, str]:
        """The conditional headers of the next request."""
        found = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: text for name, text in found.items() if text}

    def strong(self, *, weak: bool = False) -> Validators:
        """Return the one of them that changes whenever the answer does; empty where none is known to.

        A weak tag may stay where only details have changed; a time counts where the answer was made in a
        later second (section 8.8.2.2). `weak` takes both as they are. Never two: a service that looks at
        both may go by the other one.
        """
        if _TAG.fullmatch(self.etag) and (weak or not self.etag.startswith("W/")):
            return Validators(etag=self.etag)
        changed, made = _moment(self.last_modified), _moment(self.date)
        if changed is None or not (weak or (made is not None and made - changed >= _SETTLED)):
            return Validators()
        return Validators(last_modified=self.last_modified)

    def denied_by(self, answer: Validators) -> bool:
        """Return whether an answer of "not changed" names another tag than the one that was asked about."""
        return bool(self.etag and answer.etag) and _opaque(self.etag) != _opaque(answer.etag)


def _opaque(tag: str) -> str:
    return tag.removeprefix("W/")


def _moment(text: str) -> datetime | None:
    """Return a time of HTTP; None where it is none."""
    try:
        found = parsedate_to_datetime(text) if text.isascii() and len(text) < 100 else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None
