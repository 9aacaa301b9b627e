"""Rejects come back in the order of their records, however many of them were on disk."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters import rejects as rejects_module
from adapters.extract import Reject
from adapters.rejects import Rejects, by_entity

REJECT = st.builds(
    Reject,
    entity=st.sampled_from(["a", "b"]),
    record=st.integers(1, 9),
    offset=st.integers(-1, 3),
    raw=st.binary(max_size=4),
    field_path=st.sampled_from(["", "X.Y"]),
    reason=st.text(max_size=3),
    key_text=st.none() | st.text(max_size=3),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("rejects")


def collected(folder, given_, memory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rejects_module, "_IN_MEMORY", memory)
        patch.setattr(rejects_module, "_PIECE", 900)
        patch.setattr(rejects_module, "_ROWS", 3)
        found = Rejects(folder / hashlib.sha256(repr(given_).encode()).hexdigest())
        for start in range(0, len(given_), 4):
            found.add(given_[start : start + 4])
        return found, list(found.portions())


@settings(max_examples=60)
@given(st.lists(REJECT, max_size=20), st.sampled_from([0, 1500, 1 << 20]), st.randoms())
def test_equals_a_sorted_list(folder, given_, memory, random):
    """With and without runs on disk they are a stably sorted list; portions, counts and digest agree."""
    found, portions = collected(folder, given_, memory)
    wanted = sorted(given_, key=lambda r: (r.record, r.offset))
    assert list(found) == wanted
    assert [r for portion in portions for r in portion] == wanted
    assert all(0 < len(portion) <= 3 for portion in portions)
    assert found.first(2) == wanted[:2]
    assert (len(found), found.unreadable) == (len(given_), sum(r.key_text is None for r in given_))
    moved = [*given_]
    random.shuffle(moved)
    assert found.digest == collected(folder, moved, 1 << 20)[0].digest
    assert bool(found.digest) == bool(given_)
    if given_:
        assert found.digest != collected(folder, given_[1:], memory)[0].digest


@given(st.lists(REJECT, max_size=8))
def test_by_entity(given_):
    """Each entity has its own, in their order."""
    found = by_entity(given_)
    assert found == {e: [r for r in given_ if r.entity == e] for e in found}
    assert sum(map(len, found.values())) == len(given_)


def test_the_digest_tells_records_apart(tmp_path):
    """Two records that fail alike, without raw bytes, are two: the second is no repetition of the first."""
    digests = set()
    for key in ("1", "2"):
        found = Rejects(tmp_path / key)
        found.add([Reject("person", 1, -1, b"", "", "the detail call was refused", key)])
        digests.add(found.digest)
    assert len(digests) == 2
