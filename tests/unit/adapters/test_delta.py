"""Actions applied by column equal a loop over a dict."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from adapters.delta import apply_actions, events_of

KEYS = st.sampled_from(["a", "b", "é", ""])
VALUES = st.sampled_from([b"1", b"2"])
RECORDS = st.lists(st.tuples(st.sampled_from("cudp"), KEYS, VALUES), max_size=12)


def columns(rows):
    return (
        pa.array([k for k, _ in rows], pa.large_string()),
        pa.array([v for _, v in rows], pa.large_binary()),
    )


def run(old, records, unexpected):
    before = columns(sorted(old.items(), key=lambda kv: kv[0].encode()))
    after = columns([(k, v) for _, k, v in records])
    action = np.array([ord(a) for a, *_ in records], np.uint8)
    return apply_actions(*before, *after, action, unexpected=unexpected)


def events(changes):
    return list(
        zip(
            bytes(changes.op).decode(),
            changes.key_text.to_pylist(),
            changes.before.to_pylist(),
            changes.after.to_pylist(),
            changes.row.tolist(),
            strict=True,
        )
    )


def twin(old, records, unexpected):
    state, out, odd, refused, unchanged = dict(old), [], 0, [], 0
    for row, (action, key, value) in enumerate(records):
        there = key in state
        fits = action == "p" or there == (action != "c")
        odd += not fits
        if not fits and unexpected == "reject":
            refused.append(row)
            continue
        if action == "d":
            if there:
                out.append(("d", key, state.pop(key), None, row))
        elif there and state[key] == value:
            unchanged += 1
        else:
            out.append(("u" if there else "c", key, state.get(key), value, row))
            state[key] = value
    following = sorted(state.items(), key=lambda kv: kv[0].encode())
    return out, odd, refused, unchanged, following


@given(st.dictionaries(KEYS, VALUES), RECORDS, st.sampled_from(["accept", "reject"]))
def test_equals_twin(old, records, unexpected):
    """Events, counts, refused records and the next picture are those of the loop, keys repeated or not."""
    changes, odd = run(old, records, unexpected)
    out, odd_twin, refused, unchanged, following = twin(old, records, unexpected)
    assert events(changes) == out
    assert (odd, changes.conflicts.tolist(), changes.unchanged) == (odd_twin, refused, unchanged)
    pairs = zip(changes.next_key_text.to_pylist(), changes.next_value.to_pylist(), strict=True)
    assert list(pairs) == following


def test_one_key_through_its_whole_life():
    """Each event's before is what the event before it left, within one file."""
    records = [("c", "k", b"1"), ("u", "k", b"2"), ("d", "k", b"2"), ("c", "k", b"3")]
    changes, _ = run({}, records, "reject")
    assert [(op, before, after) for op, _, before, after, _ in events(changes)] == [
        ("c", None, b"1"),
        ("u", b"1", b"2"),
        ("d", b"2", None),
        ("c", None, b"3"),
    ]


def test_events_are_creates_and_keep_the_picture():
    """Records that are events of their own are all published, equal ones too, and nothing is remembered."""
    none = columns([])
    changes = events_of(*none, *columns([("k", b"1"), ("k", b"1")]))
    assert [op for op, *_ in events(changes)] == ["c", "c"]
    assert len(changes.next_key_text) == 0
