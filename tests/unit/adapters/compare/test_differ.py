"""`Differ` over random delimited files equals a dict of what Python's csv module reads."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.compare import delimited as delimited_module
from adapters.compare.delimited import DelimitedSpec, DelimitedTable
from adapters.compare.differ import Comparison, Differ
from adapters.compare.report import Csv, JsonLines, images
from schemas.errors import SettingsError, Terminal

CELL = st.text(alphabet='ab",\né ', max_size=4)
ROW = st.tuples(
    st.sampled_from(["k1", "k2", 'k"3', "k,4", "", "k\n5", "é"]), st.sampled_from("xy"), CELL, CELL
)
NAMES = ("id", "part", "name", "note")


def text(rows, names=NAMES, quoting=csv.QUOTE_MINIMAL, end="\n") -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, quoting=quoting, lineterminator=end)
    writer.writerow(names)
    writer.writerows(rows)
    return out.getvalue().encode()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("differ")


def run(folder, old: bytes, new: bytes, comparison: Comparison, *, part_rows=1 << 20, **spec):
    (folder / "old.csv").write_bytes(old)
    (folder / "new.csv").write_bytes(new)
    made = DelimitedSpec(**spec)
    tables = [DelimitedTable(folder / name, made) for name in ("old.csv", "new.csv")]
    differ = Differ(*tables, comparison, part_rows=part_rows)
    return [event for batch in differ for event in images(batch)], differ.counts


def twin(old, new, key, duplicates, ignore=()):
    """Events by dict: changes in the order of the new rows, then deletes in the order of the old ones."""

    def kept(rows):
        out = {}
        for number, row in enumerate(rows, 1):
            k = tuple(row[c] for c in key)
            if duplicates == "last":
                out.pop(k, None)
            if k not in out:
                out[k] = (number, row)
        return out

    left, right = kept(old), kept(new)
    events = []
    for k, (number, row) in right.items():
        before_number, before = left.get(k, (0, None))
        if before is None or any(before[c] != row[c] for c in row if c not in ignore):
            events.append(("u" if before else "c", before, row, before_number, number))
    events += [("d", row, None, number, 0) for k, (number, row) in left.items() if k not in right]
    return events


@settings(max_examples=40)
@given(
    old=st.lists(ROW, max_size=9),
    new=st.lists(ROW, max_size=9),
    kept=st.booleans(),
    key=st.sampled_from([("id",), ("id", "part"), ("part", "id")]),
    duplicates=st.sampled_from(["first", "last"]),
    styles=st.tuples(*[st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])] * 2),
    end=st.sampled_from(["\n", "\r\n"]),
    ignore=st.sampled_from([frozenset(), frozenset({"note"})]),
    part_rows=st.sampled_from([1, 3, 1 << 20]),
    piece=st.sampled_from([16, 1 << 20]),
    seed=st.integers(0, 99),
)
def test_equals_a_dict(folder, old, new, kept, key, duplicates, styles, end, ignore, part_rows, piece, seed):
    """Any rows, quotes, order, duplicates and sizes of parts: the events are those of the dict."""
    if kept:  # most rows as they were, in another order
        new = [*old, *new[:2]]
        random.Random(seed).shuffle(new)
    files = [text(rows, quoting=style, end=end) for rows, style in zip((old, new), styles, strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited_module, "_PIECE", piece)
        found, counts = run(
            folder, *files, Comparison(key, ignore, duplicates=duplicates), part_rows=part_rows
        )
    rows = [[dict(zip(NAMES, row, strict=True)) for row in side] for side in (old, new)]
    wanted = twin(*rows, key, duplicates, ignore)
    assert found == wanted
    ops = [op for op, *_ in wanted]
    assert [counts.created, counts.updated, counts.deleted] == [ops.count(op) for op in "cud"]
    assert counts.unchanged == len({tuple(r[c] for c in key) for r in rows[1]}) - ops.count("c") - ops.count(
        "u"
    )


@settings(max_examples=15)
@given(st.lists(ROW, max_size=6, unique_by=lambda r: r[0]), st.permutations(NAMES))
def test_order_of_columns_does_not_matter(folder, rows, names):
    """The same rows under a header in another order are the same extract, though every line differs."""
    moved = [[dict(zip(NAMES, row, strict=True))[n] for n in names] for row in rows]
    found, counts = run(folder, text(rows), text(moved, names), Comparison(("id",)))
    assert found == []
    assert counts.unchanged == len(rows)


def test_a_gained_column_counts_where_it_says_something(folder):
    """A new column that is empty changes nothing, a filled one does; a lost one does not count."""
    old, new = b"id,gone\n1,x\n2,x\n", b"id,come\n1,\n2,y\n"
    found, _ = run(folder, old, new, Comparison(("id",)))
    assert found == [("u", {"id": "2", "gone": "x"}, {"id": "2", "come": "y"}, 2, 2)]


def test_numbers_within_the_tolerance_are_alike(folder):
    """The tolerance is exact and decimal, and text that is no number is compared as text."""
    old, new = b"id,n\n1,1.00\n2,1.00\n3,a\n4,1e2\n", b"id,n\n1,1.01\n2,1.011\n3,b\n4,100.0\n"
    found, counts = run(folder, old, new, Comparison(("id",), tolerance={"n": Decimal("0.01")}))
    assert [after["id"] for _, _, after, *_ in found] == ["2", "3"]
    assert counts.alike == 2


def test_a_key_that_is_there_twice_is_an_error(folder):
    """By default a repeated key ends the comparison and names both records, not the key."""
    with pytest.raises(Terminal, match="records 2 and 4 have the same key") as error:
        run(folder, b"id\n1\n", b"id\n9\n7\n8\n7\n8\n", Comparison(("id",)))
    assert "new.csv" in str(error.value)


@pytest.mark.parametrize(
    ("old", "what"),
    [
        (b"id,n\n1,2,3\n", "has not the 2 fields"),
        (b"id,n\n1\n", "has not the 2 fields"),
        (b'id,n\n1,"2\n', "does not end"),
        (b"id,n\n1,\xff\n", "is not utf-8"),
    ],
)
def test_bad_rows_are_told_without_their_content(folder, old, what):
    """A ragged row, an open quote and a wrong encoding end the comparison with the place."""
    with pytest.raises(Terminal, match=what) as error:
        run(folder, old, b"id,n\n", Comparison(("id",)))
    assert error.value.fix


@pytest.mark.parametrize("content", [b"", b"id,id\n1,2\n"])
def test_a_header_is_needed(folder, content):
    """An empty file and two columns of one name are refused before anything is compared."""
    with pytest.raises(SettingsError):
        run(folder, content, b"id\n", Comparison(("id",)))


def test_other_dialects(folder):
    """Delimiter, encoding, a byte order mark and a file without header are settings."""
    found, _ = run(
        folder, b"1;\xe4\n2;b\n", b"1;\xf6\n2;b", Comparison(("c1",)),
        delimiter=";", encoding="latin-1", header=False,
    )  # fmt: skip
    assert found == [("u", {"c1": "1", "c2": "ä"}, {"c1": "1", "c2": "ö"}, 1, 1)]
    assert run(folder, b"\xef\xbb\xbfid\n1\n", b"id\r\n1\r\n\r\n", Comparison(("id",)))[0] == []


def test_carriage_returns_inside_rows_stay(folder):
    """A bare carriage return is a character of its field."""
    found, _ = run(folder, b"id,n\n1,a\rb\n", b"id,n\n1,a\rc\n", Comparison(("id",)))
    assert found[0][1:3] == ({"id": "1", "n": "a\rb"}, {"id": "1", "n": "a\rc"})


def test_reports(folder):
    """JSON lines hold key, images and changed fields; CSV holds a row for each image."""
    comparison = Comparison(("id",))
    (folder / "old.csv").write_bytes(b"id,n\n1,a\n2,b\n")
    (folder / "new.csv").write_bytes(b"id,n\n1,c\n3,d\n")
    made = []
    for report in (JsonLines(comparison, ("id", "n")), Csv(("id", "n"))):
        tables = [DelimitedTable(folder / name, DelimitedSpec()) for name in ("old.csv", "new.csv")]
        sink = io.BytesIO()
        report.write(Differ(*tables, comparison), sink)
        made.append(sink.getvalue().decode())
    first = json.loads(made[0].splitlines()[0])
    assert first == {
        "op": "u", "key": {"id": "1"}, "before": {"id": "1", "n": "a"}, "after": {"id": "1", "n": "c"},
        "old_record": 1, "new_record": 1, "changed": ["n"],
    }  # fmt: skip
    assert [json.loads(line)["op"] for line in made[0].splitlines()] == ["u", "c", "d"]
    assert made[1].splitlines() == [
        "op,image,record,id,n", "u,before,1,1,a", "u,after,1,1,c", "c,after,2,3,d", "d,before,2,2,b",
    ]  # fmt: skip


def test_compressed_files(folder):
    """A compressed file is read like a plain one, and one that is cut off is no shorter extract."""
    old, new = b"id,n\n1,a\n2,b\n", b"id,n\n1,a\n2,c\n"
    found, _ = run(folder, gzip.compress(old), new, Comparison(("id",)))
    assert found == [("u", {"id": "2", "n": "b"}, {"id": "2", "n": "c"}, 2, 2)]
    with pytest.raises(Terminal, match="cut off"):
        run(folder, gzip.compress(old)[:-9], new, Comparison(("id",)))
