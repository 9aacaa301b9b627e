"""Gate and inbox: which files are complete, in which order, and what odd ones do to their neighbours."""

from __future__ import annotations

import hashlib
import io
import os
import re
import time

import pytest

from adapters.batch.adapter import Opening
from adapters.batch.gate import Gate
from adapters.batch.inbox import Inbox
from adapters.batch.spec import BatchSpec
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


def test_what_is_not_taken_yet_is_told():
    """Each file that waits has its reason: its age, a marker that has not come, a first look."""
    look = Gate("*", "", 30).look([entry("young", 988), entry("new", 0)], NOW)
    assert look.unready == {
        "young": "unchanged for 12 s; min_age_seconds = 30",
        "new": "it was seen for the first time, and may still be written",
    }
    assert Gate("*", ".done", 0).look([entry("a")], NOW).unready == {
        "a": "its marker a.done has not come, or is older"
    }


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


HEADED = {
    "name": "a", "system": "s", "folder": "inbox", "min_age_seconds": 0, "mode": "events",
    "sequence_from": "header",
}  # fmt: skip
CSV = HEADED | {
    "format": "delimited",
    "header": {"when": {"field": "TAG", "equals": "H"}, "sequence": "RUN"},
    "records": [{"entity": "pay", "key": ["NO"], "group": "pay", "when": {"field": "TAG", "equals": "D"}}],
    "delimited": {
        "header": False,
        "layouts": {"head": ["TAG", "RUN:integer"], "pay": ["TAG", "NO:integer"]},
        "leave_out": [{"field": "TAG", "equals": "#"}],
    },
}
COBOL = HEADED | {
    "copybook": "c.cpy", "code_page": "latin-1", "framing": "lines",
    "header": {"when": {"field": "TAG", "equals": "H"}, "sequence": "RUN"},
    "records": [{"entity": "pay", "key": ["NO"], "group": "PAY", "when": {"field": "TAG", "equals": "D"}}],
}  # fmt: skip
COPYBOOK = """
       01  R.
           05  TAG PIC X.
           05  BODY PIC X(4).
           05  HEAD REDEFINES BODY.
               10  RUN PIC 9(4).
           05  PAY REDEFINES BODY.
               10  NO PIC 9(4).
"""


@pytest.fixture(params=["copybook", "delimited"])
def headed(tmp_path, request):
    """An adapter whose files have a number in their header, and what writes such a file."""
    (tmp_path / "c.cpy").write_text(COPYBOOK)
    cobol = request.param == "copybook"
    (tmp_path / "inbox").mkdir()

    def write(name, number):
        head = f"H{number}\n" if cobol else f"#,made by hand\nH,{number}\n"
        (tmp_path / "inbox" / name).write_text(head + ("D0001\n" if cobol else "D,1\n"))

    return BatchSpec.model_validate(COBOL if cobol else CSV).open(tmp_path), write


def test_the_number_in_the_header_orders_the_files(headed):
    """Files are read by the number in their header, whatever they are called and when they came."""
    adapter, write = headed
    for name, number in (("a", "0012"), ("b", "0009"), ("c", "0010")):
        write(name, number)
    found = list(adapter.poll())
    assert [(e.sequence, e.arrival.name) for e in found] == [(9, "b"), (10, "c"), (12, "a")]
    rows = [sum(r.batch.num_rows for c in e.chunks() for r in c.rows) for e in found]
    assert rows == [1, 1, 1]
    assert [e.problems() for e in found] == [[], [], []]


def test_a_header_is_read_once(headed, monkeypatch):
    """While a file waits for its turn, no look opens it again."""
    adapter, write = headed
    write("a", "0012")
    list(adapter.poll())
    monkeypatch.setattr(Opening, "open", lambda *_: pytest.fail("it was read already"))
    assert [e.sequence for e in adapter.poll()] == [12]
    write("a", "0013")
    with pytest.raises(pytest.fail.Exception):
        list(adapter.poll())


def test_a_file_whose_header_has_no_number_is_refused(headed, tmp_path):
    """Without a readable number nobody knows a file's turn, so it is refused with the reason."""
    adapter, write = headed
    write("a", "00x2")
    (tmp_path / "inbox" / "b").write_bytes(b"")
    write("c", "0003")
    found = list(adapter.poll())
    assert [e.sequence for e in found] == [None, None, 3]
    faults = [e.fault for e in found]
    assert faults[0].startswith("the file's number cannot be read in its header: ") and "x2" not in faults[0]
    assert faults[1:] == ["the file's number cannot be read in its header: it is not there", ""]


def test_a_number_has_one_place():
    """The number is in the name or in the header, and a header without one is refused."""
    for wrong in ({"sequence": r"(?P<sequence>\d+)"}, {"header": None}):
        with pytest.raises(ValueError, match="sequence_from"):
            BatchSpec.model_validate(CSV | wrong)


def test_a_header_of_text_behind_other_records_is_told(tmp_path):
    """A header must be the first record of a text file, too; comments before it do not count."""
    reader = BatchSpec.model_validate(CSV | {"mode": "full"}).reader(tmp_path)
    for text, problems in (
        ("#,x\nH,1\nD,1\n", []),
        ("#,x\nD,1\nH,1\n", ["the header is record 3, not the first"]),
    ):
        reading = reader.reading("f", len(text))
        assert list(reading.chunks(io.BytesIO(text.encode())))
        assert reading.problems() == problems
