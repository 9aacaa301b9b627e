"""Good files of every format and copybooks, mutated by a seed: whatever comes, Banyan answers, and soon.

python tests/unit/adapters/batch/broken/fuzz.py SECONDS      prints what was tried and found, as JSON
"""

from __future__ import annotations

import json
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

#: An input that takes longer hangs; a good one takes some milliseconds.
LIMIT_SECONDS = 5
#: Address space of the long form; numpy, pyarrow and their thread stacks take 1 GB before the first input.
LIMIT_BYTES = 3 << 30
_NASTY = (
    b"\x00",
    b"\xff",
    b"\x7f\xff",
    b"\x80\x00",
    b"\x40",
    b"'",
    b'"',
    b"<",
    b"&",
    b"{",
    b"[",
    b"\r",
    b"\n",
    b"\x15",
)


DIALECTS = ("ibm", "cobrix", "gnucobol", "microfocus", "fujitsu")
EVERY_USAGE = """
       01  R.
           05  NAME     PIC X(8).
           05  CHANGED  PIC 9(14).
           05  Z1       PIC S9(5)V99.
           05  Z2       PIC S9(5) SIGN LEADING SEPARATE.
           05  P1       PIC S9(7)V99 COMP-3.
           05  P2       PIC 9(6) COMP-6.
           05  B1       PIC S9(9) COMP SYNC.
           05  B2       PIC 9(4) COMP-5.
           05  B3       PIC X(3) COMP-X.
           05  F1       COMP-1.
           05  F2       COMP-2 SYNC.
           05  E1       PIC $$,$$9.99CR.
           05  N1       PIC N(4).
           05  G1       PIC G(2) DISPLAY-1.
           05  J1       PIC X(5) JUSTIFIED.
           05  W1       PIC 9(4) BLANK WHEN ZERO.
           05  N        PIC 9.
           05  T OCCURS 0 TO 3 DEPENDING ON N.
               10  M    PIC 9 COMP-3.
               10  A    PIC S9(3) COMP-3 OCCURS 0 TO 2 DEPENDING ON M.
           05  LAST-ONE PIC X(4).
           05  OTHER REDEFINES LAST-ONE PIC 9(4).
"""


class SlowError(Exception):
    """An input took longer than it may."""


def mutated(content: bytes, chance: random.Random) -> bytes:
    """Return a content with one to six changes: bits, bytes, cuts, doublings, swaps."""
    out = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        if not out:
            return bytes(out)
        at, width = chance.randrange(len(out)), chance.choice((1, 1, 2, 4, 16, 64))
        match chance.randrange(7):
            case 0:
                out[at] ^= 1 << chance.randrange(8)
            case 1:
                out[at] = chance.randrange(256)
            case 2:
                del out[at : at + width]
            case 3:
                out[at:at] = out[at : at + width]
            case 4:
                out[at:at] = chance.choice(_NASTY) * chance.choice((1, 1, 2, 50))
            case 5:
                del out[at:]
            case 6:
                other = chance.randrange(len(out))
                out[at : at + width], out[other : other + width] = (
                    out[other : other + width], out[at : at + width],
                )  # fmt: skip
    return bytes(out)


def inputs(corpus: Any, folder: Path) -> list[tuple[str, bytes, Callable[[bytes], object]]]:
    """Return what is mutated: name, good bytes, and what reads them."""
    from adapters.batch.copybook import layouts, parse
    from adapters.batch.inspect import inspect_sample
    from adapters.batch.inspect.sample import Sample

    found: list[tuple[str, bytes, Callable[[bytes], object]]] = []
    for name, content in corpus.FILES.items():
        case = corpus.Case("fuzz", name, bytes, "read")
        found.append((name, content, lambda b, case=case: corpus.read(case, b, folder)))
        found.append((f"inspect {name}", content, lambda b: inspect_sample(Sample.of(b), "F")))
    packed = corpus.Case("fuzz", "fixed", bytes, "read")
    good = corpus.FILES["fixed"]
    for name, content in (
        ("gzip", corpus.gzip.compress(good, mtime=0)), ("bz2", corpus.bz2.compress(good)),
        ("zstd", corpus.zstandard.compress(good)), ("zip", corpus.zipped(good)),
    ):  # fmt: skip
        found.append((name, content, lambda b: corpus.read(packed, b, folder)))
    for name, text in (("typed", corpus.COPYBOOK), ("plain", corpus.PLAIN_COPYBOOK)):
        found.append(
            (f"copybook {name}", text.encode(), lambda b: layouts(parse(b.decode("utf-8", "replace"))))
        )
    return found + [(f"record {name}", *_record(name)) for name in DIALECTS]


