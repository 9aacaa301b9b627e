"""Operations: calls that move from legacy to modern, one at a time, on evidence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands.options import EstateOption, JsonOption, login, open_estate
from hub.terminal import NO, OUTSIDE_FAILED, print_json, print_table, say
from schemas.errors import SettingsError

if TYPE_CHECKING:
    from hub.estate import Estate

EXAMPLE = 'Example: banyan operation stage get_case shadow --reason "first comparison"'

Name = Annotated[str, typer.Argument(help="The operation.")]
By = Annotated[str, typer.Option(help="Who decides; your login without it.", default_factory=login)]
Reason = Annotated[str, typer.Option(help="Why; it is kept on record.")]

To = Annotated[str, typer.Argument(metavar="STAGE", help="legacy, shadow, canary or modern.")]
Percent = Annotated[
    str | None, typer.Option(help="Share of the keys that modern answers in stage canary: 5, 0.25.")
]


def add_to(app: typer.Typer) -> None:
    """Register the commands of the group."""
    app.command("list", epilog="Example: banyan operation list --json")(list_)
    app.command(epilog="Example: banyan operation show get_case")(show)
    app.command(epilog="Example: banyan operation where get_case --key C0001")(where)
    app.command(epilog=EXAMPLE)(stage)
    app.command(epilog="Example: banyan operation gate get_case canary --percent 5")(gate)
    app.command(epilog="Example: banyan operation evidence get_case --json")(evidence)
    app.command(epilog="Example: banyan operation history get_case")(history)
    app.command(epilog="Example: banyan operation verify")(verify)
    app.command(epilog='Example: banyan operation kill get_case --reason "wrong amounts"')(kill)
    app.command(epilog='Example: banyan operation restore get_case --reason "mended"')(restore)


def list_(estate: EstateOption = None, as_json: JsonOption = False) -> None:
    """List the operations with their stages, as the log has them."""
    from strangler.control import stages

    opened = open_estate(estate)
    known = stages(opened.links())
    found = []
    for operation in opened.operations:
        state = known.get(operation.name)
        found.append(
            {
                "operation": operation.name,
                "stage": str(state.stage) if state else "legacy",
                "since": _time(state.at_ms) if state else None,
                "by": state.by if state else None,
                "reason": state.reason if state else None,
            }
        )
    if as_json:
        print_json(found)
    elif not found:
        say("this estate has no operations")
    else:
        print_table(list(found[0]), (list(f.values()) for f in found))


def show(name: Name, estate: EstateOption = None, as_json: JsonOption = False) -> None:
    """Show an operation: both targets, the canonical record, what each façade does now."""
    opened = open_estate(estate)
    operation = _operation(opened, name)
    facts = {"settings": operation.model_dump(mode="json"), "facades": _facades(opened, name)}
    if as_json:
        print_json(facts)
        return
    say(f"{operation.name}: {operation.summary}")
    say(f"  REST    {operation.rest.method} {operation.rest.path}")
    say(f"  legacy  {getattr(operation.legacy, 'operation', operation.legacy)}")
    say(f"  modern  {operation.modern.url}")
    for facade in facts["facades"]:
        say(f"  {_line(facade)}")


def where(
    name: Name,
    key: Annotated[
        str, typer.Option(help="A business key: say who would answer a call about it, and why.")
    ] = "",
    estate: EstateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say who answers now, façade by façade; exit code 1 where they do not agree."""
    opened = open_estate(estate)
    operation = _operation(opened, name)
    facades = _facades(opened, name)
    if key:
        facades = [f | _choice(operation, key, f) for f in facades]
    if as_json:
        print_json(facades)
    else:
        for facade in facades:
            say(_line(facade))
            if "answers" in facade:
                say(f"  {facade['answers']} answers this key: {facade['why']}")
    if any("error" in f for f in facades):
        raise typer.Exit(OUTSIDE_FAILED)
    if len({(f["effective_stage"], f.get("canary_percent")) for f in facades}) > 1:
        raise typer.Exit(NO)


