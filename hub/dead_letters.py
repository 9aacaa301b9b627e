"""The dead letters of an estate, without their content."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from connectors.log_reader import read_all
from schemas.errors import SettingsError

if TYPE_CHECKING:
    from hub.estate import Estate


def dead_letters(estate: Estate) -> list[dict[str, Any]]:
    """Return place and reason of every dead letter, oldest first. Raw bytes stay on Kafka (G10)."""
    letters = [letter for letter, _ in _read(estate)]
    return sorted(letters, key=lambda letter: (letter["at"], letter["topic"], letter["offset_in_topic"]))


def dead_letter(estate: Estate, letter: str) -> tuple[dict[str, Any], bytes | None]:
    """Return one dead letter (`SYSTEM:OFFSET`) and its bytes.

    Raises:
        SettingsError: there is none.
    """
    for facts, value in _read(estate):
        if facts["letter"] == letter:
            return facts, value
    raise SettingsError("no such dead letter", where=letter, fix="see `banyan dlq list`")


def _read(estate: Estate) -> Iterator[tuple[dict[str, Any], bytes | None]]:
    links = estate.links()
    systems = {spec.system for spec, _ in estate.adapters} | {p.system for p in estate.projections}
    for system in sorted(systems):
        topic = estate.topics.dlq(system).name
        for record in read_all(links.kafka, topic):
            letter: dict[str, Any] = {
                name.removeprefix("banyan."): (value or b"").decode("utf-8", "replace")
                for name, value in record.headers
                if name.startswith("banyan.")
            }
            at = int(letter.pop("at_ms", 0) or record.timestamp_ms)
            letter |= {
                "letter": f"{system}:{record.offset}",
                "at": datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="seconds"),
                "system": system,
                "topic": topic,
                "offset_in_topic": record.offset,
                "bytes": len(record.value or b""),
            }
            yield letter, record.value
