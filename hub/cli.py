"""The command `banyan` (DESIGN 8). Exit codes: 0 done, 1 the answer is no, 2 wrong use, 3 outside failure."""

from __future__ import annotations

import functools
import sys
from typing import Any

import typer

from hub.commands import (
    adapter,
    bench,
    copybook,
    dlq,
    estate,
    events,
    operation,
    parts,
    projection,
    services,
    soap,
)
from hub.commands import demo as demo_command
from hub.commands import diff as diff_command
from hub.commands import inspect as inspect_command
from hub.commands import test as test_command
from hub.commands import wsdl as wsdl_command
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

app = typer.Typer(
    name="banyan",
    help="An event-sourced hub for leaving legacy systems: SOAP and batch in, modern REST out.",
    epilog="Example: banyan demo",
    **_STYLE,
)
for module in (
    demo_command, services, parts, estate, copybook, inspect_command, diff_command, bench, test_command,
):  # fmt: skip
    module.add_to(app)
for name, group in (
    ("adapter", adapter),
    ("soap", soap),
    ("events", events),
    ("dlq", dlq),
    ("projection", projection),
    ("operation", operation),
    ("wsdl", wsdl_command),
):
    sub = typer.Typer(name=name, help=group.__doc__, epilog=group.EXAMPLE, **_STYLE)
    group.add_to(sub)
    app.add_typer(sub)


def main(argv: list[str] | None = None) -> None:
    """Run one command and exit."""
    try:
        _commands()(args=argv, prog_name="banyan")
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


@functools.cache
def _commands() -> typer.core.TyperGroup:
    """Return the whole tree, made once: typer reads the annotations of every command of it (0.1 s)."""
    made = typer.main.get_command(app)
    assert isinstance(made, typer.core.TyperGroup)
    return made


if __name__ == "__main__":
    main()
