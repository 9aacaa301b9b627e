"""Laws of every copybook: what is written is read, what is read is written, columns equal records."""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.batch.codepage import CodePage
from adapters.batch.columns import Marks
from adapters.batch.decoder import decode
from adapters.batch.odo import shift_record, unshift, unshift_record
from adapters.batch.plan import plan
from adapters.batch.record_twin import decode_record
from adapters.batch.reference import BadValueError
from schemas.errors import SettingsError
from tests.evidence import keep

from .strategies import RandomCopybook, copybooks, records_of, values_of

LAWS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SOAK = settings(LAWS, max_examples=5000)
#: What the copybooks of a long run had in them, and how many had it.
SEEN: Counter[str] = Counter()
FEATURES = {
    "COMP", "BINARY", "COMP-1", "COMP-2", "COMP-3", "COMP-5", "COMP-6", "COMP-9", "COMP-N", "COMP-X",
    "PACKED-DECIMAL", "NATIONAL", "N", "DISPLAY-1", "INDEX", "POINTER", "BINARY-CHAR", "BINARY-DOUBLE",
    "SYNC", "JUST", "JUSTIFIED", "BLANK", "LEADING", "SEPARATE", "DEPENDING", "OCCURS", "REDEFINES",
    "FILLER",
}  # fmt: skip
ODO = st.sampled_from(["max", "shift", "pad"])


def drawn(data: st.DataObject) -> RandomCopybook:
    """Draw a copybook, and note what it has."""
    book = data.draw(copybooks())
    SEEN[f"dialect {book.dialect.name}"] += 1
    words = set(re.findall(r"[A-Z]+(?:-[A-Z0-9]+)*", book.text))
    SEEN.update(words & FEATURES)
    return book


def read_back(data: st.DataObject) -> None:
    book, odo = drawn(data), data.draw(ODO)
    values = data.draw(values_of(book))
    codec = book.codec(odo=odo)
    raw = codec.encode(values)
    assert codec.decode(raw) == values
    assert codec.decode(raw, keep_raw=True).keys() >= values.keys()
    assert len(raw) == codec.length or odo == "shift"


def written_back(data: st.DataObject) -> None:
    book, odo = drawn(data), data.draw(ODO)
    raw = data.draw(records_of(book, odo=odo))
    if data.draw(st.integers(0, 3)) == 0:
        raw = raw[: data.draw(st.integers(0, len(raw)))] + data.draw(st.sampled_from([b"", b"", b"@@ tail"]))
    codec = book.codec(odo=odo)
    values = codec.decode(raw, keep_raw=True)
    assert codec.encode(values) == raw
    assert values.get("_raw", {}).keys() != {"@record"}


def columns_equal_records(data: st.DataObject) -> None:
    book = drawn(data)
    page = CodePage.named(book.page)
    marks = Marks(bad_default=data.draw(st.sampled_from(["reject", "null", "raw", "fail"])))
    options: dict[str, Any] = {
        "fillers": data.draw(st.sampled_from(["drop", "name"])),
        "groups": data.draw(st.sampled_from(["flat", "nested"])),
        "short_records": data.draw(st.sampled_from(["reject", "null"])),
    }
    try:
        made = plan(book.layout, system="s", entity="e", key=["N1"], marks=marks, group=book.group, **options)
    except SettingsError:  # the key may be the item that is redefined
        return
    raws = data.draw(st.lists(records_of(book), min_size=1, max_size=5))
    lengths = None
    if data.draw(st.booleans()):
        raws = [raw[: data.draw(st.integers(0, len(raw)) | st.just(len(raw)))] for raw in raws]
        lengths = np.array([len(raw) for raw in raws], np.int32)
    view = np.frombuffer(b"".join(raw.ljust(made.length, b"\0") for raw in raws), np.uint8)
    found = decode(view.reshape(len(raws), made.length), made, page, book.trim, lengths=lengths)
    for index, (raw, row) in enumerate(zip(raws, found.batch.to_pylist(), strict=True)):
        try:
            expected = decode_record(raw, made, page, book.trim)
        except BadValueError as error:
            assert index in found.bad
            bad = found.bad[index]
            assert plain(bad.path) in plain(str(error)) or marks.bad_default == "fail" or raw[:0] == b""
        else:
            assert index not in found.bad, found.bad[index]
            assert row == expected
    if marks.bad_default == "fail" and found.bad and not {b.path for b in found.bad.values()} <= {"N1"}:
        assert found.fatal is not None


def plain(path: str) -> str:
    return "".join(c for c in path.partition(":")[0] if c not in "[]0123456789")


def shifted_equal_twins(data: st.DataObject) -> None:
    book = drawn(data)
    page = CodePage.named(book.page)
    full = data.draw(st.lists(records_of(book), min_size=1, max_size=4))
    raws = [shift_record(raw, book.layout, page, group=book.group) for raw in full]
    if data.draw(st.booleans()):
        raws = [raw[: data.draw(st.integers(0, len(raw)))] for raw in raws]
    width = book.layout.length
    view = np.frombuffer(b"".join(raw.ljust(width, b"\0") for raw in raws), np.uint8).reshape(-1, width)
    given_lengths = np.array([len(raw) for raw in raws], np.int32)
    moved, lengths = unshift(view, given_lengths, book.layout, page, group=book.group)
    for index, raw in enumerate(raws):
        expected = unshift_record(raw, book.layout, page, group=book.group)
        length = width if lengths is None else int(lengths[index])
        assert moved[index].tobytes()[:length] == expected
        assert not moved[index][length:].any() or lengths is None or moved is view


@LAWS
@given(st.data())
def test_what_is_written_is_read(data: st.DataObject) -> None:
    """decode(encode(v)) is v for every valid v of every copybook, in each layout of counted tables."""
    read_back(data)


@LAWS
@given(st.data())
def test_what_is_read_is_written(data: st.DataObject) -> None:
    """encode(decode(b)) is b for every b, whole, damaged, cut or with a tail, when raw bytes are kept."""
    written_back(data)


@LAWS
@given(st.data())
def test_columns_equal_records(data: st.DataObject) -> None:
    """Decoding by column equals the per-record twin for every copybook, record, policy and length."""
    columns_equal_records(data)


@LAWS
@given(st.data())
def test_moved_tables_equal_their_twin(data: st.DataObject) -> None:
    """Records with entries in use only become records with full tables, by column as one by one."""
    shifted_equal_twins(data)


@pytest.mark.soak
@pytest.mark.timeout(3_000)
def test_laws_hold_for_long() -> None:
    """The four laws hold for thousands of copybooks; the result is in docs/evidence."""
    SEEN.clear()
    tried = {}
    for law in (read_back, written_back, columns_equal_records, shifted_equal_twins):
        before, began = sum(SEEN.values()), time.process_time()
        SOAK(given(st.data())(law))()
        assert sum(SEEN.values()) > before
        tried[law.__name__] = {
            "examples": SOAK.max_examples, "seconds": round(time.process_time() - began),
        }  # fmt: skip
    keep("laws", {"laws": tried, "copybooks_with": dict(sorted(SEEN.items()))})
