"""Messages of a SOAP service: JSON to envelope, and back; calls by hand."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.commands import soap_call
from hub.terminal import NO, note, print_json
from schemas.errors import SettingsError

if TYPE_CHECKING:
    from adapters.soap.contract import Contract

EXAMPLE = "Example: banyan soap encode --wsdl casework.wsdl --operation GetCase --json request.json"

WsdlOption = Annotated[
    str, typer.Option("--wsdl", metavar="W", help="WSDL: a file, folder, archive or lock.")
]
OperationOption = Annotated[str, typer.Option("--operation", metavar="O", help="Name of the operation.")]
ResponseOption = Annotated[bool, typer.Option("--response", help="A response instead of a request.")]
ZoneOption = Annotated[
    str | None, typer.Option(metavar="ZONE", help="What a dateTime without a zone means: Europe/London.")
]


def add_to(app: typer.Typer) -> None:
    """Register `encode`, `decode` and `call`."""
    app.command(epilog=EXAMPLE)(encode)
    app.command(
        epilog="Example: banyan soap decode --wsdl casework.wsdl --operation GetCase --response --xml in.xml"
    )(decode)
    soap_call.add_to(app)


def encode(
    wsdl: WsdlOption,
    operation: OperationOption,
    values: Annotated[
        Path | None, typer.Option("--json", metavar="F", help="File with the values; else standard input.")
    ] = None,
    response: ResponseOption = False,
    zone: ZoneOption = None,
) -> None:
    """Write the envelope that carries the values of a JSON file: element order and types from the WSDL.

    A complex element is an object by element names, attributes `@name`, text beside attributes `#text`; what
    repeats is an array, nil is null (docs/soap-values.md). Exit code 1: the values do not fit the schema.
    """
    from adapters.soap.errors import BadValue
    from adapters.soap.json_values import from_json

    contract = _contract(wsdl, zone)
    found = contract.operation(operation)
    element = found.response if response else found.request
    given = _json(values)
    try:
        value = given if element is None else from_json(contract.codec, element, given)
        make = contract.encode_response if response else contract.encode_request
        envelope = make(operation, value)
    except BadValue as error:
        note(f"{error.path or operation}: {error.reason}")
        raise typer.Exit(NO) from None
    sys.stdout.buffer.write(envelope + b"\n")
    sys.stdout.flush()


def decode(
    wsdl: WsdlOption,
    operation: OperationOption,
    message: Annotated[
        Path | None, typer.Option("--xml", metavar="F", help="File with the envelope; else standard input.")
    ] = None,
    response: ResponseOption = False,
    zone: ZoneOption = None,
) -> None:
    """Print the values of an envelope as JSON, as `encode` takes them. Shows personal data too.

    A fault becomes {"fault": {"code", "text", "actor", "detail"}}. Exit code 1: a fault, or a message that
    does not fit the schema; 3: no whole SOAP message.
    """
    from adapters.soap.envelope import SoapFault
    from adapters.soap.errors import AnswerMismatch, BadValue
    from adapters.soap.json_values import to_json

    contract = _contract(wsdl, zone)
    found = contract.operation(operation)
    element = found.response if response else found.request
    raw = _bytes(message)
    try:
        value = (contract.decode_response if response else contract.decode_request)(operation, raw)
    except BadValue as error:
        note(f"{error.path or operation}: {error.reason}")
        raise typer.Exit(NO) from None
    except AnswerMismatch as error:
        note(error.what)
        raise typer.Exit(NO) from None
    if isinstance(value, SoapFault):
        print_json({"fault": _fault(contract, operation, value)})
        raise typer.Exit(NO)
    print_json(value if element is None else to_json(contract.codec, element, value))


def _fault(contract: Contract, operation: str, fault: Any) -> dict[str, Any]:
    from adapters.soap.json_values import to_json

    declared = {e.name: e for e in contract.operation(operation).faults}.get(fault.detail_name)
    detail: Any = fault.detail.decode() if fault.detail is not None else None
    if declared is not None and fault.detail_value is not None:
        detail = {declared.local: to_json(contract.codec, declared, fault.detail_value)}
    return {"code": fault.code, "text": fault.text, "actor": fault.actor, "detail": detail}


def _contract(wsdl: str, zone: str | None) -> Contract:
    from adapters.soap.contract import Contract

    if "://" not in wsdl and not Path(wsdl).exists():
        raise SettingsError("there is no such WSDL", where=wsdl, fix="give a file, a folder or an address")
    return Contract.from_wsdl(wsdl, zone=zone)


def _bytes(path: Path | None) -> bytes:
    if path is None:
        return sys.stdin.buffer.read()
    try:
        return path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"cannot be read: {error.strerror}", where=str(path), fix="check the path"
        ) from None


def _json(path: Path | None) -> Any:
    try:
        return json.loads(_bytes(path))
    except ValueError as error:
        where = "standard input" if path is None else str(path)
        raise SettingsError(f"not JSON: {error}", where=where, fix="write the values as JSON") from None
