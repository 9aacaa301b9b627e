"""Contracts of SOAP services: import, check, compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands.options import JsonOption
from hub.terminal import DONE, NO, note, print_json, print_table, say

if TYPE_CHECKING:
    from adapters.soap.contract import Contract

EXAMPLE = "Example: banyan wsdl check https://legacy.example/service?wsdl"

WsdlArgument = Annotated[
    str,
    typer.Argument(
        metavar="WSDL", help="File, folder, zip archive (archive.zip!/a.wsdl), lock folder or http address."
    ),
]
HostOption = Annotated[
    list[str] | None,
    typer.Option("--host", metavar="NAME", help="Host that may be fetched from as well; repeatable."),
]
FolderOption = Annotated[
    Path | None,
    typer.Option(help="Folder whose files may be imported; default: the WSDL's own.", show_default=False),
]
BindingOption = Annotated[
    str, typer.Option(help="Port (or service/port), binding, or version of SOAP (1.1, 1.2) to take.")
]


def add_to(app: typer.Typer) -> None:
    """Register `import`, `check`, `operations` and `diff`."""
    app.command("import", epilog="Example: banyan wsdl import service.zip --out contracts/cases")(import_)
    app.command(epilog="Example: banyan wsdl check casework.wsdl --json")(check)
    app.command(epilog="Example: banyan wsdl operations casework.wsdl")(operations)
    app.command(epilog="Example: banyan wsdl diff contracts/cases https://legacy.example/s?wsdl")(diff)


def import_(
    wsdl: WsdlArgument,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the documents and their lock.")],
    host: HostOption = None,
    folder: FolderOption = None,
) -> None:
    """Copy a WSDL and all that it imports into a folder, each with its SHA-256.

    Reading the folder afterwards needs no network and refuses a document that was changed.
    """
    from adapters.soap.contract import Contract
    from adapters.soap.documents import Documents
    from adapters.soap.lock import write_lock

    documents = Documents.collect(wsdl, host or (), folder)
    path = write_lock(documents, out)
    contract = Contract.from_wsdl(path)
    say(f"{path}: {_many(len(documents.content), 'document')}, {_counted(contract)}")
    if errors := contract.report.of("error"):
        note(f"{_many(len(errors), 'error')}: banyan wsdl check {out}")


def check(
    wsdl: WsdlArgument,
    host: HostOption = None,
    folder: FolderOption = None,
    binding: BindingOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say what is wrong in a WSDL and what was assumed. Exit code 1: something is unusable, or guessed."""
    from adapters.soap.contract import Contract
    from adapters.soap.errors import ContractError
    from adapters.soap.report import Finding

    try:
        contract = Contract.from_wsdl(wsdl, hosts=host or (), folder=folder, binding=binding)
    except ContractError as error:
        findings = [Finding("error", "refused", error.where, error.what)]
        imported: dict[str, Any] = {"operations": 0, "refused": {}}
        told = "no operation can be used"
    else:
        findings = contract.report.sorted()
        imported = {"operations": len(contract.operations), "refused": dict(contract.refused)}
        told = _counted(contract)
    if as_json:
        print_json(imported | {"findings": [finding.as_dict() for finding in findings]})
    else:
        for finding in findings:
            say(str(finding))
        say(f"{told}; {_many(len(findings), 'finding')}")
    raise typer.Exit(NO if any(finding.severity == "error" for finding in findings) else DONE)


def operations(
    wsdl: WsdlArgument,
    host: HostOption = None,
    folder: FolderOption = None,
    binding: BindingOption = "",
    as_json: JsonOption = False,
) -> None:
    """List the operations of a WSDL, those that cannot be used with the reason."""
    from adapters.soap.contract import Contract

    contract = Contract.from_wsdl(wsdl, hosts=host or (), folder=folder, binding=binding)
    rows = [
        {
            "operation": name,
            "soap": operation.version if operation.http is None else "",
            "style": f"{operation.style}/{operation.use}"
            if operation.http is None
            else f"HTTP {operation.http.verb}/{operation.http.place}",
            "request": operation.request.name if operation.request else "",
            "response": operation.response.name if operation.response else "",
            "action": operation.action,
            "port": f"{operation.service}/{operation.port}".strip("/"),
            "endpoint": operation.endpoint,
            "policies": list(operation.policies),
            "refused": "",
        }
        for name, operation in contract.operations.items()
    ]
    rows += [{"operation": name, "refused": reason} for name, reason in contract.refused.items()]
    if as_json:
        print_json(rows)
        return
    # What says nothing, or of all the same, only takes a terminal's room.
    ports = {r["port"] for r in rows if "port" in r}
    more = [*(["port"] if len(ports) > 1 else []), *(["refused"] if contract.refused else [])]
    columns = ["operation", "soap", "style", "request", "response", *more]
    local = ("request", "response")
    print_table(
        columns,
        [
            [str(r.get(c, "")).rpartition("}")[2] if c in local else r.get(c, "") for c in columns]
            for r in rows
        ],
    )


def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The contract that is in use.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The contract that may follow.")],
    host: HostOption = None,
    folder: FolderOption = None,
    binding: BindingOption = "",
    as_json: JsonOption = False,
) -> None:
    """Tell what changed from one contract to another. Exit code 1: something breaks.

    Requests made by the old contract must be valid in the new one; answers by the new one must be readable
    with the old one.
    """
    from adapters.soap.contract import Contract
    from adapters.soap.contract_diff import compare

    before, after = (
        Contract.from_wsdl(location, hosts=host or (), folder=folder, binding=binding)
        for location in (old, new)
    )
    changes = compare(before, after)
    if as_json:
        print_json([change.as_dict() for change in changes])
    elif changes:
        print_table(
            ["", "operation", "direction", "path", "change", "rule"],
            [
                ["BREAKS" if c.breaking else "ok", c.operation, c.direction, c.path, c.what, c.rule]
                for c in changes
            ],
        )
    else:
        say("the contracts are the same")
    raise typer.Exit(NO if any(change.breaking for change in changes) else DONE)


def _counted(contract: Contract) -> str:
    refused = f", {len(contract.refused)} refused" if contract.refused else ""
    return f"{_many(len(contract.operations), 'operation')}{refused}"


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
