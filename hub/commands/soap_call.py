"""`banyan soap call`: one operation by an adapter's settings or a WSDL; `record`: one poll, to be played."""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.terminal import DONE, NO, note, print_json
from schemas.errors import SettingsError

if TYPE_CHECKING:
    from adapters.soap.contract import Contract
    from adapters.soap.wire.spec import WireSpec
    from adapters.soap.wire.streaming import Streaming

EXAMPLE = "Example: banyan soap call --wsdl casework.wsdl --operation GetCase --json request.json"


def add_to(app: typer.Typer) -> None:
    """Register `call` and `record`."""
    app.command(epilog=EXAMPLE)(call)
    app.command(epilog="Example: banyan soap record adapters/cases adapters/cases/recorded/poll.jsonl")(
        record
    )


def call(
    operation: Annotated[str, typer.Option("--operation", "-o", help="Operation to call.")],
    wsdl: Annotated[
        str | None, typer.Option("--wsdl", "-w", help="The WSDL: a file or an HTTP address.")
    ] = None,
    binding: Annotated[
        str, typer.Option(help="With --wsdl: port (or service/port), binding, or version of SOAP to take.")
    ] = "",
    adapter: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Folder of a SOAP adapter: its WSDL, endpoint, [wire] and classification."
        ),
    ] = None,
    json_file: Annotated[
        str | None, typer.Option("--json", metavar="FILE", help="Request values as JSON; - = standard input.")
    ] = None,
    xml_file: Annotated[
        Path | None, typer.Option("--xml", metavar="FILE", help="Request as a whole SOAP envelope.")
    ] = None,
    endpoint: Annotated[
        str, typer.Option(help="Address of the service; empty = the adapter's or the WSDL's.")
    ] = "",
    seconds: Annotated[float, typer.Option("--timeout", help="Most seconds for the answer.")] = 30.0,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the exchange to a cassette, personal data replaced."),
    ] = None,
    play: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Answer from a cassette; nothing is connected.")
    ] = None,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show personal data too.")] = False,
) -> None:
    """Call one operation and print its answer as JSON, personal data masked; exit code 1 for a fault."""
    from adapters.soap.cassette.masker import Masker

    where = _Target.of(wsdl, adapter, endpoint, operation, binding)
    values = _values(where.contract, operation, json_file, xml_file)
    masker = Masker(where.contract, where.classification, secrets.token_bytes(32))
    raw, saved = asyncio.run(_called(where, operation, values, seconds, masker, record, play))
    if saved:
        note(f"recorded in {saved}, personal data replaced by pseudonyms")
    code = _show(where, operation, raw, reveal=reveal or play is not None)
    raise typer.Exit(code)


def record(
    adapter: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of a SOAP adapter.")],
    cassette: Annotated[Path, typer.Argument(metavar="FILE", help="Cassette to write.")],
) -> None:
    """Poll an adapter's service once and write what was said to a cassette; nothing is published.

    Personal data is replaced by pseudonyms. In the adapter's folder `recorded` its own test plays it.
    """
    from adapters.soap.cassette.poll import record_poll
    from adapters.soap.spec import SoapSpec
    from connectors.settings import load

    spec = load(adapter / "adapter.toml", SoapSpec)
    cassette.parent.mkdir(parents=True, exist_ok=True)
    exchanges, rows = record_poll(spec, adapter, cassette)
    print_json({"exchanges": exchanges, "rows": rows, "cassette": str(cassette)})


