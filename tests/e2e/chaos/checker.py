"""Recompute the truth from the log: what was published, in which order, how often, and what was projected."""

from __future__ import annotations

import io
import json
import sqlite3
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro

from connectors.links import Links
from connectors.log_reader import read_all
from connectors.registry import Registry
from tests.e2e.chaos.ledger import Row

Change = tuple[str, str, Row | None, Row | None]  # key, op, before, after


def expected_changes(days: list[dict[str, Row]]) -> list[Counter[Change]]:
    """The changes of each day against the day before, by a plain dictionary comparison."""
    changes = []
    for number, today in enumerate(days):
        yesterday = days[number - 1] if number else {}
        day: Counter[Change] = Counter()
        for key in yesterday.keys() | today.keys():
            before, after = yesterday.get(key), today.get(key)
            if before != after:
                op = "r" if number == 0 else "c" if before is None else "d" if after is None else "u"
                day[key, op, before, after] += 1
        changes.append(day)
    return changes


def published_changes(links: Links, topic: str) -> tuple[list[Counter[Change]], int]:
    """Every committed change by extract, in order of the log, and the number of tombstones.

    Also asserts that each event's `before` is the `after` of its key's event before it: an event that was
    lost or applied twice breaks that chain.
    """
    registry, parsed = Registry(links.registry_url), {}
    by_extract: dict[str, Counter[Change]] = {}
    current: dict[str, Row] = {}
    tombstones = 0
    for message in read_all(links.kafka, topic):
        if message.value is None:
            tombstones += 1
            continue
        schema_id = int.from_bytes(message.value[1:5], "big")
        if schema_id not in parsed:
            parsed[schema_id] = fastavro.parse_schema(registry.by_id(schema_id))
        event: Any = fastavro.schemaless_reader(io.BytesIO(message.value[5:]), parsed[schema_id], None)
        before, after = row_of(event["before"]), row_of(event["after"])
        key = (event["after"] or event["before"])["LEDGER_ID"]
        assert current.get(key) == before, f"{key}: event says before={before}, log says {current.get(key)}"
        if after is None:
            del current[key]
        else:
            current[key] = after
        extract = by_extract.setdefault(event["source"]["extract"], Counter())
        extract[key, event["op"], before, after] += 1
    return list(by_extract.values()), tombstones


def row_of(image: dict[str, Any] | None) -> Row | None:
    """The ledger's row in a before or after image."""
    if image is None:
        return None
    return int(image["BALANCE"] * 100), image["VERSION_NO"], image["STATE_CODE"]


def ends(links: Links) -> list[dict[str, Any]]:
    """The END record of every published extract that changed something, in order."""
    values = [json.loads(r.value) for r in read_all(links.kafka, links.topics.transaction.name) if r.value]
    return [v for v in values if v["status"] == "END" and v["event_count"]]


def projected_rows(file: Path) -> dict[str, Row]:
    """The rows of the read model, read without Banyan's code; none before its table is there."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        database.row_factory = sqlite3.Row
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'rows'").fetchone():
            return {}
        rows = [dict(r) for r in database.execute("SELECT * FROM rows")]
    return {
        r["ledger_id"]: (int(Decimal(r["balance"]) * 100), r["version_no"], r["state_code"]) for r in rows
    }


def applied_events(file: Path) -> int:
    """How many events the worker says it has applied."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
        return int(
            json.loads(database.execute("SELECT value FROM stats WHERE name = 'events'").fetchone()[0])
        )