def stage(
    name: Name,
    to: To,
    reason: Reason,
    by: By,
    percent: Percent = None,
    override: Annotated[
        bool, typer.Option("--override", help="Go up although the gate is closed; it is kept on record.")
    ] = False,
    estate: EstateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Move an operation to a stage; the decision and its evidence go into the log.

    A step up (canary, a larger share, modern) needs an open gate: see `banyan operation gate`.
    """
    from strangler.canary import parse_percent
    from strangler.canary import percent as as_percent
    from strangler.control import set_stage

    opened = open_estate(estate)
    operation = _operation(opened, name)
    share = 0 if percent is None else parse_percent(percent)
    decision = set_stage(
        opened.links(),
        name,
        to,
        by=by,
        reason=reason,
        share=share,
        gate=operation.gate_of,
        override=override,
    )
    if as_json:
        print_json(_decision(decision))
        return
    now = f"{decision.now} {as_percent(decision.share)}" if decision.share else str(decision.now)
    say(f"{name}: {decision.was} → {now} (decision {decision.seq}, {decision.sha256[:12]})")
    if decision.overrides:
        say(f"  the gate was closed ({', '.join(decision.overrides)}); the decision says so")


def gate(
    name: Name,
    by: By,
    to: To = "modern",
    percent: Percent = None,
    estate: EstateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a step up still needs; exit code 1 while the gate is closed. Nothing is changed."""
    from dataclasses import asdict

    from strangler.canary import Serving, parse_percent
    from strangler.control import conditions
    from strangler.stage import parse_stage
    from strangler.statistics import upper_bound

    opened = open_estate(estate)
    operation = _operation(opened, name)
    wanted = Serving(parse_stage(to), 0 if percent is None else parse_percent(percent))
    evidence, found = conditions(opened.links(), name, wanted, operation.gate_of, by=by)
    bound = upper_bound(
        evidence.distinct_keys,
        min(evidence.verdicts.get("different", 0), evidence.distinct_keys),
        operation.gate.error_probability,
    )
    is_open = all(c.met for c in found)
    if as_json:
        print_json(
            {"open": is_open, "conditions": [asdict(c) for c in found], "difference_rate_below": bound}
        )
    else:
        for condition in found:
            say(f"  {'met  ' if condition.met else 'UNMET'}  {condition.found}")
        sure = 1 - operation.gate.error_probability
        say(f"  fewer than {bound:.2%} of the keys differ, with {sure:.0%} certainty at every look")
        say("the gate is open" if is_open else "the gate is closed")
    if not is_open:
        raise typer.Exit(NO)


def evidence(name: Name, estate: EstateOption = None, as_json: JsonOption = False) -> None:
    """Show the verdicts since the last decision."""
    from dataclasses import asdict

    from strangler.control import evidence as evidence_of

    opened = open_estate(estate)
    _operation(opened, name)
    found = asdict(evidence_of(opened.links(), name))
    if as_json:
        print_json(found)
    else:
        for key, value in found.items():
            say(f"{key.replace('_', ' ')}: {value}")


def history(name: Name, estate: EstateOption = None, as_json: JsonOption = False) -> None:
    """Show every decision about an operation, oldest first."""
    from strangler.control import history as history_of

    opened = open_estate(estate)
    _operation(opened, name)
    found = [_decision(d) for d in history_of(opened.links(), name)]
    if as_json:
        print_json(found)
    else:
        columns = ["seq", "at", "kind", "was", "now", "share", "by", "reason"]
        print_table(columns, ([d[c] for c in columns] for d in found), right=["seq"])


def verify(estate: EstateOption = None, as_json: JsonOption = False) -> None:
    """Check the chain of the decision log; exit code 1 where it is broken."""
    from strangler.control import verify as verify_log

    problems = verify_log(open_estate(estate).links())
    if as_json:
        print_json({"sound": not problems, "problems": problems})
    else:
        say("the decision log is sound" if not problems else "\n".join(problems))
    if problems:
        raise typer.Exit(NO)


def kill(
    name: Name, reason: Reason, by: By, estate: EstateOption = None, as_json: JsonOption = False
) -> None:
    """Send an operation back to legacy at once, at every façade, also when Kafka is down."""
    _switch("kill", name, estate, by=by, reason=reason, as_json=as_json)


def restore(
    name: Name, reason: Reason, by: By, estate: EstateOption = None, as_json: JsonOption = False
) -> None:
    """Take a kill back: the operation's stage counts again."""
    _switch("restore", name, estate, by=by, reason=reason, as_json=as_json)


def _switch(action: str, name: str, estate: str | None, *, by: str, reason: str, as_json: bool) -> None:
    from strangler.kill import kill as kill_everywhere
    from strangler.kill import restore as restore_everywhere

    opened = open_estate(estate)
    _operation(opened, name)
    act = kill_everywhere if action == "kill" else restore_everywhere
    answers = act(opened.links(needed=False), opened.settings.facade_instances(), name, by=by, reason=reason)
    if as_json:
        print_json([{"instance": a.instance, "ok": a.ok, "detail": a.detail} for a in answers])
    else:
        for answer in answers:
            outcome = "acknowledged" if answer.ok else "NO ACKNOWLEDGEMENT"
            say(f"{answer.instance}: {outcome} {answer.detail or ''}".rstrip())
    if not all(a.ok for a in answers):
        raise typer.Exit(OUTSIDE_FAILED)


def _operation(estate: Estate, name: str) -> Any:
    for operation in estate.operations:
        if operation.name == name:
            return operation
    known = ", ".join(o.name for o in estate.operations) or "none"
    raise SettingsError(
        f"no operation {name!r} in this estate", where=str(estate.path), fix=f"choose from: {known}"
    )


def _facades(estate: Estate, name: str) -> list[dict[str, Any]]:
    """Ask each façade what it does with the operation now."""
    import requests

    found: list[dict[str, Any]] = []
    for url in estate.settings.facade_instances():
        try:
            answer = requests.get(f"{url}/_banyan/operations", timeout=3)
            answer.raise_for_status()
            found += [{"instance": url} | o for o in answer.json()["operations"] if o["name"] == name]
        except requests.RequestException as error:
            found.append({"instance": url, "error": type(error).__name__})
    return found


def _line(facade: dict[str, Any]) -> str:
    if "error" in facade:
        return f"{facade['instance']}: no answer ({facade['error']})"
    killed = ", killed" if facade.get("killed") else ""
    share = f" {facade['canary_percent']:g} %" if facade.get("canary_percent") is not None else ""
    return f"{facade['instance']}: {facade['effective_stage']}{share}{killed} (stage {facade['stage']})"


def _choice(operation: Any, key: str, facade: dict[str, Any]) -> dict[str, Any]:
    """Return who would answer a call about `key` at a façade; nothing where it does not answer."""
    from strangler.canary import PLACES, Serving
    from strangler.stage import Stage

    if "error" in facade:
        return {}
    share = round((facade.get("canary_percent") or 0) * PLACES / 100)
    choice = operation.choose(key, Serving(Stage(facade["effective_stage"]), share))
    return {"answers": choice.side, "why": choice.why}


def _decision(decision: Any) -> dict[str, Any]:
    from dataclasses import asdict

    from strangler.canary import percent

    return asdict(decision) | {
        "at": _time(decision.at_ms),
        "sha256": decision.sha256,
        "share": percent(decision.share) if decision.share else "",
    }


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="seconds")
