"""The answer to a received message, from the settings: fixed values, and some that follow the request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from adapters.soap.polling.paths import at

_PART = re.compile(r"\{(message_id|now|request)(?::([^{}]*))?\}")


def reply(template: Any, request: Any, message_id: str, now_ms: int) -> Any:
    """Return the template with its parts filled in.

    `{message_id}` is the id of the message, `{now}` the time (`{now:%Y%m%d%H%M%S}` in that format, in UTC),
    `{request:PATH}` what stands at a path of the request. A text that is one part alone becomes its value as
    it is, so a time stays a time; in a longer text it becomes text. Where the request has nothing at a path,
    the element is left out.
    """
    if isinstance(template, Mapping):
        made = {k: reply(v, request, message_id, now_ms) for k, v in template.items()}
        return {k: v for k, v in made.items() if v is not None}
    if isinstance(template, list | tuple):
        return [reply(v, request, message_id, now_ms) for v in template]
    if not isinstance(template, str):
        return template
    moment = datetime.fromtimestamp(now_ms / 1000, UTC)

    def part(match: re.Match[str]) -> Any:
        kind, argument = match.group(1), match.group(2) or ""
        if kind == "message_id":
            return message_id
        if kind == "request":
            return at(request, argument)
        return moment.strftime(argument) if argument else moment

    if whole := _PART.fullmatch(template):
        return part(whole)
    return _PART.sub(lambda m: str(part(m)), template)
