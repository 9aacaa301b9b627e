"""The command line: help, exit codes and the form of errors."""

import gzip
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer

from hub.cli import app, main


def _paths(group: typer.Typer, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for info in group.registered_commands:
        yield (*path, info.name or info.callback.__name__.rstrip("_"))
    for sub in group.registered_groups:
        yield from _paths(sub.typer_instance, (*path, sub.typer_instance.info.name))


COMMANDS = sorted(_paths(app()))


def _run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    code = caught.value.code
    return 0 if code is None else int(code)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_helps_with_an_example(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """`--help` of every command ends with code 0, says what it does, and shows an example of itself."""
    assert _run(*path, "--help") == 0
    said = capsys.readouterr().out
    assert "Usage:" in said
    assert "Example: banyan " + " ".join(path) in " ".join(said.split())


@pytest.mark.parametrize("word", sorted({path[0] for path in COMMANDS}))
def test_a_word_loads_its_own_commands_and_few_others(word: str) -> None:
    """The first word brings every command that it names, and not the whole tree."""
    found = sorted(_paths(app(word)))
    assert [path for path in found if path[0] == word] == [path for path in COMMANDS if path[0] == word]
    assert len(found) < len(COMMANDS) / 2


def test_a_word_that_is_no_command_is_refused_by_the_whole_tree(capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped command ends with 2 and names the one that was meant."""
    assert _run("dif") == 2
    assert "Did you mean 'diff'?" in capsys.readouterr().err


_ADAPTER = ["new", "test", "list", "about", "run", "held", "approve", "reject", "files", "skip", "reprocess"]
_PROJECTION = ["compare", "list", "switch", "pause", "resume", "drop", "rebuild", "journal"]


def test_the_contract_is_whole() -> None:
    """Every command that the trunk promises is there."""
    promised = (
        [
            "demo",
            "up",
            "down",
            "status",
            "run",
            "worker",
            "api",
            "controller",
            "facade",
            "console",
            "check",
            "diff",
            "inspect",
            "layout",
            "decode",
            "encode",
            "bench",
            "test",
        ],
        [f"adapter {c}" for c in _ADAPTER],
        [f"events {c}" for c in ["tail", "count", "show"]],
        [f"dlq {c}" for c in ["list", "show", "replay", "drop"]],
        [f"projection {c}" for c in _PROJECTION],
        [f"projection parked {c}" for c in ["list", "show", "retry", "edit", "drop", "history"]],
        [f"soap {c}" for c in ["encode", "decode", "call", "record"]],
        [f"wsdl {c}" for c in ["import", "check", "operations", "diff"]],
        [
            f"operation {c}"
            for c in [
                "list",
                "show",
                "where",
                "stage",
                "gate",
                "evidence",
                "history",
                "verify",
                "kill",
                "restore",
            ]
        ],
    )
    assert {" ".join(path) for path in COMMANDS} == {c for group in promised for c in group}


@pytest.mark.parametrize(
    "arguments",
    [["inpsect", "x"], ["projection", "rebuild"], ["demo", "--nonsense"], ["run", "/no/such/estate"]],
)
def test_wrong_use_ends_with_two(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown command, an unknown option and an unknown estate end with exit code 2, told on stderr."""
    assert _run(*arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err


def test_an_error_says_what_where_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """An error is three lines on stderr: what happened, where, and the next action."""
    assert _run("check", "/no/such/estate") == 2
    first, second, third = capsys.readouterr().err.splitlines()
    assert first == "error: no such estate"
    assert second == "  where: /no/such/estate"
    assert third.startswith("  to do: name a folder with a banyan.toml, or an example: ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["decode", "{folder}", "-c", "{copybook}"], "this is a folder, not a file"),
        (["inspect", "{folder}"], "this is a folder, not a file"),
        (["decode", "{copybook}"], "what describes the records?"),
        (["decode", "{copybook}", "-c", "{copybook}", "-o", "{folder}/no/out"], "cannot write: "),
        (["encode", "{copybook}", "-c", "{copybook}", "-o", "{folder}/no/out"], "cannot write: "),
        (["decode", "{copybook}", "-c", "{copybook}", "--set", "frame.no=1"], "no setting 'frame.no'"),
    ],
)
def test_wrong_files_are_told_as_what_where_what_to_do(
    arguments: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder for a file, no copybook, no place for the output: three lines, exit code 2, no other name."""
    copybook = tmp_path / "c.cpy"
    copybook.write_text("       01 A.\n           05 B PIC X(4).\n")
    assert _run(*(a.format(folder=tmp_path, copybook=copybook) for a in arguments)) == 2
    first, second, third = capsys.readouterr().err.splitlines()
    assert first.startswith(f"error: {told}")
    assert second.startswith("  where: ")
    assert ".partial" not in second
    assert third.startswith("  to do: ")


@pytest.mark.parametrize("how", [KeyboardInterrupt, lambda: SystemExit(130)])
def test_ctrl_c_ends_with_130_and_one_word(
    how: Callable[[], BaseException], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that Ctrl-C ends says only that, on stderr, and ends with 130 as shells expect."""

    def interrupted(_: str | None) -> None:
        raise how()

    monkeypatch.setattr("hub.commands.estate.open_estate", interrupted)
    assert _run("check") == 130
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "interrupted\n")


def test_a_reader_that_has_enough_is_no_failure() -> None:
    """A command whose pipe is closed (`| head`) ends with code 0 and without a word."""
    code = (
        "import hub.commands.estate, hub.cli\n"
        "def gone(_): raise BrokenPipeError(32, 'Broken pipe')\n"
        "hub.commands.estate.open_estate = gone\n"
        "hub.cli.main(['check'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_help_stays_light() -> None:
    """`banyan --help` imports none of the heavy libraries, so that it answers at once."""
    code = (
        "import sys, hub.cli; hub.cli.app(); heavy = {'numpy', 'pyarrow', 'faust', 'fastapi', 'zeep', "
        "'lxml', 'confluent_kafka', 'pydantic', 'rich', 'aiohttp'}; print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_value_that_does_not_fit_is_an_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bad value ends `encode` with 1, its line and field, and no file; a cut file ends `decode` with 1."""
    copybook, lines, out = tmp_path / "r.cpy", tmp_path / "r.jsonl", tmp_path / "r.out"
    copybook.write_text("       01 R.\n          05 A PIC 9(4).\n")
    lines.write_text('{"A": 1}\n{"A": "zz"}\n')
    assert _run("encode", str(lines), "-c", str(copybook), "-o", str(out)) == 1
    assert "r.jsonl:2: A" in capsys.readouterr().err
    assert not out.exists() and [p.name for p in tmp_path.iterdir() if "partial" in p.name] == []
    data = tmp_path / "r.gz"
    data.write_bytes(gzip.compress(b"0001")[:-5])
    assert _run("decode", str(data), "-c", str(copybook), "--set", "code_page=ascii") == 1
    assert "cut off" in capsys.readouterr().err
