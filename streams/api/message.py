"""Requests and answers as plain values, and the problem document that every error is (RFC 9457)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
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
    """One request.

    Attributes:
        method: in capitals.
        segments: the parts of the path; the raw path keeps an escaped slash inside a part.
    """

    __slots__ = ("_headers", "_query", "method", "segments")

    def __init__(self, scope: Scope) -> None:
        self.method: str = scope["method"]
        raw: bytes | None = scope.get("raw_path")
        if raw:
            path = raw.split(b"?")[0].decode("ascii", "replace")
            parts = path.split("/")[1:]
            self.segments = [unquote(part) for part in parts] if "%" in path else parts
        else:
            self.segments = str(scope["path"]).split("/")[1:]
        self._query: bytes = scope["query_string"]
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        if len(self._headers) != len(scope["headers"]):  # some are there twice
            for name in self._headers:
                self._headers[name] = b",".join(v for k, v in scope["headers"] if k == name)

    @property
    def query(self) -> list[tuple[str, str]]:
        """The parameters, in their order.

        Raises:
            Problem: too many.
        """
        if not self._query:
            return []
        try:
            return parse_qsl(self._query.decode("ascii", "replace"), keep_blank_values=True,
                             max_num_fields=_MOST_PARAMETERS)  # fmt: skip
        except ValueError:
            raise Problem(400, f"at most {_MOST_PARAMETERS} parameters") from None

    def header(self, name: bytes) -> str:
        """Return a header's value by its lower-case name; several of a name as one list, none as empty."""
        return self._headers.get(name, b"").decode("latin-1")


def dumped(body: Any) -> bytes:
    """Return `body` as JSON."""
    return orjson.dumps(body)
