"""Events per second of processor time between Avro and Arrow, by column and by fastavro, in the same run.

Two events: the small one of 82 bytes, and the update that an adapter publishes (both images, full
source, decimals and dates made real). Run: python benchmarks/avro_codec.py [events]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from schemas import wire
from schemas.codec import Decoder, Encoder, reference
from schemas.entity import Entity, Field
from schemas.envelope import EnvelopeEncoder, Source, envelope_schema

DATE = {"type": "int", "logicalType": "date"}
MONEY = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
CLAIM = Entity(
    "esa",
    "claim",
    (
        Field("nino", "string"),
        Field("surname", "string"),
        Field("forename", "string"),
        Field("dob", DATE),
        Field("postcode", "string"),
        Field("benefit", "string"),
        Field("weekly_amount", MONEY),
        Field("status", "string"),
        Field("start", DATE),
        Field("end", DATE),
    ),
    ("nino",),
)
ROW = {
    "type": "record",
    "name": "Claim",
    "fields": [{"name": f.name, "type": ["null", DATE] if f.name == "end" else f.type} for f in CLAIM.fields],
}
SMALL = {
    "type": "record",
    "name": "Envelope",
    "fields": [
        {"name": "before", "type": ["null", ROW]},
        {"name": "after", "type": ["null", "Claim"]},
        {"name": "op", "type": "string"},
        {"name": "ts_ms", "type": "long"},
        {
            "name": "source",
            "type": {
                "type": "record",
                "name": "Source",
                "fields": [
                    {"name": "system", "type": "string"},
                    {"name": "file", "type": "string"},
                    {"name": "record", "type": "long"},
                ],
            },
        },
    ],
}  # fmt: skip
#: fastavro is measured on one event in so many, or the run would be its alone.
FEWER = 10


def main() -> None:
    """Print `name value unit`, best of three."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    small = reference.encode([_small(i) for i in range(n)], SMALL)
    full = _updates(n)
    schema = envelope_schema("b.esa.claim", CLAIM, "b")
    for name, values, written, skip in (("small", small, SMALL, 0), ("update", full, schema, wire.HEADER)):
        print(f"{name}_event {sum(map(len, values)) / n:.0f} bytes")
        decoder, encoder = Decoder(written), Encoder(written)
        few = values[: n // FEWER]
        rows = [r for r in reference.decode(few, written, skip=skip) if isinstance(r, dict)]
        batch = decoder.decode(values, skip=skip).batch
        wanted = Decoder(written, fields=["after", "op", "ts_ms"])
        _compare(
            f"{name}_decode",
            n,
            lambda d=decoder, v=values, s=skip: d.decode(v, skip=s),
            lambda f=few, w=written, s=skip: reference.decode(f, w, skip=s),
        )
        part = _rate(n, lambda w=wanted, v=values, s=skip: w.decode(v, skip=s))
        print(f"{name}_decode_after_only {part:.0f} events/s")
        _compare(
            f"{name}_encode",
            n,
            lambda e=encoder, b=batch: e.encode(b).to_pylist(),
            lambda r=rows, w=written: reference.encode(r, w),
        )
        if name == "update":
            images = _images(n)
            _compare(
                "envelope_assemble",
                n,
                lambda i=images: _assemble(*i).to_pylist(),
                lambda r=rows, w=written: reference.encode(r, w),
            )


def _compare(name: str, n: int, columns: Callable[[], object], rows: Callable[[], object]) -> None:
    fast, slow = _rate(n, columns), _rate(n // FEWER, rows)
    print(f"{name}_columns {fast:.0f} events/s")
    print(f"{name}_fastavro {slow:.0f} events/s")
    print(f"{name}_ratio {fast / slow:.1f} times")


def _rate(n: int, run: Callable[[], object]) -> float:
    def seconds() -> Iterator[float]:
        for _ in range(3):
            start = time.process_time()
            run()
            yield time.process_time() - start

    return n / min(seconds())


def _claim(i: int) -> dict[str, Any]:
    return {
        "nino": f"QQ{i % 200000:06d}C",
        "surname": f"SURNAME{i % 999}",
        "forename": "JO",
        "dob": date(1970, 1, 1),
        "postcode": "SW1A 2AA",
        "benefit": "ESA",
        "weekly_amount": Decimal("84.80"),
        "status": "LIVE",
        "start": date(2019, 4, 1),
        "end": None,
    }


def _small(i: int) -> dict[str, Any]:
    source = {"system": "esa", "file": "ESA.D230401", "record": i}
    return {"before": None, "after": _claim(i), "op": "c", "ts_ms": 1_700_000_000_000 + i, "source": source}


def _images(n: int) -> tuple[pa.Array, pa.Array]:
    encoder, schema = Encoder(CLAIM.value_schema("b.esa.claim")), CLAIM.arrow_schema()
    before = pa.RecordBatch.from_pylist([_claim(i) for i in range(n)], schema=schema)
    at = schema.get_field_index("weekly_amount")
    raised = pa.array([Decimal(8520 + i % 90000).scaleb(-2) for i in range(n)], schema.field(at).type)
    after = before.set_column(at, schema.field(at), raised)
    return encoder.encode(before), encoder.encode(after)


def _assemble(before: pa.Array, after: pa.Array) -> pa.LargeBinaryArray:
    n = len(before)
    numbers = np.arange(1, n + 1)
    source = Source(
        "banyan-batch", "b", "esa", "claim", "claims", "0123456789abcdef", 1_700_000_000_000, "business",
        1_700_000_100_000, file="ESA.D230401",
    )  # fmt: skip
    return EnvelopeEncoder(1, source).encode(
        np.full(n, ord("u"), np.uint8),
        before,
        after,
        record=numbers,
        offset=numbers * 82,
        total_order=numbers,
        order=numbers,
    )


def _updates(n: int) -> list[bytes]:
    return list(_assemble(*_images(n)).to_pylist())


if __name__ == "__main__":
    main()
