"""EBCDIC file → acknowledged Kafka events: the batch adapter beside a per-record fastavro script.

Both read the same 63-byte fixed-length records and publish the same envelopes (read event, full source)
with the same schemas from the same registry; both are timed from the first byte read to the last
acknowledgement (ours: to the last commit, snapshot, spool and comparison included). The script is what a
careful engineer writes by hand: struct, a code page, fastavro, an idempotent producer.

    python benchmarks/batch_publish.py [--records N] [--bootstrap HOST:PORT --registry URL]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import random
import struct
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import fastavro
import structlog
from confluent_kafka import Producer

from adapters.batch.codec import RecordCodec
from adapters.batch.spec import BatchSpec
from adapters.runner import run
from connectors.admin import Admin
from connectors.kafka import KafkaSettings
from connectors.links import Links
from connectors.log_reader import read_all
from connectors.registry import Registry
from schemas.topics import Topic

COPYBOOK = """\
       01  CLAIM-RECORD.
           05  CLAIM-ID        PIC 9(9) COMP.
           05  NINO            PIC X(9).
           05  SURNAME         PIC X(14).
           05  FORENAME        PIC X(10).
           05  BORN            PIC 9(8).
           05  BENEFIT         PIC X(3).
           05  WEEKLY-AMT      PIC S9(7)V99 COMP-3.
           05  ARREARS         PIC S9(7)V99 COMP-3.
           05  START-DATE      PIC S9(7) COMP-3.
           05  STATUS-CD       PIC X.
