"""One batch adapter's folder, and what it has published; for tests against real Kafka."""

from __future__ import annotations

import io
import subprocess
import sys

import fastavro

from adapters.batch.spec import BatchSpec
from adapters.lifecycle import FOLLOWS, history
from adapters.runner import run
from connectors.log_reader import read_all
from connectors.registry import Registry
from connectors.settings import load


class Home:
    """A folder with adapter.toml and copybook; files are dropped into `inbox`."""

    def __init__(self, links, folder, *, name, topic, copybook):
        self.links, self.folder, self.name = links, folder, name
        self.topic = f"{links.prefix}.{topic}"
        self.inbox = folder / "inbox"
        folder.mkdir()
        (folder / f"{name}.cpy").write_text(copybook)

    def settings(self, text):
        (self.folder / "adapter.toml").write_text(text)

    def drop(self, name, content):
        self.inbox.mkdir(exist_ok=True)
        (self.inbox / name).write_bytes(content)

    @property
    def waiting(self):
        """Names of the files that lie there."""
        return sorted(p.name for p in self.inbox.iterdir())

    def run(self):
        spec = load(self.folder / "adapter.toml", BatchSpec)
        return run([(spec, self.folder)], self.links, once=True).adapters[self.name]

    def process(self, point):
        """Run in a process of its own that dies at `point`; return its exit code, and all that it said."""
        links = self.links
        arguments = [links.prefix, links.kafka.bootstrap, links.registry_url, links.state, self.folder, point]
        command = [sys.executable, "-m", "tests.integration.adapters.batch.arriving", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def records(self):
        return list(read_all(self.links.kafka, self.topic))

    def events(self):
        """Every committed event as it was decoded, in the order of each partition."""
        registry = Registry(self.links.registry_url)
        found = []
        for record in self.records():
            if record.value is not None:
                schema = registry.by_id(int.from_bytes(record.value[1:5], "big"))
                found.append(fastavro.schemaless_reader(io.BytesIO(record.value[5:]), schema))
        return found

    @property
    def tombstones(self):
        return sum(r.value is None for r in self.records())

    def told(self, *states):
        return [e for e in history(self.links, self.name) if e.state in states]

    def story(self):
        """All states that were told of extracts, each of which may follow the one before."""
        last, states = {}, []
        for event in history(self.links, self.name):
            if event.extract:
                assert event.state in FOLLOWS[last.get(event.extract, "")], (event, states)
                last[event.extract] = event.state
                states.append(event.state)
        return states
