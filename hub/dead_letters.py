"""The dead letters of an estate, without their content."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from connectors.log_reader import read_all

if TYPE_CHECKING:
    from hub.estate import Estate


def dead_letters(estate: Estate) -> list[dict[str, Any]]:
    """Return place and reason of every dead letter, oldest first. Raw bytes stay on Kafka (G10)."""
    links = estate.links()
    letters = []
    for system in sorted({spec.system for spec, _ in estate.adapters}):
        topic = estate.topics.dlq(system).name
        for record in read_all(links.kafka, topic):
            letter: dict[str, Any] = {
                name.removeprefix("banyan."): (value or b"").decode("utf-8", "replace")
                for name, value in record.headers
                if name.startswith("banyan.")
            }
            at = int(letter.pop("at_ms", 0) or record.timestamp_ms)
            letter |= {
                "at": datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="seconds"),
                "system": system,
                "topic": topic,
                "offset_in_topic": record.offset,
                "bytes": len(record.value or b""),
            }
            letters.append(letter)
    return sorted(letters, key=lambda letter: (letter["at"], letter["topic"], letter["offset_in_topic"]))
