"""The join by fingerprint equals one by dict, keys that share their first word included."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from adapters.compare.join import NONE, join

#: Sorts and matches in threads, as the comparison does.
POOL = ThreadPoolExecutor(2)
#: Keys from so small a range that their first words collide, though the keys differ.
ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(0, 1), st.integers(0, 1)), max_size=10
)


def columns(rows, scale):
    # A row's fingerprint covers its key.
    words = [
        [(k * scale) % 2**64, k2, r, r2 + 2 * k2 + 4 * k, 100 + i, i]
        for i, (k, k2, r, r2) in enumerate(rows, 1)
    ]
    return np.array(words, np.uint64).reshape(-1, 6).T.copy()


def twin(old, new, duplicates):
    def rows_of(side):
        kept, repeats = {}, set()
        for number, (k, k2, *row) in enumerate(side, 1):
            if (k, k2) in kept:
                repeats |= {number, *[n for n, (a, b, *_) in enumerate(side, 1) if (a, b) == (k, k2)]}
                if duplicates != "last":
                    continue
            kept[k, k2] = (number, row)
        return kept, repeats

    (left, left_repeats), (right, right_repeats) = rows_of(old), rows_of(new)
    found = {(left[k][0], right[k][0]) for k in left.keys() & right.keys() if left[k][1] != right[k][1]}
    found |= {(0, right[k][0]) for k in right.keys() - left.keys()}
    found |= {(left[k][0], 0) for k in left.keys() - right.keys()}
    same = sum(left[k][1] == right[k][1] for k in left.keys() & right.keys())
    return found, same, left_repeats, right_repeats


@given(ROWS, ROWS, st.sampled_from(["first", "last"]), st.sampled_from([1, 2**62, 0x9E3779B97F4A7C15]))
def test_equals_twin(old, new, duplicates, scale):
    """Differences, unchanged rows and repeated keys are those of the dict."""
    joined = join(columns(old, scale), columns(new, scale), duplicates, POOL)
    pairs = {
        tuple(0 if n == NONE else int(n) for n in (a, b))
        for a, b in zip(joined.differences[1], joined.differences[3], strict=True)
    }
    repeats = [set(map(int, side[5])) for side in (joined.old_repeats, joined.new_repeats)]
    assert (pairs, joined.unchanged, *repeats) == twin(old, new, duplicates)


def test_places_travel_with_the_rows():
    """A difference names the places of both rows."""
    old, new = columns([(1, 0, 0, 0)], 1), columns([(1, 0, 1, 0)], 1)
    assert join(old, new).differences.T.tolist() == [[101, 1, 101, 1]]
