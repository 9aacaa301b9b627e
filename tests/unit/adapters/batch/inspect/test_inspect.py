"""What `banyan inspect` says about files whose truth is known, and that its proposals read them."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.batch.inspect import Report, inspect_file, inspect_sample
from adapters.batch.inspect.file_names import adapter_name, patterns
from adapters.batch.inspect.found import shape
from adapters.batch.inspect.pages import code_page
from adapters.batch.inspect.period import agreement, agreement_reference
from adapters.batch.inspect.propose import literal
from adapters.batch.inspect.sample import PIECE, Sample
from adapters.batch.spec import BatchSpec


def _beside(name: str) -> ModuleType:
    """Import a module of this folder, which is no package."""
    spec = importlib.util.spec_from_file_location(f"inspect_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


made, confusion = _beside("made"), _beside("confusion")
EVERYTHING = list(made.everything(1))
ASKED = [(one, False) for one in EVERYTHING] + [(one, True) for one in EVERYTHING if one.copybook]
_reports: dict[tuple[str, bool], Report] = {}


def report_of(one: Any, copybook: bool) -> Report:
    if (one.name, copybook) not in _reports:
        _reports[one.name, copybook] = confusion.asked(one, copybook=copybook)
    return _reports[one.name, copybook]


def named(case: tuple[Any, bool]) -> str:
    return f"{case[0].name}{' with copybook' if case[1] else ''}"


@pytest.mark.parametrize("case", ASKED, ids=named)
def test_the_truth_is_guessed(case: tuple[Any, bool]) -> None:
    """Framing, alphabet, code page, record length, record types, delimiter and so on are guessed right."""
    one, copybook = case
    wrong = [
        said for _, verdict, said in confusion.verdicts(one, report_of(one, copybook)) if verdict != "right"
    ]
    assert wrong == []


@pytest.mark.parametrize("case", ASKED, ids=named)
def test_the_proposal_reads_its_sample(case: tuple[Any, bool]) -> None:
    """What is proposed is a valid adapter.toml that reads the sample without a reject or a problem."""
    report = report_of(*case)
    if report.settings is None:
        assert case[0].name.startswith(("noise", "pgp", "empty"))
        return
    BatchSpec.model_validate(tomllib.loads(report.adapter_toml))
    assert len(report.notes) == 1, report.notes
    assert report.notes[0].endswith(" 0 rejected")


@pytest.mark.parametrize("one", list(made.damaged(1)), ids=lambda one: one.name)
def test_damage_by_transfers_is_told(one: Any) -> None:
    """Line ends put in, translations, ends cut or padded: each is warned of."""
    report = inspect_sample(Sample.of(one.content), "SAMPLE")
    assert any(one.warns in warning for warning in report.warnings), report.warnings


def test_descriptor_words_are_told_to_the_switch() -> None:
    """Byte order and whether the length counts itself are settled, each as a setting that reads the file."""
    for one in EVERYTHING:
        if "order" not in one.extra:
            continue
        settings_of = dict(report_of(one, False).settings or {})
        frame = settings_of.get("frame", {})
        if one.extra["order"] in ("big", "little"):
            assert frame.get("rdw_byte_order", "big") == one.extra["order"], one.name
            assert frame.get("rdw_inclusive", True) == one.extra["inclusive"], one.name
        else:
            assert ("- 4" in frame["length"]) == one.extra["inclusive"], one.name


def test_no_value_is_shown_unless_asked() -> None:
    """A report holds names and shapes; values of the sample stand in it only with show_values."""
    rows = made.people(1, 120)
    content = b"".join(made.records(1, 120))
    secrets = {row["FULL-NAME"] for row in rows} | {str(row["PERSON-NO"]) for row in rows}
    for copybook in (None, made.COPYBOOK):
        told = inspect_sample(Sample.of(content), "X", copybook_text=copybook, copybook="c.cpy")
        text = json.dumps(told.as_json())
        assert not any(secret in text for secret in secrets)
    shown = inspect_sample(
        Sample.of(content), "X", copybook_text=made.COPYBOOK, copybook="c.cpy", show_values=True
    )
    assert any(secret in json.dumps(shown.as_json()) for secret in secrets)


def test_a_shape_hides_the_value() -> None:
    """Letters become A or a, digits 9, and what is no plain mark a question mark."""
    assert shape("Müller, 12/3 £4") == "Aaaaaa, 99/9 ?9"


def test_pages_that_read_alike_are_not_told_apart() -> None:
    """Where no byte in which pages differ occurs, the answer is `cannot tell`, and what is assumed."""
    text = np.frombuffer(("PAID IN FULL 2026 " * 40).encode("cp037"), np.uint8)
    guess = code_page(text)
    assert guess.value == "cp285" and guess.confidence < 0.5
    assert guess.why[0].startswith("cannot tell") and "assumed" in guess.why[1]


def test_pounds_and_dollars_cannot_be_told_apart() -> None:
    """0x5B before an amount is £ in 285 and $ in 037; both stay possible, and the report says so."""
    text = np.frombuffer(("PAID $12 TO HIM " * 40).encode("cp037"), np.uint8)
    guess = code_page(text)
    assert guess.value == "cp285"
    assert any("make sense of it alike" in reason for reason in guess.why)
    assert "cp037" in {other.value for other in guess.others}


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("AWS.M2.CARDDEMO.ACCTDATA.PS", "acctdata"),
        ("AWS.M2.CARDDEMO.EXPORT.DATA.PS", "export"),
        ("PROD.PAY.AWARDS.G0012V00", "awards"),
        ("AWARDS.20261102.dat", "awards"),
        ("claims-2026-11-02.csv.gz", "claims"),
        ("COMP.DETAILS.SEP30.DATA.dat", "comp_details"),
        ("prod.hr.people.csv", "prod_hr_people"),
        ("20261102.csv", "file"),
        ("data.txt", "data"),
    ],
)
def test_adapters_are_named_after_what_is_in_the_files(file: str, name: str) -> None:
    """Dates, generations, words for storage and a data set's first qualifiers are no part of the name."""
    assert adapter_name(file) == name


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=20, max_size=200), st.data())
def test_agreement_is_its_obvious_twin(content: bytes, data: st.DataObject) -> None:
    """The Fourier transform counts the same agreeing turns as one loop."""
    values = np.frombuffer(content, np.uint8)
    lag = data.draw(st.integers(1, len(values) // 2))
    shares, _ = agreement(values)
    assert shares[lag] == pytest.approx(agreement_reference(values, lag), abs=1e-6)


def test_a_huge_file_is_read_in_three_pieces(tmp_path: Path) -> None:
    """Head, middle and tail are all that is read of gigabytes."""
    path = tmp_path / "huge.dat"
    with path.open("wb") as stream:
        stream.write(b"".join(made.records(1, 400)))
        stream.truncate(5_000_000_000)
    sample = Sample.read(path)
    assert [len(piece) for piece in sample.pieces()] == [PIECE, PIECE, PIECE]
    assert sample.size == 5_000_000_000
    assert any("are zero" in warning for warning in inspect_file(path).warnings)


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_a_report(content: bytes) -> None:
    """No bytes make inspect fail, with a copybook or without."""
    for copybook in (None, made.TYPED):
        report = inspect_sample(Sample.of(content), "X", copybook_text=copybook, copybook="c.cpy")
        json.dumps(report.as_json())


def test_noise_is_nothing() -> None:
    """Random bytes are called nothing: no alphabet, framing or length, whatever the seed."""
    for seed in range(12):
        report = inspect_sample(Sample.of(random.Random(seed).randbytes(8_000)), "X")
        assert [report.value(of) for of in ("alphabet", "framing", "record_length")] == [None] * 3, seed


def test_names_and_dates_of_files_become_patterns() -> None:
    """A date in a file's name becomes a star, and the business date's expression."""
    assert patterns("AWARDS.20261102.dat") == ("AWARDS.*.dat", r"AWARDS\.(?P<date>\d{8})")
    assert patterns("a-2026-11-02.csv") == ("a-*.csv", r"a\-(?P<date>\d{4}-\d\d-\d\d)")
    assert patterns("plain[1].csv") == ("plain[[]1[]].csv", "")


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])))
def test_text_is_written_as_toml_reads_it(text: str) -> None:
    """Any text survives the way into adapter.toml and back."""
    assert tomllib.loads(f"a = {literal(text)}") == {"a": text}