class _Target:
    """What is called, where and how."""

    def __init__(
        self, contract: Contract, endpoint: str, wire: WireSpec, classification: dict[str, str], folder: Path
    ) -> None:
        self.contract, self.endpoint, self.wire = contract, endpoint, wire
        self.classification, self.folder = classification, folder

    @classmethod
    def of(
        cls, wsdl: str | None, adapter: Path | None, endpoint: str, operation: str, binding: str = ""
    ) -> _Target:
        from adapters.soap.contract import Contract
        from adapters.soap.spec import SoapSpec
        from adapters.soap.wire.spec import WireSpec
        from connectors.settings import load

        if (wsdl is None) == (adapter is None):
            raise SettingsError(
                "a call needs a WSDL or an adapter, and not both", where="banyan soap call", fix=EXAMPLE
            )
        if adapter is None:
            contract = Contract.from_wsdl(str(wsdl), binding=binding)
            found = cls(contract, endpoint, WireSpec.model_validate({}), {}, Path())
        else:
            spec = load(adapter / "adapter.toml", SoapSpec)
            location = spec.wsdl if "://" in spec.wsdl else adapter / spec.wsdl
            contract = Contract.from_wsdl(
                location, hosts=spec.hosts, folder=adapter, zone=spec.timezone, decimals=spec.decimals
            )
            found = cls(contract, endpoint or spec.endpoint, spec.wire, spec.classification, adapter)
        found.endpoint = found.endpoint or contract.operation(operation).endpoint
        return found


async def _called(
    where: _Target,
    operation: str,
    values: Any,
    seconds: float,
    masker: Any,
    record: Path | None,
    play: Path | None,
) -> tuple[bytes, Path | None]:
    """Return the answer's envelope, and the cassette that was written."""
    from adapters.soap.cassette.cassette import Cassette
    from adapters.soap.cassette.clients import PlayingClient, RecordingClient
    from adapters.soap.wire.client import WireClient

    client: Streaming
    if play is not None:
        client = PlayingClient(where.contract, Cassette.load(play))
    else:
        client = WireClient(where.contract, where.endpoint, where.wire, seconds=seconds, folder=where.folder)
    recording = RecordingClient(client, where.contract, masker) if record is not None else None
    client = recording or client
    try:
        async with client.stream(operation, values) as answer:
            raw = b"".join([part async for part in answer.parts])
    finally:
        await client.close()
        if recording is not None and record is not None:
            recording.save(record)
    return raw, record


def _show(where: _Target, operation: str, raw: bytes, *, reveal: bool) -> int:
    from adapters.soap.envelope import SoapFault
    from adapters.soap.json_values import to_json

    found = where.contract.operation(operation)
    if not raw.strip():
        note("accepted; the answer has no body")
        return DONE
    value = where.contract.decode_response(operation, raw)
    if isinstance(value, SoapFault):
        shown = {"code": value.code, "detail": value.detail_name}
        print_json({"fault": shown | ({"text": value.text} if reveal else {})})
        return NO
    plain = {} if found.response is None else to_json(where.contract.codec, found.response, value)
    print_json(plain if reveal else _masked(plain, where.classification))
    return DONE


def _masked(value: Any, classification: dict[str, str], name: str = "") -> Any:
    """Return values with every leaf masked that is not classified as open."""
    from schemas.classification import DEFAULT, mask

    if isinstance(value, dict):
        return {key: _masked(inner, classification, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, classification, name) for inner in value]
    if value is None or classification.get(name, DEFAULT) in ("public", "internal"):
        return value
    return mask(value, classification.get(name, DEFAULT))


def _values(contract: Contract, operation: str, json_file: str | None, xml_file: Path | None) -> Any:
    from adapters.soap.errors import BadValue
    from adapters.soap.json_values import from_json

    found = contract.operation(operation)
    if json_file is not None and xml_file is not None:
        raise SettingsError(
            "--json and --xml say the same thing twice", where="banyan soap call", fix="give one"
        )
    try:
        if xml_file is not None:
            return contract.decode_request(operation, xml_file.read_bytes())
        text = sys.stdin.read() if json_file == "-" else Path(json_file).read_text() if json_file else "{}"
        given = json.loads(text)
        values = {} if found.request is None else from_json(contract.codec, found.request, given)
        contract.encode_request(operation, values)
        return values
    except BadValue as error:
        raise SettingsError(
            f"the request does not fit: {error.path}: {error.reason}",
            where=json_file or str(xml_file),
            fix="see the operation's request in the WSDL",
        ) from None
    except json.JSONDecodeError as error:
        raise SettingsError(
            f"not JSON: {error.msg}",
            where=f"{'standard input' if json_file == '-' else json_file}:{error.lineno}",
            fix="mend the file",
        ) from None
