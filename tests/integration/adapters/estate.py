"""An estate with one JSON source, for tests of what every adapter shares."""

from __future__ import annotations

import io
import json

import fastavro

from adapters.lifecycle import history
from adapters.runner import run
from adapters.testing import JsonRowsSpec
from connectors.log_reader import read_all
from connectors.registry import Registry


class Estate:
    """A folder with one JSON source, and what it has published."""

    def __init__(self, links, folder):
        self.links, self.folder = links, folder
        self.inbox = folder / "inbox"
        self.inbox.mkdir(parents=True)
        self.day = 0

    def drop(self, rows=(), name=None, **more):
        self.day += 1
        path = self.inbox / (name or f"day{self.day:02}.json")
        path.write_text(json.dumps({"rows": [row(*r) for r in rows], "day": self.day, **more}))
        return path

    def run(self, **spec):
        events = spec.pop("transaction_events", 50_000)
        settings = JsonRowsSpec(name="src", system="core", every_seconds=0.05, **spec)
        return run([(settings, self.folder)], self.links, once=True, transaction_events=events)

    def status(self, **spec):
        return self.run(**spec).adapters["src"]

    @property
    def topic(self):
        return f"{self.links.prefix}.core.account"

    def records(self):
        return list(read_all(self.links.kafka, self.topic))

    def events(self):
        """(op, before, after) of every committed event, by partition order."""
        return [decode(self.links, r.value) for r in self.records() if r.value is not None]

    def lifecycle(self, *, every=False):
        """The states told, oldest first; those in which nothing is decided only if `every`."""
        told = [e.state for e in history(self.links, "src")]
        return [s for s in told if every or s not in ("reading", "completed", "archived")]

    def stories(self):
        """Extract → its states as they were told, of every extract that is a file."""
        told, files = {}, set()
        for event in history(self.links, "src"):
            told.setdefault(event.extract, []).append(event.state)
            files |= {event.extract} if event.file else set()
        return {extract: states for extract, states in told.items() if extract in files}

    def marks(self):
        return [json.loads(r.value) for r in read_all(self.links.kafka, self.links.topics.transaction.name)]


def row(key, amount, note=None):
    return {"id": key, "amount": amount, "note": note}


def decode(links, value):
    schema = Registry(links.registry_url).by_id(int.from_bytes(value[1:5], "big"))
    return fastavro.schemaless_reader(io.BytesIO(value[5:]), schema)


def summary(event):
    image = event["after"] or event["before"]
    return event["op"], image["id"], image["amount"]


def many(n, start=0):
    return [(f"k{i:05}", i) for i in range(start, n)]
