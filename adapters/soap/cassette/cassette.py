"""A cassette: exchanges in a JSON-lines file, in the order in which they happened."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from adapters.soap.envelope import envelope_namespace
from adapters.soap.safe_xml import parse_answer
from schemas.errors import SettingsError, Terminal

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came back.

    Attributes:
        operation: its name.
        request: envelope, masked.
        reply: envelope, masked; empty where none came.
        status: of HTTP; 0 = no answer.
        failure: class of our error where no reply could be read, empty otherwise.
    """

    operation: str
    request: str
    reply: str
    status: int
    failure: str = ""


class Cassette:
    """Exchanges, and which of them answers a request."""

    def __init__(self, exchanges: Iterable[Exchange], where: str = "cassette") -> None:
        self.exchanges, self._where = tuple(exchanges), where
        self._by_request: dict[tuple[str, str], list[Exchange]] = {}
        for exchange in self.exchanges:
            key = (exchange.operation, _body(exchange.request.encode()))
            self._by_request.setdefault(key, []).append(exchange)
        self._played: dict[tuple[str, str], int] = {}

    def __repr__(self) -> str:
        return f"<Cassette {self._where}: {len(self.exchanges)} exchanges>"

    @classmethod
    def load(cls, path: Path) -> Cassette:
        """Read a cassette.

        Raises:
            SettingsError: it cannot be read, or is none.
        """
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
            head, *rest = [json.loads(line) for line in lines if line.strip()]
            if head.get("banyan_cassette") != _VERSION:
                raise ValueError
            return cls([Exchange(**line) for line in rest], str(path))
        except OSError as error:
            raise SettingsError(
                f"cannot read the cassette: {error.strerror}", where=str(path), fix="record it first"
            ) from None
        except (ValueError, TypeError, AttributeError):
            raise SettingsError("this is no cassette", where=str(path), fix="record it anew") from None

    @staticmethod
    def save(path: Path, exchanges: Iterable[Exchange]) -> None:
        """Write a cassette, whole or not at all."""
        lines = [json.dumps({"banyan_cassette": _VERSION, "personal_data": "replaced by pseudonyms"})]
        lines += [json.dumps(asdict(exchange), ensure_ascii=False) for exchange in exchanges]
        partial = path.with_name(f"{path.name}.partial")
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
        partial.replace(path)

    def answer(self, operation: str, request: bytes) -> Exchange:
        """Return the exchange with this request: of several the next, at last the last again.

        Raises:
            Terminal: none was recorded.
        """
        key = (operation, _body(request))
        found = self._by_request.get(key)
        if not found:
            others = sum(1 for e in self.exchanges if e.operation == operation)
            raise Terminal(
                f"no recorded request of {operation} is this one ({others} other(s) are recorded)",
                where=self._where,
                fix="record it anew, or ask with the values of the cassette: personal ones are made up",
            )
        at = self._played.get(key, 0)
        self._played[key] = at + 1
        return found[min(at, len(found) - 1)]


def _body(message: bytes) -> str:
    """Return what two requests have in common if they are the same: names, attributes, texts of the body."""
    root = parse_answer(message, "cassette")
    body = root.find(f"{{{envelope_namespace(root.tag)}}}Body")
    return repr([_plain(node) for node in (root if body is None else body)])


def _plain(node: Any) -> tuple[Any, ...]:
    """Return an element without prefixes and white space between elements."""
    text = node.text or ""
    return (
        node.tag,
        sorted(node.attrib.items()),
        "" if len(node) and text.isspace() else text,
        [_plain(child) for child in node],
    )
