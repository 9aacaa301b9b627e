"""What people do with the extracts of an adapter: look at them, approve, reject, skip, process again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands.options import EstateOption, JsonOption, login, open_estate
from hub.terminal import DONE, NO, print_json, print_table, say, say_wrapped
from schemas.errors import SettingsError

if TYPE_CHECKING:
    from adapters.lifecycle import LifecycleEvent
    from connectors.links import Links

Name = Annotated[str, typer.Argument(metavar="NAME", help="The adapter.")]
By = Annotated[str, typer.Option(help="Who decides; your login without it.", default_factory=login)]
Reason = Annotated[str, typer.Option(help="Why; it is kept on record.")]
ExtractOption = Annotated[str | None, typer.Option(help="The extract's id; see `banyan adapter files`.")]
FileOption = Annotated[str | None, typer.Option(help="The file's name, instead of the extract's id.")]


def add_to(app: typer.Typer) -> None:
    """Register `held`, `approve`, `reject`, `files`, `skip`, `reprocess`."""
    app.command(epilog="Example: banyan adapter held awards")(held)
    app.command(
        "approve", epilog='Example: banyan adapter approve awards --reason "the office really closed"'
    )(
        _decision(
            "approve", "approved {}; the running adapter publishes it", "Publish an extract that is held."
        )
    )
    app.command("reject", epilog='Example: banyan adapter reject awards --reason "wrong file"')(
        _decision("reject", "rejected {}", "Drop an extract that is held; nothing of it is published.")
    )
    app.command(epilog="Example: banyan adapter files awards --limit 20")(files)
    app.command(epilog='Example: banyan adapter skip moves --number 17 --reason "never made"')(skip)
    app.command(epilog='Example: banyan adapter reprocess awards --file AWARDS.1.dat --reason "repair"')(
        reprocess
    )


def held(name: Name, estate: EstateOption = None, as_json: JsonOption = False) -> None:
    """Show the extract that waits for a decision: why, what it would do, and some keys as pseudonyms."""
    from dataclasses import asdict

    from adapters.approval import held as all_held

    found = [h for h in all_held(_links(name, estate)) if h.adapter == name]
    if as_json:
        print_json([asdict(one) for one in found])
    elif not found:
        say(f"{name}: no extract is held")
    for one in () if as_json else found:
        say_wrapped(f"{one.file or one.extract}, held since {_clock(one.at_ms)}")
        for reason in one.reasons:
            say_wrapped(f"why: {reason}", indent="  ")
        would = [f"{n:,} {_WORDS.get(what, what)}" for what, n in one.counts.items() if n]
        say_wrapped(f"it would: {', '.join(would) or 'change nothing'}", indent="  ")
        for entity, kinds in one.samples.items():
            for kind, keys in kinds.items():
                # Enough to tell them apart; --json has them whole.
                some = ", ".join(key[:_SHOWN] for key in keys)
                say_wrapped(f"{entity}, {_WORDS.get(kind, kind)}: {some} …", indent="  ")
        say(f"  then: banyan adapter approve {name} --reason …, or reject")
    raise typer.Exit(DONE if found else NO)


def files(
    name: Name,
    estate: EstateOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Only the newest so many.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List what became of an adapter's extracts, the newest last."""
    from adapters.lifecycle import history

    newest: dict[str, LifecycleEvent] = {}
    for event in history(_links(name, estate), name):
        if event.extract:
            newest.pop(event.extract, None)
            newest[event.extract] = event
    found = list(newest.values())[-limit:]
    if as_json:
        print_json([event.model_dump(exclude={"samples"}) for event in found])
    elif not found:
        say(f"{name}: nothing has been taken yet")
    else:
        # On a terminal a file's name stands for its id, which holds it and fills half a line.
        terminal = sys.stdout.isatty()
        print_table(
            ["when", "file", "state", "why", "extract"],
            (
                [_clock(e.at_ms), e.file, e.state, _why(e), "" if terminal and e.file else e.extract]
                for e in found
            ),
            whole=["file", "state"],
        )


def skip(
    name: Name,
    reason: Reason,
    by: By,
    extract: ExtractOption = None,
    file: FileOption = None,
    number: Annotated[int | None, typer.Option(help="Number of a file that never came.")] = None,
    estate: EstateOption = None,
) -> None:
    """Let a sequence go on without an extract that failed, is held or never came."""
    from adapters.orders import skip as order

    told = order(_links(name, estate), name, by=by, reason=reason, extract=extract, file=file, number=number)
    say(f"skipped {told.file or told.extract or f'number {told.sequence}'}; the running adapter goes on")


def reprocess(
    name: Name,
    reason: Reason,
    by: By,
    extract: ExtractOption = None,
    file: FileOption = None,
    estate: EstateOption = None,
) -> None:
    """Process an extract again, which would be recognised as done; its file is fetched from the archive."""
    from adapters.orders import reprocess as order

    if extract is None and file is None:
        raise SettingsError(
            "which extract is meant?", where=name, fix="give --file or --extract; see `banyan adapter files`"
        )
    told = order(_links(name, estate), name, by=by, reason=reason, extract=extract, file=file)
    say(f"{told.file or told.extract} is processed again by the running adapter")


def _why(event: LifecycleEvent) -> str:
    """Return what is to be said of an extract beside its state."""
    nulled = [f"{n:,} bad values of {field} became null" for field, n in event.nulled.items()]
    return "; ".join([*(event.problems or filter(None, [event.reason])), *nulled])


#: Characters of a key's pseudonym that are shown.
_SHOWN = 12
_WORDS = {"r": "loaded", "c": "new", "u": "changed", "d": "deleted"}


def _decision(verb: str, answer: str, about: str) -> Callable[..., None]:
    """Return the command that approves or rejects: they differ by a word."""

    def decide(
        name: Name, reason: Reason, by: By, extract: ExtractOption = None, estate: EstateOption = None
    ) -> None:
        from adapters import approval

        links = _links(name, estate)
        waiting = [
            h.extract for h in approval.held(links) if h.adapter == name and extract in (None, h.extract)
        ]
        if not waiting:
            say(f"{name}: no {'such extract' if extract else 'extract'} is held")
            raise typer.Exit(NO)
        say_so: Any = getattr(approval, verb)
        say_so(links, name, waiting[0], by=by, reason=reason)
        say(answer.format(waiting[0]))

    decide.__doc__ = about
    return decide


def _links(name: str, estate: str | None) -> Links:
    """Return the links of the estate, once the adapter is known to be one of it."""
    opened = open_estate(estate)
    opened.adapter(name)
    return opened.links()


def _clock(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
