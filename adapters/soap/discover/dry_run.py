"""An adapter tried without its source and without Kafka: on a made-up service, or on a recorded answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adapters.dry_run import DryCount, DryRun, said
from adapters.extract import Extract
from adapters.soap.adapter import SoapAdapter, contract_of
from adapters.soap.cassette.poll import playing
from adapters.soap.change_spec import ListChange
from adapters.soap.contract import Contract
from adapters.soap.discover.service import RECORDS, MadeUpService
from adapters.soap.discover.tape import Tape
from adapters.soap.polling.load import Wire
from adapters.soap.polling.receive import Receive
from adapters.soap.spec import SoapSpec
from schemas.errors import BanyanError, SettingsError


class Recorded:
    """A wire that gives one recorded answer to the list operation, and made-up ones to all others."""

    def __init__(self, operation: str, answer: bytes, others: Wire) -> None:
        self._operation, self._answer, self._others = operation, answer, others

    @contextmanager
    def call(self, operation: str, values: Mapping[str, Any]) -> Iterator[Iterator[bytes]]:
        """Answer a call."""
        if operation == self._operation:
            yield iter([self._answer])
        else:
            with self._others.call(operation, values) as parts:
                yield parts


def dry_run(
    spec: SoapSpec, folder: Path, *, sample: Path | None = None, broken: str = "", tape: Path | None = None
) -> DryRun:
    """Look once and count; errors of the service are part of the answer.

    Args:
        spec: the adapter's settings.
        folder: where they stand.
        sample: a recorded response of the list operation (a whole envelope), or a cassette (`.jsonl`) of all.
        broken: an operation that answers with no SOAP.
        tape: where to keep the calls as a cassette.

    Raises:
        SettingsError: settings that do not fit the contract.
    """
    contract = contract_of(spec, folder)
    service = MadeUpService(spec, contract)
    service.broken = {broken} - {""}
    wire = _wire(spec, contract, service, sample)
    if sample is not None and spec.change.mode == "receive":
        raise SettingsError(
            "an adapter that receives reads no answers", where=str(sample), fix="try it without --sample"
        )
    taped = Tape(wire, contract)
    adapter, _ = SoapAdapter.over(spec, contract, taped, "http://made-up")
    way = adapter.way
    found = _received(way, service) if isinstance(way, Receive) else _polled(adapter)
    if tape is not None and taped.exchanges:
        taped.save(tape)
    return found


def _wire(spec: SoapSpec, contract: Contract, service: MadeUpService, sample: Path | None) -> Wire:
    if sample is None:
        return service
    if sample.suffix == ".jsonl":
        return playing(contract, sample)
    return Recorded(_listing(spec), sample.read_bytes(), service)


def _listing(spec: SoapSpec) -> str:
    change = spec.change
    return spec.operation if isinstance(change, ListChange) else change.operation or spec.operation


def _polled(adapter: SoapAdapter) -> DryRun:
    count, problems, refused = DryCount(), list[str](), ""
    try:
        for looked, extract in enumerate(adapter.poll()):
            problems += _taken(extract, count)
            if looked >= RECORDS:
                break  # a recorded answer never says that it was the last
            if not extract.problems():
                adapter.done(extract)
    except BanyanError as error:
        refused = said(error)
    return count.result(problems, refused)


def _received(way: Receive, service: MadeUpService) -> DryRun:
    count, problems = DryCount(), list[str]()

    async def run() -> int:
        messages = [service.request(n) for n in range(1, RECORDS + 1)]
        calls = [asyncio.create_task(way.server.endpoint.answer(m)) for m in messages]
        while not all(call.done() for call in calls):
            await asyncio.sleep(0.01)
            for extract in way.poll():
                problems.extend(_taken(extract, count))
                way.done(extract)
        return sum(answer.status != 200 for answer in await asyncio.gather(*calls))

    refused = asyncio.run(run())
    return count.result(problems, f"{refused} of {RECORDS} messages were refused" if refused else "")


def _taken(extract: Extract, count: DryCount) -> Sequence[str]:
    """Count an extract to its end; return its problems."""
    for chunk in extract.chunks():
        count.take(chunk)
    return extract.problems()
