"""Read your writes: a position in the log, as an answer's header, and waiting until a read model has it.

`Banyan-Position` of an answer says which events are in it: an opaque text of (topic, partition) → next
offset. A caller sends it back as `Banyan-Min-Position`, or the place of one event as `Banyan-Min-Offset:
topic:partition:offset`, and is answered from rows that are at least as new.
"""

from __future__ import annotations

import asyncio
import base64
import re
import time
from collections.abc import Awaitable, Callable, Mapping

import orjson

from connectors.readmodel.store import Place
from streams.api.message import Problem, Request

#: How long a request may wait; a proxy gives up at 30 to 60 seconds.
MOST_SECONDS = 30.0
_USUAL_SECONDS = 5.0
#: First pause between two looks, and the longest: a worker stores a batch every 10 to 100 ms.
_PAUSE, _LONGEST_PAUSE = 0.005, 0.05
_OFFSET = re.compile(r"([A-Za-z0-9._-]{1,249}):([0-9]{1,9}):([0-9]{1,18})\Z")
_PREFERRED = re.compile(r"(?:^|[,;\s])wait=([0-9]{1,4})(?:$|[,;\s])")

Position = Mapping[Place, int]


def token(position: Position) -> str:
    """Return a position as the opaque text of `Banyan-Position`."""
    plain = [[topic, partition, offset] for (topic, partition), offset in sorted(position.items())]
    return base64.urlsafe_b64encode(orjson.dumps(plain)).decode().rstrip("=")


def wanted(request: Request) -> dict[Place, int]:
    """Return the next offsets that a request asks for at least; empty where it asks for none.

    Raises:
        Problem: a header that is none (400).
    """
    asked: dict[Place, int] = {}
    if text := request.header(b"banyan-min-position"):
        try:
            plain = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True))
            for topic, partition, offset in plain:
                if (type(topic), type(partition), type(offset)) != (str, int, int):
                    raise ValueError
                asked[topic, partition] = offset
        except (ValueError, TypeError):
            raise Problem(400, "Banyan-Min-Position is no position; take it from Banyan-Position") from None
    if text := request.header(b"banyan-min-offset"):
        for part in text.split(","):
            if not (found := _OFFSET.match(part.strip())):
                raise Problem(400, "Banyan-Min-Offset is topic:partition:offset, several by commas")
            place = (found[1], int(found[2]))
            asked[place] = max(asked.get(place, 0), int(found[3]) + 1)
    return asked


def patience(request: Request) -> float:
    """Return how many seconds a request is willing to wait: `wait=` in the URL, else `Prefer: wait=`.

    Raises:
        Problem: no number from 0 to 30 (400).
    """
    texts = [text for name, text in request.query if name == "wait"]
    if not texts:
        found = _PREFERRED.search(request.header(b"prefer"))
        return min(float(found[1]), MOST_SECONDS) if found else _USUAL_SECONDS
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,3})?", texts[-1]) or float(texts[-1]) > MOST_SECONDS:
        raise Problem(400, f"wait is a number of seconds from 0 to {MOST_SECONDS:.0f}")
    return float(texts[-1])


async def reached(
    asked: Position, topics: set[str], look: Callable[[], Awaitable[Position]], seconds: float
) -> None:
    """Return once the read models have what was asked of their topics.

    Raises:
        Problem: they read none of its topics (400); they did not get so far in time (504).
    """
    mine = {place: offset for place, offset in asked.items() if place[0] in topics}
    if not mine:
        raise Problem(400, "nothing here reads a topic of the position that was asked for")
    deadline, pause = time.monotonic() + seconds, _PAUSE
    while True:
        position = await look()
        if all(position.get(place, 0) >= offset for place, offset in mine.items()):
            return
        if (left := deadline - time.monotonic()) <= 0:
            raise Problem(
                504,
                "the read model has not got as far as you asked for",
                headers={"Retry-After": "1", "Banyan-Position": token(position)},
            )
        await asyncio.sleep(min(pause, left))
        pause = min(pause * 2, _LONGEST_PAUSE)