CORPORA = os.environ.get("BANYAN_CORPORA", "")
needs_corpora = pytest.mark.skipif(not CORPORA, reason="BANYAN_CORPORA is not set")
CARDDEMO = {
    "ACCTDATA": (300, "CVACT01Y"), "CARDDATA": (150, "CVACT02Y"), "CARDXREF": (50, "CVACT03Y"),
    "CUSTDATA": (500, "CVCUS01Y"), "DALYTRAN": (350, "CVTRA06Y"), "DISCGRP": (50, "CVTRA02Y"),
    "TCATBALF": (50, "CVTRA01Y"), "TRANCATG": (60, "CVTRA04Y"), "TRANTYPE": (60, "CVTRA03Y"),
    "EXPORT.DATA": (500, "CVEXPORT"),
}  # fmt: skip


@needs_corpora
@pytest.mark.parametrize("name", CARDDEMO)
@pytest.mark.parametrize("with_copybook", [False, True])
def test_carddemo_is_guessed(name: str, with_copybook: bool) -> None:
    """CardDemo's files, made by others: EBCDIC, fixed, record lengths, and a proposal that reads them."""
    length, copybook = CARDDEMO[name]
    folder = Path(CORPORA) / "carddemo"
    report = inspect_file(
        folder / "EBCDIC" / f"AWS.M2.CARDDEMO.{name}.PS",
        copybook=folder / "cpy" / f"{copybook}.cpy" if with_copybook else None,
    )
    said = (report.value("alphabet"), report.value("framing"), report.value("record_length"))
    assert said == ("ebcdic", "fixed", length)
    if (
        with_copybook or name == "EXPORT.DATA"
    ):  # the bytes alone take DISCGRP's three kinds of group for types
        assert report.value("record_types") == (5 if name == "EXPORT.DATA" else None)
    assert report.notes[0].endswith(" 0 rejected")


