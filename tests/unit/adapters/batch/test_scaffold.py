"""`banyan adapter new` and `banyan adapter test`: what is written works as written."""

from __future__ import annotations

import gzip
import importlib.util
import io
import json
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from adapters.batch.codec import RecordCodec
from adapters.batch.dry_run import dry_run, plain_reader
from adapters.batch.scaffold import scaffold
from adapters.batch.spec import BatchSpec
from adapters.catalogue import load_adapter
from hub.cli import app
from schemas.errors import SettingsError
from tests.unit.adapters.batch.pay import COPYBOOK


def pay_file() -> bytes:
    codec = RecordCodec(COPYBOOK, code_page="cp285")
    rows = []
    for i in range(40):
        nino = f"QQ{i:06d}A"
        rows.append(codec.encode({"REC-TYPE": "C", "CLAIM-NO": i, "NINO": nino, "AMOUNT": f"{i}.50"}))
        rows.append(codec.encode({"REC-TYPE": "P", "P-NINO": nino, "NAME": f"Name {i}"}))
    return b"".join([*rows, codec.encode({"REC-TYPE": "T", "TOTAL": len(rows)})])


@pytest.fixture
def estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "banyan.toml").write_text('prefix = "ten"\n')
    (tmp_path / "pay.cpy").write_text(COPYBOOK)
    (tmp_path / "PAY.20261102.dat").write_bytes(pay_file())
    rows = "".join(f"{i},Name {i},{i}.50,2026-11-02\n" for i in range(1, 20))
    (tmp_path / "people.csv").write_text(f"id,name,amount,born\n{rows}")
    people = "".join(f"<person><id>{i}</id><name>Name {i}</name></person>" for i in range(1, 20))
    (tmp_path / "people.xml").write_text(f"<extract>{people}</extract>")
    many = [
        {"id": i, "name": {"first": "A", "last": f"B{i}"}, "tags": ["x"], "lines": [{"sku": "y", "n": i}]}
        for i in range(1, 20)
    ]
    (tmp_path / "people.json").write_text(json.dumps({"data": {"people": many}}))
    places = [f"D{i:06d}{('ABARA', 'KHAN')[i % 2]:<10}19{60 + i}0{1 + i % 9}1{i % 9}" for i in range(40)]
    made = [f"{'H20261102':<25}", *places, f"{f'T{40:06d}':<25}", ""]
    (tmp_path / "PAY.20261102.txt").write_text("\n".join(made))
    lines = "".join(json.dumps({"id": i, "name": f"Name {i}"}) + "\n" for i in range(1, 20))
    (tmp_path / "people.jsonl").write_text(lines)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app(), list(arguments))
    if isinstance(result.exception, SettingsError):
        return result.exception.exit_code, str(result.exception)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"scaffold_{path.stem}", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


KINDS = {
    "copybook": (["--copybook", "pay.cpy"], None),
    "copybook_and_sample": (["--copybook", "pay.cpy", "--sample", "PAY.20261102.dat"], "PAY.20261102.dat"),
    "draft": (["--sample", "PAY.20261102.dat"], "PAY.20261102.dat"),
    "csv": (["--csv", "people.csv"], "people.csv"),
    "xml": (["--xml", "people.xml"], "people.xml"),
    "json_lines": (["--json", "people.jsonl"], "people.jsonl"),
    "json": (["--json", "people.json"], "people.json"),
    "fixed_text": (["--sample", "PAY.20261102.txt"], "PAY.20261102.txt"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_adapter_passes_its_own_test(estate: Path, kind: str) -> None:
    """Of each kind: the folder opens, its test passes as written, and the sample is read without a reject."""
    arguments, sample = KINDS[kind]
    code, output = run("adapter", "new", kind, *arguments, "--system", "paymaster")
    assert code == 0, output
    folder = estate / "adapters" / kind
    suite = next(
        value for name, value in vars(load(folder / f"test_{kind}.py")).items()
        if name.startswith("Test") and name != "BatchAdapterTest"
    )()  # fmt: skip
    ran = [getattr(suite, name)() for name in dir(suite) if name.startswith("test_")]
    assert len(ran) >= 4
    assert run("adapter", "test", kind)[0] == 0
    if sample:
        code, output = run("adapter", "test", kind, "--sample", sample)
        assert code == 0 and "rejected: 0" in output, output


def test_a_sample_tells_record_types_and_trailer(estate: Path) -> None:
    """With a copybook and a file the settings name both entities, their keys and the trailer's count."""
    run("adapter", "new", "pay", "--copybook", "pay.cpy", "--sample", "PAY.20261102.dat")
    spec = load_adapter(estate / "adapters" / "pay")
    assert isinstance(spec, BatchSpec)
    assert {(r.entity, r.group, r.key) for r in spec.records} == {
        ("claim", "CLAIM", ("CLAIM-NO",)), ("person", "PERSON", ("P-NINO",))
    }  # fmt: skip
    assert spec.trailer is not None and spec.trailer.count == "TOTAL"
    assert spec.pattern == "PAY.*.dat" and spec.business_date.startswith("PAY")


def test_nothing_is_overwritten(estate: Path) -> None:
    """A second adapter of the same name is refused, and the first stays as it is."""
    run("adapter", "new", "people", "--csv", "people.csv")
    path = estate / "adapters" / "people" / "adapter.toml"
    path.write_text(path.read_text() + "# mine\n")
    code, output = run("adapter", "new", "people", "--csv", "people.csv")
    assert code == 2 and "is there already" in output
    assert path.read_text().endswith("# mine\n")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["adapter", "new", "a", "--wsdl", "x.wsdl"], "no such file"),
        (["adapter", "new", "a"], "nothing to make an adapter from"),
        (["adapter", "new", "My-Name", "--csv", "people.csv"], "write 'my_name', say"),
        (["adapter", "new", "a", "--csv", "people.csv", "--xml", "people.xml"], "more than one sample"),
        (["adapter", "new", "a", "--csv", "nowhere.csv"], "no such file"),
    ],
)
def test_wrong_use_says_what_to_do(estate: Path, arguments: list[str], says: str) -> None:
    """What cannot be made is refused with a remedy, and nothing is written."""
    code, output = run(*arguments)
    assert code == 2 and says in output
    assert not (estate / "adapters").exists()


