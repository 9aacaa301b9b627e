"""Tests that every SOAP adapter should pass: an adapter's own test subclasses `SoapAdapterTest`."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from adapters.catalogue import load_adapter
from adapters.dry_run import DryRun
from adapters.soap.change_spec import ListChange, ReceiveChange
from adapters.soap.discover.dry_run import dry_run
from adapters.soap.discover.service import RECORDS
from adapters.soap.spec import SoapSpec


class SoapAdapterTest:
    """Runs under pytest; `folder` is where the adapter's adapter.toml stands.

    Answers are made up from the schema, so that no real data is needed. Put recorded answers of the service
    into `recorded/` and each is read too: whole envelopes (`*.xml`, personal data masked) or cassettes of
    `banyan soap call --record` (`*.jsonl`). Add tests of your own below.
    """

    folder: Path

    @property
    def spec(self) -> SoapSpec:
        """The adapter's settings."""
        return cast(SoapSpec, load_adapter(self.folder))

    def look(self, sample: Path | None = None, broken: str = "") -> DryRun:
        """Look once, at the made-up service or a recorded answer."""
        return dry_run(self.spec, self.folder, sample=sample, broken=broken)

    def test_settings_are_whole(self) -> None:
        """adapter.toml loads, its WSDL is read, and every name in it is in the contract."""
        assert self.look().refused == ""

    def test_made_up_answers_are_read(self) -> None:
        """The records of the made-up service come out as rows, with no reject and no problem."""
        found = self.look()
        assert found.clean, found
        assert found.records == RECORDS

    def test_recorded_answers_are_read(self) -> None:
        """Each recorded answer, and each cassette of answers, gives rows and no reject."""
        recorded = self.folder / "recorded"
        for sample in sorted([*recorded.glob("*.xml"), *recorded.glob("*.jsonl")]):
            found = self.look(sample)
            assert not found.rejects and not found.refused, (sample.name, found.first or found.refused)

    def test_a_broken_service_publishes_nothing(self) -> None:
        """A service that answers with a page for people gives no row, and its silence deletes nothing."""
        change = self.spec.change
        if not isinstance(change, ReceiveChange):
            operation = self.spec.operation if isinstance(change, ListChange) else change.operation
            found = self.look(broken=operation or self.spec.operation)
            assert found.refused and not found.records
