"""The command line: help, exit codes and the form of errors."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import typer

from hub.cli import app, main


def _paths(group: typer.Typer, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for info in group.registered_commands:
        yield (*path, info.name or info.callback.__name__.rstrip("_"))
    for sub in group.registered_groups:
        yield from _paths(sub.typer_instance, (*path, sub.typer_instance.info.name))


COMMANDS = sorted(_paths(app))


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


_ADAPTER = ["new", "test", "list", "about", "run", "held", "approve", "reject", "files", "skip", "reprocess"]


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
        ["dlq list", "projection list"],
        [
            f"operation {c}"
            for c in ["list", "show", "where", "stage", "evidence", "history", "verify", "kill", "restore"]
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


def test_help_stays_light() -> None:
    """`banyan --help` imports none of the heavy libraries, so that it answers at once."""
    code = (
        "import sys, hub.cli; heavy = {'numpy', 'pyarrow', 'faust', 'fastapi', 'zeep', 'lxml', "
        "'confluent_kafka', 'pydantic', 'rich', 'aiohttp'}; print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
