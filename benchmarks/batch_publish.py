"""EBCDIC file → acknowledged Kafka events: the batch adapter beside per-record scripts.

All read the same 63-byte fixed-length records. The adapter is timed as a user sees it: from its start, over
the file's decoding, comparison, spool and snapshot, to the last commit. The first script publishes the same
envelopes (read event, full source) with the same schemas; the others small events of the row and its place,
which is what people write who have no need of a change event. Scripts are timed from the first record read
to the last acknowledgement, and send fewer records, because their time grows in a straight line.

    python benchmarks/batch_publish.py [--records N] [--stages] [--bootstrap HOST:PORT --registry URL]
"""

from __future__ import annotations

import argparse
import contextlib
import random
import struct
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import structlog

from adapters.batch.codec import RecordCodec
from adapters.batch.spec import BatchSpec
from adapters.runner import run
from benchmarks.claim import COPYBOOK
from benchmarks.publish_scripts import Sent, envelopes, small_events
from benchmarks.publish_stages import Stages
from connectors.kafka import KafkaSettings
from connectors.links import Links
from connectors.log_reader import read_all

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
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--script-records", type=int, default=100_000)
    parser.add_argument("--bootstrap", help="an existing Kafka; without it one is started")
    parser.add_argument("--registry", help="its schema registry")
    parser.add_argument("--rounds", type=int, default=3, help="the best of so many is printed")
    parser.add_argument("--stages", action="store_true", help="only the adapter: where its time goes")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, _services(given, Path(folder)) as (bootstrap, registry):
        file = _write_file(Path(folder), given.records)
        if given.stages:
            _stages(Path(folder), file, bootstrap, registry, given)
            return
        ours, fewer = [], min(given.script_records, given.records)
        peers: dict[str, list[Sent]] = {
            "fastavro_script": [],
            "small_script": [],
            "small_script_idempotent": [],
        }
        # In turns, so that a busy machine is busy for all.
        for _ in range(given.rounds):
            estate, links = _estate(Path(folder), file, bootstrap, registry)
            ours.append(_adapter(estate, links, given.records))
            peers["fastavro_script"].append(envelopes(file, links, _topic(links), fewer))
            for name, idempotent in (("small_script", False), ("small_script_idempotent", True)):
                peers[name].append(small_events(file, links.kafka, fewer, idempotent=idempotent))
    best = max(ours, key=lambda sent: sent.rate)
    _print("banyan", best)
    for name, runs in peers.items():
        peer = max(runs, key=lambda sent: sent.rate)
        _print(name, peer)
        print(f"batch_publish.times_{name} {best.rate / peer.rate:.2f} times")


def _print(name: str, sent: Sent) -> None:
    print(f"batch_publish.{name} {sent.rate:.0f} records/s")
    print(f"batch_publish.{name}_bytes {sent.bytes / sent.seconds / 1e6:.1f} MB/s")
    print(f"batch_publish.{name}_event {sent.bytes / sent.records:.0f} bytes")


def _stages(folder: Path, file: Path, bootstrap: str, registry: str, given: argparse.Namespace) -> None:
    """Print the stages of the best run: nanoseconds a record, by the clock and in processor time."""
    runs = []
    with Stages() as stages:
        for _ in range(given.rounds):
            estate, links = _estate(folder, file, bootstrap, registry)
            stages.clear()
            sent = _adapter(estate, links, given.records, check=False)
            runs.append((sent.seconds, stages.rows(given.records)))
    seconds, rows = min(runs)
    print(f"batch_publish.banyan {given.records / seconds:.0f} records/s")
    for name, wall, thread in rows:
        print(f"batch_publish.stage.{name} {wall:.0f} ns/record")
        print(f"batch_publish.stage.{name}.processor {thread:.0f} ns/record")


def _adapter(estate: Path, links: Links, n: int, *, check: bool = True) -> Sent:
    spec = BatchSpec.model_validate({"kind": "batch", **SETTINGS})
    start = time.perf_counter()
    report = run([(spec, estate)], links, once=True)
    seconds = time.perf_counter() - start
    assert report.ok and report.adapters["claims"].committed, report
    size = 0
    if check:
        lengths = [len(r.value) for r in read_all(links.kafka, _topic(links)) if r.value is not None]
        assert len(lengths) == n, f"{len(lengths)} of {n} events are on the topic"
        size = sum(lengths)
    return Sent(n, size, seconds)


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
