"""Where rows come from: record numbers, offsets and lengths, and ids of segments in a tree."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.batch.conversion.place import Places
from adapters.extract import Chunk, Reject, Rows
from hub.cli import main
from schemas.errors import SettingsError


def slow(levels: list[str | None]) -> list[list[str | None]]:
    """The twin: one record after the other; None is a rejected record, `-` one of no level."""
    out: list[list[str | None]] = []
    root, counts = None, [0, 0, 0]
    for number, level in enumerate(levels, 1):
        ids: list[str | None] = [None, None, None]
        if level is None:
            root = None
            continue
        if level in "ABC":
            at = "ABC".index(level)
            root = str(number) if at == 0 else root
            counts[at] += 1
            counts[at + 1 :] = [0] * (2 - at)
            if root is not None:
                ids[0] = root
                for k in range(1, at + 1):
                    path = ".".join([root, *map(str, counts[1 : k + 1])])
                    ids[k] = path if counts[k] else None
        out.append(ids)
    return out


@given(st.lists(st.sampled_from(["A", "B", "C", "-", None]), max_size=12), st.integers(1, 5))
def test_segments_are_numbered_as_one_by_one(levels: list[str | None], size: int) -> None:
    """However a file is cut into chunks, ids tell the records above; a rejected record loses the root."""
    places = Places.parse("LEVEL=A,B,C")
    found = []
    for start in range(0, len(levels), size):
        part = list(enumerate(levels[start : start + size], start + 1))
        numbers = np.array([n for n, level in part if level is not None], np.int64)
        batch = pa.RecordBatch.from_arrays(
            [pa.array([v for _, v in part if v is not None], pa.string())], ["LEVEL"]
        )
        rejects = [Reject("e", n, 0, b"", "", "", None) for n, level in part if level is None]
        rows = Rows("e", batch, numbers, numbers * 10, length=numbers)
        chunk = places.placed(Chunk([rows] if len(numbers) else [], rejects))
        if not len(numbers):
            continue
        (rows,) = chunk.rows
        assert rows.batch.column("_record").to_pylist() == numbers.tolist()
        assert rows.batch.column("_offset").to_pylist() == (numbers * 10).tolist()
        found += [[row[f"_segment_{k}"] for k in range(3)] for row in rows.batch.to_pylist()]
    assert found == slow(levels)


def test_decode_says_places(tmp_path, capfdbinary) -> None:  # type: ignore[no-untyped-def]
    """`--places` gives record number, offset and length; `--segments` the ids of a tree too."""
    (tmp_path / "r.cpy").write_text("01 R. 05 KIND PIC X. 05 V PIC X(2).")
    (tmp_path / "data").write_text("Aa\nBb\nAcc\n")
    command = ["decode", str(tmp_path / "data"), "--copybook", str(tmp_path / "r.cpy")]
    settings = ["code_page=ascii", "framing=lines", "short_records=null"]
    command += [word for pair in settings for word in ("--set", pair)]
    with pytest.raises(SystemExit) as ended:
        main([*command, "--segments", "KIND=A,B"])
    assert ended.value.code == 0
    lines = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    assert [list(line.values()) for line in lines] == [
        [1, 0, 2, "1", None, "A", "a"], [2, 3, 2, "1", "1.1", "B", "b"], [3, 6, 3, "3", None, "A", "cc"],
    ]  # fmt: skip
    assert list(lines[0])[:5] == ["_record", "_offset", "_length", "_segment_0", "_segment_1"]


@pytest.mark.parametrize("text", ["KIND", "=A", "KIND=", "KIND=A,,B", "KIND=A,A"])
def test_segments_of_another_form_are_refused(text: str) -> None:
    """A field without values, or a value twice, names no levels."""
    with pytest.raises(SettingsError, match="does not name segments"):
        Places.parse(text)
    with pytest.raises(SettingsError, match="no field 'NOPE'"):
        Places.parse("NOPE=A").schema(pa.schema([("KIND", pa.string())]))
