"""Parts give back what they were given, in memory and in files, however wrong the guess at their size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.compare.prints import Parts

#: Pieces of rows; a row is the part that it goes to.
PIECES = st.lists(st.lists(st.integers(0, 2), max_size=9), max_size=5)


@pytest.mark.parametrize("count", [1, 3])
@given(pieces=PIECES, expected=st.integers(0, 20))
def test_rows_come_back_in_their_order(tmp_path_factory, count, pieces, expected):
    """Each part holds its rows in the order in which they came, and nothing after it was read."""
    number, wanted = 0, [[] for _ in range(count)]
    with Parts(count, tmp_path_factory.mktemp("parts") / "p", 2, expected) as parts:
        for piece in pieces:
            rows = []
            for part in piece:
                number += 1
                rows.append((number, part * number))
                wanted[part % count].append(rows[-1])
            columns = np.array(rows, np.uint64).reshape(-1, 2).T
            parts.add(columns, np.array(piece, np.uint64) % np.uint64(count))
        assert [[*map(tuple, parts.read(p).T.tolist())] for p in range(len(parts))] == wanted
        assert all(parts.read(p).shape == (2, 0) for p in range(len(parts)))
