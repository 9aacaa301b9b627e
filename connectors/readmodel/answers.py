"""Requests about parked events in a store's own tables: asked by a person, answered by the worker.

The worker alone writes rows, so a command leaves a request, and the worker answers it in the transaction of
its effects: once, whatever crashes. Answered requests stay: who, when, why and what came of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from connectors.readmodel.statements import quoted
from connectors.readmodel.store import Answer, Parked, Place, Request
from connectors.readmodel.table import Table

#: Runs one statement with `?` for its values, and returns its rows.
Run = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]


def unanswered(run: Run, places: Sequence[Place]) -> list[Request]:
    """Return the open requests about these partitions, in order."""
    rows = run(
        'SELECT id, key, topic, partition, "offset", was, action, value, who, why FROM requests '
        "WHERE done_ms IS NULL ORDER BY id",
        (),
    )
    wanted = set(places)
    return [
        Request(row[0], Parked(bytes(row[1]), row[2], row[3], row[4], row[5], ""), *row[6:])
        for row in rows
        if (row[2], row[3]) in wanted
    ]


def answer_request(run: Run, answer: Answer) -> None:
    """Write what became of a request. The caller's transaction holds its effects too."""
    event = answer.request.event
    place = (event.topic, event.partition)
    for offset in answer.released:
        run('DELETE FROM parked WHERE topic = ? AND partition = ? AND "offset" = ?', (*place, offset))
    for kept in answer.kept:
        run(
            'UPDATE parked SET value = ?, reason = ? WHERE topic = ? AND partition = ? AND "offset" = ?',
            (kept.value, kept.reason, *place, kept.offset),
        )
    run(
        "UPDATE requests SET done_ms = ?, outcome = ? WHERE id = ?",
        (int(time.time() * 1000), answer.outcome, answer.request.id),
    )


def lineage_of(
    run: Run, table: Table, keys: Sequence[tuple[Any, ...]]
) -> dict[tuple[Any, ...], tuple[int, int]]:
    """Return (partition, offset) of the event behind each row that there is of these keys."""
    where = " AND ".join(f"{quoted(k)} = ?" for k in table.key)
    found = {}
    for key in keys:
        for row in run(f"SELECT _partition, _offset FROM rows WHERE {where}", key):  # noqa: S608
            found[key] = (int(row[0]), int(row[1]))
    return found
