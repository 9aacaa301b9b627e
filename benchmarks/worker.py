"""Topic → committed read model: our worker, stock Faust with a Table, and a plain consumer loop.

Two topics: events as adapters publish them (an update with both images of 19 fields, decimals and dates,
full source), and a small one of 85 bytes with 10 fields. Each contender reads the same topic from its
beginning and is timed from its first records to its last commit:

* banyan: the worker; rows and offsets in SQLite in one transaction, read committed.
* loop: confluent-kafka `consume(5000)`, fastavro, `executemany` upsert and offset in one SQLite transaction.
* faust: stock Faust 0.15.3, fastavro, and a Table in memory with a changelog; it stores a counter a key, not
  the row, which is kinder to it than the job asks. It reads the first `--faust-events` only.

    python benchmarks/worker.py [--events N] [--faust-events N] [--keys N] [--bootstrap H:P --registry URL]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
from confluent_kafka import Consumer, Producer, TopicPartition

from connectors.admin import Admin
from connectors.kafka import KafkaSettings
from connectors.links import Links
from connectors.registry import Registry
from schemas import wire
from schemas.codec import Encoder
from schemas.entity import Entity, Field
from schemas.envelope import EnvelopeEncoder, Source, envelope_schema
from streams.projection import row_projection

PARTITIONS = 4
_CHUNK = 50_000
_DATE = {"type": "int", "logicalType": "date"}
_MONEY = {"type": "bytes", "logicalType": "decimal", "precision": 11, "scale": 2}
_NAMES = ["surname", "forename", "title", "street", "town", "postcode", "benefit", "status", "office"]
FIELDS = (
    Field("claim_no", "string"),
    Field("nino", "string"),
    *(Field(n, "string") for n in _NAMES),
    *(Field(n, _DATE) for n in ("born", "started", "reviewed")),
    *(Field(n, _MONEY) for n in ("weekly", "arrears", "paid")),
    *(Field(n, "int") for n in ("children", "version")),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--faust-events", type=int, default=20_000)
    parser.add_argument("--keys", type=int, default=200_000)
    parser.add_argument("--bootstrap")
    parser.add_argument("--registry")
    parser.add_argument("--contender", choices=["banyan", "loop", "faust"], help=argparse.SUPPRESS)
    parser.add_argument("--job", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.contender:
        {"banyan": banyan, "loop": loop, "faust": faust_table}[args.contender](json.loads(args.job))
        return
    with contextlib.ExitStack() as stack:
        if not args.bootstrap:
            from hub.embedded.ports import Ports
            from hub.embedded.start import Tuning, start

            state = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            services = start(state, ports=Ports.free(), tuning=Tuning(train=False))
            stack.callback(services.stop)
            args.bootstrap, args.registry = services.bootstrap, services.registry_url
        for name, publish in (("real", publish_real), ("small", publish_small)):
            compare(name, publish, args)


def compare(name: str, publish: Any, args: argparse.Namespace) -> None:
    prefix = f"b{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as folder:
        links = Links(prefix, KafkaSettings(bootstrap=args.bootstrap), args.registry, Path(folder))
        Admin(links.kafka).ensure([links.topics.change("bench", "claim", PARTITIONS)])
        size = publish(links, args.events, args.keys)
        print(f"worker_{name}_event_size {size} B", flush=True)
        job = {"prefix": prefix, "bootstrap": args.bootstrap, "registry": args.registry, "folder": folder}
        rates = {}
        for contender in ("banyan", "loop", "faust"):
            job["events"] = args.faust_events if contender == "faust" else args.events
            rates[contender] = rate = run(contender, job)
            print(f"worker_{name}_{contender} {rate:.0f} events/s", flush=True)
        for peer in ("loop", "faust"):
            print(
                f"worker_{name}_ratio_to_{peer} {rates['banyan'] / max(rates[peer], 1e-9):.2f} x", flush=True
            )


def run(contender: str, job: dict[str, Any]) -> float:
    """Run one contender in a process of its own; it prints its events/s as its last line."""
    command = [sys.executable, __file__, "--contender", contender, "--job", json.dumps(job)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("rate ")]
    if not lines:
        raise SystemExit(f"{contender} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return float(lines[-1].split()[1])


def links_of(job: dict[str, Any]) -> Links:
    return Links(
        job["prefix"], KafkaSettings(bootstrap=job["bootstrap"]), job["registry"], Path(job["folder"])
    )


def banyan(job: dict[str, Any]) -> None:
    from streams import worker
    from streams.checkpoint import Checkpoint

    began: list[float] = []
    prepare, commit = Checkpoint.prepare, Checkpoint.commit
    seen = [0]
    stop = asyncio.Event()

    def timed_prepare(self: Any, batch: Any) -> Any:
        began.append(time.perf_counter())
        return prepare(self, batch)

    async def go() -> None:
        at = asyncio.get_running_loop()

        def counted_commit(self: Any, prepared: Any) -> None:
            commit(self, prepared)
            seen[0] += prepared.change.events
            if seen[0] >= job["events"] and not stop.is_set():
                print(f"rate {seen[0] / (time.perf_counter() - began[0])}", flush=True)
                at.call_soon_threadsafe(stop.set)

        Checkpoint.prepare, Checkpoint.commit = timed_prepare, counted_commit  # type: ignore[method-assign]
        projection = row_projection("claim", source="bench.claim", collection="claims")
        await worker.run([projection], links_of(job), stop=stop)

    asyncio.run(go())


def loop(job: dict[str, Any]) -> None:
    links = links_of(job)
    topic = links.topics.change("bench", "claim").name
    latest = Registry(links.registry_url).latest(f"{topic}-value")
    assert latest is not None
    schema: Any = fastavro.parse_schema(latest[1])
    value = next(b for b in latest[1]["fields"][0]["type"] if isinstance(b, dict))
    names = [f["name"] for f in value["fields"]]
    db = sqlite3.connect(Path(job["folder"]) / "loop.sqlite", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    db.execute(f"CREATE TABLE rows ({names[0]} TEXT PRIMARY KEY, {', '.join(names[1:])})")
    db.execute("CREATE TABLE offsets (partition INTEGER PRIMARY KEY, next INTEGER)")
    updates = ",".join(f"{n}=excluded.{n}" for n in names[1:])
    marks = ",".join("?" * len(names))
    upsert = f"INSERT INTO rows VALUES ({marks}) ON CONFLICT ({names[0]}) DO UPDATE SET {updates}"
    consumer = Consumer(
        links.kafka.librdkafka()
        | {"group.id": job["prefix"] + "loop", "auto.offset.reset": "earliest", "enable.auto.commit": False}
        | {"isolation.level": "read_committed", "fetch.message.max.bytes": 10_000_000}
    )
    consumer.assign([TopicPartition(topic, p, 0) for p in range(PARTITIONS)])
    seen, began = 0, 0.0
    while seen < job["events"]:
        messages = consumer.consume(5000, 0.5)
        began = began or (time.perf_counter() if messages else 0.0)
        rows, deletes, offsets = [], [], {}
        for message in messages:
            offsets[message.partition()] = message.offset() + 1
            event: Any = fastavro.schemaless_reader(io.BytesIO(message.value()[5:]), schema, None)
            if event["op"] == "d":
                deletes.append((event["before"][names[0]],))
                continue
            after = event["after"]
            rows.append([v if v is None or type(v) in (str, int) else str(v) for v in after.values()])
        db.execute("BEGIN IMMEDIATE")
        db.executemany(upsert, rows)
        db.executemany("INSERT OR REPLACE INTO offsets VALUES (?, ?)", list(offsets.items()))
        db.execute("COMMIT")
        seen += len(messages)
    print(f"rate {seen / (time.perf_counter() - began)}", flush=True)


def faust_table(job: dict[str, Any]) -> None:
    import faust

    links = links_of(job)
    topic = links.topics.change("bench", "claim").name
    latest = Registry(links.registry_url).latest(f"{topic}-value")
    assert latest is not None
    schema: Any = fastavro.parse_schema(latest[1])
    folder = Path(job["folder"]) / "faust"
    folder.mkdir(exist_ok=True)
    sys.argv = [sys.argv[0], "worker", "-l", "error", "--without-web"]
    app = faust.App(
        job["prefix"] + "-faust",
        broker=f"kafka://{job['bootstrap']}",
        store="memory://",
        consumer_auto_offset_reset="earliest",
        topic_partitions=PARTITIONS,
        web_enabled=False,
        stream_buffer_maxsize=65_536,
        broker_max_poll_records=20_000,
        consumer_max_fetch_size=10_000_000,
        topic_disable_leader=True,
        datadir=str(folder),
    )
    table = app.Table("claims", default=int, partitions=PARTITIONS)
    state = {"n": 0, "began": 0.0}

    @app.agent(app.topic(topic, value_serializer="raw", key_serializer="raw"))
    async def count(stream: Any) -> None:
        async for key, value in stream.items():
            state["began"] = state["began"] or time.perf_counter()
            fastavro.schemaless_reader(io.BytesIO(value[5:]), schema, None)
            table[key] += 1
            state["n"] += 1
            if state["n"] >= job["events"]:
                rate = state["n"] / (time.perf_counter() - state["began"])
                print(f"rate {rate}", file=sys.__stdout__, flush=True)
                os._exit(0)

    app.main()


def publish_real(links: Links, events: int, keys: int) -> int:
    """Publish updates with both images, through the codec that adapters use; return an event's bytes."""
    entity = Entity("bench", "claim", FIELDS, ("claim_no",))
    topic = links.topics.change("bench", "claim").name
    registry = Registry(links.registry_url)
    value_id = registry.register(f"{topic}-value", envelope_schema(topic, entity, links.prefix))
    key_id = registry.register(f"{topic}-key", entity.key_schema(topic))
    images = Encoder(entity.value_schema(topic))
    key_encoder = Encoder(entity.key_schema(topic), prefix=wire.header(key_id))
    now = int(time.time() * 1000)
    source = Source(
        "banyan-batch", links.prefix, "bench", "claim", "claims", "f00d" * 8, now, "business", now,
        file="CLAIMS.DAILY.D231123",
    )  # fmt: skip
    envelopes = EnvelopeEncoder(value_id, source)
    size = 0

    def chunk(first: int, n: int) -> tuple[list[bytes], list[bytes]]:
        nonlocal size
        ids = (np.arange(first, first + n) * 7919) % keys
        before, after = (images.encode(_rows(ids, first + v)) for v in (0, 1))
        numbers = np.arange(first, first + n, dtype=np.int64)
        op = np.full(n, ord("u"), np.uint8)
        values = envelopes.encode(
            op, before, after, record=numbers, offset=numbers * 163, total_order=numbers, order=numbers
        ).to_pylist()
        key_rows = pa.record_batch({"claim_no": _rows(ids, 0).column("claim_no")})
        size = len(values[0])
        return key_encoder.encode(key_rows).to_pylist(), values

    _publish(links, topic, events, keys, chunk)
    return size


