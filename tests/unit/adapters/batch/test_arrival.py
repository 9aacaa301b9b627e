"""Gate and inbox: which files are complete, in which order, and what odd ones do to their neighbours."""

from __future__ import annotations

import hashlib
import os
import re
import time

import pytest

from adapters.batch.adapter import Opening
from adapters.batch.gate import Gate
from adapters.batch.inbox import Inbox
from adapters.extract import NotYet
from connectors.places.local import LocalPlace
from connectors.places.place import Entry
from schemas.errors import Terminal

SECOND = 1_000_000_000
NOW = 1_000 * SECOND


def entry(name="a", modified=0, size=1, **more):
    return Entry(name, size, modified * SECOND, modified * SECOND, **more)


def names(look):
    return [e.name for e in look.ready]


def test_a_file_is_complete_when_two_looks_agree():
    """The same size and time at two looks a second apart, and the age, make a file complete."""
    gate = Gate("*", "", 30)
    old = entry(modified=0)
    first = gate.look([old], NOW)
    assert names(first) == [] and first.next_ns == NOW + SECOND
    assert names(gate.look([old], NOW + SECOND // 2)) == []
    assert names(gate.look([old], NOW + SECOND)) == ["a"]
    grown = entry(modified=0, size=2)
    assert names(gate.look([grown], NOW + 2 * SECOND)) == []
    assert names(gate.look([grown], NOW + 4 * SECOND)) == ["a"]


def test_a_young_file_waits_for_its_age():
    """Until it has been unwritten for long enough, the look says when that will be."""
    gate = Gate("*", "", 30)
    young = entry(modified=990)
    gate.look([young], NOW)
    found = gate.look([young], NOW + 5 * SECOND)
    assert names(found) == [] and found.next_ns == 1_020 * SECOND
    assert names(gate.look([young], 1_020 * SECOND)) == ["a"]


def test_files_that_appear_whole_need_neither():
    """With min_age 0, and in a place that shows only whole files, one look is enough."""
    assert names(Gate("*", "", 0).look([entry(modified=999)], NOW)) == ["a"]
    assert names(Gate("*", "", 30, whole=True).look([entry(modified=999)], NOW)) == ["a"]


def test_a_marker_says_that_its_file_is_complete():
    """Suffix or whole name; a marker older than its file is a left-over and says nothing."""
    for marker, name in ((".done", "a.dat.done"), ("{stem}.ok", "a.ok"), ("READY-{name}", "READY-a.dat")):
        gate = Gate("*", marker, 0)
        file = entry("a.dat", modified=50)
        assert names(gate.look([file], NOW)) == []
        assert names(gate.look([file, entry(name, modified=50)], NOW)) == ["a.dat"]
        assert names(gate.look([file, entry(name, modified=49)], NOW)) == []
        if marker == ".done":
            assert gate.look([entry(name)], NOW).files == 0


def test_only_the_pattern_counts_and_hidden_files_never():
    """Other names and hidden ones are no files."""
    found = Gate("A.*", "", 0).look([entry("A.1"), entry("B.1"), entry(".A.1"), entry("a.1")], NOW)
    assert names(found) == ["A.1"] and found.files == 1


def test_a_fault_is_let_through_at_once():
    """What can never be read is told at once."""
    assert names(Gate("*", "", 3600).look([entry(fault="a link")], NOW)) == ["a"]


@pytest.fixture
def inbox(tmp_path):
    (tmp_path / "inbox").mkdir()
    return Inbox(LocalPlace(tmp_path / "inbox", tmp_path / "archive"), Gate("*", "", 0))


def drop(inbox, name, content=b"x"):
    path = inbox.place.folder / name
    path.write_bytes(content)
    return path


def test_odd_names_are_files_like_others(inbox):
    """Newlines, long names and bytes that are no UTF-8 are shown in one line, read, and archived."""
    odd = ["two\nlines", os.fsdecode(b"caf\xe9"), "x" * 255, "back\\slash", "é", " blanks "]
    for name in odd:
        drop(inbox, name, name.encode("utf-8", "surrogateescape"))
    found = {a.entry.name: a for a in inbox.arrivals()}
    assert set(found) == set(odd) and len({a.id for a in found.values()}) == len(odd)
    for name, arrival in found.items():
        assert arrival.name.isprintable() and arrival.origin.file == arrival.name
        assert inbox.readable(arrival).read_bytes() == name.encode("utf-8", "surrogateescape")
        assert inbox.put_away(arrival)
    assert list(inbox.arrivals()) == []


def test_an_unreadable_file_and_a_link_stop_only_themselves(inbox, monkeypatch):
    """Faulty files come out with their fault, the others are read; once mended they are files like others."""
    drop(inbox, "a")
    drop(inbox, "b")
    (inbox.place.folder / "c").symlink_to("/etc/passwd")

    def refuse(path, *more, real=os.open):
        if str(path).endswith("/a"):
            raise PermissionError(13, "Permission denied")
        return real(path, *more)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        faults = {a.name: a.fault for a in inbox.arrivals()}
    assert "Permission denied" in faults["a"] and not faults["b"] and "symbolic link" in faults["c"]
    assert {a.name: bool(a.fault) for a in inbox.arrivals()} == {"a": False, "b": False, "c": True}


def test_a_file_that_goes_or_changes_between_look_and_turn_is_left_out(inbox):
    """A file that vanished is no arrival; one that changed before it is read says so."""
    for name in ("a", "b", "c"):
        drop(inbox, name)
    arrivals = inbox.arrivals()
    first = next(arrivals)
    (inbox.place.folder / "b").unlink()
    assert [a.name for a in arrivals] == ["c"]
    drop(inbox, "a", b"another")
    with pytest.raises(NotYet, match="changed"):
        inbox.verify(first)
    assert not inbox.put_away(first)
    assert (inbox.place.folder / "a").read_bytes() == b"another"


def test_numbers_come_before_dates_and_dates_before_arrival(inbox):
    """Files are taken by their number; without one by business date; else as they arrived."""
    for name in ("10.20260101", "9.20260102", "11.20251231"):
        drop(inbox, name)
    inbox.sequence = re.compile(r"^(?P<sequence>\d+)")
    assert [a.sequence for a in inbox.arrivals()] == [9, 10, 11]
    inbox.sequence, inbox.business_date = None, re.compile(r"(?P<date>\d{8})")
    assert [a.name for a in inbox.arrivals()] == ["11.20251231", "10.20260101", "9.20260102"]
    drop(inbox, "none.20261399")
    assert [a.fault for a in inbox.arrivals() if a.fault] == ["the file name has no valid business date"]


def test_a_look_reads_each_file_once(inbox, monkeypatch):
    """Thousands of files that were read already are listed again without being read."""
    for number in range(2_000):
        drop(inbox, f"{number:04}", b"%d" % number)
    inbox.keeps = True
    monkeypatch.setattr("adapters.batch.inbox.KNOWN", 5_000)
    first = [a.sha256 for a in inbox.arrivals()]
    assert first[7] == hashlib.sha256(b"7").hexdigest()

    def never(*_):
        raise AssertionError("it was read again")

    monkeypatch.setattr(LocalPlace, "fetch", never)
    assert [a.sha256 for a in inbox.arrivals()] == first


def test_the_look_waits_a_moment_for_a_file_that_is_nearly_ready(inbox):
    """A file that will be complete within two seconds is waited for, a younger one is not."""
    now, waits = [time.time_ns()], []
    inbox.gate = Gate("*", "", 30)
    inbox.now_ns = lambda: now[0]
    inbox.sleep = lambda seconds: (waits.append(seconds), now.__setitem__(0, now[0] + int(seconds * 1e9)))
    path = drop(inbox, "a")
    os.utime(path, ns=(0, now[0] - 29 * SECOND))
    assert [a.name for a in inbox.arrivals()] == ["a"] and len(waits) == 1
    os.utime(path, ns=(0, now[0] - 10 * SECOND))
    assert list(inbox.arrivals()) == [] and len(waits) == 1


def test_left_over_halves_are_removed_when_moving_in(inbox, tmp_path):
    """What a killed process has copied by half is gone at the next start."""
    files = tmp_path / "home" / "files"
    files.mkdir(parents=True)
    (files / ".abc.part").write_bytes(b"half")
    (files / "stale").write_bytes(b"of a file that is gone")
    inbox.move_in(tmp_path / "home")
    assert not (files / ".abc.part").exists()
    list(inbox.arrivals())
    assert list(files.iterdir()) == []


def test_a_file_that_cannot_be_unpacked_is_closed(inbox):
    """Damage that is found while a file is opened leaves no open file behind."""
    drop(inbox, "a")
    [arrival] = inbox.arrivals()
    streams = []

    def refuse(stream, name):
        streams.append(stream)
        raise Terminal("it is no gzip data", where=name)

    with pytest.raises(Terminal):
        Opening(unpack=refuse).open(arrival, inbox)
    assert streams[0].closed
