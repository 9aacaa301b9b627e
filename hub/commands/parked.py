"""Parked events: what a projection could not apply, and what waits behind it. Decisions stay on record."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands.options import EstateOption, JsonOption, login, open_estate
from hub.terminal import NO, OUTSIDE_FAILED, print_facts, print_json, print_table, say
from schemas.errors import SettingsError, described

if TYPE_CHECKING:
    from connectors.readmodel.parked import ParkedEvents
    from connectors.readmodel.store import Parked
    from hub.estate import Estate

EXAMPLE = "Example: banyan projection parked list"

Name = Annotated[str, typer.Argument(metavar="PROJECTION", help="The projection.")]
Place = Annotated[str, typer.Argument(metavar="PARTITION:OFFSET", help="The event, as `list` shows it.")]
By = Annotated[str, typer.Option(help="Who decides; your login without it.", default_factory=login)]
Reason = Annotated[str, typer.Option(help="Why; it is kept on record.")]
Version = Annotated[int | None, typer.Option(help="Of the projection; the live one without it.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands of the group."""
    app.command("list", epilog="Example: banyan projection parked list --json")(list_)
    app.command(epilog="Example: banyan projection parked show claimant 0:17 --raw")(show)
    app.command(epilog='Example: banyan projection parked retry claimant 0:17 --reason "schema is there"')(
        retry
    )
    app.command(
        epilog='Example: banyan projection parked edit claimant 0:17 --upcast mend.py:mend --reason "INC 12"'
    )(edit)
    app.command(epilog='Example: banyan projection parked drop claimant 0:17 --reason "a test record"')(drop)
    app.command(epilog="Example: banyan projection parked history claimant --json")(history)


def list_(estate: EstateOption = None, as_json: JsonOption = False) -> None:
    """List the events that wait, by projection: place and reason, never the content."""
    from connectors.readmodel.reader import NotReady

    opened = open_estate(estate)
    found = []
    for projection in opened.projections:
        try:
            events = opened.read_models.parked(projection.name, projection.version).all()
        except NotReady:
            continue
        found += [
            {
                "projection": projection.name,
                "version": projection.version,
                "place": f"{e.partition}:{e.offset}",
                "since": _time(e.at_ms),
                "bytes": len(e.value or b""),
                "reason": e.reason,
            }
            for e in events
        ]
    if as_json:
        print_json(found)
    elif not found:
        say("nothing is parked")
    else:
        print_table(list(found[0]), (list(f.values()) for f in found), right=["version", "bytes"])


def show(
    name: Name,
    place: Place,
    version: Version = None,
    estate: EstateOption = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="The bytes too, as base64: they may be personal data.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show one event that waits, and what waits behind it."""
    desk = _desk(open_estate(estate), name, version)
    event = _event(desk, place)
    facts: dict[str, Any] = {
        "source": event.source,
        "since": _time(event.at_ms),
        "reason": event.reason,
        "bytes": len(event.value or b""),
        "behind": [
            f"{e.partition}:{e.offset}"
            for e in desk.all()
            if e.key == event.key and e.partition == event.partition and e.offset > event.offset
        ],
    }
    if raw:
        facts["key"] = base64.b64encode(event.key).decode()
        facts["value"] = None if event.value is None else base64.b64encode(event.value).decode()
    if as_json:
        print_json(facts)
    else:
        print_facts(facts)


def retry(
    name: Name, place: Place, reason: Reason, by: By, version: Version = None, estate: EstateOption = None
) -> None:
    """Try the events of its key again, in order: after a schema came, or the projection was mended."""
    decide(open_estate(estate), name, version, place, "retry", by=by, reason=reason)


def edit(
    name: Name,
    place: Place,
    reason: Reason,
    by: By,
    version: Version = None,
    estate: EstateOption = None,
    upcast: Annotated[
        str | None,
        typer.Option(metavar="FILE.py:FUNCTION", help="A function from the old bytes to the new ones."),
    ] = None,
    value: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="The new bytes.")
    ] = None,
) -> None:
    """Give the event other bytes, and try the events of its key again. The old bytes stay on record."""
    if (upcast is None) == (value is None):
        raise SettingsError(
            "say where the new bytes come from",
            where="banyan projection parked edit",
            fix="name one of --upcast and --value",
        )
    opened = open_estate(estate)
    event = _event(_desk(opened, name, version), place)
    if value is not None:
        changed = value.read_bytes()
    else:
        function = _function(str(upcast))
        try:
            changed = function(event.value or b"")
        except Exception as error:  # its message may hold the event's data
            raise SettingsError(
                f"the function fails: {described(error)}", where=str(upcast), fix="mend the function"
            ) from None
        if not isinstance(changed, bytes):
            raise SettingsError(
                "the function does not return bytes", where=str(upcast), fix="return the whole new value"
            )
    decide(opened, name, version, place, "edit", by=by, reason=reason, value=changed)


