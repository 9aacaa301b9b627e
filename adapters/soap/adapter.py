"""A SOAP service as a source: the way to see change that its settings name, with a contract round it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import structlog

from adapters.extract import Extract
from adapters.soap.change_spec import QueueChange, ReceiveChange, SinceChange
from adapters.soap.contract import Contract
from adapters.soap.drift import DriftWatch
from adapters.soap.pace import Pace
from adapters.soap.polling.full import FullList
from adapters.soap.polling.load import Wire
from adapters.soap.polling.queue import Queue
from adapters.soap.polling.receive import Receive
from adapters.soap.polling.since import Since
from adapters.soap.polling.way import Way
from adapters.soap.reading import Reading
from adapters.soap.spec import SoapSpec
from adapters.soap.wire.drivers import open_wire
from adapters.watching import Drift
from schemas.entity import Entity
from schemas.errors import SettingsError

log = structlog.get_logger("banyan.adapter")


class SoapAdapter:
    """Publishes what one way to see change finds."""

    def __init__(self, way: Way | Reading, *, now_ms: Callable[[], int] | None = None) -> None:
        """Take a way, or the reading of a list that is compared as a whole."""
        now_ms = now_ms or _now_ms
        self._way: Way = FullList(way, now_ms) if isinstance(way, Reading) else way
        self.wire: Wire | None = None
        self.watch: DriftWatch | None = None

    @classmethod
    def open(cls, spec: SoapSpec, folder: Path) -> SoapAdapter:
        """Read the WSDL, check every name in the settings against it, and make a request on trial."""
        contract = contract_of(spec, folder)
        change = spec.change
        if change.mode == "receive":
            return cls(Receive(spec, change, contract))
        operation = spec.operation if change.mode == "list" else change.operation or spec.operation
        endpoint = spec.endpoint or contract.operation(operation).endpoint
        if not endpoint.startswith(("http://", "https://")):
            raise SettingsError(
                "the service's address is missing or not HTTP",
                where=f"adapter {spec.name}",
                fix="set endpoint",
            )
        wire = open_wire(
            spec.wire.reading(operation, spec.operation, spec.detail.operation if spec.detail else ""),
            contract,
            endpoint,
            seconds=spec.timeout_seconds,
            concurrency=spec.limits.concurrency,
            per_second=spec.limits.requests_per_second,
            folder=folder,
        )
        found, trial = cls.over(spec, contract, wire, endpoint)
        wire.check(operation, trial)
        found.wire = wire
        found.watch = watch_of(spec, contract, endpoint)
        return found

    @classmethod
    def over(
        cls, spec: SoapSpec, contract: Contract, wire: Wire, endpoint: str
    ) -> tuple[SoapAdapter, dict[str, Any]]:
        """Return an adapter that calls over `wire`, and request values to try its operation with."""
        change, pace = spec.change, Pace(spec.limits.requests_per_second)
        if isinstance(change, ReceiveChange):
            return cls(Receive(spec, change, contract, listen=False)), {}
        if isinstance(change, QueueChange):
            return cls(Queue(spec, change, contract, wire, pace, endpoint)), dict(change.request)
        if isinstance(change, SinceChange):
            since = Since(spec, change, contract, wire, pace, endpoint)
            return cls(since), since.trial_request()
        reading = Reading(spec, contract, wire, pace, endpoint)
        return cls(reading), reading.list_request(spec.paging.first if spec.paging else 0)

    @property
    def entities(self) -> Mapping[str, Entity]:
        """The one entity."""
        entity = self._way.shape.entity
        return {entity.name: entity}

    def poll(self) -> Iterator[Extract]:
        """Yield what there is to publish."""
        yield from self._way.poll()

    def done(self, extract: Extract) -> None:
        """Tell the way that an extract is committed: messages are acknowledged now."""
        self._way.done(extract)

    def resume(self, memory: str, home: Path, *, first: bool) -> None:
        """See `Remembering`."""
        self._way.resume(memory, home, first=first)

    def rest(self, stop: threading.Event, seconds: float) -> None:
        """See `Remembering`."""
        self._way.rest(stop, seconds)

    def drift(self) -> Drift | None:
        """See `Watching`."""
        return self.watch.latest() if self.watch is not None else None

    def close(self) -> None:
        """See `Remembering`."""
        self._way.close()
        close = getattr(self.wire, "close", None)
        if close is not None:
            close()

    @property
    def way(self) -> Way:
        """The way to see change."""
        return self._way


def watch_of(spec: SoapSpec, contract: Contract, endpoint: str) -> DriftWatch | None:
    """Return what compares the live WSDL, where the settings ask for it."""
    if spec.drift is None:
        return None
    address = spec.drift.wsdl or f"{endpoint}?wsdl"
    return DriftWatch(
        spec.name,
        contract,
        lambda: Contract.from_wsdl(address, hosts=spec.hosts),
        spec.drift.every_seconds,
    )


def contract_of(spec: SoapSpec, folder: Path) -> Contract:
    """Read the contract of an adapter whose settings stand in `folder`; log what could not be imported."""
    location = spec.wsdl if "://" in spec.wsdl else folder / spec.wsdl
    contract = Contract.from_wsdl(
        location, hosts=spec.hosts, folder=folder, zone=spec.timezone, decimals=spec.decimals
    )
    for finding in contract.report.of("error"):
        log.warning(
            "contract not whole",
            adapter=spec.name,
            what=finding.what,
            where=finding.where,
            assumed=finding.assumed,
            fix=f"banyan wsdl check {spec.wsdl}",
        )
    return contract


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
