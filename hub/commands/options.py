"""Arguments that several commands share."""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hub.estate import Estate

EstateArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[ESTATE]",
        help="Folder with a banyan.toml, or an example's name. Default: this folder, else universal_credit.",
        show_default=False,
    ),
]
EstateOption = Annotated[
    str | None,
    typer.Option(
        "--estate",
        "-e",
        metavar="ESTATE",
        help="Folder with a banyan.toml, or an example's name. Default: this folder, else universal_credit.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a machine.")]


def login() -> str:
    """Return who is at work: the login, or in a container without one the user's number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user in /etc/passwd: OSError since Python 3.13
        return f"uid {os.getuid()}"


def open_estate(given: str | None) -> Estate:
    """Return the estate that a command is about."""
    from hub.estate import Estate

    if given is None:
        given = "." if Path("banyan.toml").is_file() else "universal_credit"
    return Estate(given)