def drop(
    name: Name, place: Place, reason: Reason, by: By, version: Version = None, estate: EstateOption = None
) -> None:
    """Leave the event out for good, and apply what waits behind it."""
    decide(open_estate(estate), name, version, place, "drop", by=by, reason=reason)


def history(
    name: Name, version: Version = None, estate: EstateOption = None, as_json: JsonOption = False
) -> None:
    """Show every decision about parked events: who, when, why, and what came of it."""
    found = [
        {
            "at": _time(d.at_ms),
            "place": d.source.split(":", 1)[1],
            "action": d.action,
            "by": d.who,
            "reason": d.why,
            "done": _time(d.done_ms) if d.done_ms else None,
            "outcome": d.outcome,
        }
        for d in _desk(open_estate(estate), name, version).history()
    ]
    if as_json:
        print_json(found)
    elif not found:
        say("nothing was decided yet")
    else:
        print_table(list(found[0]), (["" if v is None else v for v in f.values()] for f in found))


def decide(
    estate: Estate,
    name: str,
    version: int | None,
    place: str,
    action: str,
    *,
    by: str,
    reason: str,
    value: bytes | None = None,
) -> None:
    """Leave a decision for the worker and wait for its answer.

    Exit code 1 where events still wait, 3 where the worker has not answered yet.
    """
    from hub.parked import ANSWER_SECONDS, ask_and_wait

    desk = _desk(estate, name, version)
    answered = ask_and_wait(desk, _event(desk, place), action, who=by, why=reason, value=value)
    if answered is None:
        say(f"noted; the worker has not answered in {ANSWER_SECONDS:.0f} s and will when it runs")
        raise typer.Exit(OUTSIDE_FAILED)
    say(answered)
    if "still wait" in answered:
        raise typer.Exit(NO)


def _desk(estate: Estate, name: str, version: int | None) -> ParkedEvents:
    """Return what waits in a version; without one in the version that is live."""
    from hub.versions import declared, versions_of
    from streams.versions import by_name

    versions = by_name(estate.projections).get(name, [])
    if version is None and versions:
        version = versions_of(estate).live(versions).version
    projection = declared(estate, name, version or 0)
    return estate.read_models.parked(name, projection.version)


def _event(desk: ParkedEvents, place: str) -> Parked:
    partition, _, offset = place.rpartition(":")
    if not (partition.isdecimal() and offset.isdecimal()):
        raise SettingsError(
            f"{place!r} is no place of an event",
            where="PARTITION:OFFSET",
            fix="write it as `list` does: 0:17",
        )
    return desk.one(int(partition), int(offset))


def _function(text: str) -> Callable[[bytes], Any]:
    from streams.loading import load_module

    file, _, name = text.rpartition(":")
    function = getattr(load_module(Path(file)), name, None) if Path(file).is_file() else None
    if not callable(function):
        raise SettingsError("no such function", where=text, fix="write FILE.py:FUNCTION")
    return function  # type: ignore[no-any-return]


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
