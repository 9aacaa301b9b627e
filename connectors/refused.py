"""What a Kafka client library refused, before anybody has said what it means."""

from __future__ import annotations


class Refused(Exception):
    """One error of librdkafka.

    Attributes:
        code: librdkafka's or Kafka's error code; of a fatal error its cause, never "fatal" alone.
        text: what the library says.
        fatal: True where the producer can never be used again.
    """

    def __init__(self, code: int, text: str, *, fatal: bool = False) -> None:
        super().__init__(text)
        self.code, self.text, self.fatal = code, text, fatal
