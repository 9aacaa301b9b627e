"""Requests and answers as plain values, and the problem document that every error is (RFC 9457)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = "application/json"
#: More parameters than any question has; each costs time.
_MOST_PARAMETERS = 200


class Problem(Exception):
    """An answer that is an error: status, one sentence without personal data, and headers."""

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        self.status, self.detail, self.headers = status, detail, dict(headers or {})
        super().__init__(detail)

    def answer(self) -> Answer:
        """Return the problem document. `instance` is left out: a path may hold a key."""
        title = HTTPStatus(self.status).phrase
        body = {"type": "about:blank", "title": title, "status": self.status, "detail": self.detail}
        return Answer(orjson.dumps(body), self.status, "application/problem+json", self.headers)


@dataclass(slots=True)
class Answer:
    """What goes back: a whole body, or one that is made while it is sent."""

    body: bytes = b""
    status: int = 200
    kind: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    stream: AsyncIterator[bytes] | None = None


class Request:
    """One request; nothing of it is parsed before it is asked for."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self.method: str = scope["method"]

    @cached_property
    def segments(self) -> list[str]:
        """The parts of the path; the raw path keeps an escaped slash inside a part."""
        raw: bytes | None = self._scope.get("raw_path")
        if not raw:
            return str(self._scope["path"]).split("/")[1:]
        return [unquote(part) for part in raw.split(b"?")[0].decode("ascii", "replace").split("/")[1:]]

    @cached_property
    def query(self) -> list[tuple[str, str]]:
        """The parameters, in their order.

        Raises:
            Problem: too many.
        """
        text = self._scope["query_string"]
        if not text:
            return []
        try:
            return parse_qsl(text.decode("ascii", "replace"), keep_blank_values=True,
                             max_num_fields=_MOST_PARAMETERS)  # fmt: skip
        except ValueError:
            raise Problem(400, f"at most {_MOST_PARAMETERS} parameters") from None

    def header(self, name: bytes) -> str:
        """Return a header's value by its lower-case name; several of a name as one list, none as empty."""
        found = [value for key, value in self._scope["headers"] if key == name]
        return b",".join(found).decode("latin-1") if found else ""


def dumped(body: Any) -> bytes:
    """Return `body` as JSON."""
    return orjson.dumps(body)
