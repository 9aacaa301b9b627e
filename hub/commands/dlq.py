"""Rejected records and events, with raw bytes, place, field path and reason."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Annotated

import typer

from hub.commands.options import EstateOption, JsonOption, open_estate
from hub.commands.parked import By, Reason, decide
from hub.terminal import print_facts, print_json, print_table, say
from schemas.errors import SettingsError

if TYPE_CHECKING:
    from hub.estate import Estate
    from streams.projection import Projection

EXAMPLE = "Example: banyan dlq list"

Letter = Annotated[str, typer.Argument(metavar="SYSTEM:OFFSET", help="The dead letter, as `list` shows it.")]


def add_to(app: typer.Typer) -> None:
    """Register `list`, `show`, `replay`, `drop`."""
    app.command("list", epilog=EXAMPLE)(list_)
    app.command(epilog="Example: banyan dlq show esa:17 --raw")(show)
    app.command(epilog='Example: banyan dlq replay esa:17 --reason "the schema is there"')(replay)
    app.command(epilog='Example: banyan dlq drop esa:17 --reason "a test record"')(drop)


def list_(
    estate: EstateOption = None,
    last: Annotated[int, typer.Option("--last", "-n", min=1, help="At most so many, newest last.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List dead letters of every system: where they came from and why. Never their content."""
    opened = open_estate(estate)
    from hub.dead_letters import dead_letters

    found = dead_letters(opened)
    if as_json:
        print_json(found[-last:])
    elif not found:
        say("no dead letters")
    else:
        columns = ["letter", "at", "adapter", "entity", "file", "record", "field", "reason"]
        print_table(
            columns, ([letter.get(c, "") for c in columns] for letter in found[-last:]), right=["record"]
        )
        say(f"{len(found):,} dead letter{'' if len(found) == 1 else 's'}")


def show(
    letter: Letter,
    estate: EstateOption = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="The bytes too, as base64: they may be personal data.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show one dead letter."""
    opened = open_estate(estate)
    from hub.dead_letters import dead_letter

    facts, value = dead_letter(opened, letter)
    if raw:
        facts["value"] = None if value is None else base64.b64encode(value).decode()
    if as_json:
        print_json(facts)
    else:
        print_facts(facts)


def replay(letter: Letter, reason: Reason, by: By, estate: EstateOption = None) -> None:
    """Try an event again that a projection could not apply, and what waits behind it."""
    _decide(letter, "retry", reason, by, estate)


def drop(letter: Letter, reason: Reason, by: By, estate: EstateOption = None) -> None:
    """Leave an event out for good that a projection could not apply; the letter itself stays on record."""
    _decide(letter, "drop", reason, by, estate)


def _decide(letter: str, action: str, reason: str, by: str, estate: str | None) -> None:
    from hub.dead_letters import dead_letter

    opened = open_estate(estate)
    facts, _ = dead_letter(opened, letter)
    if facts.get("stage") != "projection":
        raise SettingsError(
            "an adapter rejected this record before it became an event",
            where=letter,
            fix="mend the file or the copybook, then `banyan adapter reprocess` takes it through the diff",
        )
    name, version = facts["projection"].rsplit(".v", 1)
    found = [p for p in opened.projections if (p.name, str(p.version)) == (name, version)]
    if not found:
        raise SettingsError(
            f"the letter is of {facts['projection']}, which this estate has no more",
            where=letter,
            fix="nothing: its read model is not served",
        )
    place = facts["source"].split(":", 1)[1]
    if found[0].on_poison == "skip" and not _waits(opened, found[0], place):
        raise SettingsError(
            "this projection skips what it cannot apply, so nothing waits: later events of the key went on, "
            "and this one would come behind them",
            where=f"{letter} ({facts['projection']})",
            fix="mend the cause and build the rows anew: `banyan projection rebuild`, or a higher version",
        )
    decide(opened, name, int(version), place, action, by=by, reason=reason)


def _waits(estate: Estate, projection: Projection, place: str) -> bool:
    """Return whether an event is parked: also a projection that skips now may have parked it before."""
    from connectors.readmodel.reader import NotReady

    try:
        events = estate.read_models.parked(projection.name, projection.version).all()
    except NotReady:
        return False
    return any(f"{e.partition}:{e.offset}" == place for e in events)
