"""The ends of extracts as they come to pass, from the transaction topic."""

from __future__ import annotations

import json
import logging

from connectors.links import Links
from strangler.completeness import Mark, Marks
from strangler.tail import tail

log = logging.getLogger(__name__)


class MarkWatch:
    """Follows `<prefix>.transaction` and knows which extract covers a moment."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._marks = Marks()

    def covering(self, adapter: str, since_ms: int) -> Mark | None:
        """Return the first known extract of `adapter` that began to read at `since_ms` or later."""
        return self._marks.covering(adapter, since_ms)

    async def run(self) -> None:
        """Follow the topic until cancelled."""
        await tail(self._links, self._links.topics.transaction, self._take, restarted=self._restarted)

    def _restarted(self) -> None:
        self._marks = Marks()

    def _take(self, key: bytes | None, value: bytes | None) -> None:
        try:
            record = json.loads(value or b"null")
            if isinstance(record, dict):
                self._marks.add(record)
        except (ValueError, TypeError, AttributeError):
            log.warning("a record of the transaction topic cannot be read; it is passed over")
