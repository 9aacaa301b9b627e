"""wsu:Timestamp: made for a request, checked in a reply."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from lxml import etree

from adapters.soap.security.errors import SecurityFailure
from adapters.soap.security.names import ID, wsu

#: xs:dateTime in UTC, with any fraction; other zones are allowed by the standard and accepted.
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,12})?(Z|[+-]\d\d:\d\d)")


def instant(now: float) -> str:
    """Return epoch seconds as xs:dateTime in UTC with milliseconds."""
    at = dt.datetime.fromtimestamp(now, dt.UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def moment(text: str) -> float | None:
    """Return the epoch seconds of an xs:dateTime with zone; None = it is none."""
    text = text.strip()
    if not _INSTANT.fullmatch(text):
        return None
    try:
        # datetime takes six digits of a fraction at most
        return dt.datetime.fromisoformat(
            re.sub(r"(\.\d{6})\d+", r"\1", text).replace("Z", "+00:00")
        ).timestamp()
    except ValueError:
        return None


def timestamp(now: float, seconds: int, identifier: str) -> Any:
    """Return a wsu:Timestamp that is valid for `seconds`."""
    node = etree.Element(wsu("Timestamp"))
    node.set(ID, identifier)
    etree.SubElement(node, wsu("Created")).text = instant(now)
    etree.SubElement(node, wsu("Expires")).text = instant(now + seconds)
    return node


def check_timestamp(node: Any, *, now: float, skew: float, longest: float) -> None:
    """Refuse a timestamp that is from the future, over, or older than `longest` seconds.

    Raises:
        SecurityFailure: it is not valid now; the difference of the clocks is told.
    """
    created_text, expires_text = node.findtext(wsu("Created")), node.findtext(wsu("Expires"))
    created = moment(created_text or "")
    expires = moment(expires_text or "") if expires_text is not None else None
    if created is None or (expires_text is not None and expires is None):
        raise SecurityFailure("the Timestamp has no readable time")
    fix = "compare the clocks of both machines; skew_seconds forgives a difference"
    if created > now + skew:
        raise SecurityFailure(
            f"the Timestamp is {created - now:.0f} s in the future", fix=fix, code="MessageExpired"
        )
    if now > min(expires if expires is not None else created + longest, created + longest) + skew:
        raise SecurityFailure(
            f"the Timestamp of {now - created:.0f} s ago is over", fix=fix, code="MessageExpired"
        )