def test_an_empty_sample_is_told_once(estate: Path) -> None:
    """A reason is said once, and who gave a copybook is not told to give one."""
    (estate / "empty").write_bytes(b"")
    code, said = run("adapter", "new", "a", "-c", "pay.cpy", "--sample", "empty", "-e", ".")
    assert code == 2 and said.count("is empty") == 1
    assert "is this the right copybook?" in said and "--copybook" not in said


def test_an_estate_is_never_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside an estate nothing is written: the example is no place for somebody's adapter."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("id,name\n1,x\n2,y\n")
    code, output = run("adapter", "new", "a", "--csv", "a.csv")
    assert code == 2 and "no banyan.toml" in output


def test_a_bad_sample_says_how_bad(estate: Path) -> None:
    """Rejects are counted by field and reason, the trailer's problem is told, and the answer is no."""
    run("adapter", "new", "pay", "--copybook", "pay.cpy", "--sample", "PAY.20261102.dat")
    bad = bytearray(pay_file())
    bad[13] = 0xFA
    (estate / "PAY.20261103.dat").write_bytes(bytes(bad[:-30]))
    code, output = run("adapter", "test", "pay", "--sample", "PAY.20261103.dat")
    assert code == 1
    assert "1 x CLAIM.AMOUNT: nibble F is no digit" in output
    assert "problem: the file has 0 trailer records" in output
    code, output = run("adapter", "test", "pay", "--sample", "PAY.20261103.dat", "--json")
    assert code == 1 and json.loads(output)["rejects"] == 1


def test_a_file_that_does_not_fit_is_refused(estate: Path) -> None:
    """A dry run of the wrong file says so instead of failing."""
    (estate / "numbers.cpy").write_text("       01 R. 05 A PIC 9(5) COMP-3. 05 B PIC S9(9) COMP-3.")
    folder = estate / "adapters" / "numbers"
    scaffold("numbers", system="s", copybook=estate / "numbers.cpy").write(folder)
    spec = load_adapter(folder)
    assert isinstance(spec, BatchSpec)
    content = (estate / "people.csv").read_bytes()
    found = dry_run(plain_reader(spec, folder), "people.csv", io.BytesIO(content), len(content))
    assert "does not fit numbers.cpy" in found.refused and found.records == 0


def test_a_sample_is_read_as_the_adapter_reads_it(estate: Path) -> None:
    """A packed sample is unpacked, and an action code that a delta does not declare is a reject."""
    folder = estate / "adapters" / "moves"
    folder.mkdir(parents=True)
    (folder / "adapter.toml").write_text(
        'kind = "batch"\nname = "moves"\nsystem = "s"\nfolder = "inbox"\nformat = "delimited"\n'
        'mode = "delta"\nentity = "move"\nkey = ["ID"]\n[delta]\naction = "ACT"\ncreate = ["A"]\n'
        '[delimited]\nfields = ["ACT", "ID:integer"]\n'
    )
    (estate / "moves.csv.gz").write_bytes(gzip.compress(b"ACT,ID\nA,1\nX,2\n"))
    code, output = run("adapter", "test", "moves", "--sample", "moves.csv.gz")
    assert code == 1
    assert "move: 1 rows\nrejected: 1\n  1 x ACT: the action code is not declared" in output
