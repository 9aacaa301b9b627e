"""SIGKILL while SOAP is polled, fetched and received: nothing lost, nothing twice, no false delete (G1)."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import fastavro
import pytest
import requests

from adapters.soap.serve.asgi import SoapServer
from adapters.soap.serve.listener import Listener
from adapters.state import read_states
from connectors.log_reader import read_all
from connectors.registry import Registry
from tests.evidence import ROOT, keep
from tests.register import START, Register, contract

pytestmark = pytest.mark.integration

SEED = int(os.environ.get("BANYAN_SEED", "20261124"))
WAYS = ("list", "tagged", "since", "queue", "receive")
#: Those whose whole picture is compared: of some versions it shows nothing.
_LISTS = ("list", "tagged")
#: Persons that changes are about: few, so that most events are updates of a known one.
_PERSONS = 12
#: Messages in the queue, at most.
_WAITING = 200
_BASE = {
    "kind": "soap", "wsdl": "register.wsdl", "entity": "person", "key": ["id"], "every_seconds": 0.05,
    "partitions": 2, "limits": {"concurrency": 4, "requests_per_second": 1e5},
    "guard": {"max_delete_share": 1.0}, "timeout_seconds": 10,
}  # fmt: skip
_ACTION = {"element": "kind", "upsert": ["W"], "delete": ["V"]}


def test_killed_while_changes_come(links, free_port):
    """Five kills at random moments leave the events of every way to see change exact."""
    with Legacy(links, free_port) as legacy:
        facts = legacy.work(kills=5, seconds=1.0, moments=random.Random(SEED))
    assert facts["lost"] == facts["twice"] == facts["false_deletes"] == 0
    assert facts["events"] > 100
    assert facts["not_changed"] > 0


@pytest.mark.soak
@pytest.mark.timeout(1_500)
def test_soak_soap(links, free_port):
    """Forty kills at random moments leave the events of every way to see change exact."""
    with Legacy(links, free_port) as legacy:
        facts = legacy.work(kills=40, seconds=2.0, moments=random.Random(SEED))
    keep("soap", {"seed": SEED, "rounds": 40, **facts})
    assert facts["lost"] == facts["twice"] == facts["false_deletes"] == 0


@pytest.fixture
def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Legacy:
    """Four registers, one for each way, what was said to each, and the process that listens."""

    def __init__(self, links: Any, port: int) -> None:
        self.links, self.port = links, port
        self.registers = {way: Register(range(1, 40) if way in _LISTS else range(0)) for way in WAYS}
        self.said: dict[tuple[str, int], list[tuple[str, str | None]]] = defaultdict(list)
        self.redelivered = self.gone = 0
        self.tagged = Tagged(SoapServer(contract(), _answers(self.registers["tagged"]), path="/register"))
        self._ended = threading.Event()
        self._quiet = threading.Event()

    def __enter__(self) -> Legacy:
        self.listeners = {
            way: Listener(
                self.tagged if way == "tagged" else SoapServer(contract(), _answers(r), path="/register"),
                "127.0.0.1",
                0,
            )
            for way, r in self.registers.items()
            if way != "receive"
        }
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for listener in self.listeners.values():
            listener.close()

    def work(self, *, kills: int, seconds: float, moments: random.Random) -> dict[str, Any]:
        """Say changes while the process is killed again and again; then let it finish, and compare."""
        saying = [
            threading.Thread(target=self._say, args=(way, moments.random()), daemon=True) for way in WAYS
        ]
        for thread in saying:
            thread.start()
        killed = 0
        while killed < kills:
            process = self._start()
            # Some are killed while they start, most in the middle of their work.
            self._looks(process, moments.choice((0, 1, 5, 5, 5)))
            time.sleep(moments.uniform(0.0, seconds))
            killed += process.poll() is None
            process.kill()
            process.communicate()
        self._ended.set()
        process = self._start()
        for thread in saying:
            thread.join(60)
            assert not thread.is_alive(), "a message is never taken"
        self._await(lambda: not any(self._open().values()), process)
        process.terminate()
        process.communicate(timeout=30)
        facts = {"killed": killed, "sent_again": self.redelivered, "not_changed": self.tagged.not_changed}
        return self._check() | facts

    def _say(self, way: str, seed: float) -> None:
        """Change persons until told to end; a message that is not answered is sent again."""
        rng, register, n = random.Random(seed), self.registers[way], 0
        while not self._ended.is_set():
            if len(register.queue) > _WAITING:
                time.sleep(0.05)  # killed as often as here, the adapter takes less than could be said
                continue
            n += 1
            number, name = rng.randint(1, _PERSONS), f"{way}{n}"
            delete = rng.random() < 0.15
            if way in _LISTS:
                if delete and number in register.persons:
                    with register._lock:
                        del register.persons[number]
                else:
                    register.change(number, name)
            elif way == "since":
                register.change(number, name, status="GONE" if delete else "ACTIVE")
            elif way == "queue":
                register.send("V" if delete else "W", number, name=name)
                self.said[way, number].append(("d", None) if delete else ("u", name))
            else:
                self._notify(register, n, number, name, delete=delete)
                self.said[way, number].append(("d", None) if delete else ("u", name))
            # A list that changes all the time is never "not changed".
            time.sleep(rng.uniform(0.0, 0.5 if way == "tagged" else 0.05))

    def _notify(self, register: Register, n: int, number: int, name: str, *, delete: bool) -> None:
        person = {"id": number, "status": "ACTIVE", "name": name, "changed": START}
        body = contract().encode_request(
            "Notify", {"reference": f"m{n}", "kind": "V" if delete else "W", "person": [person]}
        )
        while True:
            try:
                answer = requests.post(
                    f"http://127.0.0.1:{self.port}/n",
                    data=body,
                    headers={"Content-Type": "text/xml"},
                    timeout=20,
                )
                if answer.status_code == 200:
                    return
                assert b"Client" not in answer.content
            except requests.RequestException:
                pass
            self.redelivered += 1
            time.sleep(0.1)

    def _settings(self) -> list[dict[str, Any]]:
        def one(way: str, **more: Any) -> dict[str, Any]:
            endpoint = f"http://127.0.0.1:{self.listeners[way].port}/register" if way != "receive" else ""
            return _BASE | {"name": f"by_{way}", "system": way, "endpoint": endpoint} | more

        paging = {"page": "page", "size": "size", "rows": 10, "more": "more"}
        since = {
            "mode": "since", "operation": "GetChanges", "item": "person",
            "since": "since", "cursor": "changed",
            "paging": {"page": "page", "rows": 3, "more": "more"}, "ordered": True, "step_rows": 6,
            "deleted": {"element": "status", "values": ["GONE"]}, "overlap": 3,
        }  # fmt: skip
        queue = {
            "mode": "queue", "operation": "FetchMessages", "request": {"most": 5}, "item": "message",
            "message_id": "number", "record": "person", "action": _ACTION,
            "acknowledge": {"operation": "Acknowledge", "id": "number"},
        }  # fmt: skip
        receive = {
            "mode": "receive", "operation": "Notify", "port": self.port, "path": "/n",
            "message_id": "reference", "record": "person", "action": _ACTION,
            "reply": {"accepted": True, "reference": "{message_id}", "at": "{now:%H}"},
        }  # fmt: skip
        return [
            one("list", operation="ListPersons", item="persons/person", total="total", paging=paging),
            one(
                "tagged",
                operation="ListPersons",
                item="persons/person",
                total="total",
                paging=paging | {"rows": 1_000},
                unchanged_seconds=60,
            ),
            one("since", change=since),
            one("queue", change=queue),
            one("receive", change=receive),
        ]

    def _start(self) -> subprocess.Popen[bytes]:
        links = self.links
        where = [links.prefix, links.kafka.bootstrap, links.registry_url, str(links.state)]
        command = [sys.executable, "-m", "tests.integration.adapters.soap.changing_process"]
        return subprocess.Popen(
            [*command, *where, json.dumps(self._settings())], cwd=ROOT, stdout=subprocess.PIPE
        )

    def _looks(self, process: subprocess.Popen[bytes], adapters: int) -> None:
        """Wait until so many adapters look at their sources."""
        assert process.stdout is not None
        seen = 0
        while seen < adapters and (line := process.stdout.readline()):
            seen += line.count(b"looks")

    def _await(self, condition: Any, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + 120
        while not condition():
            assert process.poll() is None, "the last process ended"
            assert time.monotonic() < deadline, f"it does not come to an end: {self._open()}"
            time.sleep(0.3)

    def _open(self) -> dict[str, int]:
        """What was said and is not taken yet: waiting messages, persons whose picture is another one."""
        left = {"queue": len(self.registers["queue"].queue)}
        for way in (*_LISTS, "since"):
            told, true = self._pictures(way), self._now(way)
            left[way] = sum(told.get(n) != true.get(n) for n in told.keys() | true.keys())
        return left

    def _now(self, way: str) -> dict[int, str | None]:
        persons = self.registers[way].persons
        return {n: p["name"] for n, p in persons.items() if p["status"] == "ACTIVE"}

    def _pictures(self, way: str) -> dict[int, str | None]:
        return {n: told[-1][1] for n, told in self._events(way).items() if told[-1][0] != "d"}

    def _events(self, way: str) -> dict[int, list[tuple[str, str | None]]]:
        """Each person's events in log order."""
        found: dict[int, list[tuple[str, str | None]]] = defaultdict(list)
        for event in self._log(way):
            image = event["after"] or event["before"]
            found[image["id"]].append((event["op"], event["after"] and event["after"]["name"]))
        return found

    def _log(self, way: str) -> Iterator[dict[str, Any]]:
        registry, schemas = Registry(self.links.registry_url), {}
        for record in read_all(self.links.kafka, f"{self.links.prefix}.{way}.person"):
            if record.value is None:
                continue
            number = int.from_bytes(record.value[1:5], "big")
            if number not in schemas:
                schemas[number] = fastavro.parse_schema(registry.by_id(number))
            yield fastavro.schemaless_reader(io.BytesIO(record.value[5:]), schemas[number])

    def _check(self) -> dict[str, int]:
        """Compare what was said with the log. Messages are exact; of a list some versions are never seen."""
        lost = twice = false_deletes = total = 0
        for way in WAYS:
            events = self._events(way)
            total += sum(map(len, events.values()))
            for number, told in events.items():
                names = [name for _, name in told]
                # In each way every version has a name of its own, so the same name again is an event twice.
                given = [n for n in names if n is not None and n != "x"]
                twice += len(given) - len(set(given))
                twice += sum(a == b == "d" for (a, _), (b, _) in pairwise(told))
                if way in ("queue", "receive"):
                    wanted = _effective(self.said[way, number])
                    lost += max(0, len(wanted) - len(told))
                    twice += max(0, len(told) - len(wanted))
                    false_deletes += [op == "d" for op, _ in told] != [op == "d" for op, _ in wanted]
                    assert names == [name for _, name in wanted], (way, number)
                elif (told[-1][0] == "d") != (number not in self._now(way)):
                    false_deletes += told[-1][0] == "d"
            if way in ("queue", "receive"):
                said = {n for (w, n), s in self.said.items() if w == way and _effective(s)}
                lost += len(said - events.keys())
        assert all(s.done for s in read_states(self.links).values())
        return {"events": total, "lost": lost, "twice": twice, "false_deletes": false_deletes}