"""
SETTINGS = {
    "name": "claims",
    "system": "legacy",
    "folder": "inbox",
    "copybook": "claims.cpy",
    "code_page": "cp037",
    "entity": "claim",
    "key": ["CLAIM-ID"],
    "dates": {"BORN": "yyyymmdd"},
    "min_age_seconds": 0,
    "partitions": 4,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--records", type=int, default=300_000)
    parser.add_argument("--bootstrap", help="an existing Kafka; without it one is started")
    parser.add_argument("--registry", help="its schema registry")
    parser.add_argument("--rounds", type=int, default=2, help="the best of so many is printed")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, _services(given, Path(folder)) as (bootstrap, registry):
        file = _write_file(Path(folder), given.records)
        script_rates, adapter_rates = [], []
        # In turns, so that a busy machine is busy for both.
        for _ in range(given.rounds):
            estate, links = _estate(Path(folder), file, bootstrap, registry)
            adapter_rates.append(_adapter(estate, links, given.records))
            script_rates.append(_script(file, links, given.records))
    ours, theirs = max(adapter_rates), max(script_rates)
    print(f"batch_publish.banyan {ours:.0f} records/s")
    print(f"batch_publish.fastavro_script {theirs:.0f} records/s")
    print(f"batch_publish.ratio {ours / theirs:.2f} times")


def _adapter(estate: Path, links: Links, n: int) -> float:
    spec = BatchSpec.model_validate({"kind": "batch", **SETTINGS})
    start = time.perf_counter()
    report = run([(spec, estate)], links, once=True)
    seconds = time.perf_counter() - start
    assert report.ok and report.adapters["claims"].committed, report
    sent = sum(r.value is not None for r in read_all(links.kafka, _topic(links)))
    assert sent == n, f"{sent} of {n} events are on the topic"
    return n / seconds


def _script(file: Path, links: Links, n: int) -> float:
    """The peer: one record at a time, in its own topic, with the schemas that the adapter registered."""
    registry = Registry(links.registry_url)
    value_id, value_schema = registry.latest(f"{_topic(links)}-value")
    key_id, key_schema = registry.latest(f"{_topic(links)}-key")
    value, key = fastavro.parse_schema(value_schema), fastavro.parse_schema(key_schema)
    value_header, key_header = (b"\0" + struct.pack(">I", i) for i in (value_id, key_id))
    topic = f"{_topic(links)}.script"
    Admin(links.kafka).ensure([Topic(topic, 4)])
    producer = Producer(
        links.kafka.librdkafka()
        | {
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 20,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    image = value_schema["fields"][0]["type"][1]
    fields = [f["name"] for f in image["fields"]]
    # Records in unions are told to fastavro by name: to let it find the branch costs it a sixth more.
    names = (f"{_topic(links)}.Value", _event_block(value_schema))
    failed: list[Any] = []
    layout = struct.Struct(">i9s14s10s8s3s5s5s4s1s")
    size = layout.size
    start = time.perf_counter()
    with file.open("rb") as source:
        number = 0
        while block := source.read(size * 10_000):
            for raw in layout.iter_unpack(block):
                row = dict(zip(fields, _decode(raw), strict=True))
                buffer = io.BytesIO(value_header)
                buffer.seek(5)
                fastavro.schemaless_writer(
                    buffer, value, _event(row, names, links.prefix, file.name, number, size)
                )
                key_buffer = io.BytesIO(key_header)
                key_buffer.seek(5)
                fastavro.schemaless_writer(key_buffer, key, {fields[0]: row[fields[0]]})
                while True:
                    try:
                        producer.produce(
                            topic,
                            buffer.getvalue(),
                            key_buffer.getvalue(),
                            partition=number % 4,
                            on_delivery=lambda error, _: error and failed.append(error),
                        )
                        break
                    except BufferError:
                        producer.poll(0.1)
                number += 1
            producer.poll(0)
    producer.flush()
    seconds = time.perf_counter() - start
    assert not failed and number == n
    return n / seconds


def _decode(raw: tuple[Any, ...]) -> Iterator[Any]:
    born = raw[4].decode("cp037")
    yield raw[0]
    for text in raw[1:4]:
        yield text.decode("cp037").rstrip()
    yield date(int(born[:4]), int(born[4:6]), int(born[6:]))
    yield raw[5].decode("cp037").rstrip()
    yield Decimal(_packed(raw[6])).scaleb(-2)
    yield Decimal(_packed(raw[7])).scaleb(-2)
    yield _packed(raw[8])
    yield raw[9].decode("cp037")


def _packed(raw: bytes) -> int:
    digits = raw.hex()
    number = int(digits[:-1])
    return -number if digits[-1] == "d" else number


def _event_block(envelope: dict[str, Any]) -> str:
    [union] = [f["type"] for f in envelope["fields"] if f["name"] == "transaction"]
    space = union[1].get("namespace", envelope.get("namespace", ""))
    return f"{space}.{union[1]['name']}" if space else str(union[1]["name"])


def _event(
    row: dict[str, Any], names: tuple[str, str], prefix: str, file: str, number: int, size: int
) -> dict[str, Any]:
    at = 1_700_000_000_000
    return {
        "before": None,
        "after": (names[0], row),
        "source": {
            "version": "1",
            "connector": "banyan-batch",
            "name": prefix,
            "ts_ms": at,
            "snapshot": "true",
            "db": "legacy",
            "sequence": None,
            "ts_us": at * 1000,
            "ts_ns": at * 1_000_000,
            "table": "claim",
            "adapter": "claims",
            "ts_kind": "arrival",
            "extract": "0123456789abcdef0123456789abcdef-claims.dat",
            "file": file,
            "operation": None,
            "message_id": None,
            "record": number + 1,
            "offset": number * size,
        },
        "transaction": (
            names[1],
            {
                "id": "0123456789abcdef0123456789abcdef-claims.dat",
                "total_order": number + 1,
                "data_collection_order": number + 1,
            },
        ),
        "op": "r",
        "ts_ms": at,
        "ts_us": at * 1000,
        "ts_ns": at * 1_000_000,
    }


def _topic(links: Links) -> str:
    return f"{links.prefix}.legacy.claim"


def _estate(parent: Path, file: Path, bootstrap: str, registry: str) -> tuple[Path, Links]:
    estate = parent / uuid.uuid4().hex
    (estate / "inbox").mkdir(parents=True)
    (estate / "claims.cpy").write_text(COPYBOOK)
    (estate / "inbox" / file.name).write_bytes(file.read_bytes())
    links = Links(
        f"b{uuid.uuid4().hex[:10]}", KafkaSettings(bootstrap=bootstrap), registry, estate / ".banyan"
    )
    return estate, links


def _write_file(folder: Path, n: int) -> Path:
    """A thousand different records, repeated with their own claim number each."""
    rng = random.Random(7)
    codec = RecordCodec(COPYBOOK, code_page="cp037")
    pool = [codec.encode(_record(rng)) for _ in range(1000)]
    numbers = struct.Struct(">i")
    path = folder / "claims.dat"
    with path.open("wb") as out:
        for i in range(n):
            out.write(numbers.pack(i + 1) + pool[i % 1000][4:])
    return path


def _record(rng: random.Random) -> dict[str, Any]:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return {
        "CLAIM-ID": 1,
        "NINO": "QQ" + "".join(rng.choices("0123456789", k=6)) + rng.choice("ABCD"),
        "SURNAME": "".join(rng.choices(letters, k=rng.randint(3, 14))),
        "FORENAME": "".join(rng.choices(letters, k=rng.randint(3, 10))),
        "BORN": f"{rng.randint(1930, 2005)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}",
        "BENEFIT": rng.choice(["UC", "ESA", "JSA", "PIP"]),
        "WEEKLY-AMT": Decimal(rng.randint(0, 99_999)) / 100,
        "ARREARS": Decimal(rng.randint(-99_999, 99_999)) / 100,
        "START-DATE": rng.randint(1_000_000, 1_251_231),
        "STATUS-CD": rng.choice("AISC"),
    }


@contextlib.contextmanager
def _services(given: argparse.Namespace, folder: Path) -> Iterator[tuple[str, str]]:
    if given.bootstrap:
        yield given.bootstrap, given.registry
        return
    from hub.embedded.ports import Ports
    from hub.embedded.start import Tuning, start

    services = start(folder / "services", ports=Ports.free(), tuning=Tuning(full_jit=True, train=False))
    try:
        yield services.bootstrap, services.registry_url
    finally:
        services.stop()


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    main()
