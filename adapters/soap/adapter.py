"""A SOAP service as a source: each poll is one extract of the whole list."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from adapters.extract import Extract
from adapters.soap.contract import Contract
from adapters.soap.extract import SoapExtract
from adapters.soap.pace import Pace
from adapters.soap.reading import Reading
from adapters.soap.spec import SoapSpec
from adapters.soap.zeep_wire import ZeepWire
from schemas.entity import Entity
from schemas.errors import SettingsError


class SoapAdapter:
    """Polls one list operation. It remembers the keys of the last committed poll, to doubt an absence."""

    def __init__(self, reading: Reading, *, now_ms: Callable[[], int] | None = None) -> None:
        self._reading = reading
        self._now_ms = now_ms or (lambda: time.time_ns() // 1_000_000)
        self._known: frozenset[str] | None = None

    @classmethod
    def open(cls, spec: SoapSpec, folder: Path) -> SoapAdapter:
        """Read the WSDL, check every name in the settings against it, and make a request on trial."""
        location = spec.wsdl if "://" in spec.wsdl else folder / spec.wsdl
        contract = Contract.from_wsdl(
            location, hosts=spec.hosts, folder=folder, zone=spec.timezone, decimals=spec.decimals
        )
        endpoint = spec.endpoint or contract.operation(spec.operation).endpoint
        if not endpoint.startswith(("http://", "https://")):
            raise SettingsError(
                "the service's address is missing or not HTTP",
                where=f"adapter {spec.name}",
                fix="set endpoint",
            )
        wire = ZeepWire(contract, endpoint, spec.timeout_seconds)
        reading = Reading(spec, contract, wire, Pace(spec.limits.requests_per_second), endpoint)
        wire.check(spec.operation, reading.list_request(spec.paging.first if spec.paging else 0))
        return cls(reading)

    @property
    def entities(self) -> Mapping[str, Entity]:
        """The one entity, from the element that the list (or the detail call) returns."""
        return {self._reading.spec.entity: self._reading.shape.entity}

    def poll(self) -> Iterator[Extract]:
        """Yield one extract; the service is called while its chunks are read.

        A dead endpoint therefore shows in `chunks` as Transient, after the moment from which the caller
        counts what the extract covers.
        """
        yield SoapExtract(self._reading, self._now_ms(), self._known)

    def done(self, extract: Extract) -> None:
        """Remember the keys of a committed extract."""
        assert isinstance(extract, SoapExtract)
        self._known = extract.keys