COBRIX: dict[str, tuple[str, str, dict[str, Any]]] = {
    "1": ("test1_data/example.bin", "test1_copybook.cob", {"framing": "fixed", "record_length": 2202}),
    "3": ("test3_data/TRAN2.AUG31.DATA.dat", "test3_copybook.cob", {"framing": "fixed", "record_length": 45}),
    "4": ("test4_data/COMP.DETAILS.SEP30.DATA.dat", "test4_copybook.cob",
          {"framing": "rdw", "alphabet": "ascii", "record_types": 2}),
    "7": ("test7_data/TEST.FILLERS.DEC07.DATA.dat", "test7_fillers.cob",
          {"framing": "fixed", "record_length": 60}),
    "10": ("test10_data/data.dat", "test10_copybook.cob", {"alphabet": "ascii", "framing": "fixed"}),
    "11": ("test11_data/COMP.DETAILS.MAY30.DATA.dat", "test11_copybook.cob", {"framing": "header"}),
    "13a": ("test13a_data/TRAN2.JUN24.DATA.dat", "test13a_file_header_footer.cob",
            {"framing": "fixed", "record_length": 45}),
    "13b": ("test13b_data/COMP.DETAILS.JUN02.DATA.RDW.BE.dat", "test13b_vrl_file_headers.cob",
            {"framing": "rdw", "record_types": 2}),
    "14": ("test14_data/COMP.DETAILS.JUL02.DATA.dat", "test14_copybook.cob",
           {"framing": "rdw", "record_types": 2}),
}  # fmt: skip
FRAMES = {
    "4": {"rdw_byte_order": "little", "rdw_inclusive": False},
    "13a": {"file_header": 10, "file_trailer": 12},
    "13b": {"rdw_inclusive": False, "file_header": 100, "file_trailer": 120},
    "14": {"rdw_byte_order": "little"},
}


@needs_corpora
@pytest.mark.parametrize("case", COBRIX)
def test_cobrix_cases_are_guessed(case: str) -> None:
    """Cobrix's cases by their copybook: framing, byte order, file header and trailer, record types."""
    data, copybook, truth = COBRIX[case]
    folder = Path(CORPORA) / "cobrix"
    report = inspect_file(folder / data, copybook=folder / copybook)
    assert {of: report.value(of) for of in truth} == truth
    assert (report.settings or {}).get("frame", {}) == FRAMES.get(
        case, (report.settings or {}).get("frame", {})
    )
    assert report.notes[0].endswith(" 0 rejected"), report.notes


def test_members_of_a_copybook_are_found(tmp_path: Path) -> None:
    """COPY members are looked for on the copy path, and the proposal names it."""
    (tmp_path / "members").mkdir()
    (tmp_path / "members" / "INNER.CPY").write_text("           05  ID  PIC 9(6).\n")
    (tmp_path / "pay.cpy").write_text(
        "       01  PAY.\n           COPY INNER.\n           05  AMOUNT  PIC 9(4).\n"
    )
    (tmp_path / "pay.dat").write_bytes("".join(f"{n:06}{n * 7:04}" for n in range(300)).encode("cp037"))
    report = inspect_file(
        tmp_path / "pay.dat", copybook=tmp_path / "pay.cpy", copy_path=[tmp_path / "members"]
    )
    assert tomllib.loads(report.adapter_toml)["copy_path"] == [str(tmp_path / "members")]
    assert report.notes[0] == "tried on the sample: 300 records read, 0 rejected"