class Tagged:
    """A server of SOAP that gives each answer a tag, and says "not changed" where it is asked by that."""

    def __init__(self, app: Any) -> None:
        self._app, self.not_changed = app, 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = dict(scope["headers"]).get(b"if-none-match")
        told: list[Any] = []

        async def keep_back(message: Any) -> None:
            told.append(message)

        await self._app(scope, receive, keep_back)
        whole = b"".join(m.get("body", b"") for m in told)
        if not whole:
            for message in told:
                await send(message)
            return
        tag = f'"{hashlib.sha256(whole).hexdigest()}"'.encode()
        if asked == tag:
            self.not_changed += 1
            await send({"type": "http.response.start", "status": 304, "headers": [(b"etag", tag)]})
            await send({"type": "http.response.body", "body": b""})
            return
        start = told[0] | {"headers": [*told[0]["headers"], (b"etag", tag)]}
        for message in (start, *told[1:]):
            await send(message)


def _effective(said: list[tuple[str, str | None]]) -> list[tuple[str, str | None]]:
    """Take out deletes of what is not there: they give no event."""
    kept: list[tuple[str, str | None]] = []
    for op, name in said:
        if op != "d" or (kept and kept[-1][0] != "d"):
            kept.append((op, name))
    return kept


def _answers(register: Register) -> Any:
    async def answer(operation: str, values: Any) -> Any:
        return register.answer(operation, values)

    return answer
