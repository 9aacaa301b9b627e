"""Which topic a read model was built from: rows of one never mix with those of another."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.errors import Terminal

#: Layout of a store; a newer Banyan's is refused, instead of guessed at.
FORMAT = 1


def check_origin(meta: Mapping[str, str], topic: str, topic_id: str, *, where: str) -> dict[str, str]:
    """Return the facts to keep, where a store's facts fit.

    Raises:
        Terminal: a newer format, another topic, or one that was made anew under the same name.
    """
    if (found := int(meta.get("format", FORMAT))) > FORMAT:
        raise Terminal(
            f"the read model has format {found}, this Banyan reads up to {FORMAT}",
            where=where,
            fix="run the newer Banyan, or give the projection a new version to rebuild it",
        )
    if meta.get("topic", topic) != topic:
        raise Terminal(
            f"the read model was built from {meta['topic']}, the projection now reads {topic}",
            where=where,
            fix="give the projection a new version",
        )
    if topic_id and meta.get("topic_id", topic_id) != topic_id:
        # Its offsets mean other events: going on at the stored ones would leave out the first.
        raise Terminal(
            f"the topic {topic} was made anew since this read model was built",
            where=where,
            fix="give the projection a new version, so that it is built from the topic as it is now",
        )
    return {"format": str(FORMAT), "topic": topic} | ({"topic_id": topic_id} if topic_id else {})
