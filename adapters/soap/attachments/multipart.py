"""multipart/related (RFC 2387) as a stream: bytes in, parts out, in bounded memory."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message

from adapters.soap.errors import BrokenAnswer

#: A part's headers are a few hundred bytes.
_MAX_HEADER_BYTES = 16 << 10
#: RFC 2046 section 5.1.1.
_MAX_BOUNDARY = 70
_PADDING = re.compile(rb"[ \t]*\r\n")


@dataclass(frozen=True, slots=True)
class Begin:
    """A part begins."""

    headers: Mapping[str, str]

    @property
    def content_id(self) -> str:
        """Content-ID without its angle brackets."""
        return self.headers.get("content-id", "").strip().removeprefix("<").removesuffix(">")


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of the part that began last."""

    content: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The part that began last is whole."""


Event = Begin | Data | End


def parameters(content_type: str) -> tuple[str, dict[str, str]]:
    """Return the media type and the parameters of a Content-Type header, both in lower case but values."""
    message = Message()
    message["Content-Type"] = " ".join(content_type.split())
    found = message.get_params([], unquote=True)
    return message.get_content_type(), {key.lower(): value for key, value in found[1:]}


class Multipart:
    """Feed bytes, take events, then `close`."""

    def __init__(self, boundary: str, *, max_parts: int, where: str) -> None:
        """Prepare for a message.

        Raises:
            BrokenAnswer: the boundary is none.
        """
        self._where, self._max_parts = where, max_parts
        if not 0 < len(boundary) <= _MAX_BOUNDARY or not boundary.isascii():
            raise self._broken("the multipart message has no usable boundary")
        self._delimiter = b"\r\n--" + boundary.encode()
        # The first delimiter may stand at the very start: as if a line end were before it.
        self._buffer = bytearray(b"\r\n")
        self._state = self._preamble
        self._parts = 0

    def feed(self, data: bytes) -> Iterator[Event]:
        """Take more bytes; yield what became known.

        Raises:
            BrokenAnswer: this is no multipart message, or it has too many parts.
        """
        self._buffer += data
        while True:
            before, size = self._state, len(self._buffer)
            yield from self._state()
            if self._state == before and len(self._buffer) == size:
                return

    def close(self) -> None:
        """End the message.

        Raises:
            BrokenAnswer: it was cut off.
        """
        if self._state != self._epilogue:
            raise self._broken("the multipart message was cut off")

    def _preamble(self) -> Iterator[Event]:
        yield from ()
        at = self._buffer.find(self._delimiter)
        if at < 0:
            if len(self._buffer) > _MAX_HEADER_BYTES:
                raise self._broken("the multipart message does not begin")
            return
        del self._buffer[:at]
        self._after_delimiter(data=b"")

    def _headers(self) -> Iterator[Event]:
        # An empty block of headers is a lone line end.
        at = -2 if self._buffer.startswith(b"\r\n") else self._buffer.find(b"\r\n\r\n")
        if at == -1:
            if len(self._buffer) > _MAX_HEADER_BYTES:
                raise self._broken("the headers of a part do not end")
            return
        if at > _MAX_HEADER_BYTES:
            raise self._broken("the headers of a part do not end")
        block = bytes(self._buffer[: max(at, 0)])
        del self._buffer[: at + 4]
        self._parts += 1
        if self._parts > self._max_parts:
            raise self._broken(f"the message has more than {self._max_parts} parts")
        self._state = self._body
        yield Begin(self._parsed(block))

    def _body(self) -> Iterator[Event]:
        at = self._buffer.find(self._delimiter)
        if at < 0:
            ready = len(self._buffer) - len(self._delimiter) + 1
            if ready > 0:
                content = bytes(self._buffer[:ready])
                del self._buffer[:ready]
                yield Data(content)
            return
        if at:
            content = bytes(self._buffer[:at])
            del self._buffer[:at]
            yield Data(content)
        line = bytes(self._buffer[: len(self._delimiter)])
        ended = self._after_delimiter(data=line)
        if ended is None:
            return
        yield End() if ended else Data(line)

    def _epilogue(self) -> Iterator[Event]:
        self._buffer.clear()
        yield from ()

    def _after_delimiter(self, data: bytes) -> bool | None:
        """Read what follows a delimiter at the buffer's start: None = more bytes needed, False = none."""
        end = len(self._delimiter)
        rest = bytes(self._buffer[end : end + 200])
        if rest.startswith(b"--"):
            self._state = self._epilogue
            return True
        if match := _PADDING.match(rest):
            del self._buffer[: end + match.end()]
            self._state = self._headers
            return True
        if not rest.strip(b" \t") or rest in (b"-", b"\r") or re.fullmatch(rb"[ \t]*\r", rest):
            if len(rest) >= 200:
                raise self._broken("a delimiter of the multipart message does not end")
            return None
        del self._buffer[:end]  # a longer line that begins like the delimiter: it is data
        return False

    def _parsed(self, block: bytes) -> dict[str, str]:
        headers: dict[str, str] = {}
        unfolded = re.sub(r"\r\n[ \t]+", " ", block.decode("utf-8", "replace"))
        for line in filter(None, unfolded.split("\r\n")):
            name, colon, value = line.partition(":")
            if not colon or not name.strip():
                raise self._broken("a part has a broken header")
            if headers.setdefault(name.strip().lower(), value.strip()) != value.strip():
                raise self._broken("a header of a part stands twice")
        return headers

    def _broken(self, what: str) -> BrokenAnswer:
        return BrokenAnswer(what, where=self._where, fix="ask the service's owner; the call may be repeated")