def _rows(ids: Any, version: int) -> pa.RecordBatch:
    n = len(ids)
    arrow = Entity("bench", "claim", FIELDS, ("claim_no",)).arrow_schema()
    texts = {name: pa.array([f"{name.upper()} {i % 97}" for i in ids.tolist()]) for name in _NAMES}
    cents = pa.array((ids * 37 + version) % 10_000_000).cast(pa.int64())
    money = pa.array(cents.to_numpy() / 100.0).cast(pa.decimal128(11, 2), safe=False)
    days = pa.array((10_000 + ids % 9_000).astype(np.int32)).cast(pa.date32())
    columns = {
        "claim_no": pa.array([f"C{i:08d}" for i in ids.tolist()]),
        "nino": pa.array([f"QQ{i % 1_000_000:06d}C" for i in ids.tolist()]),
        **texts,
        **dict.fromkeys(("born", "started", "reviewed"), days),
        **dict.fromkeys(("weekly", "arrears", "paid"), money),
        "children": pa.array((ids % 5).astype(np.int32)),
        "version": pa.array(np.full(n, version % 2**31, np.int32)),
    }
    return pa.record_batch([columns[f.name].cast(f.type) for f in arrow], schema=arrow)


def publish_small(links: Links, events: int, keys: int) -> int:
    """Publish 85-byte create events of 10 fields, with a source of three; return an event's bytes."""
    topic = links.topics.change("bench", "claim").name
    texts = ("nino", "surname", "forename", "dob", "postcode", "benefit", "weekly_amount", "status", "start")
    types: dict[str, Any] = {"dob": _DATE, "start": _DATE, "weekly_amount": _MONEY | {"precision": 9}}
    fields = [{"name": n, "type": types.get(n, "string")} for n in texts]
    fields.append({"name": "end", "type": ["null", _DATE], "default": None})
    origin = [("system", "string"), ("file", "string"), ("record", "long")]
    envelope = {
        "type": "record",
        "name": "Envelope",
        "fields": [
            {"name": "before", "type": ["null", {"type": "record", "name": "Claim", "fields": fields}]},
            {"name": "after", "type": ["null", "Claim"]},
            {"name": "op", "type": "string"},
            {"name": "ts_ms", "type": "long"},
            {
                "name": "source",
                "type": {
                    "type": "record",
                    "name": "Source",
                    "fields": [{"name": n, "type": t} for n, t in origin],
                },
            },
        ],
    }
    registry = Registry(links.registry_url)
    value_id = registry.register(f"{topic}-value", envelope)
    key_schema = {"type": "record", "name": "Key", "fields": [{"name": "nino", "type": "string"}]}
    key_id = registry.register(f"{topic}-key", key_schema)
    other = {"dob": pa.date32(), "start": pa.date32(), "weekly_amount": pa.decimal128(9, 2)}
    arrow = pa.struct([(n, other.get(n, pa.string())) for n in texts] + [("end", pa.date32())])
    values_encoder = Encoder(envelope, prefix=wire.header(value_id))
    key_encoder = Encoder(key_schema, prefix=wire.header(key_id))
    size = 0

    def chunk(first: int, n: int) -> tuple[list[bytes], list[bytes]]:
        nonlocal size
        ids = np.arange(first, first + n) % keys
        ninos = pa.array([f"QQ{i:06d}C" for i in ids.tolist()])
        day = pa.array(np.full(n, 17_987, np.int32)).cast(pa.date32())
        const = {"forename": "JO", "postcode": "SW1A 2AA", "benefit": "ESA", "status": "LIVE"}
        columns = {
            "nino": ninos,
            "surname": pa.array([f"SURNAME{i % 999}" for i in ids.tolist()]),
            "dob": day,
            "start": day,
            "weekly_amount": pa.array(np.full(n, 84.80)).cast(pa.decimal128(9, 2), safe=False),
            "end": pa.nulls(n, pa.date32()),
            **{k: pa.array([v] * n) for k, v in const.items()},
        }
        after = pa.StructArray.from_arrays([columns[f.name] for f in arrow], fields=list(arrow))
        source = pa.StructArray.from_arrays(
            [
                pa.array(["esa"] * n),
                pa.array(["ESA.D230401"] * n),
                pa.array(np.arange(first, first + n, dtype=np.int64)),
            ],
            names=[name for name, _ in origin],
        )
        batch = pa.record_batch(
            {
                "before": pa.nulls(n, arrow),
                "after": after,
                "op": pa.array(["c"] * n),
                "ts_ms": pa.array(1_700_000_000_000 + np.arange(first, first + n)),
                "source": source,
            }
        )
        values = values_encoder.encode(batch).to_pylist()
        size = len(values[0])
        return key_encoder.encode(pa.record_batch({"nino": ninos})).to_pylist(), values

    _publish(links, topic, events, keys, chunk)
    return size


def _publish(links: Links, topic: str, events: int, keys: int, chunk: Any) -> None:
    producer = Producer(
        links.kafka.librdkafka()
        | {"linger.ms": 50, "batch.size": 1_000_000, "compression.type": "lz4", "enable.idempotence": True}
        | {"queue.buffering.max.messages": 1_000_000}
    )
    for first in range(0, events, _CHUNK):
        n = min(_CHUNK, events - first)
        for i, (key, value) in enumerate(zip(*chunk(first, n), strict=True)):
            producer.produce(topic, value, key, sum(key[-4:]) % PARTITIONS)
            if i % 1000 == 0:
                producer.poll(0)
        producer.flush()


if __name__ == "__main__":
    main()
