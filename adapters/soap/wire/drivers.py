"""The wire driver that an adapter's settings choose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import structlog

from adapters.soap.contract import Contract
from adapters.soap.security.policy import missing
from adapters.soap.wire.blocking import BlockingWire
from adapters.soap.wire.client import WireClient
from adapters.soap.wire.spec import WireSpec
from adapters.soap.zeep_wire import ZeepWire

log = structlog.get_logger("banyan.soap")


class Wire(Protocol):
    """What an adapter needs to call operations, from any thread."""

    def check(self, operation: str, values: Mapping[str, Any]) -> None:
        """Make the request without sending it, or raise SettingsError."""
        ...

    def call(self, operation: str, values: Mapping[str, Any]) -> AbstractContextManager[Iterator[bytes]]:
        """Call an operation and give the bytes of its envelope as they arrive."""
        ...


def open_wire(
    spec: WireSpec,
    contract: Contract,
    endpoint: str,
    *,
    seconds: float,
    concurrency: int,
    per_second: float,
    folder: Path,
) -> Wire:
    """Return the driver that `spec` names; nothing is connected yet. Arguments as of `WireClient`.

    `concurrency` is of detail calls: the list whose answer is still being read has a place beside them.

    Raises:
        SettingsError: a key or certificate cannot be used.
        ContractError: zeep cannot load the WSDL.
    """
    named = dict.fromkeys(name for o in contract.operations.values() for name in o.policies)
    for demand in missing(named, spec):
        log.warning(
            "the WSDL's policy demands what is not done",
            wsdl=contract.location,
            assertion=demand.assertion,
            remedy=demand.how,
        )
    if spec.driver == "zeep":
        return ZeepWire(contract, endpoint, seconds)
    client = WireClient(
        contract,
        endpoint,
        spec,
        seconds=seconds,
        concurrency=concurrency + 1,
        per_second=per_second,
        folder=folder,
    )
    return BlockingWire(contract, client)
