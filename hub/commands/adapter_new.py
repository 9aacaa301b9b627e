"""Making and trying adapters: `banyan adapter new` and `banyan adapter test`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands.options import EstateOption, JsonOption, open_estate
from hub.terminal import DONE, NO, note, print_json, say
from schemas.errors import SettingsError

if TYPE_CHECKING:
    from adapters.dry_run import DryRun
    from adapters.soap.spec import SoapSpec

Sample = Annotated[Path | None, typer.Option("--sample", help="A file of the source; it is only read.")]


def add_to(app: typer.Typer) -> None:
    """Register `new` and `test`."""
    app.command(epilog="Example: banyan adapter new awards --copybook awards.cpy --sample AWARDS.dat")(new)
    app.command(epilog="Example: banyan adapter test awards --sample AWARDS.20261102.dat")(test)


def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The adapter's name: lower case, _ for blanks.")
    ],
    copybook: Annotated[Path | None, typer.Option("--copybook", "-c", help="Record description.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", help="A delimited file.")] = None,
    xml: Annotated[Path | None, typer.Option("--xml", help="An XML file.")] = None,
    json: Annotated[Path | None, typer.Option("--json", help="A JSON file, or one of JSON lines.")] = None,
    wsdl: Annotated[
        str | None, typer.Option("--wsdl", help="A SOAP service: a WSDL file or its HTTP address.")
    ] = None,
    operation: Annotated[
        str, typer.Option(help="With --wsdl: the operation to read; without it the one that suits best.")
    ] = "",
    sample: Sample = None,
    system: Annotated[
        str, typer.Option(help="The legacy system; second part of the topics' names.")
    ] = "legacy",
    estate: EstateOption = None,
) -> None:
    """Write a new adapter's folder: adapter.toml, copybook or contract, and a test that passes as written.

    The settings are those that `banyan inspect` proposes for the sample, or those that the WSDL's operations
    suggest; why is printed. Nothing is ever overwritten.
    """
    from adapters.batch.scaffold import scaffold

    flags = (("", sample), ("delimited", csv), ("xml", xml), ("json", json))
    given = [(wanted, file) for wanted, file in flags if file is not None]
    if wsdl is not None:
        if given or copybook is not None:
            raise SettingsError(
                "a WSDL and a file are given", where="--wsdl", fix="make an adapter of one of them"
            )
        if "://" not in wsdl and "!/" not in wsdl and not Path(wsdl).exists():
            raise SettingsError("no such file", where=wsdl, fix="give a WSDL's path or its address")
        _from_wsdl(name, system, wsdl, operation, _estate(estate) / "adapters" / name)
        return
    if len(given) > 1:
        raise SettingsError(
            "more than one sample is given", where="NAME", fix="give one of --sample, --csv, --xml, --json"
        )
    folder = _estate(estate) / "adapters" / name
    wanted, file = given[0] if given else ("", None)
    made = scaffold(name, system=system, copybook=copybook, sample=file, wanted=wanted)
    for path in made.write(folder):
        say(str(path))
    for advice in made.advice:
        note(advice)


def test(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The adapter's name.")],
    sample: Sample = None,
    estate: EstateOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read a made-up file, or a sample of yours, by an adapter's settings; publish nothing.

    Of a SOAP adapter the service is made up from the WSDL; a sample is a recorded answer of its list
    operation (the whole envelope), or a cassette of `banyan soap call --record`. Needs no Kafka. Exit code 1
    where a record is rejected or the file would be held.
    """
    from fnmatch import fnmatchcase

    from adapters.batch.dry_run import made_up_run, sample_run
    from adapters.batch.given_file import check_file
    from adapters.batch.spec import BatchSpec
    from adapters.soap.spec import SoapSpec

    opened = open_estate(estate)
    spec, folder = opened.adapter(name)
    if estate is None and not Path("banyan.toml").is_file():
        note(f"this folder is no estate; the adapter is that of {opened.name}")
    if isinstance(spec, SoapSpec):
        from adapters.soap.discover.dry_run import dry_run as soap_dry_run

        if sample is not None:
            check_file(sample)
        found = soap_dry_run(spec, folder, sample=sample)
        _report(found, sample.name if sample else "a made-up service", as_json=as_json)
        raise typer.Exit(DONE if found.clean else NO)
    if not isinstance(spec, BatchSpec):
        raise SettingsError(
            f"{name} is of kind {spec.kind}",
            where=str(folder),
            fix="only batch adapters can be tried without their source",
        )
    if sample is None:
        found = made_up_run(spec, folder)
    else:
        check_file(sample)
        found = sample_run(spec, folder, sample)
        if not fnmatchcase(sample.name, spec.pattern):
            note(f"the adapter would not take a file of this name: pattern = {spec.pattern!r}")
    _report(found, sample.name if sample else "a made-up file", as_json=as_json)
    raise typer.Exit(DONE if found.clean else NO)


def _from_wsdl(name: str, system: str, wsdl: str, operation: str, folder: Path) -> None:
    """Make an adapter from a WSDL; say what its operations look like, and what to check."""
    from adapters.soap.discover.dry_run import dry_run
    from adapters.soap.discover.scaffold import scaffold
    from hub.terminal import print_table

    made = scaffold(name, system=system, wsdl=wsdl, operation=operation)
    print_table(
        ["operation", "looks like", "why"], ([g.operation, g.kind, "; ".join(g.reasons)] for g in made.found)
    )
    for path in made.write(folder):
        say(str(path))
    for advice in made.advice:
        note(advice)
    tape = folder / "recorded" / "made_up.jsonl"
    found = dry_run(_loaded(folder), folder, tape=tape)
    if tape.exists():
        say(str(tape))
    if not found.clean:
        note(f"it cannot be tried on made-up answers: {found.refused or found.first}; record a real one")


def _loaded(folder: Path) -> SoapSpec:
    """Return the settings of a SOAP adapter that was just written."""
    from typing import cast

    from adapters.catalogue import load_adapter
    from adapters.soap.spec import SoapSpec

    return cast(SoapSpec, load_adapter(folder))


def _report(found: DryRun, what: str, *, as_json: bool) -> None:
    reasons = [
        {"field": field, "reason": reason, "records": n}
        for (field, reason), n in sorted(found.reasons.items(), key=lambda r: -r[1])
    ]
    if as_json:
        facts: dict[str, Any] = {
            "file": what,
            "rows": found.rows,
            "rejects": found.rejects,
            "reasons": reasons,
            "nulled": dict(found.nulled),
        }
        print_json(facts | {"problems": list(found.problems), "refused": found.refused or None})
        return
    for entity, n in sorted(found.rows.items()):
        say(f"{entity}: {n:,} rows")
    say(f"rejected: {found.rejects:,}")
    for row in reasons[:10]:
        say(f"  {row['records']:,} x {row['field'] or 'record'}: {row['reason']}")
    for field, n in sorted(found.nulled.items()):
        say(f"became null: {n:,} bad values of {field}")
    for problem in found.problems:
        say(f"problem: {problem}")
    if found.refused:
        say(f"refused: {found.refused}")


def _estate(given: str | None) -> Path:
    """Return the estate's folder; an example is never written to because no estate was named."""
    if given is None and not Path("banyan.toml").is_file():
        raise SettingsError(
            "this folder is not an estate: it has no banyan.toml",
            where=str(Path.cwd()),
            fix="change to one, name one by --estate, or make one: echo 'prefix = \"mine\"' > banyan.toml",
        )
    return open_estate(given).path
