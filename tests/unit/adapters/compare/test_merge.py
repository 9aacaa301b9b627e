"""Files in the order of their keys are merged, and the events are those of a dict."""

from __future__ import annotations

import csv
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.compare import delimited as delimited_module
from adapters.compare import differ as differ_module
from adapters.compare import spool as spool_module
from adapters.compare.differ import Comparison
from adapters.compare.ordered import ascending
from schemas.errors import Terminal
from tests.unit.adapters.compare.test_differ import NAMES, run, text, twin

CELL = st.sampled_from(["", "a", "b", "é", 'x"', ",", "\n", "long enough to be longer than a word"])


def events(folder, old, new, key, *, may_join, piece=1 << 20, style=csv.QUOTE_MINIMAL, end="\n"):
    """Run the comparison on these rows; unless it `may_join`, hashing is an error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited_module, "_PIECE", piece)
        patch.setattr(spool_module, "_ROWS", 2)
        if not may_join:
            patch.setattr(differ_module, "join", None)
        files = (text(rows, quoting=style, end=end) for rows in (old, new))
        return run(folder, *files, Comparison(key, duplicates="first"))


def rows_of(keys, cells):
    return [(*k, *c) for k, c in zip(keys, cells, strict=True)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("merge")


SHORT = st.text(alphabet="abc", min_size=1, max_size=3)
LONG = SHORT.map(lambda s: "2026/" + "x" * 18 + s)
SPREAD = st.tuples(SHORT, SHORT).map(lambda p: p[0] + "-" * 12 + p[1])
NUMBER = st.integers(0, 20_000).map(str)
#: The wide field differs where the narrow one does not stand.
UNEVEN = st.tuples(st.sampled_from(["ABCDEFGHIJ00", "ABCDEFGHIJ01"]), st.integers(1001, 1008).map(str))


@settings(max_examples=100)
@given(
    kind=st.sampled_from(["short", "long", "spread", "number", "pair", "uneven"]),
    data=st.data(),
    piece=st.sampled_from([64, 1 << 20]),
    style=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_equals_a_dict(folder, kind, data, piece, style, end):
    """Keys in the order of their bytes, numbers by size, or pairs: no row is hashed, no event is missed."""
    keys = {
        "short": SHORT, "long": LONG, "spread": SPREAD, "number": NUMBER, "pair": st.tuples(SHORT, SHORT),
        "uneven": UNEVEN,
    }  # fmt: skip
    every = data.draw(st.lists(keys[kind], max_size=12, unique=True))
    every.sort(key=int if kind == "number" else None)
    sides = []
    before = {k: (data.draw(CELL), data.draw(CELL)) for k in every}
    for _ in range(2):
        there = [k for k in every if data.draw(st.integers(0, 5))]
        cells = [before[k] if data.draw(st.integers(0, 3)) else (data.draw(CELL), "n") for k in there]
        pairs = [k if kind in ("pair", "uneven") else (k, "p") for k in there]
        sides.append(rows_of(pairs, cells))
    key = ("id", "part") if kind in ("pair", "uneven") else ("id",)
    found, counts = events(folder, *sides, key, may_join=not all(sides), piece=piece, style=style, end=end)
    named = [[dict(zip(NAMES, row, strict=True)) for row in side] for side in sides]
    wanted = twin(*named, key, "first")
    assert found == wanted
    assert [counts.old_rows, counts.new_rows] == [len(side) for side in sides]
    assert counts.unchanged == len(sides[1]) - sum(op in "cu" for op, *_ in wanted)


def test_a_narrow_field_behind_a_wide_one_counts_to_its_end(folder):
    """Keys that differ only in the last bytes of a second, narrower field are not one key."""
    every = [(f"ABCDEFGHIJ{group:02}", str(number)) for group in (0, 1) for number in range(1001, 1005)]
    old, new = ([(*key, "a", "b") for key in keys] for keys in (every[::2], every))
    found, counts = events(folder, old, new, ("id", "part"), may_join=False)
    assert [(op, (after["id"], after["part"])) for op, _, after, *_ in found] == [
        ("c", key) for key in every[1::2]
    ]
    assert counts.unchanged == 4


@settings(max_examples=40)
@given(st.data())
def test_what_is_in_no_order_is_hashed(folder, data):
    """Where the order ends somewhere inside the file, or a key is there twice, the comparison begins anew."""
    count = data.draw(st.integers(2, 40))
    keys = [(f"K{i:04d}", "p") for i in range(count)]
    at, by = data.draw(st.integers(0, count - 1)), data.draw(st.integers(0, count - 1))
    broken = [*keys]
    broken[at] = keys[by]
    sides = [rows_of(k, [("a", "b")] * len(k)) for k in data.draw(st.permutations([keys, broken]))]
    found, counts = events(folder, *sides, ("id",), may_join=True, piece=128)
    named = [[dict(zip(NAMES, row, strict=True)) for row in side] for side in sides]
    assert found == twin(*named, ("id",), "first")
    assert counts.old_rows == counts.new_rows == count


def test_no_key_passes_for_another(folder):
    """Keys that differ in NULs at their end are two keys, and keys may outgrow the first block."""
    old, new = [("a", "p", "", "")], [("a\0", "p", "", "")]
    found, _ = events(folder, old, new, ("id",), may_join=True)
    assert [op for op, *_ in found] == ["c", "d"]
    keys = [("k" + "0" * i, "p") for i in range(60)]
    rows = rows_of(keys, [("a", "b")] * 60)
    assert events(folder, rows, rows, ("id",), may_join=True, piece=128)[0] == []


def test_a_repeated_key_is_still_an_error(folder):
    """Two neighbours with one key are told as in files that are in no order."""
    with pytest.raises(Terminal, match="records 2 and 3 have the same key"):
        run(folder, b"id\n1\n", b"id\n1\n2\n2\n", Comparison(("id",)))


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=5))
def test_ascending(lines):
    """Lines of bytes ascend if each is greater than the one before it."""
    keys = np.frombuffer(b"".join(lines), np.uint8).reshape(-1, 16)
    assert ascending(keys) == all(a < b for a, b in pairwise(lines))
