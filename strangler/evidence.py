"""What a decision may rest on: verdicts in a range of the log, counted in a way that can be repeated."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

from strangler.decision import Counted, Evidence
from strangler.verdict_keys import Keys
from strangler.verdict_record import VerdictRecord


def count(
    records: Iterable[tuple[int, VerdictRecord]], operation: str, *, topic: str, first: int, counted: Counted
) -> Evidence:
    """Return the evidence that `records` are for `operation`.

    Args:
        records: offset and verdict, in log order, of every operation, from offset `first` on.
        operation: whose verdicts count.
        topic: where they stand.
        first: the offset that counting began at.
        counted: the way of counting; decisions of earlier versions are counted in theirs.
    """
    verdicts, versions, keys = Counter[str](), Counter[str](), Keys(counted)
    end, failed, took = first, 0, list[float]()
    for offset, record in records:
        end = offset + 1
        if record.operation == operation:
            verdicts[record.verdict.kind.value] += 1
            versions[record.verdict.rule_version] += 1
            keys.add(record)
            failed += record.verdict.reason.startswith("modern_")
            if record.modern_ms:
                took.append(record.modern_ms)
    found = Evidence(dict(verdicts), dict(versions), len(keys), {topic: (first, end)}, counted)
    return found if counted != "sides" else found.with_sides(failed, p99(took))


def p99(values: list[float]) -> float:
    """Return the smallest value that 99 % of `values` do not exceed; 0 where there are none."""
    return sorted(values)[math.ceil(len(values) * 0.99) - 1] if values else 0.0
