"""Which operation a path means: exact segments, no normalising, so that no trick finds another route."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from strangler.operation import Operation

#: A business key is shorter; a longer one is somebody's experiment.
MAX_PARAMETER: Final = 256


@dataclass(frozen=True, slots=True)
class Route:
    """A match: the operation's name and the path's parameters, decoded."""

    operation: str
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True)
class NoRoute:
    """No match. `allow` names the methods that the path does have, `bad` a parameter that is not one."""

    allow: tuple[str, ...] = ()
    bad: str = ""


class Router:
    """The REST routes of the operations."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self._shapes: dict[int, list[tuple[tuple[tuple[str, bytes], ...], str, str]]] = {}
        for operation in operations:
            segments = [_segment(s) for s in operation.rest.path.split("/")[1:]]
            entry = (tuple(segments), operation.rest.method, operation.name)
            self._shapes.setdefault(len(segments), []).append(entry)
        for shapes in self._shapes.values():  # a literal beats a parameter at the same place
            shapes.sort(key=lambda s: [bool(name) for name, _ in s[0]])

    def find(self, method: str, path: bytes) -> Route | NoRoute:
        """Return the route of a raw (still percent-encoded) path."""
        parts = path.split(b"/")[1:]
        allow = []
        for segments, wanted, operation in self._shapes.get(len(parts), ()):
            if all(name or literal == part for (name, literal), part in zip(segments, parts, strict=True)):
                if method != wanted:
                    allow.append(wanted)
                    continue
                return _route(operation, segments, parts)
        return NoRoute(allow=tuple(sorted(set(allow))))


def _segment(text: str) -> tuple[str, bytes]:
    return (text[1:-1], b"") if text.startswith("{") else ("", text.encode())


def _route(operation: str, segments: Sequence[tuple[str, bytes]], parts: list[bytes]) -> Route | NoRoute:
    parameters: dict[str, str] = {}
    for (name, _), part in zip(segments, parts, strict=True):
        if not name:
            continue
        try:
            value = unquote_to_bytes(part).decode()
        except UnicodeDecodeError:
            return NoRoute(bad=name)
        # `.` and `..` would be walked by URL software further on
        if not value or len(value) > MAX_PARAMETER or value in (".", "..") or not value.isprintable():
            return NoRoute(bad=name)
        parameters[name] = value
    return Route(operation, parameters)
