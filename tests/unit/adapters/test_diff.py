"""The columnar comparison equals a dict-based twin, and keeps the rules of absence."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from adapters.diff import Changes, compare

#: The machine may be busy; no test asserts a time.

KEYS = st.text(alphabet="ab\u001fé", max_size=3)
VALUES = st.binary(max_size=2)


def columns(rows):
    return (
        pa.array([k for k, _ in rows], pa.large_string()),
        pa.array([v for _, v in rows], pa.large_binary()),
    )


def run(
    old: dict[str, bytes], new: list[tuple[str, bytes]], rejected=(), *, absence=True, first=False
) -> Changes:
    old_rows = sorted(old.items(), key=lambda kv: kv[0].encode())
    rejected_keys = pa.array(list(rejected), pa.large_string())
    return compare(*columns(old_rows), *columns(new), rejected_keys, absence=absence, first=first)


def events(changes: Changes) -> list[tuple]:
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


def twin(old, new, rejected, *, absence, first):
    """The rules in the plainest Python there is: a dict, a loop."""
    by_key: dict[str, list[bytes]] = {}
    for key, value in new:
        by_key.setdefault(key, []).append(value)
    distrusted = {k for k, values in by_key.items() if len(set(values)) > 1} | set(rejected)
    out, unchanged, following, done = [], 0, dict(old), set()
    for row, (key, value) in enumerate(new):
        if key in distrusted or key in done:
            continue
        done.add(key)
        following[key] = value
        if key not in old:
            out.append(("r" if first else "c", key, None, value, row))
        elif old[key] != value:
            out.append(("u", key, old[key], value, row))
        else:
            unchanged += 1
    if absence:
        for key in sorted(old, key=str.encode):
            if key not in by_key and key not in distrusted:
                out.append(("d", key, old[key], None, -1))
                del following[key]
    conflicts = [row for row, (key, _) in enumerate(new) if key in distrusted]
    return out, unchanged, conflicts, sorted(following.items(), key=lambda kv: kv[0].encode())


@given(
    old=st.dictionaries(KEYS, VALUES, max_size=12),
    new=st.lists(st.tuples(KEYS, VALUES), max_size=12),
    rejected=st.lists(KEYS, max_size=3),
    absence=st.booleans(),
    first=st.booleans(),
)
def test_equals_twin(old, new, rejected, absence, first):
    """For any two pictures the columns give what the dict gives: events, counts, conflicts, next picture."""
    if first:
        old = {}
    changes = run(old, new, rejected, absence=absence, first=first)
    out, unchanged, conflicts, following = twin(old, new, rejected, absence=absence, first=first)
    assert events(changes) == out
    assert changes.unchanged == unchanged
    assert changes.conflicts.tolist() == conflicts
    assert (
        list(zip(changes.next_key_text.to_pylist(), changes.next_value.to_pylist(), strict=True)) == following
    )


@given(old=st.dictionaries(KEYS, VALUES, max_size=12), new=st.dictionaries(KEYS, VALUES, max_size=12))
def test_applying_the_events_gives_the_new_picture(old, new):
    """Folding the events over the old picture gives exactly the new rows."""
    state = dict(old)
    for op, key, before, after, _ in events(run(old, list(new.items()))):
        assert state.get(key) == before
        if op == "d":
            del state[key]
        else:
            state[key] = after
    assert state == new


@given(old=st.dictionaries(KEYS, VALUES, min_size=1), new=st.lists(st.tuples(KEYS, VALUES), max_size=6))
def test_no_delete_without_completeness(old, new):
    """An extract that is not complete never gives a delete, whatever is missing in it."""
    assert b"d" not in bytes(run(old, new, absence=False).op)


@given(old=st.dictionaries(KEYS, st.tuples(VALUES, VALUES), max_size=12), absence=st.booleans())
def test_same_keys_in_order_equal_twin(old, absence):
    """The short way for an extract that has the known keys in their order gives what the long way gives."""
    before = {k: a for k, (a, _) in old.items()}
    new = sorted(((k, b) for k, (_, b) in old.items()), key=lambda kv: kv[0].encode())
    changes = run(before, new, absence=absence)
    out, unchanged, _, following = twin(before, new, [], absence=absence, first=False)
    assert (events(changes), changes.unchanged) == (out, unchanged)
    assert changes.next_value.to_pylist() == [v for _, v in following]


@given(rows=st.dictionaries(KEYS, VALUES, max_size=12))
def test_rerun_gives_nothing(rows):
    """Comparing a picture with itself gives no event and the very same arrays."""
    changes = run(rows, list(rows.items()))
    assert events(changes) == []
    assert changes.unchanged == len(rows)


def test_order_is_source_then_deletes_by_key():
    """Rows come in the order of the source, deletes after them by key."""
    changes = run({"z": b"1", "a": b"1", "m": b"1"}, [("q", b"9"), ("b", b"9"), ("m", b"2")])
    assert [(op, key) for op, key, *_ in events(changes)] == [
        ("c", "q"),
        ("c", "b"),
        ("u", "m"),
        ("d", "a"),
        ("d", "z"),
    ]


def test_contradicting_rows_keep_the_previous_one():
    """Two rows with one key and different values give conflicts, no event, and the previous row stays."""
    changes = run({"k": b"1"}, [("k", b"2"), ("k", b"3"), ("x", b"1"), ("x", b"1")])
    assert [(op, key) for op, key, *_ in events(changes)] == [("c", "x")]
    assert changes.conflicts.tolist() == [0, 1]
    assert changes.next_key_text.to_pylist() == ["k", "x"]
    assert changes.next_value.to_pylist() == [b"1", b"1"]
