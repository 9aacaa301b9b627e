"""Rows and fields of delimited text, by column, equal a reader that takes one character after the other."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.compare.framing import Dialect, fields, frame, slow_fields

TEXT = st.text(alphabet='a",\n\r', max_size=30).map(str.encode)
COMMA = Dialect()


def twin(data: bytes) -> tuple[list[bytes], int]:
    """Walk: a quote opens a field only at its start; a row ends at LF outside of quotes."""
    rows, start, at, used = [], 0, 0, 0
    fresh, inside = True, False
    while at < len(data):
        char = data[at : at + 1]
        if inside:
            if char == b'"':
                if data[at + 1 : at + 2] == b'"':
                    at += 1
                else:
                    inside = False
        elif char == b'"' and fresh:
            inside = True
            fresh = False
        elif char == b"\n":
            row = data[start:at].removesuffix(b"\r")
            if row:
                rows.append(row)
            start = used = at + 1
            fresh = True
        else:
            fresh = char == b","
        at += 1
    return rows, used


@given(TEXT)
@example(b'"a""b"\n')
@example(b'a"b,c\n"d\n')
@example(b'"a"b"\n')
def test_rows_equal_twin(data):
    """Rows end where the walk ends them, stray and unclosed quotes included."""
    rows = frame(np.frombuffer(data, np.uint8), COMMA)
    found = [data[s : s + n] for s, n in zip(rows.starts.tolist(), rows.lengths.tolist(), strict=True)]
    assert (found, rows.used) == twin(data)


@given(TEXT, st.sampled_from([(0,), (1,), (0, 1), (2, 0)]))
def test_fields_equal_the_slow_ones(data, columns):
    """Where the fast way answers, its fields are those that are read one character after the other."""
    array = np.frombuffer(data, np.uint8)
    rows = frame(array, COMMA)
    if not len(rows.starts):
        return
    spans = fields(array, rows, columns, COMMA)
    if spans is None:
        return
    for row, (start, length) in enumerate(zip(rows.starts.tolist(), rows.lengths.tolist(), strict=True)):
        found = [data[s[row] : s[row] + n[row]] for s, n in spans]
        assert found == slow_fields(data[start : start + length], columns, COMMA)


def test_a_long_first_field_is_found():
    """A key longer than the near search is cut at its delimiter."""
    data = np.frombuffer(b"k" * 90 + b",1\n" + b"j" * 40 + b"\n", np.uint8)
    [(starts, lengths)] = fields(data, frame(data, COMMA), (0,), COMMA)
    assert (starts.tolist(), lengths.tolist()) == ([0, 93], [90, 40])


def test_quotes_mean_nothing_where_there_are_none():
    """Without a quote character a quote is a character like others."""
    rows = frame(np.frombuffer(b'"a\n"b\n', np.uint8), Dialect(quote=None))
    assert rows.lengths.tolist() == [2, 2]
