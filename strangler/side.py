"""The two sides of an operation, each read as the same canonical record."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Protocol
from urllib.parse import quote

from yarl import URL

from adapters.soap.contract import Contract
from adapters.soap.serve.message import content_type
from schemas.errors import BanyanError, SettingsError, Skippable
from strangler.operation import Operation
from strangler.record import MappingError, Record, jsonable, typed
from strangler.upstream import Answer, RawHeaders, SideFailed, Upstream

Parameters = Mapping[str, str]
_JSON: Final = {"Accept": "application/json", "Accept-Encoding": "identity"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What one side said about one call.

    Attributes:
        record: the canonical record; None where the side says that there is no such thing.
        raw: the message's bytes.
        read_ms: epoch milliseconds when the reply was complete.
    """

    record: Record | None
    raw: bytes
    read_ms: int


class ParameterRefused(MappingError):
    """A parameter that the legacy contract has no place for; nothing was sent."""


class Side(Protocol):
    """What the façade and the shadow need of a side."""

    async def fetch(self, parameters: Parameters) -> Reply:
        """Return the side's answer.

        Raises:
            SideFailed: no usable answer.
            MappingError: the answer is not the operation's record.
        """
        ...


class LegacySide:
    """The SOAP service behind an operation."""

    def __init__(self, operation: Operation) -> None:
        self._operation, spec = operation, operation.legacy
        self.contract = Contract.from_wsdl(spec.wsdl)
        if spec.operation not in self.contract.operations:
            raise SettingsError(
                self.contract.refused.get(spec.operation, f"the WSDL has no operation {spec.operation!r}"),
                where=f"operation {operation.name}: [legacy]",
                fix=f"choose from: {', '.join(sorted(self.contract.operations))}",
            )
        self.binding = self.contract.operations[spec.operation]
        self._endpoint = URL(spec.endpoint)
        self._headers = {
            "Content-Type": content_type(self.binding.version),
            "SOAPAction": f'"{self.binding.action}"',
            "Accept-Encoding": "identity",
        }
        self._upstream = Upstream(
            "legacy", timeout_seconds=spec.timeout_seconds, max_connections=spec.max_connections
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._upstream.close()

    async def fetch(self, parameters: Parameters) -> Reply:
        """Call the SOAP operation; see `Side.fetch`."""
        spec = self._operation.legacy
        values = self.request_values(parameters)
        try:
            request = self.contract.encode_request(spec.operation, values)
        except Skippable as error:
            raise ParameterRefused("request", error.what) from None
        answer = await self._upstream.send("POST", self._endpoint, self._headers, request)
        return self.read(answer.body)

    async def forward(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a caller's own SOAP message on, byte for byte.

        Raises:
            SideFailed: no answer.
        """
        return await self._upstream.send("POST", self._endpoint, headers, body)

    def read(self, raw: bytes) -> Reply:
        """Return the reply that the bytes of a SOAP message are.

        Raises:
            SideFailed: a fault that is not "no such thing", or no SOAP message at all.
            MappingError: not the operation's record.
        """
        spec, now = self._operation.legacy, _now_ms()
        try:
            value = self.contract.decode_response(spec.operation, raw)
        except BanyanError as error:
            raise SideFailed("legacy", "bad_answer", type(error).__name__) from None
        if not isinstance(value, dict):  # a SoapFault: part of the contract, so a value and no error
            # without a name no fault means "no such thing": one that carries no detail has an empty name too
            named = spec.not_found.fault
            if named and named in (value.detail_name.rpartition("}")[2], value.code):
                return Reply(None, raw, now)
            raise SideFailed("legacy", "fault")
        return Reply(self._operation.soap_map.read(value), raw, now)

    def faithful(self, raw: bytes) -> bool:
        """Return whether decode → encode gives the message back (DESIGN 10.7)."""
        try:
            return bool(self.contract.faithful(self._operation.legacy.operation, raw))
        except BanyanError:
            return False

    def request_values(self, parameters: Parameters) -> dict[str, Any]:
        """Return the SOAP request for the parameters of the path.

        Raises:
            MappingError: a parameter is not of its field's type.
        """
        values: dict[str, Any] = {}
        for path, name in self._operation.legacy.request.items():
            *above, last = path.split(".")
            here = values
            for step in above:
                here = here.setdefault(step, {})
            here[last] = typed(self._operation.record.types.get(name, "string"), parameters[name], name)
        return values

    def write(self, record: Record) -> bytes:
        """Return the SOAP reply that carries a record: for old callers of a modern implementation.

        Raises:
            BanyanError: the contract cannot carry it.
        """
        return self.contract.encode_response(
            self._operation.legacy.operation, self._operation.soap_map.write(record)
        )

    def parameters(self, request: bytes) -> dict[str, str]:
        """Return the parameters that a caller's SOAP message carries; the inverse of `request_values`.

        Raises:
            BanyanError: not a request of this operation.
        """
        return self.parameters_of(self.contract.decode_request(self._operation.legacy.operation, request))

    def parameters_of(self, values: Any) -> dict[str, str]:
        """Return the parameters that a decoded request carries.

        Raises:
            MappingError: one is missing.
        """
        out: dict[str, str] = {}
        for path, name in self._operation.legacy.request.items():
            here: Any = values
            for step in path.split("."):
                here = here.get(step) if isinstance(here, Mapping) else None
            if here is None:
                raise MappingError(name, "missing in the request")
            out[name] = str(jsonable(self._operation.record.types.get(name, "string"), here))
        return out


class ModernSide:
    """The REST service behind an operation."""

    def __init__(self, operation: Operation) -> None:
        self._operation, spec = operation, operation.modern
        self._upstream = Upstream(
            "modern", timeout_seconds=spec.timeout_seconds, max_connections=spec.max_connections
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._upstream.close()

    async def fetch(self, parameters: Parameters) -> Reply:
        """Call the REST service; see `Side.fetch`."""
        url = self._operation.modern.url
        for name, value in parameters.items():
            url = url.replace(f"{{{name}}}", quote(value, safe=""))
        answer = await self._upstream.send("GET", URL(url, encoded=True), _JSON, None)
        if answer.status == 404:
            # A wrong URL is 404 too; taken for an answer it would agree with a legacy that has no such thing.
            if self._operation.modern.not_found == "marked" and not _says_no_row(answer.headers):
                raise SideFailed("modern", "status", "404 that is not about a row; see [modern] url")
            return Reply(None, answer.body, _now_ms())
        if answer.status != 200:
            raise SideFailed("modern", "status", str(answer.status))
        document = _json_object(answer.body)
        return Reply(self._operation.row_map.read(document), answer.body, _now_ms())

    async def status(self) -> list[dict[str, Any]]:
        """Return the read API's `/v1/_status`.

        Raises:
            SideFailed: no usable answer.
        """
        answer = await self._upstream.send("GET", URL(self._operation.modern.status), _JSON, None)
        if answer.status != 200:
            raise SideFailed("modern", "status", str(answer.status))
        try:
            found = json.loads(answer.body)
        except ValueError:
            raise SideFailed("modern", "bad_answer", "not JSON") from None
        return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _says_no_row(headers: RawHeaders) -> bool:
    return any(name.lower() == b"banyan-not-found" and value == b"row" for name, value in headers)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise SideFailed("modern", "bad_answer", "not JSON") from None
    if not isinstance(document, dict):
        raise SideFailed("modern", "bad_answer", "not a JSON object")
    return document


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
