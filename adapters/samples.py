"""Some keys of a held extract, as pseudonyms: enough to ask about, not to read a person from."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.channel import Channel
from adapters.spool import Spool
from schemas.codec import Decoder
from schemas.envelope import envelope_schema
from schemas.key_text import key_text, pseudonym
from schemas.wire import HEADER

#: So many keys of each kind are shown.
_SHOWN = 3
#: So many records are looked at from each end of an entity's events: deletes stand last.
_LOOKED_AT = 1_000

Samples = dict[str, dict[str, tuple[str, ...]]]


def samples(spool: Spool, channels: Mapping[str, Channel], secret: bytes) -> Samples:
    """Return pseudonyms of some keys, by entity and operation (r, c, u, d).

    They are the pseudonyms that dead letters carry, so the two can be matched.

    Args:
        spool: the held extract.
        channels: each entity's way to Kafka, by entity name.
        secret: the estate's key secret.
    """
    found: Samples = {}
    start = 0
    by_topic = {channel.topic: (name, channel) for name, channel in channels.items()}
    for file in spool.manifest.files:
        if file.topic in by_topic:
            name, channel = by_topic[file.topic]
            ends = {start: _LOOKED_AT, max(start, start + file.rows - _LOOKED_AT): _LOOKED_AT}
            kinds: dict[str, dict[str, None]] = {}
            for position, limit in ends.items():
                _look(spool, channel, position, min(limit, start + file.rows - position), secret, kinds)
            found[name] = {op: tuple(keys)[:_SHOWN] for op, keys in sorted(kinds.items())}
        start += file.rows
    return found


def _look(
    spool: Spool, channel: Channel, position: int, limit: int, secret: bytes, into: dict[str, dict[str, None]]
) -> None:
    envelopes = Decoder(envelope_schema(channel.topic, channel.entity, channel.prefix), fields=["op"])
    keys = Decoder(channel.entity.key_schema(channel.topic))
    for piece in spool.pieces(position, limit):
        events = [
            (k, v)
            for k, v in zip(piece.key.to_pylist(), piece.value.to_pylist(), strict=True)
            if v is not None and k is not None
        ]
        if not events:
            continue
        ops = envelopes.decode([v for _, v in events], skip=HEADER).batch.column("op").to_pylist()
        batch = keys.decode([k for k, _ in events], skip=HEADER).batch
        if channel.secret is not None:
            names = batch.column("pseudonym").to_pylist()
        else:
            names = [pseudonym(secret, text) for text in key_text(channel.entity, batch).to_pylist()]
        for op, name in zip(ops, names, strict=True):
            if len(into.setdefault(op, {})) < _SHOWN:
                into[op][name] = None
