"""The command `banyan` (DESIGN 8). Exit codes: 0 done, 1 the answer is no, 2 wrong use, 3 outside failure."""

from __future__ import annotations

import atexit
import functools
import gc
import os
import sys
from importlib import import_module
from typing import Any

import typer

from hub.terminal import DONE, INTERRUPTED, OUTSIDE_FAILED, note, print_error
from schemas.errors import BanyanError

# Plain help: rich would double the time that `banyan --help` takes.
_STYLE: dict[str, Any] = {
    "no_args_is_help": True,
    "add_completion": False,
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 110},
}
#: Modules of `hub.commands` and the commands of each, in the order of the help.
_COMMANDS = {
    "demo": ("demo",),
    "services": ("up", "down", "status"),
    "parts": ("run", "worker", "api", "facade", "controller", "console"),
    "estate": ("check",),
    "copybook": ("layout", "decode", "encode"),
    "inspect": ("inspect",),
    "diff": ("diff",),
    "bench": ("bench",),
    "test": ("test",),
}
#: Modules whose commands form a group of the module's name.
_GROUPS = ("adapter", "soap", "events", "dlq", "projection", "operation", "wsdl")


def app(only: str | None = None) -> typer.Typer:
    """Return the tree of commands; with a first word that names one, or a group, only what it needs."""
    tree = typer.Typer(
        name="banyan",
        help="An event-sourced hub for leaving legacy systems: SOAP and batch in, modern REST out.",
        epilog="Example: banyan demo",
        callback=_nothing,  # so that a tree of one command asks for its name as well
        **_STYLE,
    )
    for name, commands in _COMMANDS.items():
        if only is None or only in commands:
            import_module(f"hub.commands.{name}").add_to(tree)
    for name in _GROUPS:
        if only is None or only == name:
            group = import_module(f"hub.commands.{name}")
            sub = typer.Typer(name=name, help=group.__doc__, epilog=group.EXAMPLE, **_STYLE)
            group.add_to(sub)
            tree.add_typer(sub)
    return tree


def main(argv: list[str] | None = None) -> None:
    """Run one command and exit."""
    # No kernel of ours multiplies floats, and starting numpy's threads for that takes 0.1 s of a processor.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # A process that ends need not look for garbage in all that it has loaded (0.05 s).
    atexit.register(gc.freeze)
    try:
        arguments = sys.argv[1:] if argv is None else argv
        _commands(_first(arguments))(args=arguments, prog_name="banyan")
    except SystemExit as ended:
        if ended.code == INTERRUPTED:  # typer has turned Ctrl-C into it, without a word
            note("interrupted")
        if isinstance(ended.__context__, BrokenPipeError):  # typer has turned it into the answer "no"
            sys.stderr.close()
            sys.exit(DONE)
        raise
    except KeyboardInterrupt:
        note("interrupted")
        sys.exit(INTERRUPTED)
    except BanyanError as error:
        print_error(error)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader (`| head`) has what it wants. Leave before Python tries to flush the closed pipe.
        sys.stderr.close()
        sys.exit(DONE)
    except OSError as error:
        note(f"error: {error.strerror or error}\n  where: {error.filename or 'the operating system'}")
        sys.exit(OUTSIDE_FAILED)
    except Exception:  # a bug of ours must not look like the answer "no" (exit code 1)
        import traceback

        traceback.print_exc()
        note("error: this is a bug of Banyan\n  to do: report it with the lines above")
        sys.exit(OUTSIDE_FAILED)


def _first(arguments: list[str]) -> str | None:
    """Return the first word if it names a command or a group; without one the whole tree answers."""
    known = {*_GROUPS, *(command for commands in _COMMANDS.values() for command in commands)}
    return arguments[0] if arguments and arguments[0] in known else None


@functools.cache
def _commands(only: str | None) -> typer.core.TyperGroup:
    """Return a tree, made once: typer reads the annotations of every command in it (0.1 s for all)."""
    made = typer.main.get_command(app(only))
    assert isinstance(made, typer.core.TyperGroup)
    return made


def _nothing() -> None:
    pass


if __name__ == "__main__":
    main()
