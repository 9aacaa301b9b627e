"""One poll of an adapter, recorded: what its own tests can play again."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from adapters.soap.adapter import SoapAdapter, contract_of
from adapters.soap.cassette.cassette import Cassette
from adapters.soap.cassette.clients import PlayingClient, RecordingClient
from adapters.soap.cassette.masker import Masker
from adapters.soap.contract import Contract
from adapters.soap.spec import SoapSpec
from adapters.soap.wire.blocking import BlockingWire
from adapters.soap.wire.client import WireClient
from schemas.errors import SettingsError


def record_poll(spec: SoapSpec, folder: Path, path: Path) -> tuple[int, int]:
    """Poll once, publish nothing, and write a cassette; return (exchanges, rows read).

    Raises:
        SettingsError: the adapter does not poll a list, or a value has no pseudonym.
        Transient, Terminal: the service failed; what came before is written.
    """
    if spec.change.mode != "list":
        raise SettingsError(
            f"a poll in mode {spec.change.mode!r} cannot be played again: its requests depend on the time",
            where=f"adapter {spec.name}",
            fix="record single calls with: banyan soap call --adapter FOLDER --record FILE",
        )
    contract = contract_of(spec, folder)
    endpoint = spec.endpoint or contract.operation(spec.operation).endpoint
    client = WireClient(
        contract,
        endpoint,
        spec.wire.reading(spec.operation, spec.detail.operation if spec.detail else ""),
        seconds=spec.timeout_seconds,
        concurrency=spec.limits.concurrency + 1,
        per_second=spec.limits.requests_per_second,
        folder=folder,
    )
    recording = RecordingClient(client, contract, Masker(contract, shown(spec), secrets.token_bytes(32)))
    wire = BlockingWire(contract, recording)
    rows = 0
    try:
        adapter, _ = SoapAdapter.over(spec, contract, wire, endpoint)
        for extract in adapter.poll():
            for chunk in extract.chunks():
                rows += sum(part.batch.num_rows for part in chunk.rows)
    finally:
        wire.close()
        count = recording.save(path)
    return count, rows


def playing(contract: Contract, path: Path) -> BlockingWire:
    """Return a wire that plays a cassette."""
    return BlockingWire(contract, PlayingClient(contract, Cassette.load(path)))


def shown(spec: SoapSpec) -> dict[str, str]:
    """Return the classification for a recording: what steers the poll is kept, so that it still adds up."""
    steering = [spec.total.rpartition("/")[2]]
    if spec.paging is not None:
        steering += [spec.paging.more, spec.paging.page, spec.paging.size]
    steering += list(_names(spec.request))
    kept = {name.rpartition("/")[2]: "internal" for name in steering if name}
    return {**kept, **spec.classification}


def _names(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        yield name
        if isinstance(value, Mapping):
            yield from _names(value)
