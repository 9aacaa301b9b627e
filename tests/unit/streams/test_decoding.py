import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.decoding import ColumnReader, RecordReader
from tests.unit.streams.events import Book, Writer, envelope, row

IMAGES = st.builds(
    row,
    st.text(max_size=8),
    st.integers(-(2**31), 2**31 - 1),
    st.decimals(-99, 99, places=2, allow_nan=False).map(str),
)
EVENTS = st.lists(
    st.tuples(st.sampled_from("crud"), st.none() | IMAGES, st.none() | IMAGES, st.integers(0, 2)), max_size=12
)


def shown(group):
    if group is None:
        return None
    deletes = [j for j, op in enumerate(group.op.tolist()) if op == ord("d")]
    return {
        "index": group.index.tolist(),
        "op": group.op.tolist(),
        "after": {n: a.to_pylist() for n, a in group.after.items()},
        "before": [{n: group.before[n][j].as_py() for n in group.after} for j in deletes],
        "has_before": [bool(group.has_before[j]) for j in deletes],
        "has_after": group.has_after.tolist(),
        "ts": (group.ts_ms.tolist(), group.source_ts_ms.tolist()),
    }


@settings(max_examples=60, deadline=None)
@given(EVENTS)
def test_columns_are_the_records(events):
    """The columnar reader and the record-by-record one give the same groups and find the same bad places."""
    writer = Writer(Book())
    values = [writer.event(op, before, after) for op, before, after, _ in events]
    values = [v[:-cut] if cut else v for v, (*_, cut) in zip(values, events, strict=True)]
    places = np.arange(len(values)) * 3
    schema = envelope(writer.entity)
    fast, fast_bad = ColumnReader(schema).read(values, places)
    slow, slow_bad = RecordReader(schema).read(values, places)
    assert shown(fast) == shown(slow)
    assert set(fast_bad) == set(slow_bad)