def _record(dialect: str) -> tuple[bytes, Callable[[bytes], object]]:
    """Return a record of many usages, and what reads it, writes it back and compares every byte."""
    from adapters.batch.codec import RecordCodec
    from adapters.batch.codepage import CodePage
    from adapters.batch.columns import Marks
    from adapters.batch.copybook import layouts, parse
    from adapters.batch.dialect import Dialect
    from adapters.batch.moments import MomentFormat

    layout = layouts(parse(EVERY_USAGE), Dialect.named(dialect))[0]
    form = MomentFormat.parse("yyyymmddhhmiss", None, "Europe/London", where="fuzz")
    page, marks = CodePage.named("cp285"), Marks(moments={"CHANGED": form})
    codecs = [RecordCodec.of(layout, page, marks=marks, odo=odo) for odo in ("max", "shift", "pad")]

    def both_ways(raw: bytes) -> None:
        for codec in codecs:
            values = codec.decode(raw, keep_raw=True)
            if codec.encode(values) != raw:
                raise AssertionError("what was kept does not give the same bytes")

    return codecs[0].encode({"NAME": "JONES", "CHANGED": "20261124101500", "N": 2}), both_ways


def run(corpus: Any, seconds: float, folder: Path, seed: int = 0) -> dict[str, Any]:
    """Mutate for so long (processor time); return counts and findings."""
    tried: Counter[str] = Counter()
    findings: list[dict[str, Any]] = []
    slowest = 0.0
    before = signal.signal(signal.SIGALRM, _slow)
    try:
        for number in _numbers(seconds):
            for name, content, reads in inputs(corpus, folder):
                made = mutated(content, random.Random(f"{seed} {number} {name}"))
                began = time.process_time()
                signal.alarm(LIMIT_SECONDS)
                try:
                    reads(made)
                except corpus.BanyanError:
                    pass
                except Exception as error:
                    place = traceback.extract_tb(error.__traceback__)[-1]
                    where = f"{Path(place.filename).name}:{place.lineno}"
                    findings.append(
                        {"input": name, "seed": f"{seed} {number} {name}", "error": type(error).__name__,
                         "where": where, "says": str(error)[:200]}
                    )  # fmt: skip
                finally:
                    signal.alarm(0)
                tried[name] += 1
                slowest = max(slowest, time.process_time() - began)
    finally:
        signal.signal(signal.SIGALRM, before)
    return {"inputs": sum(tried.values()), "by_format": dict(tried), "findings": findings,
            "slowest_seconds": round(slowest, 3)}  # fmt: skip


def _numbers(seconds: float) -> Iterator[int]:
    end, number = time.process_time() + seconds, 0
    while time.process_time() < end:
        yield number
        number += 1


def _slow(*_: object) -> None:
    raise SlowError(f"more than {LIMIT_SECONDS} seconds")


def main() -> None:
    import importlib.util

    spec = importlib.util.spec_from_file_location("fuzz_corpus", Path(__file__).with_name("corpus.py"))
    assert spec and spec.loader
    corpus = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = corpus
    spec.loader.exec_module(corpus)
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    with tempfile.TemporaryDirectory() as folder:
        seed = int(sys.argv[2]) if len(sys.argv) > 2 else 0
        print(json.dumps(run(corpus, float(sys.argv[1]), Path(folder), seed)))


if __name__ == "__main__":
    main()
