"""The binding finds the library, tries it out, and steps back where it is another one."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from connectors import column_client, librdkafka
from connectors.librdkafka import MESSAGE, Unusable, library
from connectors.refused import Refused


@pytest.fixture
def fresh():
    """A library that is looked for again, before and after."""
    library.cache_clear()
    yield
    library.cache_clear()


def test_the_wheel_brings_the_library():
    """What confluent-kafka carries passes the trial."""
    assert library() is not None
    assert "librdkafka" in repr(library())


def test_a_missing_library_is_told_once(fresh, monkeypatch):
    """Without the library there is none, and the log says once what that costs."""
    monkeypatch.setattr(librdkafka, "_path", lambda: Path("/no/librdkafka.so"))
    with capture_logs() as logs:
        assert library() is None
        assert library() is None
    [entry] = logs
    assert entry["event"] == "records go to Kafka one by one"


def test_another_version_is_not_used(fresh, monkeypatch):
    """A library that confluent-kafka does not work with is left alone."""
    monkeypatch.setattr(librdkafka.confluent_kafka, "libversion", lambda: ("1.0.0", 0x010000FF))
    with capture_logs():
        assert library() is None


def test_another_layout_is_found_out(monkeypatch):
    """Where a field lies elsewhere than declared, the trial says so before a record is sent."""
    found = library()
    names = {"key": "payload", "payload": "key", "key_len": "len", "len": "key_len"}
    swapped = np.dtype([(names.get(n, n), MESSAGE[n]) for n in MESSAGE.names or ()], align=True)
    monkeypatch.setattr(librdkafka, "MESSAGE", swapped)
    with pytest.raises(Unusable, match="changed"):
        librdkafka._try_out(found)


def test_an_unknown_setting_is_refused():
    """A setting that librdkafka does not know is told by its name."""
    with pytest.raises(Refused, match=r"no\.such\.setting"):
        library().producer({"no.such.setting": 1})


@given(st.lists(st.none() | st.binary(max_size=5)), st.integers(0, 3))
def test_pointers_lead_to_the_values(values, skipped):
    """Address and length of each value of a column, sliced or not, are those of its bytes; null is 0."""
    column = pa.array(values, pa.large_binary()).slice(min(skipped, len(values)))
    at, length = column_client._pointers(column)
    found = [ctypes.string_at(a, n) if a else None for a, n in zip(at.tolist(), length.tolist(), strict=True)]
    assert found == column.to_pylist()


@given(st.lists(st.integers(0, 4)))
def test_each_partition_keeps_its_order(partitions):
    """A column falls into one ascending list of rows for each partition that occurs."""
    found = {p: rows.tolist() for p, rows in column_client._by_partition(np.array(partitions, np.int32))}
    assert found == {p: [i for i, q in enumerate(partitions) if q == p] for p in set(partitions)}
